//! Rows into the columns of a table.
//!
//! In: the samples of conversation after conversation, with their origin. Out: one ragged table, ready to be handed to
//! numpy without a copy. Which columns there are is said in `columns`.

use std::borrow::Cow;
use std::ops::Range;

use super::columns::Samples;
use crate::conversation::Weight;
use crate::layout::{Branches, Sample, parents};
use crate::options::Layout;
use crate::target::Provenance;

/// The label of a token that is not trained; Hugging Face's value.
pub const IGNORE_INDEX: i32 = -100;

/// Where a conversation came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleOrigin {
    /// Index into the list of inputs.
    pub file: i32,
    /// 1-based.
    pub line: i64,
    /// See [`crate::conversation::Conversation::id`].
    pub conversation_id: u128,
}

impl Samples {
    /// A table of no rows, with the columns of a layout.
    pub fn of(layout: Layout) -> Self {
        let of_trees = || (layout == Layout::Tree).then(Vec::new);
        Self {
            position_ids: of_trees(),
            subtree_end: of_trees(),
            shift_labels: of_trees(),
            ..Self::default()
        }
    }

    /// Makes room for samples that are added next: arrays that grow are copied, and each copy takes pages anew.
    pub fn reserve<'s>(&mut self, samples: impl IntoIterator<Item = &'s Sample>) {
        let (rows, tokens) =
            samples.into_iter().fold((0, 0), |(rows, tokens), sample| (rows + 1, tokens + sample.ids.len()));
        self.input_ids.reserve(tokens);
        self.labels.reserve(tokens);
        for column in
            [&mut self.position_ids, &mut self.subtree_end, &mut self.shift_labels].into_iter().flatten()
        {
            column.reserve(tokens);
        }
        self.offsets.reserve(rows);
        self.conversation_hashes.reserve(rows);
        self.file.reserve(rows);
        self.line.reserve(rows);
    }

    /// Adds all samples of one conversation.
    pub fn push(&mut self, samples: &[Sample], origin: SampleOrigin) {
        for sample in samples {
            self.push_tokens(sample);
            self.push_runs(sample);
            self.conversation_hashes.push(origin.conversation_id.to_be_bytes());
            self.file.push(origin.file);
            self.line.push(origin.line);
        }
        let targets: Vec<&[usize]> = samples.iter().map(|sample| &sample.targets[..]).collect();
        self.push_targets(&targets);
    }

    /// Adds the targets of all samples of one conversation.
    pub(super) fn push_targets(&mut self, samples: &[impl AsRef<[usize]>]) {
        let mut all: Vec<usize> = samples.iter().flat_map(AsRef::as_ref).copied().collect();
        all.sort_unstable();
        let later = |target: &usize| all.len() - all.partition_point(|other| other <= target);
        for targets in samples.iter().map(AsRef::as_ref) {
            self.depth_from_end.extend(targets.iter().map(|target| place(later(target))));
            self.targets.extend(targets.iter().map(|message| place(*message)));
            self.target_offsets.push(signed(self.targets.len()));
        }
    }

    fn push_tokens(&mut self, sample: &Sample) {
        if self.loss_weights.is_none() && sample.trained.iter().any(|trained| trained.weight != Weight::ONE) {
            self.loss_weights = Some(default_weights(self));
        }
        let start = self.input_ids.len();
        self.input_ids.extend_from_slice(&sample.ids);
        self.labels.resize(self.input_ids.len(), IGNORE_INDEX);
        for trained in &sample.trained {
            let tokens = start + trained.tokens.start..start + trained.tokens.end;
            self.labels[tokens.clone()].copy_from_slice(&self.input_ids[tokens]);
        }
        if let Some(weights) = &mut self.loss_weights {
            weights.resize(self.input_ids.len(), 0.0);
        }
        if self.shift_labels.is_some() {
            self.push_branches(sample, start);
        } else if let Some(weights) = &mut self.loss_weights {
            for trained in &sample.trained {
                weights[start + trained.tokens.start..start + trained.tokens.end].fill(trained.weight.0);
            }
        }
        self.offsets.push(signed(self.input_ids.len()));
    }

    /// Adds what wrote the tokens of a row.
    fn push_runs(&mut self, sample: &Sample) {
        for run in sample.provenance.chunk_by(|one, next| one == next) {
            self.push_run(run[0], run.len());
        }
        self.run_offsets.push(signed(self.run_lengths.len()));
    }

    pub(super) fn push_run(&mut self, of: Provenance, length: usize) {
        let Provenance { kind, message, is_answer } = of;
        self.run_lengths.push(place(length));
        self.run_kinds.push(kind as u8);
        self.run_messages.push(message);
        self.run_answers.push(is_answer);
    }

    /// Adds the columns of trees for the row that starts here: what is trained is at the position that predicts it.
    fn push_branches(&mut self, sample: &Sample, start: usize) {
        let (Some(positions), Some(ends), Some(labels)) =
            (&mut self.position_ids, &mut self.subtree_end, &mut self.shift_labels)
        else {
            return;
        };
        let chain = || Cow::Owned(Branches::chain(sample.ids.len()));
        let branches = sample.branches.as_ref().map_or_else(chain, Cow::Borrowed);
        positions.extend_from_slice(&branches.depths);
        ends.extend_from_slice(&branches.ends);
        labels.resize(start + sample.ids.len(), IGNORE_INDEX);
        let trained = || sample.trained.iter().filter(|trained| !trained.tokens.is_empty());
        let parents = parents(&branches.depths, trained().map(|trained| trained.tokens.start));
        for (trained, parent) in trained().zip(parents) {
            let mut predict = |position: usize, tokens: Range<usize>| {
                let at = start + position..start + position + tokens.len();
                labels[at.clone()].copy_from_slice(&sample.ids[tokens]);
                if let Some(weights) = &mut self.loss_weights {
                    weights[at].fill(trained.weight.0);
                }
            };
            // Nothing predicts the first token of a path; the others are predicted by the one before them.
            let Range { start: first, end } = trained.tokens;
            if let Some(parent) = parent {
                predict(parent, first..first + 1);
            }
            predict(first, first + 1..end);
        }
    }
}

