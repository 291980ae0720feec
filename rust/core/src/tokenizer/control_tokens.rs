//! The control tokens of a tokenizer: its added tokens, found in text.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use tokenizers::Tokenizer as HfTokenizer;

use crate::error::{Error, ErrorKind, Result};
use crate::json::Value;

/// A control token: its text and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopToken {
    pub text: Arc<str>,
    pub id: u32,
}

pub struct ControlTokens {
    tokens: Vec<StopToken>,
    finder: AhoCorasick,
    ids: HashSet<i32>,
    /// Which of them strip the white space before or after them.
    strips: Vec<[bool; 2]>,
}

/// A control token in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    pub start: usize,
    pub end: usize,
    pub id: u32,
    pub strips: [bool; 2],
}

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

/// A part of a text: a control token, or the text between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Control {
        id: i32,
        bytes: Range<usize>,
    },
    Text {
        bytes: Range<usize>,
        /// Control tokens in it are text.
        is_plain: bool,
    },
}

impl Part {
    pub fn bytes(&self) -> &Range<usize> {
        match self {
            Self::Control { bytes, .. } | Self::Text { bytes, .. } => bytes,
        }
    }
}

impl ControlTokens {
    pub(super) fn of(tokenizer: &HfTokenizer) -> Result<Self> {
        let added = tokenizer.get_added_tokens_decoder();
        let ids: HashSet<i32> = added.keys().map(|id| id.cast_signed()).collect();
        // White space tokens (Gemma's newlines) are text to everyone.
        let mut added: Vec<_> =
            added.into_iter().filter(|(_, token)| !token.content.trim().is_empty()).collect();
        added.sort_by_key(|(id, _)| *id);
        let strips = added.iter().map(|(_, token)| [token.lstrip, token.rstrip]).collect();
        let tokens =
            added.into_iter().map(|(id, token)| StopToken { text: token.content.into(), id }).collect();
        Ok(Self { strips, ..Self::new(tokens, ids)? })
    }

    /// These texts as control tokens, where there is no tokenizer: their ids mean nothing.
    pub fn guessed(texts: impl IntoIterator<Item = Arc<str>>) -> Result<Self> {
        let tokens: Vec<_> = (0..).zip(texts).map(|(id, text)| StopToken { text, id }).collect();
        let ids = tokens.iter().map(|token| token.id.cast_signed()).collect();
        Self::new(tokens, ids)
    }

    fn new(tokens: Vec<StopToken>, ids: HashSet<i32>) -> Result<Self> {
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|token| &*token.text))
            .map_err(|cause| {
                Error::new(ErrorKind::Model, format!("the added tokens cannot be searched: {cause}"))
            })?;
        Ok(Self { strips: vec![[false; 2]; tokens.len()], tokens, finder, ids })
    }

    pub fn contains_id(&self, id: i32) -> bool {
        self.ids.contains(&id)
    }

    /// The control tokens that have one of these ids.
    pub fn with_ids(&self, ids: &[u32]) -> Vec<StopToken> {
        self.tokens.iter().filter(|token| ids.contains(&token.id)).cloned().collect()
    }

    pub fn with_text(&self, text: &str) -> Option<StopToken> {
        self.tokens.iter().find(|token| &*token.text == text).cloned()
    }

    /// Each of them, by its id, with whether it strips the white space before and after it.
    pub(super) fn strips(&self) -> impl Iterator<Item = (i32, [bool; 2])> {
        let ids = self.tokens.iter().map(|token| token.id.cast_signed());
        ids.zip(self.strips.iter().copied())
    }

    /// The most bytes that a control token has.
    pub fn longest(&self) -> usize {
        self.finder.max_pattern_len()
    }

    /// The first control token of a text, with the offset after it.
    pub fn first(&self, text: &str) -> Option<(usize, StopToken)> {
        let found = self.finder.find(text)?;
        Some((found.end(), self.tokens[found.pattern()].clone()))
    }

    /// The control tokens of a text in order, each with the offset after it.
    pub fn all(&self, text: &str) -> Vec<(usize, StopToken)> {
        self.finder.find_iter(text).map(|found| (found.end(), self.tokens[found.pattern()].clone())).collect()
    }

    /// The ranges of control tokens in a text, in order.
    pub fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        self.finder.find_iter(text).map(|found| found.range()).collect()
    }

    /// The first control token at or after an offset.
    pub fn next(&self, text: &str, from: usize) -> Option<Match> {
        let found = self.finder.find(Input::new(text).range(from..))?;
        let at = found.pattern().as_usize();
        let strips = self.strips.get(at).copied().unwrap_or_default();
        Some(Match { start: found.start(), end: found.end(), id: self.tokens[at].id, strips })
    }

    /// The parts of a text in which control tokens that touch one of these ranges, which are in order, are plain text.
    /// White space that a control token takes with it is in no part.
    pub(super) fn parts(&self, text: &str, plain: &[Range<usize>]) -> Vec<Part> {
        let (mut of_tokens, mut of_text) = (PlainRanges::new(plain), PlainRanges::new(plain));
        let mut between = |bytes: Range<usize>| Part::Text { is_plain: of_text.touch(&bytes), bytes };
        let (mut parts, mut done, mut at) = (Vec::new(), 0, 0);
        while let Some(token) = self.next(text, at) {
            if of_tokens.touch(&(token.start..token.end)) {
                at = after_character(text, token.start);
                continue;
            }
            let [before, after] = token.strips;
            let segment = &text[done..token.start];
            let segment = if before { segment.trim_end() } else { segment };
            parts.push(between(done..done + segment.len()));
            parts.push(Part::Control { id: token.id.cast_signed(), bytes: token.start..token.end });
            let rest = &text[token.end..];
            done = text.len() - if after { rest.trim_start() } else { rest }.len();
            at = done;
        }
        parts.push(between(done..text.len()));
        parts
    }

    /// Calls `found` for each control token in the texts and keys of a value.
    pub fn visit(&self, value: &Value, found: &mut impl FnMut(&Arc<str>)) {
        match value {
            Value::String(text) => self.visit_text(text, found),
            Value::Array(items) => items.iter().for_each(|item| self.visit(item, found)),
            Value::Object(object) => {
                for (key, item) in object.iter() {
                    self.visit_text(key, found);
                    self.visit(item, found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub fn visit_text(&self, text: &str, found: &mut impl FnMut(&Arc<str>)) {
        for token in self.finder.find_iter(text) {
            found(&self.tokens[token.pattern()].text);
        }
    }
}

/// Where the character ends that starts there.
pub(super) fn after_character(text: &str, start: usize) -> usize {
    start + text[start..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]

    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn parts_take_one_step_a_plain_token() {
        const COUNT: usize = 400_000;
        let tokens = ControlTokens::guessed(["<|im_end|>".into()]).unwrap();
        let text = "<|im_end|>".repeat(COUNT + 1);
        let mut plain = tokens.ranges(&text);
        plain.pop();
        let start = Instant::now();
        let parts = tokens.parts(&text, &plain);
        // Comparing each with each takes minutes.
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        let end = text.len();
        let expected = [
            Part::Text { bytes: 0..end - 10, is_plain: true },
            Part::Control { id: 0, bytes: end - 10..end },
            Part::Text { bytes: end..end, is_plain: false },
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn places_touch_what_shares_a_byte_with_them() {
        let ranges = [2..4, 4..6, 9..10];
        let mut plain = PlainRanges::new(&ranges);
        let touching = [0..2, 1..3, 3..5, 6..9, 8..20].map(|bytes| plain.touching(&bytes).len());
        assert_eq!(touching, [0, 1, 2, 0, 1]);
    }
}
