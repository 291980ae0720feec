//! The layout `merged`: the fewest rows that hold the targets one by one.
//!
//! In: prompt ids and completion ids per target, in order. Out: rows that a target continues where its prompt is the
//! row so far. Which targets share a row is decided by comparing ids, never by what a model is known for.

use super::{Arranged, Rows, Sample, WholeConversation, cut_row};
use crate::prompt_text::common_items;
use crate::target::{Encoded, Target};

/// A target joins the row whose ids are the longest that its prompt starts with.
#[derive(Default)]
pub struct Merged {
    pub(super) samples: Vec<Sample>,
    /// How many ids each row has in common with the target compared last.
    common: Vec<usize>,
}

impl Rows for Merged {
    fn compare(&mut self, target: &Encoded<'_>) {
        for (row, common) in self.samples.iter().zip(&mut self.common) {
            // What the row parts at is in what the targets have in common, or not.
            if *common >= target.same {
                let known = target.same;
                *common = known + common_items(&row.ids[known..], &target.ids[known..]);
            }
        }
    }

    fn add(&mut self, target: Target, encoded: &Encoded<'_>, cut: usize) -> Option<usize> {
        if cut > 0 {
            self.samples.push(cut_row(target, encoded, cut));
            self.common.push(0);
            return Some(self.samples.len() - 1);
        }
        let fits = |row: &Sample, common: usize| common == row.ids.len() && common <= encoded.prompt;
        let longest = (0..self.common.len())
            .filter(|at| fits(&self.samples[*at], self.common[*at]))
            .max_by_key(|at| self.common[*at]);
        let at = longest.unwrap_or_else(|| {
            self.samples.push(Sample::default());
            self.common.push(0);
            self.samples.len() - 1
        });
        let row = &mut self.samples[at];
        row.extend(encoded, row.ids.len());
        row.push_trained(encoded.prompt..row.ids.len(), target);
        self.common[at] = row.ids.len();
        Some(at)
    }

    fn finish(self: Box<Self>, _: WholeConversation<'_>) -> Arranged {
        Arranged { samples: self.samples, ..Arranged::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layout::PerTurn;
    use crate::layout::cases::{Case, fill, is_compared_only, pairs, targets};

    fn merged(targets: &[Case]) -> Vec<Sample> {
        let mut rows = Merged::default();
        fill(&mut rows, targets);
        rows.samples
    }

    fn per_turn(targets: &[Case]) -> Vec<Sample> {
        let mut rows = PerTurn::default();
        fill(&mut rows, targets);
        rows.samples
    }

    /// The rule word for word.
    fn merged_slowly(targets: &[Case]) -> Vec<(Vec<i32>, Vec<usize>)> {
        let mut rows: Vec<(Vec<i32>, Vec<usize>)> = Vec::new();
        for (message, (prompt, completion, _)) in targets.iter().enumerate() {
            if is_compared_only(message) {
                continue;
            }
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

    proptest! {
        #[test]
        fn layouts_carry_the_same_pairs(targets in targets(0..6)) {
            prop_assert_eq!(pairs(&merged(&targets)), pairs(&per_turn(&targets)));
        }

        #[test]
        fn every_target_joins_the_longest_row_that_its_prompt_starts_with(targets in targets(0..6)) {
            let found: Vec<_> =
                merged(&targets).into_iter().map(|row| (row.ids, row.targets)).collect();
            prop_assert_eq!(found, merged_slowly(&targets));
        }
    }
}
