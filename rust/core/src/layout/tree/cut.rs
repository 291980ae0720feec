//! Which targets of a tree share a row, where all of them are too long for one.
//!
//! In: the ends of the targets' paths, in pre-order. Out: stretches of them. The tokens that neighbouring stretches have
//! in common are written once for each; of all ways to cut the order into stretches that fit, the one with the fewest
//! tokens is taken, and of equal ones that with the fewest rows. Another order might take fewer: nothing is moved.

use std::ops::Range;

/// Where the path of a target ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub node: usize,
    /// The node in which its completion begins.
    pub begins: usize,
    /// The tokens of the whole path.
    pub length: usize,
    /// How many of them are on the path of the target before, too.
    pub shared: usize,
}

/// The best way to cut all that comes before an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    /// The tokens that are written again.
    repeated: usize,
    rows: usize,
    /// Where its last row begins.
    from: usize,
}

/// Cuts the ends into stretches of at most `max_length` tokens each; a path that is longer by itself has its own.
pub(super) fn stretches(ends: &[End], max_length: usize) -> Vec<Range<usize>> {
    let mut best = vec![Cut { repeated: 0, rows: 0, from: 0 }];
    for until in 1..=ends.len() {
        let mut length = 0;
        let mut found: Option<Cut> = None;
        for from in (0..until).rev() {
            // The row's first path is written whole, of each later one what is new.
            length += ends[from].length;
            if let Some(next) = ends.get(from + 1).filter(|_| from + 1 < until) {
                length -= next.shared;
            }
            if length > max_length && found.is_some() {
                break;
            }
            let again = if from == 0 { 0 } else { ends[from].shared };
            let cut = Cut { repeated: best[from].repeated + again, rows: best[from].rows + 1, from };
            found = Some(found.map_or(cut, |found| found.min(cut)));
        }
        best.extend(found);
    }
    let mut stretches = Vec::new();
    let mut until = ends.len();
    while until > 0 {
        let from = best[until].from;
        stretches.push(from..until);
        until = from;
    }
    stretches.reverse();
    stretches
}
