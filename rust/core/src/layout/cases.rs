//! Targets for the tests of layouts, and what a slow reading of rows finds in them.

use proptest::prelude::*;

use super::{Rows, Sample};
use crate::conversation::Weight;
use crate::prompt_text::common_items;
use crate::target::{Encoded, Target};

/// A prompt, a completion, and how much less than all is said to be as in the target before.
pub type Case = (Vec<i32>, Vec<i32>, usize);

/// Few ids, so that much is in common.
pub fn targets(completions: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Case>> {
    let ids = |length| prop::collection::vec(0..2, length);
    prop::collection::vec((ids(0..6), ids(completions), 0..3_usize), 0..8)
}

/// Whether a target is compared only, as those that are too long.
pub fn is_compared_only(message: usize) -> bool {
    message % 5 == 4
}

/// Adds all targets but those that are compared only.
pub fn fill(rows: &mut dyn Rows, targets: &[Case]) {
    fill_where(rows, targets, |message| !is_compared_only(message));
}

pub fn fill_where(rows: &mut dyn Rows, targets: &[Case], is_added: impl Fn(usize) -> bool) {
    let mut before: Vec<i32> = Vec::new();
    for (message, (prompt, completion, less)) in targets.iter().enumerate() {
        let ids = [prompt.clone(), completion.clone()].concat();
        let same = common_items(&before, &ids).saturating_sub(*less);
        let encoded = Encoded { ids: &ids, prompt: prompt.len(), same, ..Encoded::default() };
        rows.compare(&encoded);
        if is_added(message) {
            rows.add(Target { message, weight: Weight::ONE }, &encoded, 0);
        }
        before = ids;
    }
}

/// What each target is trained as: its message, the ids before it and its own.
pub fn pairs(rows: &[Sample]) -> Vec<(Vec<i32>, Vec<i32>, Option<usize>)> {
    let of_row = |row: &Sample| -> Vec<_> {
        let pair = |trained: &super::Trained| {
            let tokens = trained.tokens.clone();
            let mut path = path_to(row, tokens.end);
            let completion = path.split_off(path.len() - tokens.len());
            (path, completion, trained.message)
        };
        row.trained.iter().map(pair).collect()
    };
    let mut pairs: Vec<_> = rows.iter().flat_map(of_row).collect();
    pairs.sort();
    pairs
}

/// The ids that the last of the tokens before `end` sees, its own included.
fn path_to(row: &Sample, end: usize) -> Vec<i32> {
    let Some(branches) = &row.branches else {
        return row.ids[..end].to_vec();
    };
    let is_seen = |token: &usize| end <= usize::try_from(branches.ends[*token]).unwrap_or(0);
    (0..end).filter(is_seen).map(|token| row.ids[token]).collect()
}
