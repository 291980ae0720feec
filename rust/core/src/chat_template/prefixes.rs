//! The texts of the first messages of a conversation, then of more of them, and so on.
//!
//! In: a prepared conversation and the numbers of messages. Out: each text as a separate rendering gives it, and how
//! much of it is known to be as in the text before. One rendering is made for as many texts as the template allows.

use everyturn_template::{Grown, Output, Span, Value as TemplateValue, cut_spans};

use super::Prepared;
use super::compiled::template_error;
use crate::error::Result;
use crate::prompt_text::PromptText;

pub struct Prefixes<'p, 'a> {
    prepared: &'p Prepared<'a>,
    /// In rising order.
    counts: Vec<usize>,
    add_generation_prompt: bool,
    /// Template arguments that are set otherwise than for the conversation.
    arguments: Vec<(&'a str, TemplateValue<'a>)>,
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

impl<'s> Shown<'s> {
    /// Where the runs of the text from this byte of its first part on come from.
    pub fn spans_from(&self, byte: usize) -> impl Iterator<Item = Span> {
        let [head, tail] = self.spans;
        cut_spans(head, byte, self.text.head.len()).chain(tail.iter().copied())
    }

    /// The spans that cover the first part, and perhaps more than it, and those of the second.
    pub fn spans(&self) -> [&'s [Span]; 2] {
        self.spans
    }
}

/// A place between the spans of a text that grows: what was passed is not looked at again.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpanCursor {
    /// How many spans were passed.
    spans: usize,
    /// Their bytes.
    bytes: usize,
}

impl SpanCursor {
    /// Goes to the span that holds this byte, or the one after the last, of spans that begin as those did that were
    /// passed before.
    fn go_to(&mut self, spans: &[Span], byte: usize) {
        if byte < self.bytes {
            *self = Self::default();
        }
        while let Some(span) = spans.get(self.spans).filter(|span| self.bytes + span.len as usize <= byte) {
            self.bytes += span.len as usize;
            self.spans += 1;
        }
    }

    /// The spans of a text from this byte on; the first `same` bytes of the text are those of the text before.
    pub fn spans_from(&mut self, shown: &Shown<'_>, byte: usize, same: usize) -> Vec<Span> {
        if same < self.bytes {
            *self = Self::default();
        }
        let ([head, tail], in_head) = (shown.spans, shown.text.head.len());
        self.go_to(head, byte.min(in_head));
        let rest = head.get(self.spans..).unwrap_or_default();
        let of_head = cut_spans(rest, byte.min(in_head) - self.bytes, in_head - self.bytes);
        let of_tail = cut_spans(tail, byte.saturating_sub(in_head), shown.text.tail.len());
        of_head.chain(of_tail).collect()
    }
}

impl<'p, 'a> Prefixes<'p, 'a> {
    pub fn new(
        prepared: &'p Prepared<'a>,
        counts: Vec<usize>,
        add_generation_prompt: bool,
        arguments: Vec<(&'a str, TemplateValue<'a>)>,
    ) -> Self {
        let (output, grown) = (Output::default(), Vec::new());
        Self { prepared, counts, add_generation_prompt, arguments, output, grown, first: 0, last: None }
    }

    /// The text of the first `count` messages. They are asked for in the order of the series.
    pub fn get(&mut self, count: usize) -> Result<Shown<'_>> {
        let at = self.counts.partition_point(|known| *known < count);
        if at >= self.first + self.grown.len() || at < self.first {
            self.grown = self.render_from(at, count)?;
            (self.first, self.last) = (at, None);
        }
        if self.grown[at - self.first].end.is_err() && self.prepared.has_second_tools() {
            self.grown = self.render_alone(count)?;
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

    /// The text of this many messages, which is the one at this place of the series, and of those after it as far as
    /// one rendering gives them.
    fn render_from(&mut self, at: usize, count: usize) -> Result<Vec<Grown>> {
        let ends_otherwise = |count: &usize| self.prepared.ends_otherwise(*count, self.add_generation_prompt);
        if ends_otherwise(&count) {
            return self.render_alone(count);
        }
        let counts = self.counts.get(at..).filter(|counts| counts.first() == Some(&count));
        let counts = counts.unwrap_or(std::slice::from_ref(&count));
        let growing = counts.iter().position(ends_otherwise).unwrap_or(counts.len());
        let counts = &counts[..growing];
        let asks = self.add_generation_prompt;
        let grown = self.prepared.render_growing(counts, asks, &self.arguments, &mut self.output);
        if grown.is_err() && self.prepared.has_second_tools() {
            return self.render_alone(count);
        }
        grown
    }

    fn render_alone(&mut self, count: usize) -> Result<Vec<Grown>> {
        let rendering = self.prepared.render_with(count, self.add_generation_prompt, &self.arguments)?;
        self.output = Output::default();
        Ok(vec![Grown { stable: 0, end: Ok((rendering.text, rendering.spans)) }])
    }
}
