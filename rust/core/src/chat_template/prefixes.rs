//! The texts of the first messages of a conversation, then of more of them, and so on.
//!
//! In: a prepared conversation and the numbers of messages. Out: each text as a separate rendering gives it, and how
//! much of it is known to be as in the text before. One rendering is made for as many texts as the template allows.

use everyturn_template::{Grown, Rest, Series, Span, Value as TemplateValue, cut_spans, push_span};

use super::Prepared;
use super::compiled::{Rendering, template_error};
use crate::error::Result;
use crate::prompt_text::PromptText;

pub struct Prefixes<'p, 'a> {
    prepared: &'p Prepared<'a>,
    /// In rising order.
    counts: Vec<usize>,
    add_generation_prompt: bool,
    /// Template arguments that are set otherwise than for the conversation.
    arguments: Vec<(&'a str, TemplateValue<'a>)>,
    series: Series,
    /// The text at the place before `next`, of those that were rendered one after the other.
    text: GrownText,
    /// Texts that were rendered and not yet asked for.
    grown: std::vec::IntoIter<Grown>,
    /// Which of the counts the first of them is of.
    next: usize,
    /// Whether the text is complete.
    done: std::result::Result<(), everyturn_template::Error>,
    /// A text that was rendered apart.
    alone: Option<GrownText>,
}

/// A text of a series.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'s> {
    pub text: PromptText<'s>,
    /// At least this many of its first bytes are those of the text that was asked for before.
    pub same: usize,
    /// Where its parts come from.
    spans: &'s [Span],
    /// The byte that each of the spans ends at.
    ends: &'s [usize],
}

impl<'s> Shown<'s> {
    /// A text that belongs to no series.
    pub(super) fn alone(text: &'s str, spans: &'s [Span], ends: &'s [usize]) -> Self {
        Self { text: text.into(), same: 0, spans, ends }
    }

    /// Where the runs of the text from this byte on come from.
    pub fn spans_from(&self, byte: usize) -> impl Iterator<Item = Span> + use<'s> {
        let first = self.span_at(byte);
        let start = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let rest = self.spans.get(first..).unwrap_or_default();
        cut_spans(rest, byte - start, usize::MAX)
    }

    /// The number of the span that holds this byte, or the one after the last.
    pub fn span_at(&self, byte: usize) -> usize {
        self.ends.partition_point(|end| *end <= byte)
    }

    /// The byte at which the span with this number starts.
    pub fn start_of(&self, span: usize) -> usize {
        span.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }

    /// The spans that cover it.
    pub fn spans(&self) -> &'s [Span] {
        self.spans
    }
}

impl From<Shown<'_>> for Rendering {
    fn from(shown: Shown<'_>) -> Self {
        Self { text: shown.text.to_text(), spans: shown.spans.to_vec(), generations: Vec::new() }
    }
}

/// A text that goes on from the one before.
#[derive(Default)]
struct GrownText {
    text: String,
    spans: Vec<Span>,
    ends: Vec<usize>,
}

impl GrownText {
    fn of(rendering: Rendering) -> Self {
        let mut text = Self::default();
        text.go_on(Rest { same: 0, text: rendering.text, spans: rendering.spans });
        text
    }

    fn go_on(&mut self, rest: Rest) {
        if rest.same == 0 {
            self.text = rest.text;
        } else {
            self.text.truncate(rest.same);
            self.text.push_str(&rest.text);
        }
        let kept = self.ends.partition_point(|end| *end < rest.same);
        self.spans.truncate(kept + 1);
        self.ends.truncate(kept);
        let start = self.ends.last().copied().unwrap_or(0);
        let cut = self.spans.get(kept).map(|span| Span { len: small(rest.same - start), ..*span });
        self.spans.truncate(kept);
        for span in cut.into_iter().chain(rest.spans) {
            let before = self.spans.len();
            push_span(&mut self.spans, span);
            let end = self.ends.last().copied().unwrap_or(0) + span.len as usize;
            match self.ends.last_mut() {
                Some(last) if self.spans.len() == before => *last = end,
                _ if self.spans.len() > before => self.ends.push(end),
                _ => {}
            }
        }
    }

