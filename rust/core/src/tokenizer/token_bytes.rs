//! The bytes of text that each token of a vocabulary stands for, where the tokenizer turns bytes into tokens one to one.
//!
//! In: a tokenizer. Out: bytes by id, with which a text can be walked token by token without encoding it again. What
//! stands for other bytes than it says (after a normalizer, say) is seen when it is compared with the text.

use std::collections::HashMap;
use std::ops::Range;

use tokenizers::{DecoderWrapper, Tokenizer as HfTokenizer};

/// The sign that tokenizers with `Metaspace` have for a space.
const SPACE_SIGN: char = '\u{2581}';

/// How many ids there may be for each token of the vocabulary.
const MOST_IDS_PER_TOKEN: usize = 4;

pub struct TokenBytes {
    /// In the order of ids.
    bytes: Vec<u8>,
    /// By id.
    places: Vec<Range<usize>>,
    is_spelling: bool,
}

/// What each token of a vocabulary adds to a decoded text.
pub struct Spelling<'t> {
    /// One token after the other, in the order of ids.
    pub bytes: &'t [u8],
    /// How many bytes each id has, from 0 up; none where there is no token.
    pub lengths: Vec<i32>,
}

impl TokenBytes {
    pub fn of(library: &HfTokenizer) -> Self {
        let added = library.get_added_tokens_decoder();
        let mut vocabulary: Vec<(String, u32)> = library.get_vocab(true).into_iter().collect();
        vocabulary.sort_unstable_by_key(|(_, id)| *id);
        let byte_of = has_byte_level(library).then(byte_alphabet);
        let most = vocabulary.len().saturating_mul(MOST_IDS_PER_TOKEN);
        let mut table = Self { bytes: Vec::new(), places: Vec::new(), is_spelling: joins_bytes(library) };
        for (token, id) in &vocabulary {
            let at = *id as usize;
            if at >= most {
                continue;
            }
            let start = table.bytes.len();
            match (added.get(id), &byte_of) {
                (Some(added), _) => table.bytes.extend_from_slice(added.content.as_bytes()),
                (None, Some(byte_of)) => {
                    table.bytes.extend(token.chars().filter_map(|sign| byte_of.get(&sign)));
                }
                (None, None) => match byte_by_number(token) {
                    Some(byte) => table.bytes.push(byte),
                    None => table.bytes.extend_from_slice(token.replace(SPACE_SIGN, " ").as_bytes()),
                },
            }
            table.places.resize(table.places.len().max(at + 1), 0..0);
            table.places[at] = start..table.bytes.len();
        }
        table
    }

    /// The bytes of a token; none of one that is not known.
    fn of_id(&self, id: i32) -> &[u8] {
        let place = usize::try_from(id).ok().and_then(|id| self.places.get(id).cloned());
        place.map_or(&[], |place| &self.bytes[place])
    }

    /// `None` where a text is not decoded by joining the bytes of its tokens.
    pub fn spelling(&self) -> Option<Spelling<'_>> {
        let length = |place: &Range<usize>| i32::try_from(place.len()).unwrap_or(i32::MAX);
        let spelling = || Spelling { bytes: &self.bytes, lengths: self.places.iter().map(length).collect() };
        self.is_spelling.then(spelling)
    }

    /// The bytes of a text that each of its tokens stands for; `None`: they are not found by walking it.
    ///
    /// White space that belongs to no token goes with the one before it, and so does what a word starts with that is not
    /// in the text.
    pub fn walk(&self, text: &str, ids: &[i32]) -> Option<Vec<Range<usize>>> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut places = Vec::with_capacity(ids.len());
        for id in ids {
            let token = self.of_id(*id);
            let without_space = token.strip_prefix(b" ");
            if token.is_empty() {
                return None;
            }
            loop {
                let rest = &bytes[at..];
                if rest.starts_with(token) {
                    places.push(at..at + token.len());
                } else if let Some(word) = without_space.filter(|word| rest.starts_with(word)) {
                    places.push(at..at + word.len());
                } else if rest.first().is_some_and(u8::is_ascii_whitespace) {
                    // A control token takes white space beside it along.
                    at += 1;
                    continue;
                } else {
                    return None;
                }
                break;
            }
            at = places.last().map_or(at, |place| place.end);
        }
        bytes[at..].iter().all(u8::is_ascii_whitespace).then_some(places)
    }
}

fn has_byte_level(library: &HfTokenizer) -> bool {
    decoders(library).iter().any(|decoder| matches!(decoder, DecoderWrapper::ByteLevel(_)))
}

/// Whether the decoder joins the bytes of tokens, but for a space at the start of the text.
fn joins_bytes(library: &HfTokenizer) -> bool {
    let decoders = decoders(library);
    let joins = |decoder: &DecoderWrapper| {
        matches!(
            decoder,
            DecoderWrapper::ByteLevel(_)
                | DecoderWrapper::Metaspace(_)
                | DecoderWrapper::Replace(_)
                | DecoderWrapper::ByteFallback(_)
                | DecoderWrapper::Fuse(_)
                | DecoderWrapper::Strip(_)
        )
    };
    !decoders.is_empty() && decoders.iter().all(joins)
}

fn decoders(library: &HfTokenizer) -> &[DecoderWrapper] {
    match library.get_decoder() {
        Some(DecoderWrapper::Sequence(sequence)) => sequence.get_decoders(),
        Some(decoder) => std::slice::from_ref(decoder),
        None => &[],
    }
}

/// The characters that stand for bytes in vocabularies of `ByteLevel`: those that print stand for themselves, the others
/// for 256 and up, in order.
fn byte_alphabet() -> HashMap<char, u8> {
    let prints = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let others = (0..=u8::MAX).filter(|byte| !prints(*byte));
    let moved = others.zip(0x100..).filter_map(|(byte, sign)| Some((char::from_u32(sign)?, byte)));
    (0..=u8::MAX).filter(|byte| prints(*byte)).map(|byte| (char::from(byte), byte)).chain(moved).collect()
}

/// The byte of a token such as `<0x0A>`.
fn byte_by_number(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_a_character_of_its_own() {
        let alphabet = byte_alphabet();
        assert_eq!(alphabet.len(), 256);
        assert_eq!((alphabet[&'A'], alphabet[&'\u{120}'], alphabet[&'\u{10A}']), (b'A', b' ', b'\n'));
        assert_eq!(
            (byte_by_number("<0x0A>"), byte_by_number("<0xZZ>"), byte_by_number("a")),
            (Some(10), None, None)
        );
    }
}
