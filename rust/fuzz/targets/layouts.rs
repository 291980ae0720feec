//! A conversation as trees and as a row for each target: what is trained after which tokens is the same.

#![no_main]

use std::sync::LazyLock;

use everyturn_core::{Layout, Options, Outcome, PromptMismatch};
use everyturn_fuzz::{Running, conversation, expand, expander};
use libfuzzer_sys::fuzz_target;

fn expander_of(layout: Layout) -> Running {
    expander(Options { layout, prompt_mismatch: PromptMismatch::Splice, ..Options::default() })
}

static TREE: LazyLock<Running> = LazyLock::new(|| expander_of(Layout::Tree));
static PER_TURN: LazyLock<Running> = LazyLock::new(|| expander_of(Layout::PerTurn));

/// Of each trained run of tokens: all tokens up to its end, on their path, and how many of them are trained.
fn trained(outcome: &Outcome) -> Vec<(Vec<i32>, usize)> {
    let mut all = Vec::new();
    for sample in &outcome.samples {
        for run in &sample.trained {
            let end = run.tokens.end;
            let is_on_path = |at: &usize| {
                sample.branches.as_ref().is_none_or(|tree| tree.ends[*at].cast_unsigned() as usize >= end)
            };
            let path: Vec<i32> = (0..end).filter(is_on_path).map(|at| sample.ids[at]).collect();
            all.push((path, run.tokens.len()));
        }
    }
    all.sort();
    all
}

fuzz_target!(|bytes: &[u8]| {
    let record = conversation(bytes).to_string();
    let (tree, rows) = (expand(&TREE, record.as_bytes(), None), expand(&PER_TURN, record.as_bytes(), None));
    assert_eq!(trained(&tree), trained(&rows));
});
