//! Samples whose tokens get other weights than they were expanded with.
//!
//! In: the rows of a table, which know the answers that they train, and what each of their runs is to weigh. Out: the rows
//! that an expansion with these weights would give. Nothing is rendered or encoded again: the ids of prompts and
//! completions are in the rows. `answers` finds the answers, `labels` gives tokens their weights, and where an answer is
//! lost, `left` says what becomes of the rows; `anew` arranges answers of which that is not known.

mod anew;
mod answers;
mod labels;
mod left;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::columns::Samples;
use super::table::IGNORE_INDEX;
use crate::options::{Layout, Normalize};
use crate::target::{Provenance, TextKind};
use answers::Answers;
pub use labels::Labels;
use labels::normalized;

/// A table of samples as they were expanded.
#[derive(Clone, Copy)]
pub struct LabelledTable<'t> {
    pub input_ids: &'t [i32],
    pub labels: &'t [i32],
    pub loss_weights: Option<&'t [f32]>,
    /// Of trees, like the two that follow.
    pub position_ids: Option<&'t [i32]>,
    pub subtree_end: Option<&'t [i32]>,
    pub shift_labels: Option<&'t [i32]>,
    pub offsets: &'t [i64],
    pub run_lengths: &'t [i32],
    pub run_kinds: &'t [u8],
    pub run_messages: &'t [i32],
    pub run_answers: &'t [bool],
    pub run_offsets: &'t [i64],
    /// What the tokens of each run are to weigh; one that is not a number leaves them as they are; 0 is not trained.
    pub run_weights: &'t [f32],
    /// Of each row the number of its record; those of one record have the same.
    pub records: &'t [i64],
}

/// How samples are labelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relabelling {
    pub layout: Layout,
    pub max_length: Option<usize>,
    pub normalize: Normalize,
    /// Tokens that no answer is of may be trained; rows are then left as they are.
    pub allow_context: bool,
}

/// A table with other weights.
#[allow(clippy::large_enum_variant, reason = "there is one for a table")]
pub enum Relabelled<'t> {
    /// Every answer keeps a trained token: the rows are what they were.
    Labels(Labels<'t>),
    Rows {
        /// Without what is known of the records.
        samples: Samples,
        /// For each row one that is of the same record.
        sources: Vec<i64>,
    },
}

/// Gives the tokens of each run their weight.
pub fn relabel<'t>(table: &LabelledTable<'t>, how: Relabelling) -> Relabelled<'t> {
    let answers = Answers::of(table);
    let is_left: Vec<bool> = (0..table.records.len())
        .map(|row| {
            if how.allow_context {
                return table.keeps_some(table.rows_runs(row), table.row(row).start);
            }
            answers.of_row(row).iter().any(|answer| !answer.is_lost)
        })
        .collect();
    let mut labels = Labels::of(table);
    for row in (0..is_left.len()).filter(|row| is_left[*row]) {
        labels.weigh(table, row, answers.of_row(row), how.allow_context);
    }
    if is_left.iter().all(|is_left| *is_left) && !answers.any_is_lost() {
        let Labels { labels: ids, shift_labels, loss_weights, .. } = &mut labels;
        let rows = (table.offsets, table.records);
        *loss_weights = normalized(loss_weights.take(), ids, shift_labels.as_deref(), rows, how.normalize);
        return Relabelled::Labels(labels);
    }
    let mut left = left::RowsLeft::new(table, &labels, &answers, &is_left, how);
    for rows in rows_of_records(table.records) {
        left.add(&rows, &is_left);
    }
    left.finish()
}

/// The rows of each record, records in the order of their first rows.
fn rows_of_records(records: &[i64]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for (row, record) in records.iter().enumerate() {
        let at = *known.entry(record).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(row);
    }
    groups
}

impl LabelledTable<'_> {
    /// The tokens of a row.
    fn row(&self, row: usize) -> Range<usize> {
        index(self.offsets[row])..index(self.offsets[row + 1])
    }

    fn rows_runs(&self, row: usize) -> Range<usize> {
        index(self.run_offsets[row])..index(self.run_offsets[row + 1])
    }

    /// Neighbouring runs, each with its tokens, which begin here.
    fn with_tokens(
        &self,
        runs: Range<usize>,
        start: usize,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        let mut end = start;
        runs.map(move |run| {
            let start = end;
            end += usize::try_from(self.run_lengths[run]).unwrap_or_default();
            (run, start..end)
        })
    }

    /// Whether neighbouring runs, which begin here, will have a token that is trained.
    fn keeps_some(&self, runs: Range<usize>, start: usize) -> bool {
        self.with_tokens(runs, start).any(|(run, tokens)| {
            let weight = self.run_weights[run];
            weight > 0.0 || weight.is_nan() && self.labels[tokens].iter().any(|label| *label != IGNORE_INDEX)
        })
    }

    /// What wrote the tokens of a run.
    fn provenance(&self, run: usize) -> Provenance {
        Provenance {
            kind: TextKind::of_number(self.run_kinds[run]),
            message: self.run_messages[run],
            is_answer: self.run_answers[run],
        }
    }
}

/// Places in arrays are not negative.
fn index(place: impl Into<i64>) -> usize {
    usize::try_from(place.into()).unwrap_or_default()
}
