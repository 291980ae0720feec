//! The encoded targets of one conversation to samples.
//!
//! In: the ids of each target, in order. Out: rows of ids with the spans that are trained. A layout is a file with its
//! `Rows`: `per_turn`, `merged` and `tree` make rows target by target, `single_render` and `all_tokens` from one rendering of
//! the whole conversation; `again` makes them of targets that were expanded before. `part_weights` and `normalize` say what tokens weigh.

mod again;
mod all_tokens;
mod arrangement;
#[cfg(test)]
mod cases;
mod merged;
mod normalize;
mod part_weights;
mod per_turn;
mod sample;
mod single_render;
mod tree;
mod whole;

pub use again::{KnownTarget, arrange};
pub use arrangement::Arrangement;
pub use normalize::normalize;
pub use part_weights::{TokenWeights, set_token_weights};
pub use sample::{Branches, Sample, Trained, parents};
pub use whole::WholeConversation;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::chat_template::Rendering;
use crate::error::{Error, ErrorKind};
use crate::target::{Encoded, Target};
use all_tokens::AllTokens;
use merged::Merged;
use per_turn::PerTurn;
use sample::cut_row;
use single_render::SingleRender;
use tree::Tree;

/// The rows of a conversation in the making.
pub trait Rows {
    /// Compares a target with the rows. Each target that was encoded is shown, in order, whether it is added or not.
    fn compare(&mut self, _target: &Encoded<'_>) {}

    /// Adds the target that was compared last, without the first `cut` ids of its prompt. Returns the row that now ends
    /// with it; `None`: rows are made at the end.
    fn add(&mut self, target: Target, encoded: &Encoded<'_>, cut: usize) -> Option<usize>;

    /// Adds a target whose prompt and completion are not known; false where the layout cannot do without.
    fn add_unencoded(&mut self, _target: Target) -> bool {
        false
    }

    fn finish(self: Box<Self>, whole: WholeConversation<'_>) -> Arranged;
}

/// What became of the targets that were added.
#[derive(Default)]
pub struct Arranged {
    pub samples: Vec<Sample>,
    /// The targets whose context or text is not what inference shows.
    pub inexact: u64,
    /// Positions that are in a row more than once, because each predicts one token.
    pub repeated: u64,
    /// For each target that is in no sample, why.
    pub lost: Vec<Error>,
    /// Why there is no sample of a conversation that has no targets to drop.
    pub fault: Option<Error>,
    /// The control tokens that the template makes of texts in one rendering.
    pub made: BTreeSet<Arc<str>>,
    /// The one rendering that the samples are of, where they are of one.
    pub rendering: Option<Rendering>,
}

impl Arranged {
    /// All targets are lost for one reason.
    fn failed(error: &Error, targets: &[Target]) -> Self {
        let lost = targets.iter().map(|target| error.clone().at_message(target.message)).collect();
        let fault = targets.is_empty().then(|| error.clone());
        Self { lost, fault, ..Self::default() }
    }
}

pub fn too_long(length: usize, max_length: usize) -> Error {
    Error::new(
        ErrorKind::TooLong,
        format!("the sample has {length} tokens, more than max_length ({max_length})"),
    )
}
