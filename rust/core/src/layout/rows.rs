//! Rows made target by target: the layouts `per_turn` and `merged`.
//!
//! In: prompt ids and completion ids per target, in order. Out: rows of ids with the spans that are trained. Which
//! targets share a row is decided by comparing ids, never by what a model is known for.

use std::ops::Range;

use crate::prompt_text::common_items;
use crate::target::Encoded;

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

/// The rows of a conversation, made target by target.
pub struct Rows {
    /// A target goes on in a row whose ids its prompt starts with. Else each has a row of its own.
    merges: bool,
    samples: Vec<Sample>,
    /// How many ids each row has in common with the target met last.
    common: Vec<usize>,
}

impl Rows {
    pub fn per_turn() -> Self {
        Self { merges: false, samples: Vec::new(), common: Vec::new() }
    }

    /// The fewest rows: a target joins the row whose ids are the longest that its prompt starts with.
    pub fn merged() -> Self {
        Self { merges: true, ..Self::per_turn() }
    }

    /// Looks at a target's ids. Each target that was encoded is shown, in order, whether it is added or not.
    pub fn meet(&mut self, target: &Encoded<'_>) {
        if !self.merges {
            return;
        }
        for (row, common) in self.samples.iter().zip(&mut self.common) {
            // What the row parts at is in what the targets have in common, or not.
            if *common >= target.same {
                let known = target.same;
                *common = known + common_items(&row.ids[known..], &target.ids[known..]);
            }
        }
    }

    /// Adds the target that was met last.
    pub fn add(&mut self, target: &Encoded<'_>, message: usize, weight: f32) {
        let fits = |row: &Sample, common: usize| common == row.ids.len() && common <= target.prompt;
        let longest = (0..self.common.len())
            .filter(|at| fits(&self.samples[*at], self.common[*at]))
            .max_by_key(|at| self.common[*at]);
        let at = longest.unwrap_or_else(|| {
            self.samples.push(Sample::default());
            if self.merges {
                self.common.push(0);
            }
            self.samples.len() - 1
        });
        let row = &mut self.samples[at];
        row.ids.extend_from_slice(&target.ids[row.ids.len()..]);
        row.trained.push(Trained { tokens: target.prompt..row.ids.len(), weight });
        row.targets.push(message);
        if let Some(common) = self.common.get_mut(at) {
            *common = row.ids.len();
        }
    }

    /// Adds the target that was met last without the first so many ids of its prompt, in a row of its own.
    pub fn add_cut(&mut self, target: &Encoded<'_>, cut: usize, message: usize, weight: f32) {
        let ids = target.ids[cut..].to_vec();
        let trained = vec![Trained { tokens: target.prompt - cut..ids.len(), weight }];
        self.samples.push(Sample { ids, trained, targets: vec![message] });
        if self.merges {
            self.common.push(0);
        }
    }

    pub fn into_samples(self) -> Vec<Sample> {
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Prompts, completions, and how much less than all is said to be as in the target before.
    fn targets() -> impl Strategy<Value = Vec<(Vec<i32>, Vec<i32>, usize)>> {
        let ids = || prop::collection::vec(0..2, 0..6);
        prop::collection::vec((ids(), ids(), 0..3_usize), 0..8)
    }

    fn rows(mut rows: Rows, targets: &[(Vec<i32>, Vec<i32>, usize)]) -> Vec<Sample> {
        let mut before: Vec<i32> = Vec::new();
        for (message, (prompt, completion, less)) in targets.iter().enumerate() {
            let ids = [prompt.clone(), completion.clone()].concat();
            let same = common_items(&before, &ids).saturating_sub(*less);
            let encoded = Encoded { ids: &ids, prompt: prompt.len(), same, border_merged: false };
            rows.meet(&encoded);
            // Some are met only, as those that are too long.
            if message % 5 != 4 {
                rows.add(&encoded, message, 1.0);
            }
            before = ids;
        }
        rows.into_samples()
    }

    /// The rule word for word.
    fn merged_slowly(targets: &[(Vec<i32>, Vec<i32>, usize)]) -> Vec<(Vec<i32>, Vec<usize>)> {
        let mut rows: Vec<(Vec<i32>, Vec<usize>)> = Vec::new();
        for (message, (prompt, completion, _)) in targets.iter().enumerate().filter(|(at, _)| at % 5 != 4) {
            let longest =
                rows.iter_mut().filter(|row| prompt.starts_with(&row.0)).max_by_key(|row| row.0.len());
            let ids = [prompt.clone(), completion.clone()].concat();
            match longest {
                Some(row) => {
                    row.0 = ids;
                    row.1.push(message);
                }
                None => rows.push((ids, vec![message])),
            }
        }
        rows
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
            prop_assert_eq!(pairs(&rows(Rows::merged(), &targets)), pairs(&rows(Rows::per_turn(), &targets)));
        }

        #[test]
        fn every_target_joins_the_longest_row_that_its_prompt_starts_with(targets in targets()) {
            let found: Vec<_> =
                rows(Rows::merged(), &targets).into_iter().map(|row| (row.ids, row.targets)).collect();
            prop_assert_eq!(found, merged_slowly(&targets));
        }
    }
}
