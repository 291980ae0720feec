//! Samples in flat arrays.
//!
//! In: the rows of conversation after conversation, with their origin. Out: one ragged table, ready to be handed to
//! numpy without a copy: row i is `[offsets[i]..offsets[i + 1]]`.

use crate::layout::Sample;

/// The label of a token that is not trained; Hugging Face's value.
pub const IGNORE_INDEX: i32 = -100;

/// Where a conversation came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Index into the list of inputs.
    pub file: i32,
    /// 1-based.
    pub line: i64,
    /// Hash of the record's bytes.
    pub conversation_id: u128,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    pub input_ids: Vec<i32>,
    /// The id where the token is trained, else [`IGNORE_INDEX`]; unshifted.
    pub labels: Vec<i32>,
    pub offsets: Vec<i64>,
    /// Per token; kept only once a weight other than 0 and 1 has occurred.
    pub loss_weights: Option<Vec<f32>>,
    pub file: Vec<i32>,
    pub line: Vec<i64>,
    /// 16 bytes a row, big-endian.
    pub conversation_id: Vec<u8>,
    /// Message indices.
    pub targets: Vec<i32>,
    pub target_offsets: Vec<i64>,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            input_ids: Vec::new(),
            labels: Vec::new(),
            offsets: vec![0],
            loss_weights: None,
            file: Vec::new(),
            line: Vec::new(),
            conversation_id: Vec::new(),
            targets: Vec::new(),
            target_offsets: vec![0],
        }
    }
}

impl Samples {
    pub fn push(&mut self, sample: &Sample, origin: Origin) {
        let start = self.input_ids.len();
        self.input_ids.extend_from_slice(&sample.ids);
        self.labels.resize(self.input_ids.len(), IGNORE_INDEX);
        if sample.trained.iter().any(|trained| (trained.weight - 1.0).abs() > 0.0) {
            self.need_weights(start);
        }
        if let Some(weights) = &mut self.loss_weights {
            weights.resize(self.input_ids.len(), 0.0);
        }
        for trained in &sample.trained {
            let tokens = start + trained.tokens.start..start + trained.tokens.end;
            self.labels[tokens.clone()].copy_from_slice(&self.input_ids[tokens.clone()]);
            if let Some(weights) = &mut self.loss_weights {
                weights[tokens].fill(trained.weight);
            }
        }
        self.offsets.push(signed(self.input_ids.len()));
        self.file.push(origin.file);
        self.line.push(origin.line);
        self.conversation_id.extend_from_slice(&origin.conversation_id.to_be_bytes());
        self.targets.extend(sample.targets.iter().map(|message| i32::try_from(*message).unwrap_or(i32::MAX)));
        self.target_offsets.push(signed(self.targets.len()));
    }

    /// Adds the rows of a later part.
    pub fn append(&mut self, other: Self) {
        if self.loss_weights.is_some() || other.loss_weights.is_some() {
            self.need_weights(self.input_ids.len());
        }
        if let Some(weights) = &mut self.loss_weights {
            weights.extend(other.loss_weights.unwrap_or_else(|| unit_weights(&other.labels)));
        }
        let (tokens, targets) = (signed(self.input_ids.len()), signed(self.targets.len()));
        self.input_ids.extend_from_slice(&other.input_ids);
        self.labels.extend_from_slice(&other.labels);
        self.offsets.extend(other.offsets.iter().skip(1).map(|offset| tokens + offset));
        self.file.extend_from_slice(&other.file);
        self.line.extend_from_slice(&other.line);
        self.conversation_id.extend_from_slice(&other.conversation_id);
        self.targets.extend_from_slice(&other.targets);
        self.target_offsets.extend(other.target_offsets.iter().skip(1).map(|offset| targets + offset));
    }

    /// Fills in the weights of what came before the first weight that is neither 0 nor 1.
    fn need_weights(&mut self, tokens: usize) {
        let labels = &self.labels[..tokens];
        self.loss_weights.get_or_insert_with(|| unit_weights(labels));
    }
}

/// 1 where there is a label, else 0.
fn unit_weights(labels: &[i32]) -> Vec<f32> {
    labels.iter().map(|label| if *label == IGNORE_INDEX { 0.0 } else { 1.0 }).collect()
}

/// Lengths in memory are far below 2^63.
fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Trained;

    fn sample(weight: f32) -> Sample {
        let tokens = 1..3;
        Sample { ids: vec![7, 8, 9], trained: vec![Trained { tokens, weight }], targets: vec![1] }
    }

    #[test]
    fn weights_appear_with_the_first_that_is_neither_0_nor_1() {
        let origin = Origin { file: 0, line: 1, conversation_id: 1 };
        let mut samples = Samples::default();
        samples.push(&sample(1.0), origin);
        assert_eq!(samples.loss_weights, None);
        samples.push(&sample(0.5), origin);
        samples.push(&sample(1.0), origin);
        assert_eq!(samples.loss_weights.unwrap(), [0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0]);
        assert_eq!(samples.labels, [-100, 8, 9, -100, 8, 9, -100, 8, 9]);
        assert_eq!(samples.offsets, [0, 3, 6, 9]);
    }
}
