//! Who wrote which bytes of a text.
//!
//! In: the spans of a text, as the template engine traced them. Out: who wrote which of its bytes; of those after the
//! last span the author is not known.

use std::ops::Range;

use everyturn_template::{Inputs, Node, Source, Span, Step};

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

/// What is known of a place of a conversation's inputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaceAuthor {
    author: Author,
    wrote: Wrote,
    is_role: bool,
    /// What its own places are of.
    holds: Holds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Messages,
    KeysOfMessage(usize),
    Same,
}

/// What is made of several places.
const OF_RECORD: PlaceAuthor =
    PlaceAuthor { author: Author::Record, wrote: Wrote::Record, is_role: false, holds: Holds::Same };

/// Who wrote what is at each place, in the order of their numbers.
pub(super) fn place_authors(inputs: &Inputs<'_>) -> Vec<PlaceAuthor> {
    let mut known: Vec<PlaceAuthor> = Vec::with_capacity(inputs.places().len());
    for place in inputs.places() {
        let around = of_node(&known, place.parent);
        known.push(match (around.holds, place.step) {
            (_, Step::Variable("messages")) => PlaceAuthor { holds: Holds::Messages, ..OF_RECORD },
            (_, Step::Variable("tools")) => {
                PlaceAuthor { author: Author::Tools, wrote: Wrote::Tools, ..OF_RECORD }
            }
            (Holds::Messages, Step::Index(index)) => {
                let index = index as usize;
                let (author, wrote) = (Author::Message(index), Wrote::Content(index));
                PlaceAuthor { author, wrote, is_role: false, holds: Holds::KeysOfMessage(index) }
            }
            (Holds::KeysOfMessage(index), Step::Key(key)) => {
                let wrote = match key {
                    "role" => Wrote::Template,
                    "tool_calls" => Wrote::Call(index),
                    key if REASONING_KEYS.contains(&key) => Wrote::Reasoning(index),
                    _ => Wrote::Content(index),
                };
                PlaceAuthor { wrote, is_role: key == "role", holds: Holds::Same, ..around }
            }
            _ => PlaceAuthor { is_role: false, holds: Holds::Same, ..around },
        });
    }
    known
}

fn of_node(known: &[PlaceAuthor], node: Node) -> PlaceAuthor {
    (node.0 as usize).checked_sub(1).and_then(|at| known.get(at)).copied().unwrap_or(OF_RECORD)
}

impl Prepared<'_> {
    /// What wrote the text of a span. The role of a message is the template's word: it may have written it itself.
    pub fn wrote(&self, source: Source) -> Wrote {
        source.made_from().map_or(Wrote::Template, |node| of_node(self.place_authors(), node).wrote)
    }

    /// Who wrote the text of a span; a message is named by its place among those that were prepared.
    pub fn author_of(&self, source: Source) -> Author {
        source.made_from().map_or(Author::Template, |node| of_node(self.place_authors(), node).author)
    }

    /// The same, and the roles of messages are the template's words: it may have written them itself.
    pub fn author_of_words(&self, source: Source) -> Author {
        match source.made_from() {
            Some(node) if !self.is_foreign(node) => Author::Template,
            _ => self.author_of(source),
        }
    }

    /// Whether text from this input node was written by somebody: all that is in the record except the roles, of which
    /// there are but a few.
    pub(super) fn is_foreign(&self, node: Node) -> bool {
        !of_node(self.place_authors(), node).is_role
    }
}

/// Who wrote some bytes: the template, or somebody.
pub trait Writer: Copy + PartialEq {
    fn is_template(self) -> bool;
}

impl Writer for Author {
    fn is_template(self) -> bool {
        self == Self::Template
    }
}

/// The bytes of a text by writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBy<W>(Vec<Run<W>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Run<W> {
    end: usize,
    writer: W,
}

pub type Authors = WrittenBy<Author>;

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
}

impl<W: Writer> WrittenBy<W> {
    /// The bytes up to this one are somebody's.
    pub fn push(&mut self, end: usize, writer: W) {
        match self.0.last_mut() {
            Some(last) if last.writer == writer => last.end = end,
            _ => self.0.push(Run { end, writer }),
        }
    }

    /// Who wrote all of these bytes, if it was one.
    pub fn only_writer(&self, bytes: &Range<usize>) -> Option<W> {
        let first = self.0.partition_point(|run| run.end <= bytes.start);
        self.0.get(first).filter(|run| run.end >= bytes.end).map(|run| run.writer)
    }

    /// Who wrote some of these bytes first, the template only if nobody else; `None` if nothing of that is known.
    pub fn first_writer(&self, bytes: &Range<usize>) -> Option<W> {
        let first = self.0.partition_point(|run| run.end <= bytes.start);
        let until = self.0.partition_point(|run| run.end < bytes.end);
        let touched = self.0.get(first..=until.min(self.0.len().saturating_sub(1))).unwrap_or_default();
        let mut known = touched.iter().map(|run| run.writer);
        known.clone().find(|writer| !writer.is_template()).or_else(|| known.next())
    }
}

impl<W> Default for WrittenBy<W> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