    fn shown(&self, same: usize) -> Shown<'_> {
        Shown { text: self.text.as_str().into(), same, spans: &self.spans, ends: &self.ends }
    }
}

impl<'p, 'a> Prefixes<'p, 'a> {
    pub fn new(
        prepared: &'p Prepared<'a>,
        counts: Vec<usize>,
        add_generation_prompt: bool,
        arguments: Vec<(&'a str, TemplateValue<'a>)>,
    ) -> Self {
        Self {
            prepared,
            counts,
            add_generation_prompt,
            arguments,
            series: Series::default(),
            text: GrownText::default(),
            grown: Vec::new().into_iter(),
            next: 0,
            done: Ok(()),
            alone: None,
        }
    }

    /// The text of the first `count` messages. They are asked for in the order of the series.
    pub fn get(&mut self, count: usize) -> Result<Shown<'_>> {
        let at = self.counts.partition_point(|known| *known < count);
        let was_alone = self.alone.take().is_some();
        if self.prepared.ends_otherwise(count, self.add_generation_prompt) {
            return self.render_alone(count);
        }
        let mut same = if was_alone { 0 } else { self.text.text.len() };
        // The text that was asked for last may be asked for again.
        if self.next != at + 1 {
            let is_there = (self.next..self.next + self.grown.len()).contains(&at);
            let skipped = if is_there { at - self.next } else { self.grown.len() };
            for _ in 0..skipped {
                same = same.min(self.go_on());
            }
            if !is_there {
                match self.render_from(at, count) {
                    Ok(grown) => (self.grown, self.next) = (grown.into_iter(), at),
                    Err(error) => {
                        self.start_again();
                        return if self.prepared.has_second_tools() {
                            self.render_alone(count)
                        } else {
                            Err(error)
                        };
                    }
                }
            }
            same = same.min(self.go_on());
        }
        if self.done.is_err() && self.prepared.has_second_tools() {
            return self.render_alone(count);
        }
        self.done.as_ref().map_err(template_error)?;
        Ok(self.text.shown(same))
    }

    /// Goes on to the next text. Returns how much of the one before it begins with, at least.
    fn go_on(&mut self) -> usize {
        let Some(grown) = self.grown.next() else { return 0 };
        let same = grown.rest.same;
        self.text.go_on(grown.rest);
        self.done = grown.done;
        self.next += 1;
        same
    }

    fn start_again(&mut self) {
        (self.series, self.text) = (Series::default(), GrownText::default());
        (self.grown, self.next, self.done) = (Vec::new().into_iter(), 0, Ok(()));
    }

    /// The text of this many messages, which is the one at this place of the series, and of those after it as far as
    /// one rendering gives them.
    fn render_from(&mut self, at: usize, count: usize) -> Result<Vec<Grown>> {
        let ends_otherwise = |count: &usize| self.prepared.ends_otherwise(*count, self.add_generation_prompt);
        let counts = self.counts.get(at..).filter(|counts| counts.first() == Some(&count));
        let counts = counts.unwrap_or(std::slice::from_ref(&count));
        let growing = counts.iter().position(ends_otherwise).unwrap_or(counts.len());
        let counts = &counts[..growing];
        let asks = self.add_generation_prompt;
        self.prepared.render_growing(counts, asks, &self.arguments, &mut self.series)
    }

    fn render_alone(&mut self, count: usize) -> Result<Shown<'_>> {
        let rendering = self.prepared.render_with(count, self.add_generation_prompt, &self.arguments)?;
        Ok(self.alone.insert(GrownText::of(rendering)).shown(0))
    }
}

fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
