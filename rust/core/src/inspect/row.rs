//! A sample as runs of text.
//!
//! In: a sample, its text, the bytes of each token, and who wrote them. Out: cells (tokens that share a character, with
//! their text) and runs of cells that are alike. The cells cover the text of the sample without a gap; what the
//! tokenizer drops of it belongs to the cell before.

use std::ops::Range;

use super::origin::{Author, Stretches};
use crate::layout::Sample;
use crate::tokenizer::ControlTokens;

pub struct Row {
    pub sample: Sample,
    pub text: String,
    pub cells: Vec<Cell>,
    pub runs: Vec<Run>,
    has_targets: bool,
}

/// So many tokens, and so many bytes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub tokens: usize,
    pub bytes: usize,
}

/// Cells that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub tokens: Range<usize>,
    pub bytes: Range<usize>,
    pub look: Look,
}

/// What runs differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub origin: Author,
    pub kind: Kind,
    /// Which of the sample's trained stretches it is of.
    pub trained: Option<usize>,
    /// The stop token that ends a completion.
    pub is_stop: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text that somebody wrote.
    Words,
    /// Text that the template wrote.
    Template,
    /// A control token, whoever wrote it.
    Control,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Template => "template",
            Self::Control => "control",
        }
    }
}

/// What tells how tokens look.
pub struct Marks<'m> {
    pub stretches: &'m Stretches,
    pub control_tokens: &'m ControlTokens,
    pub stops: Vec<i32>,
    /// Each trained stretch is that of a target.
    pub has_targets: bool,
}

impl Row {
    /// `text` may begin before the sample and end behind it.
    pub fn new(sample: Sample, text: &str, mut places: Vec<Range<usize>>, marks: &Marks<'_>) -> Self {
        for place in &mut places {
            *place = whole_characters(text, place);
        }
        let trained = trained_of(&sample);
        let parts = |at: usize| {
            let is_control = |at: usize| marks.control_tokens.contains_id(sample.ids[at]);
            trained[at] != trained[at - 1] || is_control(at) || is_control(at - 1)
        };
        let (mut cells, mut runs, mut from) = (Vec::new(), Vec::<Run>::new(), 0);
        let start = places.first().map_or(0, |place| place.start);
        let (mut byte, text_end) = (start, places.iter().map(|place| place.end).max().unwrap_or(start));
        while from < places.len() {
            let mut end = places[from].end;
            let mut until = from + 1;
            while until < places.len() && (places[until].start < end || end <= byte) && !parts(until) {
                end = end.max(places[until].end);
                until += 1;
            }
            // What lies between two cells belongs to the first; where tokens are out of order, all to the last.
            let next = places.get(until).map_or(text_end, |place| place.start).clamp(byte, text_end);
            let look = marks.look(&sample, from..until, &(byte..next), trained[from]);
            cells.push(Cell { tokens: until - from, bytes: next - byte });
            let (tokens, bytes) = (from..until, byte - start..next - start);
            match runs.last_mut() {
                Some(run) if run.look == look && look.kind != Kind::Control => {
                    (run.tokens.end, run.bytes.end) = (tokens.end, bytes.end);
                }
                _ => runs.push(Run { tokens, bytes, look }),
            }
            (from, byte) = (until, next);
        }
        Self { text: text[start..byte].to_owned(), sample, cells, runs, has_targets: marks.has_targets }
    }

    /// The message that a trained stretch is of; `None` where every token of the conversation is trained.
    pub fn target_of(&self, trained: usize) -> Option<usize> {
        self.sample.targets.get(trained).copied().filter(|_| self.has_targets)
    }
}

impl Marks<'_> {
    fn look(
        &self,
        sample: &Sample,
        tokens: Range<usize>,
        bytes: &Range<usize>,
        trained: Option<usize>,
    ) -> Look {
        let origin = self.stretches.origin_of(bytes);
        let target = trained.filter(|_| self.has_targets).and_then(|at| sample.targets.get(at));
        let id = sample.ids[tokens.start];
        let ends = trained.is_some_and(|at| sample.trained[at].tokens.end == tokens.end);
        // What nothing is known of and is trained is what the target says.
        let origin = origin.unwrap_or(target.map_or(Author::Template, |target| Author::Message(*target)));
        let kind = match origin {
            _ if self.control_tokens.contains_id(id) => Kind::Control,
            Author::Template => Kind::Template,
            _ => Kind::Words,
        };
        Look { origin, kind, trained, is_stop: ends && target.is_some() && self.stops.contains(&id) }
    }
}

/// Which trained stretch each token is of.
fn trained_of(sample: &Sample) -> Vec<Option<usize>> {
    let mut of = vec![None; sample.ids.len()];
    for (at, trained) in sample.trained.iter().enumerate() {
        of[trained.tokens.clone()].fill(Some(at));
    }
    of
}

/// The same bytes, with the characters that begin or end in them.
fn whole_characters(text: &str, bytes: &Range<usize>) -> Range<usize> {
    let end = bytes.end.min(text.len());
    let start = (0..=bytes.start.min(end)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end
}
