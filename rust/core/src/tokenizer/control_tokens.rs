//! The control tokens of a tokenizer, found in text.
//!
//! In: a tokenizer, and which of its added tokens are control tokens. Out: where they are in a text as the tokenizer
//! takes them out of it, and which ids are theirs. An added token that is none is text; it is found only because it may
//! hide one.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use tokenizers::{AddedToken, Model, Tokenizer as HfTokenizer};

use super::extraction::{Extraction, unsearchable};
use crate::error::Result;

/// A control token: its text and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopToken {
    pub text: Arc<str>,
    pub id: u32,
}

pub struct ControlTokens {
    tokens: Vec<Token>,
    finder: AhoCorasick,
    /// Finds them where that takes more than comparing bytes.
    extraction: Option<Extraction>,
    /// Where each id's token is among them, of control tokens.
    ids: HashMap<i32, usize>,
    /// Ids that the tokenizer's model makes of text by itself.
    made_of_text: HashSet<i32>,
    /// Those among them that stand for any text that the model does not know.
    unknown: HashSet<i32>,
    /// A bit for each pair of bytes that are next to each other in one.
    pairs: Vec<u64>,
    /// The length of the longest of their texts.
    longest: usize,
}

struct Token {
    named: StopToken,
    is_special: bool,
    is_control: bool,
    /// The white space before it, and after it, belongs to it.
    strips: [bool; 2],
}

/// A control token in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundToken {
    pub bytes: Range<usize>,
    pub id: i32,
}

/// What an added token is to the model that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'t> {
    pub text: &'t str,
    pub id: u32,
    pub is_special: bool,
}

/// A character that no vocabulary has.
const UNKNOWN: &str = "\u{10fffd}";

/// The ranges of plain text in a text that is read from its start.
#[derive(Debug, Clone)]
pub(super) struct PlainRanges<'p> {
    /// Those not passed yet, in order and apart from each other.
    left: &'p [Range<usize>],
}

impl<'p> PlainRanges<'p> {
    pub fn new(ranges: &'p [Range<usize>]) -> Self {
        Self { left: ranges }
    }

    /// The ranges that share a byte with these. Each call asks for bytes that start no earlier than those of the call
    /// before: what ends before them is passed for good.
    pub fn touching(&mut self, bytes: &Range<usize>) -> &'p [Range<usize>] {
        let passed = self.left.iter().take_while(|range| range.end <= bytes.start).count();
        self.left = &self.left[passed..];
        let touching = self.left.iter().take_while(|range| range.start < bytes.end).count();
        &self.left[..touching]
    }

    pub fn touch(&mut self, bytes: &Range<usize>) -> bool {
        !self.touching(bytes).is_empty()
    }
}

impl ControlTokens {
    /// All added tokens of a tokenizer, as if each were a control token. White space (Gemma's newlines) is text to
    /// everyone.
    pub(super) fn candidates(tokenizer: &HfTokenizer) -> Result<Self> {
        let mut added: Vec<(u32, AddedToken)> = tokenizer
            .get_added_tokens_decoder()
            .into_iter()
            .filter(|(_, token)| !token.content.trim().is_empty())
            .collect();
        added.sort_by_key(|(id, _)| *id);
        let extraction = Extraction::of(tokenizer, &added)?;
        let (made_of_text, unknown) = made_of_text(tokenizer, added.iter().map(|(id, _)| *id));
        let tokens = added.into_iter().map(|(id, token)| Token {
            named: StopToken { text: token.content.into(), id },
            is_special: token.special,
            is_control: true,
            strips: [token.lstrip, token.rstrip],
        });
        let all = Self::new(tokens.collect())?;
        Ok(Self { extraction, made_of_text, unknown, ..all })
    }

