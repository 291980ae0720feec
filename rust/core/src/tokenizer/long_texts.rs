//! Where a long text may be cut so that its pieces encode as the whole does.
//!
//! In: a tokenizer of the library. Out: places in a text without tokens to cut at. The library takes about 170 bytes of
//! memory for each byte of what it encodes at once, so a text of megabytes is encoded in pieces. A place is one where
//! the words around it are the same with and without the cut, wherever one begins to look: either a word ends there, or
//! the model merges nothing over it, because no token of the vocabulary has the two characters next to each other.
//! Texts that have no such place (a letter, a million times) are encoded whole, up to a limit.

use std::collections::HashSet;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use serde_json::Value as Json;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::BPE;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    Tokenizer as HfTokenizer,
};

use crate::error::{Error, ErrorKind, Result};
use crate::options::{LimitFactor, RAISED};

/// Texts up to this length are encoded at once. The fast engine takes no longer ones.
const AT_ONCE: usize = (64 << 10) - 1;
/// From here on in a piece a place is looked for.
const LOOK_FROM: usize = 48 << 10;
/// The longest piece without a place in it.
const MAX_PIECE: usize = 4 << 20;
/// How much text on both sides of a place decides about it.
const AROUND: usize = 384;
/// Where those sides begin and end besides, in characters: words that depend on it are not relied on.
const SHIFTS: [(usize, usize); 4] = [(0, 0), (1, 2), (2, 1), (5, 3)];
/// How many words have to follow a place that is the end of a word, so that what they look ahead to is known.
const WORDS_AFTER: usize = 4;
/// How many places are tried around one byte.
const TRIES: usize = 32;

const NORMALIZERS: [&str; 11] = [
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Lowercase",
    "StripAccents",
    "BertNormalizer",
    "Prepend",
    "Replace",
    "Precompiled",
    "Nmt",
];
const PRE_TOKENIZERS: [&str; 10] = [
    "ByteLevel",
    "Split",
    "Digits",
    "Punctuation",
    "Whitespace",
    "WhitespaceSplit",
    "BertPreTokenizer",
    "CharDelimiterSplit",
    "Metaspace",
    "UnicodeScripts",
];

/// Finds the places.
pub struct LongTexts {
    /// The added tokens that a text may hold.
    added: Option<Added>,
    /// Made when it is first needed.
    neighbours: OnceLock<Neighbours>,
    max_piece: usize,
}

/// Added tokens, which no place may be in or next to.
struct Added {
    finder: AhoCorasick,
    longest: usize,
}

/// What is in the tokens of a vocabulary.
struct Neighbours {
    pairs: HashSet<(char, char)>,
    characters: HashSet<char>,
}

impl LongTexts {
    /// `None` where a part of the tokenizer may look further than the text around a place. `has_added`: whether the texts
    /// may hold added tokens.
    pub fn of(library: &HfTokenizer, has_added: bool, limits: LimitFactor) -> Option<Self> {
        let normalizers = parts(serde_json::to_value(library.get_normalizer()).ok()?);
        let pre_tokenizers = parts(serde_json::to_value(library.get_pre_tokenizer()).ok()?);
        let is_local = normalizers.iter().all(|part| is_one_of(part, &NORMALIZERS) && !replaces_more(part))
            && pre_tokenizers.iter().all(|part| is_one_of(part, &PRE_TOKENIZERS));
        if !is_local {
            return None;
        }
        let added = if has_added { Some(Added::of(library, &normalizers)?) } else { None };
        Some(Self { added, neighbours: OnceLock::new(), max_piece: limits.times(MAX_PIECE) })
    }