/// The weights of samples that have none of their own.
pub fn default_weights(samples: &Samples) -> Vec<f32> {
    unit_weights(samples.shift_labels.as_ref().unwrap_or(&samples.labels))
}

/// The weights of tokens that have none of their own: 1 where there is a label, else 0; in trees where one is predicted,
/// by `shift_labels`.
pub(super) fn unit_weights(labels: &[i32]) -> Vec<f32> {
    labels.iter().map(|label| if *label == IGNORE_INDEX { 0.0 } else { 1.0 }).collect()
}

/// A conversation has far fewer messages and tokens than 2^31.
pub(super) fn place(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Lengths in memory are far below 2^63.
pub(super) fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Trained;

    const ORIGIN: SampleOrigin = SampleOrigin { file: 0, line: 1, conversation_id: 1 };

    fn sample(weight: f32) -> Sample {
        let trained = vec![Trained { tokens: 1..3, weight: Weight(weight), message: Some(1) }];
        Sample { ids: vec![7, 8, 9], trained, targets: vec![1], ..Sample::default() }
    }

    fn table(weights: &[f32]) -> Samples {
        let mut samples = Samples::default();
        samples.push(&weights.iter().copied().map(sample).collect::<Vec<_>>(), ORIGIN);
        samples
    }

    #[test]
    fn weights_appear_with_the_first_that_is_neither_0_nor_1() {
        assert_eq!(table(&[1.0, 1.0]).loss_weights, None);
        let samples = table(&[1.0, 0.5, 1.0]);
        assert_eq!(samples.loss_weights.unwrap(), [0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0]);
        assert_eq!(samples.labels, [-100, 8, 9, -100, 8, 9, -100, 8, 9]);
        assert_eq!(samples.offsets, [0, 3, 6, 9]);
    }

    #[test]
    fn the_depth_of_a_target_counts_the_later_ones_in_all_samples_of_its_conversation() {
        let sample = |targets: &[usize]| Sample { targets: targets.to_vec(), ..Sample::default() };
        let mut samples = Samples::default();
        samples.push(&[sample(&[1, 5]), sample(&[3]), sample(&[])], ORIGIN);
        samples.push(&[sample(&[9])], ORIGIN);
        assert_eq!(samples.targets, [1, 5, 3, 9]);
        assert_eq!(samples.depth_from_end, [2, 0, 1, 0]);
    }

    #[test]
    fn a_table_of_parts_is_that_of_all_rows() {
        for (first, later) in [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (0.5, 0.5)] {
            let parts = vec![table(&[first]), Samples::default(), table(&[later])];
            assert_eq!(Samples::joined(parts), table(&[first, later]));
        }
    }
}
