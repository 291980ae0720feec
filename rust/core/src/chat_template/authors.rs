//! Who wrote which bytes of a text.
//!
//! In: the spans of a text, as the template engine traced them. Out: who wrote which of its bytes; of those after the
//! last span the author is not known.

use std::ops::Range;

use everyturn_template::{Source, Span, Step};

use super::Prepared;
use crate::conversation::REASONING_KEYS;

/// Who wrote something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Template,
    /// A message, by its index.
    Message(usize),
    Tools,
    /// The record, where no single message: template arguments, text made from several places.
    Record,
}

/// What wrote something, and which part of a message it is; messages by their places among those that were prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    Template,
    Content(usize),
    Reasoning(usize),
    Call(usize),
    Tools,
    Record,
}

impl Prepared<'_> {
    /// What wrote the text of a span. The role of a message is the template's word: it may have written it itself.
    pub fn wrote(&self, source: Source) -> Wrote {
        let Some(node) = source.made_from() else { return Wrote::Template };
        let path = self.inputs.path(node);
        let (Author::Message(index), [_, _, rest @ ..]) = (self.author_of(source), path.as_slice()) else {
            return if matches!(*path, [Step::Variable("tools"), ..]) { Wrote::Tools } else { Wrote::Record };
        };
        match rest.first() {
            Some(Step::Key("role")) => Wrote::Template,
            Some(Step::Key("tool_calls")) => Wrote::Call(index),
            Some(Step::Key(key)) if REASONING_KEYS.contains(key) => Wrote::Reasoning(index),
            _ => Wrote::Content(index),
        }
    }

    /// Who wrote the text of a span; a message is named by its place among those that were prepared.
    pub fn author_of(&self, source: Source) -> Author {
        let Some(node) = source.made_from() else { return Author::Template };
        match *self.inputs.path(node) {
            [Step::Variable("messages"), Step::Index(index), ..] => {
                usize::try_from(index).map_or(Author::Record, Author::Message)
            }
            [Step::Variable("tools"), ..] => Author::Tools,
            _ => Author::Record,
        }
    }

    /// The same, and the roles of messages are the template's words: it may have written them itself.
    pub fn author_of_words(&self, source: Source) -> Author {
        match source.made_from() {
            Some(node) if !self.is_foreign(node) => Author::Template,
            _ => self.author_of(source),
        }
    }
}

/// The bytes of a text by author.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authors(Vec<AuthorSpan>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct AuthorSpan {
    end: usize,
    author: Author,
}

impl Authors {
    /// The authors of spans, one after the other.
    pub fn of(spans: impl IntoIterator<Item = Span>, author_of: impl Fn(Source) -> Author) -> Self {
        let mut authors = Self::default();
        let mut at = 0;
        for span in spans {
            at += span.len as usize;
            authors.push(at, author_of(span.source));
        }
        authors
    }

    fn push(&mut self, end: usize, author: Author) {
        match self.0.last_mut() {
            Some(last) if last.author == author => last.end = end,
            _ => self.0.push(AuthorSpan { end, author }),
        }
    }

    /// Who wrote some of these bytes, the template only if nobody else; `None` if nothing of that is known.
    pub fn author_at(&self, bytes: &Range<usize>) -> Option<Author> {
        let first = self.0.partition_point(|span| span.end <= bytes.start);
        let until = self.0.partition_point(|span| span.end < bytes.end);
        let touched = self.0.get(first..=until.min(self.0.len().saturating_sub(1))).unwrap_or_default();
        let mut known = touched.iter().map(|span| span.author);
        known.clone().find(|author| *author != Author::Template).or_else(|| known.next())
    }
}