    /// Where the piece ends that starts at this byte; `None` if it is the rest of the text. `library` is what encodes
    /// a text that continues another one.
    pub fn end_of_piece(&self, library: &HfTokenizer, text: &str, from: usize) -> Result<Option<usize>> {
        let (mut ahead, mut step) = (LOOK_FROM, 1 << 10);
        while text.len() - from > AT_ONCE.max(ahead + 2 * AROUND) {
            if let Some(place) = self.place_near(library, text, from + ahead) {
                return Ok(Some(place));
            }
            if ahead > self.max_piece {
                let text = format!(
                    "a text of {} bytes has {} bytes in which the tokenizer finds no end of a word: that is more than is \
                     encoded at once{RAISED}",
                    text.len(),
                    self.max_piece
                );
                return Err(Error::new(ErrorKind::Encode, text));
            }
            ahead += step;
            if ahead > AT_ONCE {
                step *= 2;
            }
        }
        Ok(None)
    }

    /// A place to cut at, near this byte.
    fn place_near(&self, library: &HfTokenizer, text: &str, byte: usize) -> Option<usize> {
        let byte = floor(text, byte);
        let start = floor(text, byte - AROUND);
        let end = ceil(text, byte + AROUND);
        let starts = words(library, &text[start..end])?.into_iter().map(|word| start + word.start);
        let mut places: Vec<usize> = starts
            .filter(|place| place.abs_diff(byte) < AROUND / 2 && text.is_char_boundary(*place))
            .collect();
        places.sort_unstable_by_key(|place| place.abs_diff(byte));
        places.truncate(TRIES);
        if self.neighbours(library).is_some() {
            places.extend(text[byte..].char_indices().take(TRIES).map(|(at, _)| byte + at));
        }
        places.into_iter().find(|place| self.is_place(library, text, *place))
    }

    fn is_place(&self, library: &HfTokenizer, text: &str, place: usize) -> bool {
        self.added.as_ref().is_none_or(|added| added.is_apart(text, place))
            && SHIFTS.iter().all(|(start, end)| {
                let start = after(text, place - AROUND, *start);
                let end = after(text, place + AROUND / 2, *end);
                self.is_place_in(library, &text[start..end], place - start).unwrap_or(false)
            })
    }

    /// Whether the words of a text are those of the parts before and after the place.
    fn is_place_in(&self, library: &HfTokenizer, text: &str, place: usize) -> Option<bool> {
        let texts = |text: &str| {
            Some(words(library, text)?.into_iter().map(|word| word.text).collect::<Vec<String>>())
        };
        let (whole, before, after) = (texts(text)?, texts(&text[..place])?, texts(&text[place..])?);
        let ((last, others), (first, rest)) = (before.split_last()?, after.split_first()?);
        if whole.len() == before.len() + after.len() {
            return Some(after.len() > WORDS_AFTER && whole.iter().eq(before.iter().chain(&after)));
        }
        let joined = format!("{last}{first}");
        let is_same = whole.iter().eq(others.iter().chain([&joined]).chain(rest));
        let is_known = after.len() > WORDS_AFTER || whole.len() == 1;
        let (left, right) = (last.chars().next_back()?, first.chars().next()?);
        Some(is_same && is_known && self.neighbours(library)?.never_meet(left, right))
    }

    /// `None` where the model is none that merges characters, or one that also takes words as they are.
    fn neighbours(&self, library: &HfTokenizer) -> Option<&Neighbours> {
        let ModelWrapper::BPE(model) = library.get_model() else { return None };
        let is_some = |affix: &Option<String>| affix.as_ref().is_some_and(|text| !text.is_empty());
        if model.ignore_merges
            || is_some(&model.continuing_subword_prefix)
            || is_some(&model.end_of_word_suffix)
        {
            return None;
        }
        if let Some(known) = self.neighbours.get() {
            return Some(known);
        }
        // Made before the cell is taken: a process that is forked meanwhile must not wait for this thread.
        let made = Neighbours::of(model);
        Some(self.neighbours.get_or_init(|| made))
    }
}

impl Neighbours {
    fn of(model: &BPE) -> Self {
        let vocabulary = model.get_vocab();
        let pairs = vocabulary.keys().flat_map(|token| token.chars().zip(token.chars().skip(1))).collect();
        let single = |token: &String| {
            let mut all = token.chars();
            all.next().filter(|_| all.next().is_none())
        };
        let characters = vocabulary.keys().filter_map(single).collect();
        Self { pairs, characters }
    }

