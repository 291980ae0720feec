//! Who wrote which bytes of a text.
//!
//! In: a text and a rendering that begins and ends as it does, as far as it does. Out: stretches of the text with their
//! origin, as the template engine traced it; what the rendering does not have is of unknown origin.

use std::ops::Range;

use everyturn_template::Source;

use crate::chat_template::{Prepared, Rendering};
use crate::prompt_text::common_prefix;

/// Who wrote something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Template,
    /// A message of the conversation, by its index.
    Message(usize),
    Tools,
    /// The record, where no single message: template arguments, text made from several places.
    Record,
}

/// The bytes of a text by origin.
pub struct Stretches(Vec<Stretch>);

struct Stretch {
    end: usize,
    /// `None`: it is not known.
    origin: Option<Author>,
}

impl Stretches {
    /// `message_at` tells which message of the conversation lies at a place of what is prepared.
    pub fn of(
        text: &str,
        prepared: &Prepared<'_>,
        rendering: &Rendering,
        message_at: impl Fn(usize) -> usize,
    ) -> Self {
        let shown = &rendering.text;
        let before = common_prefix(text, shown);
        let most = text.len().min(shown.len()) - before;
        let ends = text.bytes().rev().zip(shown.bytes().rev());
        let behind = ends.take(most).take_while(|(mine, theirs)| mine == theirs).count();
        let mut stretches = Self(Vec::new());
        let mut at = 0;
        for span in &rendering.spans {
            let bytes = at..at + span.len as usize;
            at = bytes.end;
            let origin = Some(match origin_of(prepared, span.source) {
                Author::Message(place) => Author::Message(message_at(place)),
                origin => origin,
            });
            stretches.push(bytes.end.min(before), origin);
            if bytes.end > shown.len() - behind {
                stretches.push(text.len() - behind, None);
                stretches.push(text.len() - (shown.len() - bytes.end), origin);
            }
        }
        stretches.push(text.len(), None);
        stretches
    }

    /// Nothing where the text up to there is known.
    fn push(&mut self, end: usize, origin: Option<Author>) {
        if self.0.last().map_or(0, |last| last.end) < end {
            self.0.push(Stretch { end, origin });
        }
    }

    /// Who wrote some of these bytes, the template only if nobody else; `None` if nothing of that is known.
    pub fn origin_of(&self, bytes: &Range<usize>) -> Option<Author> {
        let first = self.0.partition_point(|stretch| stretch.end <= bytes.start);
        let until = self.0.partition_point(|stretch| stretch.end < bytes.end);
        let touched = self.0.get(first..=until.min(self.0.len().saturating_sub(1))).unwrap_or_default();
        let mut known = touched.iter().filter_map(|stretch| stretch.origin);
        known.clone().find(|origin| *origin != Author::Template).or_else(|| known.next())
    }
}

fn origin_of(prepared: &Prepared<'_>, source: Source) -> Author {
    match source.made_from() {
        None => Author::Template,
        Some(node) => match prepared.message_of(node) {
            Some(message) => Author::Message(message),
            None if prepared.is_of_tools(node) => Author::Tools,
            None => Author::Record,
        },
    }
}
