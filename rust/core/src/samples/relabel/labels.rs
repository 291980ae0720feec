//! The columns that say what is trained.
//!
//! In: a table with the weights of its runs. Out: the labels and weights of its tokens. A column that does not change is
//! not copied.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::answers::Answer;
use super::{LabelledTable, index};
use crate::options::Normalize;
use crate::samples::table::{IGNORE_INDEX, unit_weights};

/// The columns that say what is trained; those that are borrowed are as they were.
pub struct Labels<'t> {
    pub labels: Cow<'t, [i32]>,
    /// `None` where all that is trained weighs 1.
    pub loss_weights: Option<Cow<'t, [f32]>>,
    /// Of trees.
    pub shift_labels: Option<Cow<'t, [i32]>>,
    input_ids: &'t [i32],
}

impl<'t> Labels<'t> {
    pub(super) fn of(table: &LabelledTable<'t>) -> Self {
        Self {
            labels: Cow::Borrowed(table.labels),
            loss_weights: table.loss_weights.map(Cow::Borrowed),
            shift_labels: table.shift_labels.map(Cow::Borrowed),
            input_ids: table.input_ids,
        }
    }

    /// Gives the tokens of a row their weights.
    pub(super) fn weigh(
        &mut self,
        table: &LabelledTable<'_>,
        row: usize,
        answers: &[Answer],
        allow_context: bool,
    ) {
        let tokens = table.row(row);
        if allow_context {
            for (run, tokens) in table.with_tokens(table.rows_runs(row), tokens.start) {
                self.set(tokens.clone(), table.run_weights[run], Some(tokens.start));
            }
            return;
        }
        let is_tree = self.shift_labels.is_some();
        let mut context = tokens.start;
        for answer in answers {
            self.leave_out_context(context..answer.tokens.start, is_tree);
            context = answer.tokens.end;
            for (run, tokens) in table.with_tokens(answer.runs.clone(), answer.tokens.start) {
                let weight = table.run_weights[run];
                if !is_tree {
                    self.set(tokens.clone(), weight, Some(tokens.start));
                } else if tokens.start == answer.tokens.start {
                    // The weights of a tree are where tokens are predicted: of all but the first, one before.
                    self.set(tokens.start..tokens.start + 1, weight, answer.before);
                    self.set(tokens.start + 1..tokens.end, weight, Some(tokens.start));
                } else {
                    self.set(tokens.clone(), weight, Some(tokens.start - 1));
                }
            }
        }
        self.leave_out_context(context..tokens.end, is_tree);
    }

    /// Context may be trained where rules allowed it before; in trees they never do.
    fn leave_out_context(&mut self, tokens: Range<usize>, is_tree: bool) {
        if !is_tree {
            self.set(tokens.clone(), 0.0, Some(tokens.start));
        }
    }

    /// Gives neighbouring tokens a weight, which is at `predicts` and after.
    fn set(&mut self, tokens: Range<usize>, weight: f32, predicts: Option<usize>) {
        if weight.is_nan() {
            return;
        }
        let predicting = predicts.map_or(0..0, |at| at..at + tokens.len());
        if weight <= 0.0 {
            fill(&mut self.labels, tokens, IGNORE_INDEX);
            if let Some(shifted) = &mut self.shift_labels {
                fill(shifted, predicting.clone(), IGNORE_INDEX);
            }
            if let Some(weights) = &mut self.loss_weights {
                fill(weights, predicting, 0.0);
            }
            return;
        }
        let ids = &self.input_ids[tokens.clone()];
        copy(&mut self.labels, tokens, ids);
        if let Some(shifted) = self.shift_labels.as_mut().filter(|_| !predicting.is_empty()) {
            copy(shifted, predicting.clone(), ids);
        }
        if !is_unit(weight) && self.loss_weights.is_none() {
            let labels = self.shift_labels.as_ref().unwrap_or(&self.labels);
            self.loss_weights = Some(unit_weights(labels).into());
        }
        if let Some(weights) = &mut self.loss_weights {
            fill(weights, predicting, weight);
        }
    }
}

/// The weights of rows, or of records, divided by how many tokens are trained there; `None` where all are units.
pub(super) fn normalized<'t>(
    weights: Option<Cow<'t, [f32]>>,
    labels: &[i32],
    shift_labels: Option<&[i32]>,
    (offsets, records): (&[i64], &[i64]),
    by: Normalize,
) -> Option<Cow<'t, [f32]>> {
    if by == Normalize::None {
        return weights.filter(|weights| !weights.iter().copied().all(is_unit));
    }
    let rows = offsets.windows(2).map(|ends| index(ends[0])..index(ends[1]));
    let trained = |row: Range<usize>| labels[row].iter().filter(|label| **label != IGNORE_INDEX).count();
    let mut counts: Vec<usize> = rows.clone().map(trained).collect();
    if by == Normalize::Conversation {
        let mut sums: HashMap<i64, usize> = HashMap::new();
        for (record, count) in records.iter().zip(&counts) {
            *sums.entry(*record).or_default() += count;
        }
        counts = records.iter().map(|record| sums[record]).collect();
    }
    let weights = weights.unwrap_or_else(|| unit_weights(shift_labels.unwrap_or(labels)).into());
    let mut weights = weights.into_owned();
    for (row, count) in rows.zip(counts) {
        divide(&mut weights[row], count);
    }
    Some(weights.into()).filter(|weights: &Cow<'_, [f32]>| !weights.iter().copied().all(is_unit))
}

#[allow(clippy::cast_precision_loss, reason = "a conversation has far fewer tokens than 2^24")]
fn divide(weights: &mut [f32], count: usize) {
    for weight in weights {
        *weight /= count as f32;
    }
}

/// A weight that is not written where all are such.
#[allow(clippy::float_cmp, reason = "these two are exact")]
fn is_unit(weight: f32) -> bool {
    weight == 0.0 || weight == 1.0
}

#[allow(clippy::needless_bitwise_bool, reason = "to look at all is faster than to stop at the first of few")]
fn fill<T: Copy + PartialEq>(column: &mut Cow<'_, [T]>, at: Range<usize>, item: T) {
    if column[at.clone()].iter().fold(false, |differs, other| differs | (*other != item)) {
        column.to_mut()[at].fill(item);
    }
}

fn copy(column: &mut Cow<'_, [i32]>, at: Range<usize>, items: &[i32]) {
    if column[at.clone()] != *items {
        column.to_mut()[at].copy_from_slice(items);
    }
}
