//! What a rendering writes: text, and where each run of it comes from.

use std::ops::Range;

use crate::error::Result;
use crate::value::memory::Memory;
use crate::value::text::{Origin, Span, Text, cut_spans, push_span};

/// Reusable: a rendering clears it and keeps its room.
#[derive(Debug, Default)]
pub struct Output {
    text: String,
    spans: Vec<Span>,
    generations: Vec<Range<usize>>,
}

/// How much of an output there was at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// Bytes of text.
    pub text: usize,
    spans: usize,
    last_span: u32,
    generations: usize,
}

impl Output {
    pub(crate) fn length(&self) -> Length {
        Length {
            text: self.text.len(),
            spans: self.spans.len(),
            last_span: self.spans.last().map_or(0, |span| span.len),
            generations: self.generations.len(),
        }
    }

    /// What was written since then.
    pub(crate) fn after(&self, length: Length) -> (String, Vec<Span>) {
        let text = self.text.get(length.text..).unwrap_or_default().to_owned();
        let spans = self.spans.get(length.spans.saturating_sub(1)..).unwrap_or_default();
        let before = if length.spans == 0 { 0 } else { length.last_span as usize };
        let spans = cut_spans(spans, before, before + text.len()).collect();
        (text, spans)
    }

    /// Back to what it was then.
    pub(crate) fn cut(&mut self, length: Length) {
        self.text.truncate(length.text);
        self.spans.truncate(length.spans);
        if let Some(last) = self.spans.last_mut() {
            last.len = length.last_span;
        }
        self.generations.truncate(length.generations);
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn into_parts(self) -> (String, Vec<Span>) {
        (self.text, self.spans)
    }

    /// The runs of the text, in order, covering it.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// What each `{% generation %}` block printed. A block whose text was captured, by a macro that is not a whole
    /// statement say, is not among them: it is not known where that text went.
    pub fn generations(&self) -> &[Range<usize>] {
        &self.generations
    }

    /// A `{% generation %}` block that started at this byte ends here.
    pub(crate) fn mark_generation(&mut self, start: usize) {
        self.generations.push(start..self.text.len());
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.generations.clear();
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &Text<'_>) {
        self.text.push_str(text.str);
        match text.origin {
            Origin::One(source) => {
                push_span(&mut self.spans, Span { len: crate::value::text::small(text.str.len()), source });
            }
            Origin::Several(spans) => spans.iter().for_each(|span| push_span(&mut self.spans, *span)),
        }
    }

    pub(crate) fn push_spans(&mut self, text: &str, spans: &[Span]) {
        self.text.push_str(text);
        for span in spans {
            push_span(&mut self.spans, *span);
        }
    }

    pub(crate) fn as_text<'a>(&mut self, memory: &mut Memory<'a>) -> Result<Text<'a>> {
        let str = memory.str(&self.text)?;
        let origin = match *self.spans.as_slice() {
            [] => Text::EMPTY.origin,
            [one] => Origin::One(one.source),
            ref several => Origin::Several(memory.slice(several)?),
        };
        Ok(Text { str, origin, markup: false })
    }
}
