//! A tree of targets to rows.
//!
//! In: a prefix tree and the most tokens of a row. Out: rows in depth-first pre-order, the children of a node in the
//! order of the targets; each target is trained in one of them, and is context in others that its path leads to.

use std::ops::Range;

use super::cut::{End, stretches};
use super::prefix_tree::{PrefixTree, ROOT};
use crate::layout::sample::{Branches, Sample, index};

/// The rows of a tree: one, or as many as `max_length` takes.
pub(super) fn rows(tree: &PrefixTree, max_length: Option<usize>) -> Vec<Sample> {
    let ends = ends(tree);
    let stretches = match max_length {
        Some(most) if tree.token_count() > most => stretches(&ends, most),
        _ if ends.is_empty() => Vec::new(),
        _ => vec![0..ends.len(); 1],
    };
    let mut marks =
        Marks { written: vec![0; tree.node_count()], trained: vec![0; tree.node_count()], row: 0 };
    let rows = stretches.into_iter().map(|stretch| {
        marks.mark(tree, &ends, stretch);
        write(tree, &marks)
    });
    rows.collect()
}

/// The ends of the targets, in pre-order.
pub(super) fn ends(tree: &PrefixTree) -> Vec<End> {
    let mut ends = Vec::new();
    // Where the completion began that is being gone along, and how much of it is left.
    let mut begun = None;
    // The depth of the first node since the last end: up to there the next path is the same.
    let mut shared = None;
    let mut left = vec![ROOT];
    while let Some(at) = left.pop() {
        let node = tree.node(at);
        left.extend(node.children.iter().rev());
        let shared_here = *shared.get_or_insert(node.depth);
        if let Some(completion) = &node.begins {
            begun = Some((at, node.completed_from + completion.length));
        }
        begun = match begun {
            Some((begins, length)) if length <= node.len() => {
                ends.push(End { node: at, begins, length: node.end(), shared: shared_here });
                shared = None;
                None
            }
            Some((begins, length)) => Some((begins, length - node.len())),
            None => None,
        };
    }
    ends
}

/// What is written in the row at hand, and what is trained there.
struct Marks {
    /// For each node the last row that it is in, counted from 1.
    written: Vec<usize>,
    /// For each node the row in which what begins there is trained.
    trained: Vec<usize>,
    row: usize,
}

impl Marks {
    /// The next row has these targets.
    fn mark(&mut self, tree: &PrefixTree, ends: &[End], stretch: Range<usize>) {
        self.row += 1;
        for end in &ends[stretch] {
            self.trained[end.begins] = self.row;
            let mut node = end.node;
            while self.written[node] != self.row {
                self.written[node] = self.row;
                node = tree.node(node).parent;
            }
        }
    }
}

/// A node that is written now, or of which all that comes after it has been.
enum Step {
    Enter(usize),
    Leave(Range<usize>),
}

fn write(tree: &PrefixTree, marks: &Marks) -> Sample {
    let (mut row, mut branches) = (Sample::default(), Branches::default());
    let mut steps = vec![Step::Enter(ROOT)];
    while let Some(step) = steps.pop() {
        let at = match step {
            Step::Leave(tokens) => {
                branches.ends[tokens].fill(index(row.ids.len()));
                continue;
            }
            Step::Enter(at) => at,
        };
        let (node, start) = (tree.node(at), row.ids.len());
        row.ids.extend_from_slice(tree.ids_of(at));
        row.provenance.extend_from_slice(tree.provenance_of(at));
        branches.depths.extend(index(node.depth)..index(node.end()));
        branches.ends.resize(row.ids.len(), 0);
        if let Some(completion) = node.begins.filter(|_| marks.trained[at] == marks.row) {
            let first = start + node.completed_from;
            row.push_trained(first..first + completion.length, completion.target);
        }
        steps.push(Step::Leave(start..row.ids.len()));
        let children = node.children.iter().filter(|child| marks.written[**child] == marks.row);
        steps.extend(children.rev().map(|child| Step::Enter(*child)));
    }
    row.branches = Some(branches);
    row
}
