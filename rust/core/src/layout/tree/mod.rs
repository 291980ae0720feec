//! The layout `tree`: what targets begin with in common is in a row once.
//!
//! In: prompt ids and completion ids per target, in order. Out: a row a conversation, in which the targets are the paths
//! from the root: with a mask that lets a token see those before it on its path, and positions counted along it, each is
//! predicted as in a row of its own. `prefix_tree` finds what is in common, `rows` writes it, `cut` says what goes where
//! if it is too long for one row.

mod cut;
mod prefix_tree;
mod rows;
#[cfg(test)]
mod tests;

use super::{Arranged, Rows, Sample, WholeConversation};
use crate::target::{Encoded, Target};
use prefix_tree::PrefixTree;

#[derive(Default)]
pub struct Tree {
    targets: PrefixTree,
}

impl Tree {
    /// The rows of the targets that were added.
    pub(super) fn samples(&self, max_length: Option<usize>) -> Vec<Sample> {
        rows::rows(&self.targets, max_length)
    }
}

impl Rows for Tree {
    fn compare(&mut self, target: &Encoded<'_>) {
        self.targets.compare(&target.ids[..target.prompt], target.same);
    }

    fn add(&mut self, target: Target, encoded: &Encoded<'_>, cut: usize) -> Option<usize> {
        if cut == 0 {
            self.targets.add(target, encoded, 0);
            return None;
        }
        self.targets.compare(&encoded.ids[cut..encoded.prompt], 0);
        self.targets.add(target, encoded, cut);
        self.targets.forget_compared();
        None
    }

    fn finish(self: Box<Self>, whole: WholeConversation<'_>) -> Arranged {
        Arranged {
            samples: self.samples(whole.max_length),
            repeated: self.targets.repeated,
            ..Arranged::default()
        }
    }
}
