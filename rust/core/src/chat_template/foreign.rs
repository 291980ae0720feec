//! The control tokens of a text that the template did not write.
//!
//! In: the texts of a series, one after the other, each with where its bytes come from. Out: the ranges of those
//! control tokens that somebody wrote, in whole or in part. What a text has in common with the one before is not
//! searched again.

use std::ops::Range;

use super::Prepared;
use super::prefixes::Shown;
use crate::tokenizer::ControlTokens;

#[derive(Default)]
pub struct ForeignTokens {
    /// Every control token of the text, in order.
    found: Vec<Found>,
}

struct Found {
    bytes: Range<usize>,
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
        // A longer token may begin where a short one was found: as many bytes as the longest has were looked at.
        let searched = |found: &Found| found.bytes.start + control_tokens.longest();
        let same = same.min(shown.text.head.len());
        self.found.truncate(self.found.partition_point(|found| searched(found) <= same));
        let from = self.found.last().map_or(0, |found| found.bytes.end);
        let mut spans = shown.spans_from(from).peekable();
        let mut start = from;
        for token in control_tokens.ranges(&shown.text.after(from).to_text()) {
            let bytes = token.start + from..token.end + from;
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
            self.found.push(Found { bytes, is_foreign });
        }
    }

    /// The ranges of those that a message wrote and that start at this byte or later.
    pub fn from(&self, byte: usize) -> impl Iterator<Item = Range<usize>> {
        let first = self.found.partition_point(|found| found.bytes.start < byte);
        self.found[first..].iter().filter(|found| found.is_foreign).map(|found| found.bytes.clone())
    }
}
