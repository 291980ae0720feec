//! Control tokens that a template makes of texts none of which holds one.
//!
//! In: the texts of a series, one after the other, each with where its bytes come from. Out: the control tokens that
//! are put together of several places, and those in text that a function of the template rewrote. Where the template
//! keeps texts as they are, only a few bytes are looked at for each place that they come from; what a text has in common
//! with the one before is not looked at again.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use everyturn_template::analysis::operations;
use everyturn_template::ast::Stmt;
use everyturn_template::{Source, Span};

use super::Prepared;
use super::prefixes::Shown;
use crate::error::{Error, ErrorKind, Result};
use crate::prompt_text::PromptText;
use crate::tokenizer::{ControlTokens, Tokenizer};

/// Filters and methods after which a text holds no token that it did not hold before: they cut, look, choose, or quote.
const KEEPING: [&str; 58] = [
    "append",
    "attr",
    "batch",
    "count",
    "d",
    "default",
    "dictsort",
    "endswith",
    "extend",
    "find",
    "first",
    "float",
    "get",
    "groupby",
    "index",
    "int",
    "isalnum",
    "isalpha",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "isupper",
    "items",
    "join",
    "keys",
    "last",
    "length",
    "list",
    "lstrip",
    "map",
    "max",
    "min",
    "partition",
    "pop",
    "reject",
    "rejectattr",
    "removeprefix",
    "removesuffix",
    "rfind",
    "round",
    "rpartition",
    "rsplit",
    "rstrip",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "splitlines",
    "startswith",
    "string",
    "strip",
    "tojson",
    "trim",
    "update",
    "values",
];

/// Whether a template applies what may make a token of a text that holds none.
pub(super) fn rewrites(syntax: &[Stmt]) -> bool {
    operations(syntax).iter().any(|name| KEEPING.binary_search(&&**name).is_err())
}

/// What is looked for in a series of texts.
#[derive(Default)]
pub struct Seams {
    /// The tokens that were found, in the order of the spans that showed them: each with the byte where its span starts.
    found: Vec<(usize, Arc<str>)>,
    /// Up to here everything was looked at.
    done: usize,
}

impl Seams {
    /// The control tokens that the template makes of what others wrote in a text, which shares its first `same` bytes
    /// with the one before.
    pub fn find(
        &mut self,
        prepared: &Prepared<'_>,
        shown: &Shown<'_>,
        same: usize,
        tokenizer: &Tokenizer,
        control_tokens: &ControlTokens,
    ) -> Result<BTreeSet<Arc<str>>> {
        let spans = shown.spans();
        // The last span that both texts have may go on otherwise.
        let first = shown.span_at(same.min(self.done)).saturating_sub(1);
        let mut at = shown.start_of(first);
        self.found.truncate(self.found.partition_point(|(start, _)| *start < at));
        let mut before = first.checked_sub(1).and_then(|before| spans.get(before));
        let look = Look { prepared, text: &shown.text, tokenizer, control_tokens };
        for span in &spans[first.min(spans.len())..] {
            let end = at + span.len as usize;
            let mut found = Vec::new();
            if let Some(before) = before
                && look.may_join(at)
                && (look.is_foreign(before) || look.is_foreign(span))
            {
                found.extend(look.across(at));
            }
            if matches!(span.source, Source::Derived { .. }) && prepared.rewrites() && look.is_foreign(span) {
                look.within(at..end, &mut found)?;
            }
            self.found.extend(found.into_iter().map(|token| (at, token)));
            (at, before) = (end, Some(span));
        }
        self.done = shown.text.len();
        Ok(self.found.iter().map(|(_, token)| token.clone()).collect())
    }
}

/// The control tokens that the template makes of what others wrote in one text that has these spans.
pub fn made_in(
    prepared: &Prepared<'_>,
    text: &str,
    spans: &[Span],
    tokenizer: &Tokenizer,
    control_tokens: &ControlTokens,
) -> Result<BTreeSet<Arc<str>>> {
    let mut end = 0;
    let ends = spans.iter().map(|span| {
        end += span.len as usize;
        end
    });
    let ends: Vec<usize> = ends.collect();
    Seams::default().find(prepared, &Shown::alone(text, spans, &ends), 0, tokenizer, control_tokens)
}

/// Refuses control tokens that a template makes.
pub fn refuse_made(made: &BTreeSet<Arc<str>>) -> Result<()> {
    let Some(token) = made.first() else { return Ok(()) };
    let text = format!("the template makes the control token {token:?} of text of the record");
    Err(Error::new(ErrorKind::ControlToken, text))
}

/// A text that is looked at.
struct Look<'l> {
    prepared: &'l Prepared<'l>,
    text: &'l PromptText<'l>,
    tokenizer: &'l Tokenizer,
    control_tokens: &'l ControlTokens,
}

impl Look<'_> {
    fn is_foreign(&self, span: &Span) -> bool {
        span.source.made_from().is_some_and(|node| self.prepared.is_foreign(node))
    }

    /// Whether a control token has the two bytes around this offset in it.
    fn may_join(&self, at: usize) -> bool {
        let byte = |at: usize| {
            let head = self.text.head.as_bytes();
            head.get(at).or_else(|| self.text.tail.as_bytes().get(at.checked_sub(head.len())?))
        };
        match (at.checked_sub(1).and_then(byte), byte(at)) {
            (Some(one), Some(other)) => self.control_tokens.has_pair(*one, *other),
            _ => false,
        }
    }

    /// The control tokens that lie across an offset.
    fn across(&self, at: usize) -> Vec<Arc<str>> {
        let reach = self.control_tokens.longest_text();
        let start = at.saturating_sub(reach);
        let text = self.cut(start..at + reach);
        let inside = at - text.0;
        let found = self.control_tokens.found(&text.1).into_iter();
        let across = found.filter(|token| token.bytes.start < inside && inside < token.bytes.end);
        across.filter_map(|token| self.control_tokens.text_of(token.id).cloned()).collect()
    }

    fn within(&self, bytes: Range<usize>, found: &mut Vec<Arc<str>>) -> Result<()> {
        let (_, text) = self.cut(bytes);
        self.tokenizer
            .visit_control_tokens(&text, self.control_tokens, &mut |token| found.push(token.clone()))
    }

    /// The characters that touch these bytes, with the offset of the first.
    fn cut(&self, bytes: Range<usize>) -> (usize, String) {
        let head = self.text.head.len();
        let floor = |text: &str, at: usize| {
            (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
        };
        let ceiling = |text: &str, at: usize| {
            (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
        };
        let start = if bytes.start < head {
            floor(self.text.head, bytes.start)
        } else {
            head + floor(self.text.tail, bytes.start - head)
        };
        let of_head = &self.text.head[start.min(head)..ceiling(self.text.head, bytes.end.min(head))];
        let [from, until] = [start, bytes.end].map(|at| at.saturating_sub(head));
        let of_tail = &self.text.tail[from..ceiling(self.text.tail, until.max(from))];
        (start, [of_head, of_tail].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::KEEPING;

    #[test]
    fn names_are_in_order() {
        assert!(KEEPING.is_sorted());
    }
}
