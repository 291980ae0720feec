//! The encoded targets of one conversation to samples.
//!
//! In: (prompt ids, completion ids) per target, in order. Out: rows of ids with the spans that are trained. Which
//! pairs share a row is decided by comparing ids, never by what a model is known for.

use std::ops::Range;

/// One target, encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedTarget {
    pub message: usize,
    pub weight: f32,
    pub prompt: Vec<i32>,
    pub completion: Vec<i32>,
}

/// A row of token ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    pub ids: Vec<i32>,
    pub trained: Vec<Trained>,
    /// The messages that are trained here.
    pub targets: Vec<usize>,
}

/// Tokens with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    pub tokens: Range<usize>,
    pub weight: f32,
}

/// One row per target.
pub fn per_turn(targets: Vec<EncodedTarget>) -> Vec<Sample> {
    targets
        .into_iter()
        .map(|target| {
            let mut row = Sample::default();
            extend(&mut row, target);
            row
        })
        .collect()
}

/// The fewest rows: a target joins the row whose ids are the longest that its prompt starts with.
pub fn merged(targets: Vec<EncodedTarget>) -> Vec<Sample> {
    let mut rows: Vec<Sample> = Vec::new();
    for target in targets {
        let longest =
            rows.iter_mut().filter(|row| target.prompt.starts_with(&row.ids)).max_by_key(|row| row.ids.len());
        if let Some(row) = longest {
            extend(row, target);
        } else {
            let mut row = Sample::default();
            extend(&mut row, target);
            rows.push(row);
        }
    }
    rows
}

/// Lets a row go on with a target whose prompt starts with the row's ids.
fn extend(row: &mut Sample, target: EncodedTarget) {
    let start = target.prompt.len();
    row.ids = target.prompt;
    row.ids.extend_from_slice(&target.completion);
    row.trained.push(Trained { tokens: start..row.ids.len(), weight: target.weight });
    row.targets.push(target.message);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn targets() -> impl Strategy<Value = Vec<EncodedTarget>> {
        let ids = || prop::collection::vec(0..2, 0..5);
        prop::collection::vec((ids(), ids()), 0..6).prop_map(|pairs| {
            pairs
                .into_iter()
                .enumerate()
                .map(|(message, (prompt, completion))| EncodedTarget {
                    message,
                    weight: 1.0,
                    prompt,
                    completion,
                })
                .collect()
        })
    }

    fn pairs(rows: &[Sample]) -> Vec<(Vec<i32>, Vec<i32>)> {
        let mut pairs: Vec<_> = rows
            .iter()
            .flat_map(|row| {
                row.trained.iter().map(|trained| {
                    (row.ids[..trained.tokens.start].to_vec(), row.ids[trained.tokens.clone()].to_vec())
                })
            })
            .collect();
        pairs.sort();
        pairs
    }

    proptest! {
        #[test]
        fn layouts_carry_the_same_pairs(targets in targets()) {
            prop_assert_eq!(pairs(&merged(targets.clone())), pairs(&per_turn(targets)));
        }

        #[test]
        fn every_target_is_trained_once(targets in targets()) {
            let mut found: Vec<_> = merged(targets.clone()).iter().flat_map(|row| row.targets.clone()).collect();
            found.sort_unstable();
            prop_assert_eq!(found, (0..targets.len()).collect::<Vec<_>>());
        }
    }
}
