//! A row of token ids, and which of them are trained.

use std::ops::Range;

use crate::conversation::Weight;
use crate::target::{Encoded, Target};

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
    pub weight: Weight,
    /// The target that they are of; `None` where tokens are trained whoever wrote them.
    pub message: Option<usize>,
}

impl Sample {
    /// These tokens are a target's.
    pub(super) fn push_trained(&mut self, tokens: Range<usize>, target: Target) {
        self.trained.push(Trained { tokens, weight: target.weight, message: Some(target.message) });
        self.targets.push(target.message);
    }
}

/// A target in its own row, without the first `cut` ids of its prompt.
pub(super) fn cut_row(target: Target, encoded: &Encoded<'_>, cut: usize) -> Sample {
    let mut row = Sample { ids: encoded.ids[cut..].to_vec(), ..Sample::default() };
    row.push_trained(encoded.prompt - cut..row.ids.len(), target);
    row
}
