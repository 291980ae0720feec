//! What a rendering writes: text, and where each run of it comes from.

use std::ops::Range;

use crate::error::Result;
use crate::memory::Memory;
use crate::text::{Origin, Span, Text, push_span};

/// Reusable: a rendering clears it and keeps its room.
#[derive(Debug, Default)]
pub struct Output {
    text: String,
    spans: Vec<Span>,
    generations: Vec<Range<usize>>,
}

impl Output {
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

    /// What each `{% generation %}` block printed. A block whose text was captured, by a macro that is no whole
    /// statement say, is not among them: nobody can tell where that text went.
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
                push_span(&mut self.spans, Span { len: crate::text::small(text.str.len()), source });
            }
            Origin::Several(spans) => spans.iter().for_each(|span| push_span(&mut self.spans, *span)),
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
