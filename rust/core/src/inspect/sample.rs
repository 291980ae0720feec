//! A sample as runs of text.
//!
//! In: a sample, the text that it was encoded from, the bytes of each token. Out: cells (tokens that share a character,
//! with their text) and runs of cells that are alike. The cells cover the text of the sample without a gap; what the
//! tokenizer drops of it belongs to the cell before.

use std::ops::Range;

use crate::chat_template::Author;
use crate::expand::EncodedText;
use crate::layout::Sample;
use crate::tokenizer::ControlTokens;

/// A sample with its text.
pub struct InspectedSample {
    pub sample: Sample,
    pub text: String,
    pub cells: Vec<Cell>,
    pub runs: Vec<Run>,
    has_targets: bool,
}

/// Tokens that share a character: their number, and that of the bytes of their text.
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
    pub traits: Traits,
}

/// What the tokens of a run have in common, and neighbouring runs do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    pub author: Author,
    pub wording: Wording,
    /// Which of the sample's trained stretches it is of.
    pub trained: Option<usize>,
    /// The stop token that ends a completion.
    pub is_stop: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// Text that somebody wrote.
    Words,
    /// Text that the template wrote.
    Template,
    /// A control token, whoever wrote it.
    Control,
}

impl Wording {
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Template => "template",
            Self::Control => "control",
        }
    }
}

/// What is to be known of the tokens of every sample.
pub struct TokenFacts<'f> {
    pub control_tokens: &'f ControlTokens,
    pub stop_ids: &'f [i32],
    /// Each trained stretch is that of a target.
    pub has_targets: bool,
}

impl InspectedSample {
    /// `places` are the bytes of the text that each token of the sample stands for.
    pub fn new(
        sample: Sample,
        encoded: &EncodedText,
        mut places: Vec<Range<usize>>,
        facts: &TokenFacts<'_>,
    ) -> Self {
        let text = &*encoded.text;
        for place in &mut places {
            *place = whole_characters(text, place);
        }
        let trained = trained_of(&sample);
        let parts = |at: usize| {
            let is_control = |at: usize| facts.control_tokens.contains_id(sample.ids[at]);
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
            let author = encoded.authors.first_writer(&(byte..next));
            let traits = facts.traits(&sample, from..until, author, trained[from]);
            cells.push(Cell { tokens: until - from, bytes: next - byte });
            let (tokens, bytes) = (from..until, byte - start..next - start);
            match runs.last_mut() {
                Some(run) if run.traits == traits && traits.wording != Wording::Control => {
                    (run.tokens.end, run.bytes.end) = (tokens.end, bytes.end);
                }
                _ => runs.push(Run { tokens, bytes, traits }),
            }
            (from, byte) = (until, next);
        }
        Self { text: text[start..byte].to_owned(), sample, cells, runs, has_targets: facts.has_targets }
    }

    /// The message that a trained stretch is of; `None` where every token of the conversation is trained.
    pub fn target_of(&self, trained: usize) -> Option<usize> {
        self.sample.trained.get(trained)?.message.filter(|_| self.has_targets)
    }
}

impl TokenFacts<'_> {
    fn traits(
        &self,
        sample: &Sample,
        tokens: Range<usize>,
        author: Option<Author>,
        trained: Option<usize>,
    ) -> Traits {
        let target = trained.filter(|_| self.has_targets).and_then(|at| sample.trained.get(at)?.message);
        let id = sample.ids[tokens.start];
        let ends = trained.is_some_and(|at| sample.trained[at].tokens.end == tokens.end);
        // What is trained and whose author is not known is what the target says.
        let author = author.unwrap_or(target.map_or(Author::Template, Author::Message));
        let wording = match author {
            _ if self.control_tokens.contains_id(id) => Wording::Control,
            Author::Template => Wording::Template,
            _ => Wording::Words,
        };
        Traits { author, wording, trained, is_stop: ends && target.is_some() && self.stop_ids.contains(&id) }
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