    /// Whether the model knows both characters, and no token has them next to each other in this order.
    fn never_meet(&self, left: char, right: char) -> bool {
        self.characters.contains(&left)
            && self.characters.contains(&right)
            && !self.pairs.contains(&(left, right))
    }
}

impl Added {
    /// `None` where a normalizer may make one of other text.
    fn of(library: &HfTokenizer, normalizers: &[Json]) -> Option<Self> {
        let added = library.get_added_tokens_decoder();
        let is_made = |content: &str| {
            normalizers.iter().any(|part| {
                let replacement = part.get("content").or(part.get("prepend")).and_then(Json::as_str);
                replacement.is_none_or(|text| text.chars().any(|c| content.contains(c)))
            })
        };
        if added.values().any(|token| token.normalized && is_made(&token.content)) {
            return None;
        }
        let longest = added.values().map(|token| token.content.len()).max().unwrap_or(0);
        let finder = AhoCorasick::new(added.values().map(|token| &token.content)).ok()?;
        Some(Self { finder, longest })
    }

    /// Whether no added token is at a place, and none that strips white space reaches it.
    fn is_apart(&self, text: &str, place: usize) -> bool {
        let start = floor(text, place.saturating_sub(self.longest + 1));
        let end = ceil(text, place + self.longest + 1);
        let follows_space = text[..place].chars().next_back().is_none_or(char::is_whitespace);
        !follows_space && !self.finder.is_match(&text[start..end])
    }
}

/// A word of a text as the model sees it.
struct Word {
    /// The byte of the text that it starts at.
    start: usize,
    text: String,
}

/// The words of a text; `None` where it cannot be said.
fn words(library: &HfTokenizer, text: &str) -> Option<Vec<Word>> {
    let mut normalized = NormalizedString::from(text);
    if let Some(normalizer) = library.get_normalizer() {
        normalizer.normalize(&mut normalized).ok()?;
    }
    let mut words = PreTokenizedString::from(normalized);
    if let Some(pre_tokenizer) = library.get_pre_tokenizer() {
        pre_tokenizer.pre_tokenize(&mut words).ok()?;
    }
    let words = words.get_splits(OffsetReferential::Original, OffsetType::Byte);
    Some(words.into_iter().map(|(text, (start, _), _)| Word { start, text: text.to_owned() }).collect())
}

/// The parts of a normalizer or a pre-tokenizer in its JSON form.
fn parts(part: Json) -> Vec<Json> {
    match part {
        Json::Null => Vec::new(),
        Json::Object(mut fields) => {
            let lists = ["normalizers", "pretokenizers"].into_iter().find_map(|list| fields.remove(list));
            match lists {
                Some(Json::Array(parts)) => parts.into_iter().flat_map(self::parts).collect(),
                _ => vec![Json::Object(fields)],
            }
        }
        other => vec![other],
    }
}

fn is_one_of(part: &Json, known: &[&str]) -> bool {
    part.get("type").and_then(Json::as_str).is_some_and(|kind| known.contains(&kind))
}

/// Whether a normalizer replaces more than one character at a time.
fn replaces_more(part: &Json) -> bool {
    let Some(pattern) = part.get("pattern") else { return false };
    let replaced = pattern.get("String").and_then(Json::as_str);
    replaced.is_none_or(|text| text.chars().count() != 1)
}

/// The byte some characters after that one.
fn after(text: &str, byte: usize, characters: usize) -> usize {
    let byte = floor(text, byte);
    text[byte..].char_indices().nth(characters).map_or(text.len(), |(at, _)| byte + at)
}

/// The last start of a character up to that byte, or the end of the text.
fn floor(text: &str, byte: usize) -> usize {
    let byte = byte.min(text.len());
    (0..=byte).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first start of a character from that byte on, or the end of the text.
fn ceil(text: &str, byte: usize) -> usize {
    (byte..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
