//! A text that knows where each run of it comes from.
//!
//! In: pieces of renderings, and texts of the input. Out: one text with its spans, which cover it. What a span stands
//! for is not decided here.

use std::ops::Range;

use everyturn_template::{Source, Span, cut_spans, push_span};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TracedText {
    pub text: String,
    /// In order, covering the text.
    pub spans: Vec<Span>,
}

impl TracedText {
    /// Some bytes of a text with these spans.
    pub fn cut(text: &str, spans: &[Span], bytes: Range<usize>) -> Self {
        let mut cut = Self::default();
        cut.push_part(text, spans, bytes);
        cut
    }

    /// The first bytes, which end with a character, and the others.
    pub fn split(&self, bytes: usize) -> (Self, Self) {
        let part = |bytes| Self::cut(&self.text, &self.spans, bytes);
        (part(0..bytes), part(bytes..self.text.len()))
    }

    /// Appends a text of one source.
    pub fn push(&mut self, text: &str, source: Source) {
        self.text.push_str(text);
        push_span(&mut self.spans, Span { len: u32::try_from(text.len()).unwrap_or(u32::MAX), source });
    }

    /// Appends some bytes of a text with these spans.
    pub fn push_part(&mut self, text: &str, spans: &[Span], bytes: Range<usize>) {
        self.text.push_str(text.get(bytes.clone()).unwrap_or_default());
        for span in cut_spans(spans, bytes.start, bytes.end) {
            push_span(&mut self.spans, span);
        }
    }
}
