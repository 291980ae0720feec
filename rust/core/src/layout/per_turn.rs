//! The layout `per_turn`: a row for each target.

use super::{Arranged, Rows, Sample, WholeConversation, cut_row};
use crate::target::{Encoded, Target};

#[derive(Default)]
pub struct PerTurn {
    pub(super) samples: Vec<Sample>,
}

impl Rows for PerTurn {
    fn add(&mut self, target: Target, encoded: &Encoded<'_>, cut: usize) -> Option<usize> {
        self.samples.push(cut_row(target, encoded, cut));
        Some(self.samples.len() - 1)
    }

    fn finish(self: Box<Self>, _: WholeConversation<'_>) -> Arranged {
        Arranged { samples: self.samples, ..Arranged::default() }
    }
}