    /// These texts as control tokens, where there is no tokenizer: their ids mean nothing.
    pub fn guessed(texts: impl IntoIterator<Item = Arc<str>>) -> Result<Self> {
        let token = |(id, text)| Token {
            named: StopToken { text, id },
            is_special: true,
            is_control: true,
            strips: [false; 2],
        };
        Self::new((0..).zip(texts).map(token).collect())
    }

    fn new(tokens: Vec<Token>) -> Result<Self> {
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|token| &*token.named.text))
            .map_err(unsearchable)?;
        let ids = tokens.iter().enumerate().map(|(at, token)| (token.named.id.cast_signed(), at)).collect();
        let (made_of_text, unknown, extraction) = (HashSet::new(), HashSet::new(), None);
        let (pairs, longest) = (Vec::new(), 0);
        let all = Self { tokens, finder, extraction, ids, made_of_text, unknown, pairs, longest };
        Ok(all.with_pairs())
    }

    /// Of these tokens those that are control tokens; the others are text. The id that stands for what the model does
    /// not know is text, too, unless it `has_meaning` besides.
    pub fn only(
        mut self,
        is_control: impl Fn(&Candidate<'_>) -> bool,
        has_meaning: impl Fn(&Candidate<'_>) -> bool,
    ) -> Self {
        for token in &mut self.tokens {
            let StopToken { text, id } = &token.named;
            let candidate = Candidate { text, id: *id, is_special: token.is_special };
            token.is_control = is_control(&candidate);
            if !token.is_control {
                self.ids.remove(&id.cast_signed());
            }
            if has_meaning(&candidate) {
                self.unknown.remove(&id.cast_signed());
            }
        }
        self.made_of_text.retain(|id| self.ids.contains_key(id) && !self.unknown.contains(id));
        self.with_pairs()
    }

    fn with_pairs(mut self) -> Self {
        (self.pairs, self.longest) = (vec![0; (1 << 16) / 64], 0);
        for token in self.tokens.iter().filter(|token| token.is_control) {
            let text = token.named.text.as_bytes();
            self.longest = self.longest.max(text.len());
            for pair in text.windows(2) {
                let (word, bit) = place_of(pair[0], pair[1]);
                self.pairs[word] |= 1 << bit;
            }
        }
        self
    }

    /// Whether the text of a control token has these two bytes next to each other.
    pub fn has_pair(&self, one: u8, other: u8) -> bool {
        let (word, bit) = place_of(one, other);
        self.pairs[word] >> bit & 1 == 1
    }

    /// The length of the longest text of a control token.
    pub fn longest_text(&self) -> usize {
        self.longest
    }

    /// Their ids, in rising order.
    pub fn ids(&self) -> Vec<i32> {
        self.control().map(|token| token.named.id.cast_signed()).collect()
    }

    pub fn contains_id(&self, id: i32) -> bool {
        self.ids.contains_key(&id)
    }

    /// The control tokens that have one of these ids.
    pub fn with_ids(&self, ids: &[u32]) -> Vec<StopToken> {
        self.control().map(|token| &token.named).filter(|token| ids.contains(&token.id)).cloned().collect()
    }

    pub fn with_text(&self, text: &str) -> Option<StopToken> {
        self.control().map(|token| &token.named).find(|token| &*token.text == text).cloned()
    }

    /// Each of them, by its id, with whether it strips the white space before and after it.
    pub(super) fn strips(&self) -> impl Iterator<Item = (i32, [bool; 2])> {
        self.control().map(|token| (token.named.id.cast_signed(), token.strips))
    }

    fn control(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(|token| token.is_control)
    }

    /// Whether an id is a control token's and does not stand for text that the model does not know.
    pub fn is_control(&self, id: i32) -> bool {
        self.ids.contains_key(&id) && !self.unknown.contains(&id)
    }

    /// The text of a control token.
    pub fn text_of(&self, id: i32) -> Option<&Arc<str>> {
        self.ids.get(&id).map(|at| &self.tokens[*at].named.text)
    }

    /// Whether text can become a control token that does not hold its text: by the tokenizer's normalizer, or by
    /// its model.
    pub fn may_be_disguised(&self) -> bool {
        self.extraction.is_some() || !self.made_of_text.is_empty()
    }

    /// As many bytes may have to be known to tell where a control token is; `None`: the whole text.
    pub fn longest(&self) -> Option<usize> {
        self.extraction.is_none().then(|| self.finder.max_pattern_len())
    }

    /// The first control token of a text, with the offset after it.
    pub fn first(&self, text: &str) -> Option<(usize, StopToken)> {
        self.literally_in(text).next().map(|(bytes, token)| (bytes.end, token.clone()))
    }

    /// The control tokens of a text in order, each with the offset after it.
    pub fn all(&self, text: &str) -> Vec<(usize, StopToken)> {
        self.literally_in(text).map(|(bytes, token)| (bytes.end, token.clone())).collect()
    }

    /// The control tokens whose text is in a text.
    fn literally_in<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (Range<usize>, &'t StopToken)> {
        let tokens = self.finder.find_iter(text).map(|found| (found.range(), &self.tokens[found.pattern()]));
        tokens.filter(|(_, token)| token.is_control).map(|(bytes, token)| (bytes, &token.named))
    }

    /// The control tokens that the tokenizer takes out of a text, in order.
    pub fn found(&self, text: &str) -> Vec<FoundToken> {
        let token =
            |(bytes, token): (Range<usize>, &StopToken)| FoundToken { bytes, id: token.id.cast_signed() };
        match self.extraction.as_ref().filter(|extraction| extraction.is_needed(text)) {
            None => self.literally_in(text).map(token).collect(),
            Some(extraction) => {
                let found = extraction.find(text).into_iter();
                let found = found.filter(|(_, at)| self.tokens[*at].is_control);
                found.map(|(bytes, at)| token((bytes, &self.tokens[at].named))).collect()
            }
        }
    }

    /// Calls `found` for each control token whose text is in a text.
    pub fn visit(&self, text: &str, found: &mut impl FnMut(&Arc<str>)) {
        self.literally_in(text).for_each(|(_, token)| found(&token.text));
    }
}

/// The word and the bit of two bytes.
fn place_of(one: u8, other: u8) -> (usize, usize) {
    let pair = usize::from(one) << 8 | usize::from(other);
    (pair / 64, pair % 64)
}

impl fmt::Debug for ControlTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ControlTokens").field("ids", &self.ids.keys()).finish_non_exhaustive()
    }
}

