//! Rows of targets that were expanded before.
//!
//! In: the ids of targets, as rows of any layout hold them. Out: the rows of a layout. Nothing is rendered, so layouts
//! that show a conversation rendered as a whole have none.

use super::{Merged, PerTurn, Rows, Sample, Tree};
use crate::options::Layout;
use crate::prompt_text::common_items;
use crate::target::{Encoded, Provenance, Target};

/// The rows of targets whose ids are known, in the order of their messages; none in layouts that show the conversation
/// rendered as a whole.
pub fn arrange(layout: Layout, targets: &[KnownTarget], max_length: Option<usize>) -> Vec<Sample> {
    let mut rows = MadeOfTargets::of(layout);
    let mut before: &[i32] = &[];
    for KnownTarget { target, ids, prompt, provenance } in targets {
        let same = common_items(before, ids);
        let encoded = Encoded { ids, prompt: *prompt, same, provenance, ..Encoded::default() };
        rows.add(*target, &encoded);
        before = ids;
    }
    rows.samples(max_length)
}

/// A target that was expanded before.
pub struct KnownTarget {
    pub target: Target,
    /// The prompt's, then the completion's.
    pub ids: Vec<i32>,
    pub prompt: usize,
    pub provenance: Vec<Provenance>,
}

enum MadeOfTargets {
    PerTurn(PerTurn),
    Merged(Merged),
    Tree(Tree),
    Nothing,
}

impl MadeOfTargets {
    fn of(layout: Layout) -> Self {
        match layout {
            Layout::PerTurn => Self::PerTurn(PerTurn::default()),
            Layout::Merged => Self::Merged(Merged::default()),
            Layout::Tree => Self::Tree(Tree::default()),
            Layout::Conversation => Self::Nothing,
        }
    }

    fn add(&mut self, target: Target, encoded: &Encoded<'_>) {
        let rows: &mut dyn Rows = match self {
            Self::PerTurn(rows) => rows,
            Self::Merged(rows) => rows,
            Self::Tree(rows) => rows,
            Self::Nothing => return,
        };
        rows.compare(encoded);
        rows.add(target, encoded, 0);
    }

    fn samples(self, max_length: Option<usize>) -> Vec<Sample> {
        match self {
            Self::PerTurn(rows) => rows.samples,
            Self::Merged(rows) => rows.samples,
            Self::Tree(rows) => rows.samples(max_length),
            Self::Nothing => Vec::new(),
        }
    }
}
