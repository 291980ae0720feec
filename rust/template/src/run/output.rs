//! What a rendering writes: text, and where each run of it comes from.
//!
//! A text of a series is mostly written over the one before it: as long as it says the same, nothing is copied, and only
//! how far it has got is kept (`follows`). What it ends with of its own is all that has to be handed on.

use std::ops::Range;

use crate::error::Result;
use crate::value::memory::Memory;
use crate::value::text::{Origin, Span, Text, cut_spans, push_span, small};

/// Reusable: a rendering clears it and keeps its room.
#[derive(Debug, Default)]
pub struct Output {
    text: String,
    spans: Vec<Span>,
    generations: Vec<Range<usize>>,
    /// What is written is the start, up to here, of the text before, which is still there.
    follows: Option<Length>,
    /// The text before was left here.
    left: Length,
    /// Where a text that was given up left the one before it.
    given_up: Option<Length>,
}

/// How much of an output there was at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// Bytes of text.
    pub text: usize,
    spans: usize,
    last_span: u32,
}

/// What a text has after its first `same` bytes, which are those of the text before.
#[derive(Debug)]
pub struct Rest {
    pub same: usize,
    pub text: String,
    pub spans: Vec<Span>,
}

impl Output {
    pub(crate) fn length(&self) -> Length {
        self.follows.unwrap_or_else(|| Length {
            text: self.text.len(),
            spans: self.spans.len(),
            last_span: self.spans.last().map_or(0, |span| span.len),
        })
    }

    /// What was written since then.
    pub(crate) fn after(&self, length: Length) -> (String, Vec<Span>) {
        let end = self.length();
        let text = self.text.get(length.text..end.text).unwrap_or_default().to_owned();
        let spans = self.spans.get(length.spans.saturating_sub(1)..end.spans).unwrap_or_default();
        let before = if length.spans == 0 { 0 } else { length.last_span as usize };
        let spans = cut_spans(spans, before, before + text.len()).collect();
        (text, spans)
    }

    /// Back to what it was then, to write another text over this one.
    pub(crate) fn go_back(&mut self, length: Length) {
        self.generations.retain(|bytes| bytes.end <= length.text);
        self.follows = Some(length);
    }

    /// Ends a text.
    pub(crate) fn end(&mut self) -> Rest {
        self.leave();
        if let Some(given_up) = self.given_up.take().filter(|given_up| given_up.text < self.left.text) {
            self.left = given_up;
        }
        let (text, spans) = self.after(self.left);
        Rest { same: self.left.text, text, spans }
    }

    /// Ends a text that nobody gets: the next one goes on from the one before.
    pub(crate) fn give_up(&mut self) {
        self.leave();
        let left = self.given_up.filter(|given_up| given_up.text < self.left.text).unwrap_or(self.left);
        self.given_up = Some(left);
    }

    /// Whether the text before was like this one so far.
    pub(crate) fn follows(&self) -> bool {
        self.follows.is_some()
    }

    /// Writes what the text before has up to there.
    pub(crate) fn follow_to(&mut self, length: Length) {
        self.follows = Some(length);
    }

    /// From here on the text is another than the one before.
    pub(crate) fn leave(&mut self) {
        let Some(length) = self.follows.take() else { return };
        self.text.truncate(length.text);
        self.spans.truncate(length.spans);
        if let Some(last) = self.spans.last_mut() {
            last.len = length.last_span;
        }
        self.left = length;
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
        self.generations.push(start..self.length().text);
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.generations.clear();
        (self.follows, self.left, self.given_up) = (None, Length::default(), None);
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &Text<'_>) {
        match text.origin {
            Origin::One(source) => {
                let span = Span { len: small(text.str.len()), source };
                if self.follows.is_some() && self.goes_on(text.str, &[span]) {
                    return;
                }
                self.text.push_str(text.str);
                push_span(&mut self.spans, span);
            }
            Origin::Several(spans) => self.push_spans(text.str, spans),
        }
    }

    pub(crate) fn push_spans(&mut self, text: &str, spans: &[Span]) {
        if self.follows.is_some() && self.goes_on(text, spans) {
            return;
        }
        self.text.push_str(text);
        for span in spans {
            push_span(&mut self.spans, *span);
        }
    }

    /// Whether the text before goes on with this, which then counts as written.
    #[inline(never)]
    fn goes_on(&mut self, text: &str, spans: &[Span]) -> bool {
        let Some(at) = self.follows else { return false };
        let is_same =
            self.text.as_bytes().get(at.text..).is_some_and(|rest| rest.starts_with(text.as_bytes()));
        let Some(passed) = is_same.then(|| self.passed(at, spans)).flatten() else {
            self.leave();
            return false;
        };
        self.follows = Some(Length { text: at.text + text.len(), ..passed });
        true
    }

    /// The place after these spans, if they come next.
    fn passed(&self, mut at: Length, spans: &[Span]) -> Option<Length> {
        for span in spans.iter().filter(|span| span.len > 0) {
            let current = at.spans.checked_sub(1).and_then(|current| self.spans.get(current));
            if current.is_none_or(|current| current.len == at.last_span) {
                (at.spans, at.last_span) = (at.spans + 1, 0);
            }
            let current = self.spans.get(at.spans - 1)?;
            if !current.source.is_at(at.last_span, span.source) || current.len - at.last_span < span.len {
                return None;
            }
            at.last_span += span.len;
        }
        Some(at)
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
