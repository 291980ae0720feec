//! Rows of targets that were expanded before.
//!
//! In: the ids of targets, as rows of any layout hold them. Out: the rows of a layout. Nothing is rendered, so layouts
//! that show a conversation rendered as a whole have none.

use super::{Merged, PerTurn, Rows, Sample, Tree};
use crate::options::Layout;
use crate::prompt_text::common_items;
use crate::target::{Encoded, Provenance, Target};

/// A target that was expanded before.
pub struct KnownTarget {
    pub target: Target,
    /// The prompt's, then the completion's.
    pub ids: Vec<i32>,
    pub prompt: usize,
    pub provenance: Vec<Provenance>,
}

/// The rows of targets whose ids are known, in the order of their messages; none in layouts that show the conversation
/// rendered as a whole.
pub fn arrange(layout: Layout, targets: &[KnownTarget], max_length: Option<usize>) -> Vec<Sample> {
    match layout {
        Layout::PerTurn => filled::<PerTurn>(targets).samples,
        Layout::Merged => filled::<Merged>(targets).samples,
        Layout::Tree => filled::<Tree>(targets).samples(max_length),
        Layout::Conversation => Vec::new(),
    }
}

fn filled<R: Rows + Default>(targets: &[KnownTarget]) -> R {
    let mut rows = R::default();
    let mut before: &[i32] = &[];
    for KnownTarget { target, ids, prompt, provenance } in targets {
        let same = common_items(before, ids);
        let encoded = Encoded { ids, prompt: *prompt, same, provenance, ..Encoded::default() };
        rows.compare(&encoded);
        rows.add(*target, &encoded, 0);
        before = ids;
    }
    rows
}
