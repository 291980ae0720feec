//! The texts of the first messages of a conversation, then of more of them, and so on.
//!
//! In: a prepared conversation and the numbers of messages. Out: each text as a separate rendering gives it, and how
//! much of it is known to be as in the text before. One rendering is made for as many texts as the template allows.

use everyturn_template::{Grown, Output, Span, cut_spans};

use super::Prepared;
use super::compiled::template_error;
use crate::error::Result;
use crate::prompt_text::PromptText;

pub struct Prefixes<'p, 'a> {
    prepared: &'p Prepared<'a>,
    /// In rising order.
    counts: Vec<usize>,
    add_generation_prompt: bool,
    output: Output,
    grown: Vec<Grown>,
    /// Which of the counts the first of them is of.
    first: usize,
    /// The text that was asked for last, among them.
    last: Option<usize>,
}

/// A text of a series.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'s> {
    pub text: PromptText<'s>,
    /// At least this many of its first bytes are those of the text that was asked for before.
    pub same: usize,
    /// Where its parts come from; of the first part, as far as it goes.
    spans: [&'s [Span]; 2],
}

impl Shown<'_> {
    /// Where the runs of the text from this byte of its first part on come from.
    pub fn spans_from(&self, byte: usize) -> impl Iterator<Item = Span> {
        let [head, tail] = self.spans;
        cut_spans(head, byte, self.text.head.len()).chain(tail.iter().copied())
    }
}

impl<'p, 'a> Prefixes<'p, 'a> {
    pub fn new(prepared: &'p Prepared<'a>, counts: Vec<usize>, add_generation_prompt: bool) -> Self {
        let (output, grown) = (Output::default(), Vec::new());
        Self { prepared, counts, add_generation_prompt, output, grown, first: 0, last: None }
    }

    /// The text of the first `count` messages. They are asked for in the order of the series.
    pub fn get(&mut self, count: usize) -> Result<Shown<'_>> {
        let at = self.counts.partition_point(|known| *known < count);
        if at >= self.first + self.grown.len() || at < self.first {
            let counts = self.counts.get(at..).filter(|counts| counts.first() == Some(&count));
            let counts = counts.unwrap_or(std::slice::from_ref(&count));
            self.grown =
                self.prepared.render_growing(counts, self.add_generation_prompt, &mut self.output)?;
            (self.first, self.last) = (at, None);
        }
        let at = at - self.first;
        let last = self.last.replace(at);
        let grown = &self.grown[at];
        let (end, end_spans) = grown.end.as_ref().map_err(template_error)?;
        let same = last.filter(|last| *last <= at).map_or(0, |last| self.grown[last].stable);
        let text = PromptText { head: &self.output.text()[..grown.stable], tail: end };
        Ok(Shown { text, same, spans: [self.output.spans(), end_spans] })
    }
}
