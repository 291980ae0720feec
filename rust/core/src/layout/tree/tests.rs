//! The rules of trees, each against a slow, obvious reading.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot start has failed")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::cut::{End, stretches};
use super::prefix_tree::{PrefixTree, ROOT};
use super::{Tree, rows};
use crate::layout::cases::{Case, fill, fill_where, pairs, targets};
use crate::layout::{PerTurn, Sample, parents};

fn tree(targets: &[Case]) -> PrefixTree {
    let mut tree = Tree::default();
    fill(&mut tree, targets);
    tree.targets
}

fn tree_of_all(targets: &[Case]) -> PrefixTree {
    let mut tree = Tree::default();
    fill_where(&mut tree, targets, |_| true);
    tree.targets
}

fn per_turn(targets: &[Case]) -> Vec<Sample> {
    let mut rows = PerTurn::default();
    fill(&mut rows, targets);
    rows.samples
}

/// The beginnings of paths.
fn plain_trie<'p>(paths: impl Iterator<Item = &'p [i32]>) -> BTreeSet<&'p [i32]> {
    paths.flat_map(|path| (1..=path.len()).map(|length| &path[..length])).collect()
}

/// Targets as a conversation has them: each prompt is an earlier path, or a part of it, and something new.
fn conversations() -> impl Strategy<Value = Vec<Case>> {
    let new = |length| prop::collection::vec(0..50, length);
    let turn = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), new(0..4), new(1..5));
    prop::collection::vec(turn, 1..7).prop_map(|turns| {
        let mut targets: Vec<Case> = Vec::new();
        for (earlier, kept, prompt, completion) in turns {
            let mut begins = vec![1];
            if !targets.is_empty() {
                let (prompt, completion, _) = earlier.get(&targets);
                begins = [prompt.clone(), completion.clone()].concat();
                begins.truncate(kept.index(begins.len()) + 1);
            }
            targets.push(([begins, prompt].concat(), completion, 0));
        }
        targets
    })
}

/// Every way to put the ends into rows, whatever their order.
fn partitions(count: usize) -> Vec<Vec<Vec<usize>>> {
    let mut all: Vec<Vec<Vec<usize>>> = vec![Vec::new()];
    for end in 0..count {
        all = all
            .into_iter()
            .flat_map(|rows| {
                (0..=rows.len()).map(move |at| {
                    let mut rows = rows.clone();
                    if at == rows.len() {
                        rows.push(Vec::new());
                    }
                    rows[at].push(end);
                    rows
                })
            })
            .collect();
    }
    all
}

/// The ends of a tree's paths as `rows` finds them.
fn paths_and_ends(tree: &PrefixTree) -> (Vec<Vec<i32>>, Vec<End>) {
    let ends = rows::ends(tree);
    let path = |end: &End| {
        let (mut node, mut parts) = (end.node, Vec::new());
        while node != ROOT {
            parts.push(tree.ids_of(node));
            node = tree.node(node).parent;
        }
        parts.into_iter().rev().flatten().copied().collect()
    };
    (ends.iter().map(path).collect(), ends)
}

/// The tokens of all rows, if each is short enough.
fn tokens_of(rows: &[Vec<usize>], paths: &[Vec<i32>], max_length: usize) -> Option<usize> {
    let lengths = rows.iter().map(|row| plain_trie(row.iter().map(|end| &*paths[*end])).len());
    let fitting: Vec<usize> = lengths.filter(|length| *length <= max_length).collect();
    (fitting.len() == rows.len()).then(|| fitting.iter().sum())
}

proptest! {
    #[test]
    fn a_tree_carries_the_pairs_of_per_turn(targets in targets(1..6), max_length in prop::option::of(11..16_usize)) {
        prop_assert_eq!(pairs(&rows::rows(&tree(&targets), max_length)), pairs(&per_turn(&targets)));
    }

    #[test]
    fn a_tree_has_the_tokens_of_a_plain_trie_and_the_repeated_positions(targets in conversations()) {
        let paths: Vec<Vec<i32>> = targets.iter().map(|(prompt, completion, _)| [&**prompt, completion].concat()).collect();
        let earlier_begins_so = |at: usize| {
            let begins = &paths[at][..=targets[at].0.len()];
            paths[..at].iter().any(|path| path.starts_with(begins))
        };
        // Two answers that begin alike after one prompt are not shared: each of their tokens is trained twice.
        prop_assume!(!(0..targets.len()).any(earlier_begins_so));
        let tree = tree_of_all(&targets);
        let mut labels: BTreeMap<&[i32], usize> = BTreeMap::new();
        for ((prompt, ..), path) in targets.iter().zip(&paths) {
            for length in prompt.len()..path.len() {
                *labels.entry(&path[..length]).or_default() += 1;
            }
        }
        let repeated: usize = labels.values().map(|labels| labels - 1).sum();
        prop_assert_eq!(usize::try_from(tree.repeated), Ok(repeated));
        prop_assert_eq!(tree.token_count(), plain_trie(paths.iter().map(Vec::as_slice)).len() + repeated);
    }

    #[test]
    fn each_position_predicts_one_token(targets in targets(1..6)) {
        for row in rows::rows(&tree(&targets), Some(12)) {
            let branches = row.branches.clone().unwrap_or_default();
            let tokens: Vec<usize> = row.trained.iter().flat_map(|trained| trained.tokens.clone()).collect();
            let parents = parents(&branches.depths, tokens.iter().copied());
            let predicting: Vec<usize> = parents.into_iter().flatten().collect();
            let distinct: BTreeSet<usize> = predicting.iter().copied().collect();
            prop_assert_eq!(distinct.len(), predicting.len());
        }
    }

    #[test]
    fn no_row_is_longer_than_it_may_be(targets in targets(1..6), max_length in 11..16_usize) {
        for row in rows::rows(&tree(&targets), Some(max_length)) {
            prop_assert!(row.ids.len() <= max_length);
            prop_assert!(!row.targets.is_empty());
        }
    }
}

/// How the cuts of many small trees compare with the best of all ways to put their targets into rows.
#[test]
fn cutting_takes_about_as_few_tokens_as_any_way_would() {
    let mut runner = TestRunner::deterministic();
    let (mut cut, mut best) = (0, 0);
    for _ in 0..200 {
        let targets = conversations().new_tree(&mut runner).unwrap().current();
        let tree = tree_of_all(&targets);
        let (paths, ends) = paths_and_ends(&tree);
        // What is in a tree twice is twice in no plain trie.
        if tree.token_count() > plain_trie(paths.iter().map(Vec::as_slice)).len() {
            continue;
        }
        let longest = paths.iter().map(Vec::len).max().unwrap_or(0);
        for max_length in longest..longest + 6 {
            let rows: Vec<Vec<usize>> =
                stretches(&ends, max_length).into_iter().map(Iterator::collect).collect();
            let tokens = tokens_of(&rows, &paths, max_length).expect("each row fits");
            let all = partitions(ends.len());
            let fewest = all.iter().filter_map(|rows| tokens_of(rows, &paths, max_length)).min().unwrap();
            let in_order = all.iter().filter(|rows| rows.concat().is_sorted());
            let fewest_in_order =
                in_order.filter_map(|rows| tokens_of(rows, &paths, max_length)).min().unwrap();
            assert_eq!(tokens, fewest_in_order);
            cut += tokens;
            best += fewest;
        }
    }
    assert!(cut >= best);
    assert!(cut * 100 <= best * 102, "{cut} tokens, and {best} would do");
}
