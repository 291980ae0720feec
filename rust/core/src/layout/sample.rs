//! A row of token ids, and which of them are trained.

use std::ops::Range;

use crate::conversation::Weight;
use crate::target::{Encoded, Provenance, Target};

/// A row of token ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    pub ids: Vec<i32>,
    /// What wrote each of them; empty where nobody asks.
    pub provenance: Vec<Provenance>,
    pub trained: Vec<Trained>,
    /// The messages that are trained here.
    pub targets: Vec<usize>,
    /// `None`: each token follows the one before it.
    pub branches: Option<Branches>,
}

/// Which tokens of a row follow which, in depth-first pre-order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Branches {
    /// How many tokens come before each on its path.
    pub depths: Vec<i32>,
    /// Where what follows each token ends in the row: it is seen from there, and from itself.
    pub ends: Vec<i32>,
}

/// Tokens with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    pub tokens: Range<usize>,
    pub weight: Weight,
    /// The target that they are of; `None` where tokens are trained whoever wrote them.
    pub message: Option<usize>,
}

impl Branches {
    /// A row in which each token follows the one before it.
    pub fn chain(length: usize) -> Self {
        Self { depths: (0..index(length)).collect(), ends: vec![index(length); length] }
    }
}

/// Of each of some tokens of a row, in ascending order, the one before it on its path; `None` for the first of a path.
pub fn parents(depths: &[i32], tokens: impl Iterator<Item = usize>) -> Vec<Option<usize>> {
    let depth = |token: usize| usize::try_from(depths[token]).unwrap_or_default();
    // The stretches of neighbours on the path to the token at hand: where each begins.
    let mut path: Vec<usize> = Vec::new();
    let mut seen = 0;
    let parents = tokens.map(|token| {
        for at in seen..=token {
            if at == 0 || depths[at] != depths[at - 1] + 1 {
                let kept = path.partition_point(|start| depth(*start) < depth(at));
                path.truncate(kept);
                path.push(at);
            }
        }
        seen = seen.max(token + 1);
        let above = depth(token).checked_sub(1)?;
        let stretch = path[path.partition_point(|start| depth(*start) <= above) - 1];
        Some(stretch + above - depth(stretch))
    });
    parents.collect()
}

/// A row has far fewer tokens than 2^31.
pub(super) fn index(token: usize) -> i32 {
    i32::try_from(token).unwrap_or(i32::MAX)
}

impl Sample {
    /// Adds the ids of a target from this one on.
    pub(super) fn extend(&mut self, encoded: &Encoded<'_>, from: usize) {
        self.ids.extend_from_slice(&encoded.ids[from..]);
        self.provenance.extend_from_slice(encoded.provenance.get(from..).unwrap_or_default());
    }

    /// What is trained is of answers, and nothing else is.
    pub fn mark_answers(&mut self) {
        if self.provenance.is_empty() {
            return;
        }
        for token in &mut self.provenance {
            *token = token.in_context();
        }
        for trained in &self.trained {
            let (tokens, Some(message)) = (trained.tokens.clone(), trained.message) else { continue };
            for token in tokens.clone() {
                let provenance = &mut self.provenance[token];
                *provenance = provenance.in_answer(message, token + 1 == tokens.end);
            }
        }
    }

    /// These tokens are a target's.
    pub(super) fn push_trained(&mut self, tokens: Range<usize>, target: Target) {
        self.trained.push(Trained { tokens, weight: target.weight, message: Some(target.message) });
        self.targets.push(target.message);
    }
}

/// A target in its own row, without the first `cut` ids of its prompt.
pub(super) fn cut_row(target: Target, encoded: &Encoded<'_>, cut: usize) -> Sample {
    let mut row = Sample::default();
    row.extend(encoded, cut);
    row.push_trained(encoded.prompt - cut..row.ids.len(), target);
    row
}
