//! Answers that are arranged in rows anew.
//!
//! In: the rows of a record with their labels, some answers of which are lost. Out: the rows of the others.

use super::answers::{Answer, Answers};
use super::labels::Labels;
use super::{LabelledTable, Relabelling, index};
use crate::conversation::Weight;
use crate::layout::{KnownTarget, Sample, TokenWeights, arrange, set_token_weights};
use crate::samples::table::IGNORE_INDEX;
use crate::target::{Provenance, Target};

pub(super) fn arranged_anew(
    table: &LabelledTable<'_>,
    labels: &Labels<'_>,
    answers: &Answers,
    rows: &[usize],
    how: Relabelling,
) -> Vec<Sample> {
    let mut targets: Vec<KnownTarget> = Vec::new();
    let mut weights = TokenWeights::new();
    for row in rows {
        let provenance = provenance(table, *row);
        for answer in answers.of_row(*row).iter().filter(|answer| !answer.is_lost) {
            targets.push(target(table, *row, answer, &provenance));
            weights.insert(answer.message, weights_of(labels, answer));
        }
    }
    targets.sort_by_key(|known| known.target.message);
    let mut samples = arrange(how.layout, &targets, how.max_length);
    samples.iter_mut().for_each(Sample::mark_answers);
    set_token_weights(&mut samples, &weights, |message| weights.contains_key(&message));
    samples
}

/// What wrote each token of a row.
fn provenance(table: &LabelledTable<'_>, row: usize) -> Vec<Provenance> {
    let runs = table.with_tokens(table.rows_runs(row), table.row(row).start);
    runs.flat_map(|(run, tokens)| std::iter::repeat_n(table.provenance(run), tokens.len())).collect()
}

/// An answer with the ids before it.
fn target(table: &LabelledTable<'_>, row: usize, answer: &Answer, provenance: &[Provenance]) -> KnownTarget {
    let tokens = table.row(row);
    let end = answer.tokens.end - tokens.start;
    let path: Vec<usize> = match table.subtree_end {
        None => (0..end).collect(),
        Some(ends) => {
            let ends = &ends[tokens.clone()];
            (0..end).filter(|token| index(ends[*token]) >= end).collect()
        }
    };
    KnownTarget {
        target: Target { message: answer.message, weight: Weight::ONE },
        ids: path.iter().map(|token| table.input_ids[tokens.start + token]).collect(),
        prompt: path.len() - answer.tokens.len(),
        provenance: path.iter().map(|token| provenance[*token]).collect(),
    }
}

/// What the tokens of an answer weigh.
fn weights_of(labels: &Labels<'_>, answer: &Answer) -> Vec<Weight> {
    let weigh = |token: usize| {
        // In trees a weight is where its token is predicted.
        let at = match labels.shift_labels {
            None => Some(token),
            Some(_) if token == answer.tokens.start => answer.before,
            Some(_) => Some(token - 1),
        };
        match (&labels.loss_weights, at) {
            _ if labels.labels[token] == IGNORE_INDEX => Weight::ZERO,
            (Some(weights), Some(at)) => Weight(weights[at]),
            _ => Weight::ONE,
        }
    };
    answer.tokens.clone().map(weigh).collect()
}
