//! Rows without some answers are the rows of the other answers, arranged from nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use proptest::prelude::*;

use super::*;
use crate::conversation::Weight;
use crate::layout::{KnownTarget, Sample, TokenWeights, arrange, set_token_weights};
use crate::samples::table::SampleOrigin;
use crate::target::Target;

const ORIGIN: SampleOrigin = SampleOrigin { file: 0, line: 0, conversation_id: 0 };

/// Text of the template: all that answers have here. Who wrote it as context does not hang on which answers are left.
const OF_TEMPLATE: &[i32] = &[2, 3, STOP];

/// What follows each answer.
const STOP: i32 = 4;

/// An answer: how much of the one before it, with its prompt, its prompt begins with, what follows there, and what it is.
type Case = (usize, Vec<i32>, Vec<i32>);

/// Answers that often go on where the one before ended, as those of chats do, and have few ids.
fn cases() -> impl Strategy<Value = Vec<Case>> {
    let ids = |of: &'static [i32]| prop::collection::vec(prop::sample::select(of), 0..4);
    let shared = prop_oneof![Just(usize::MAX), 0..12_usize];
    prop::collection::vec((shared, ids(&[1, 2, 3]), ids(OF_TEMPLATE)), 1..7)
}

fn targets(cases: &[Case]) -> Vec<KnownTarget> {
    let mut before: Vec<i32> = vec![9];
    let of_case = |(message, (shared, prompt, completion)): (usize, &Case)| {
        let prompt = [&before[..before.len().min(shared.saturating_add(1))], prompt].concat();
        let ids = [&prompt[..], completion, &[STOP]].concat();
        before.clone_from(&ids);
        let of = |(at, id): (usize, &i32)| Provenance {
            kind: if OF_TEMPLATE.contains(id) { TextKind::Template } else { TextKind::Content },
            message: i32::try_from(at / 4).unwrap(),
            is_answer: false,
        };
        KnownTarget {
            target: Target { message, weight: Weight::ONE },
            provenance: ids.iter().enumerate().map(of).collect(),
            ids,
            prompt: prompt.len(),
        }
    };
    cases.iter().enumerate().map(of_case).collect()
}

/// A table of the answers that weigh something, each its weight.
fn table(layout: Layout, max_length: usize, cases: &[Case], weights: &[f32], by: Normalize) -> Samples {
    let mut targets = targets(cases);
    targets.retain(|known| weights[known.target.message] > 0.0);
    let mut samples = arrange(layout, &targets, Some(max_length));
    samples.iter_mut().for_each(Sample::mark_answers);
    let weights: TokenWeights = targets
        .iter()
        .map(|known| {
            let message = known.target.message;
            (message, vec![Weight(weights[message]); known.ids.len() - known.prompt])
        })
        .collect();
    set_token_weights(&mut samples, &weights, |message| weights.contains_key(&message));
    crate::layout::normalize(&mut samples, by);
    let mut table = Samples::of(layout);
    table.push(&samples, ORIGIN);
    table
}

/// The samples with the weights of the messages of its answers.
fn relabelled(before: &Samples, weights: &[f32], how: Relabelling) -> Samples {
    let weight_of = |(message, is_answer): (&i32, &bool)| match usize::try_from(*message) {
        Ok(message) if *is_answer => weights[message],
        _ => f32::NAN,
    };
    let run_weights: Vec<f32> = before.run_messages.iter().zip(&before.run_answers).map(weight_of).collect();
    let records = vec![7; before.offsets.len() - 1];
    let table = LabelledTable {
        input_ids: &before.input_ids,
        labels: &before.labels,
        loss_weights: before.loss_weights.as_deref(),
        position_ids: before.position_ids.as_deref(),
        subtree_end: before.subtree_end.as_deref(),
        shift_labels: before.shift_labels.as_deref(),
        offsets: &before.offsets,
        run_lengths: &before.run_lengths,
        run_kinds: &before.run_kinds,
        run_messages: &before.run_messages,
        run_answers: &before.run_answers,
        run_offsets: &before.run_offsets,
        run_weights: &run_weights,
        records: &records,
    };
    match relabel(&table, how) {
        Relabelled::Rows { samples, .. } => samples,
        Relabelled::Labels(Labels { labels, loss_weights, shift_labels, .. }) => Samples {
            labels: labels.into_owned(),
            loss_weights: loss_weights.map(std::borrow::Cow::into_owned),
            shift_labels: shift_labels.map(std::borrow::Cow::into_owned),
            ..before.clone()
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn rows_are_those_of_the_answers_that_are_left(
        cases in cases(),
        layout in prop::sample::select(&[Layout::PerTurn, Layout::Merged, Layout::Tree][..]),
        by in prop::sample::select(&[Normalize::None, Normalize::Sample, Normalize::Conversation][..]),
        before in prop::collection::vec(prop::sample::select(&[1.0_f32, 1.0, 0.5][..]), 7),
        change in prop::collection::vec(prop::sample::select(&[0.0_f32, 1.0, 2.0, f32::NAN, f32::NAN][..]), 7),
        max_length in prop_oneof![Just(1000_usize), 4..30_usize],
    ) {
        let after: Vec<f32> =
            before.iter().zip(&change).map(|(own, given)| if given.is_nan() { *own } else { *given }).collect();
        let how = Relabelling { layout, max_length: Some(max_length), normalize: by, allow_context: false };
        let found = relabelled(&table(layout, max_length, &cases, &before, Normalize::None), &change, how);
        prop_assert_eq!(found, table(layout, max_length, &cases, &after, by));
    }
}
