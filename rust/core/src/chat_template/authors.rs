//! Who wrote which bytes of a text.
//!
//! In: a text and a rendering that begins and ends as it does, as far as it does. Out: spans of the text with their
//! authors, as the template engine traced them; the author of what the rendering does not have is not known.

use std::ops::Range;

use everyturn_template::{Source, Span, Step};

use super::Prepared;
use crate::prompt_text::PromptText;

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

impl Prepared<'_> {
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
}

/// The bytes of a text by author.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authors(Vec<AuthorSpan>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct AuthorSpan {
    end: usize,
    /// `None`: it is not known.
    author: Option<Author>,
}

impl Authors {
    /// The authors of a text, by those of a rendering's spans.
    pub fn of(
        text: &str,
        rendering: &PromptText<'_>,
        spans: impl IntoIterator<Item = Span>,
        author_of: impl Fn(Source) -> Author,
    ) -> Self {
        let before = PromptText::from(text).common(rendering, 0);
        let most = text.len().min(rendering.len()) - before;
        let rest = rendering.after(before).to_text();
        let ends = text.bytes().rev().zip(rest.bytes().rev());
        let after = ends.take(most).take_while(|(mine, theirs)| mine == theirs).count();
        let mut authors = Self::default();
        let mut at = 0;
        for span in spans {
            at += span.len as usize;
            let author = Some(author_of(span.source));
            authors.push(at.min(before), author);
            if at > rendering.len() - after {
                authors.push(text.len() - after, None);
                authors.push(text.len() - (rendering.len() - at), author);
            }
        }
        authors.push(text.len(), None);
        authors
    }

    /// Does nothing where the text up to there is known already.
    fn push(&mut self, end: usize, author: Option<Author>) {
        if self.0.last().map_or(0, |last| last.end) < end {
            self.0.push(AuthorSpan { end, author });
        }
    }

    /// Who wrote some of these bytes, the template only if nobody else; `None` if nothing of that is known.
    pub fn author_at(&self, bytes: &Range<usize>) -> Option<Author> {
        let first = self.0.partition_point(|span| span.end <= bytes.start);
        let until = self.0.partition_point(|span| span.end < bytes.end);
        let touched = self.0.get(first..=until.min(self.0.len().saturating_sub(1))).unwrap_or_default();
        let mut known = touched.iter().filter_map(|span| span.author);
        known.clone().find(|author| *author != Author::Template).or_else(|| known.next())
    }
}
