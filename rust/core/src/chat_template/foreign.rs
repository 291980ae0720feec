//! The control tokens of a text, and which of them the template did not write.
//!
//! In: the texts of a series, one after the other, each with where its bytes come from. Out: the control tokens of each,
//! those apart that somebody wrote, in whole or in part. What a text has in common with the one before is not
//! searched again.

use std::ops::Range;

use everyturn_template::Span;

use super::Prepared;
use super::prefixes::Shown;
use crate::tokenizer::{ControlTokens, FoundToken};

#[derive(Default)]
pub struct ForeignTokens {
    /// Every control token of the text, in order.
    found: Vec<Found>,
}

struct Found {
    token: FoundToken,
    is_foreign: bool,
}

impl ForeignTokens {
    /// Goes on to another text, which shares its first `same` bytes with the one before.
    pub fn update(
        &mut self,
        prepared: &Prepared<'_>,
        shown: &Shown<'_>,
        same: usize,
        control_tokens: &ControlTokens,
    ) {
        let same = same.min(shown.text.head.len());
        self.found.truncate(match control_tokens.longest() {
            // A longer token may begin where a short one was found: as many bytes as the longest has were looked at.
            Some(longest) => self.found.partition_point(|found| found.token.bytes.start + longest <= same),
            None => 0,
        });
        let from = self.found.last().map_or(0, |found| found.token.bytes.end);
        let text = shown.text.after(from).to_text();
        self.add(prepared, &text, from, shown.spans_from(from), control_tokens);
    }

    /// Those of one text.
    pub fn of(prepared: &Prepared<'_>, text: &str, spans: &[Span], control_tokens: &ControlTokens) -> Self {
        let mut tokens = Self::default();
        tokens.add(prepared, text, 0, spans.iter().copied(), control_tokens);
        tokens
    }

    /// Those of a text that begins at this byte of the whole one.
    fn add(
        &mut self,
        prepared: &Prepared<'_>,
        text: &str,
        from: usize,
        spans: impl Iterator<Item = Span>,
        control_tokens: &ControlTokens,
    ) {
        let mut spans = spans.peekable();
        let mut start = from;
        for token in control_tokens.found(text) {
            let bytes = token.bytes.start + from..token.bytes.end + from;
            let mut is_foreign = false;
            while let Some(span) = spans.peek() {
                let end = start + span.len as usize;
                if start >= bytes.end {
                    break;
                }
                let by_somebody = |node| prepared.is_foreign(node);
                is_foreign |= end > bytes.start && span.source.made_from().is_some_and(by_somebody);
                // It may reach into the next token, too.
                if end > bytes.end {
                    break;
                }
                start = end;
                spans.next();
            }
            // What no span covers was not written by the template.
            is_foreign |= spans.peek().is_none() && start < bytes.end;
            self.found.push(Found { token: FoundToken { bytes, id: token.id }, is_foreign });
        }
    }

    /// The ranges of those that somebody wrote and that start at this byte or later.
    pub fn from(&self, byte: usize) -> impl Iterator<Item = Range<usize>> {
        self.after(byte).filter(|found| found.is_foreign).map(|found| found.token.bytes.clone())
    }

    /// Those that the template wrote and that start at this byte or later.
    pub fn own_from(&self, byte: usize) -> impl Iterator<Item = &FoundToken> {
        self.after(byte).filter(|found| !found.is_foreign).map(|found| &found.token)
    }

    fn after(&self, byte: usize) -> impl Iterator<Item = &Found> {
        let first = self.found.partition_point(|found| found.token.bytes.start < byte);
        self.found[first..].iter()
    }
}