/// Those of these ids that a tokenizer's model makes of a text by itself, and those that stand for what it does not know.
fn made_of_text(tokenizer: &HfTokenizer, ids: impl Iterator<Item = u32>) -> (HashSet<i32>, HashSet<i32>) {
    let model = tokenizer.get_model();
    // What a model cannot encode it does not make.
    let made = |text: &str| model.tokenize(text).unwrap_or_default().into_iter().map(|token| token.id);
    // A model that makes an id within a longer text makes it of that token's own text, too: it is the best way there.
    let is_made = |id: u32| model.id_to_token(id).is_some_and(|text| made(&text).any(|made| made == id));
    let unknown: HashSet<i32> = made(UNKNOWN).map(u32::cast_signed).collect();
    (ids.filter(|id| is_made(*id)).map(u32::cast_signed).chain(unknown.iter().copied()).collect(), unknown)
}

/// Where the character ends that starts there.
pub(super) fn after_character(text: &str, start: usize) -> usize {
    start + text[start..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_touch_what_shares_a_byte_with_them() {
        let ranges = [2..4, 4..6, 9..10];
        let mut plain = PlainRanges::new(&ranges);
        let touching = [0..2, 1..3, 3..5, 6..9, 8..20].map(|bytes| plain.touching(&bytes).len());
        assert_eq!(touching, [0, 1, 2, 0, 1]);
    }
}
