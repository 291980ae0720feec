//! Samples whose tokens get other weights than they were expanded with.
//!
//! In: the rows of a table, which know the answers that they train, and what each of their runs is to weigh. Out: the rows that
//! an expansion with these weights would give. Nothing is rendered or encoded again: the ids of prompts and completions
//! are in the rows. A conversation that loses an answer is arranged anew from those that are left.

use std::ops::Range;

use super::columns::Samples;
use super::table::{IGNORE_INDEX, SampleOrigin};
use crate::conversation::Weight;
use crate::layout::{
    Branches, KnownTarget, Sample, TokenWeights, Trained, arrange, normalize, set_token_weights,
};
use crate::options::{Layout, Normalize};
use crate::target::{Provenance, Target, TextKind};

/// A table of samples as they were expanded.
#[derive(Clone, Copy)]
pub struct LabelledTable<'t> {
    pub input_ids: &'t [i32],
    pub labels: &'t [i32],
    pub loss_weights: Option<&'t [f32]>,
    /// Of trees.
    pub position_ids: Option<&'t [i32]>,
    pub subtree_end: Option<&'t [i32]>,
    pub offsets: &'t [i64],
    pub run_lengths: &'t [i32],
    pub run_kinds: &'t [u8],
    pub run_messages: &'t [i32],
    pub run_answers: &'t [bool],
    pub run_offsets: &'t [i64],
    /// What the tokens of each run are to weigh; one that is not a number leaves them as they are; 0 is not trained.
    pub run_weights: &'t [f32],
    /// Of each row the number of its record; those of one record have the same.
    pub records: &'t [i64],
}

/// How samples are labelled.
#[derive(Debug, Clone, Copy)]
pub struct Relabelling {
    pub layout: Layout,
    pub max_length: Option<usize>,
    pub normalize: Normalize,
    /// Tokens that no answer is of may be trained; rows are then left as they are.
    pub allow_context: bool,
}

/// Rows that were made of others.
pub struct Relabelled {
    /// Without what is known of the records.
    pub samples: Samples,
    /// For each row one that is of the same record.
    pub sources: Vec<i64>,
}

/// An answer that a row trains, or would.
struct Answer {
    tokens: Range<usize>,
    message: usize,
    weights: Vec<Weight>,
}

/// Where an answer is in a row.
struct AnswerTokens {
    tokens: Range<usize>,
    /// In the table.
    runs: Range<usize>,
    message: usize,
    /// The token before it on its path.
    before: Option<usize>,
}

/// A row with its answers and what its tokens weigh.
struct Row {
    /// Nothing of it is trained yet.
    sample: Sample,
    answers: Vec<Answer>,
    /// Stretches that are trained and of no answer.
    context: Vec<Trained>,
}

/// Gives the tokens of each run their weight.
pub fn relabel(table: &LabelledTable<'_>, how: Relabelling) -> Relabelled {
    let mut made = Relabelled { samples: Samples::of(how.layout), sources: Vec::new() };
    for rows in rows_of_records(table.records) {
        let source = rows[0];
        let rows = rows.into_iter().map(|row| table.row(row, how.allow_context)).collect();
        let samples = relabel_conversation(rows, how);
        made.sources.resize(made.sources.len() + samples.len(), i64::try_from(source).unwrap_or_default());
        let origin = SampleOrigin { file: 0, line: 0, conversation_id: 0 };
        made.samples.push(&samples, origin);
    }
    made
}

/// The columns that change where every answer keeps a trained token: then the rows stay what they are.
pub struct NewLabels {
    pub labels: Vec<i32>,
    pub loss_weights: Option<Vec<f32>>,
    /// Of trees.
    pub shift_labels: Option<Vec<i32>>,
}

/// The same as [`relabel`] where rows stay what they are, without making them anew; `None` where an answer is lost.
pub fn relabel_in_place(table: &LabelledTable<'_>) -> Option<NewLabels> {
    let count = table.input_ids.len();
    let mut writer = LabelWriter {
        table,
        labels: vec![IGNORE_INDEX; count],
        loss_weights: vec![0.0; count],
        shift_labels: table.subtree_end.map(|_| vec![IGNORE_INDEX; count]),
        are_units: true,
    };
    for row in 0..table.records.len() {
        let start = index(table.offsets[row]);
        for answer in table.answers(row, table.branches(row).as_ref()) {
            let mut is_lost = true;
            for (tokens, given) in table.weighted_runs(&answer) {
                // The weights of a tree are where tokens are predicted: of all but the first, one before.
                let first = if table.subtree_end.is_some() && tokens.start == answer.tokens.start {
                    tokens.start..tokens.start + 1
                } else {
                    tokens.start..tokens.start
                };
                for part in [first.clone(), first.end..tokens.end].into_iter().filter(|part| !part.is_empty())
                {
                    let predicts = table.predicting(answer.before, &answer.tokens, part.start);
                    let tokens = start + part.start..start + part.end;
                    is_lost &= !writer.write(tokens, given, predicts.map(|at| start + at));
                }
            }
            if is_lost {
                return None;
            }
        }
    }
    let LabelWriter { labels, loss_weights, shift_labels, are_units, .. } = writer;
    Some(NewLabels { labels, loss_weights: (!are_units).then_some(loss_weights), shift_labels })
}

/// Columns that are written stretch by stretch.
struct LabelWriter<'t> {
    table: &'t LabelledTable<'t>,
    labels: Vec<i32>,
    loss_weights: Vec<f32>,
    shift_labels: Option<Vec<i32>>,
    /// All that is trained weighs 1.
    are_units: bool,
}

impl LabelWriter<'_> {
    /// Gives neighbouring tokens their weight, which is at `predicts` and after. Says whether one of them is trained.
    fn write(&mut self, tokens: Range<usize>, given: f32, predicts: Option<usize>) -> bool {
        if given.is_nan() {
            return self.keep(tokens, predicts);
        }
        if given <= 0.0 {
            return false;
        }
        self.are_units &= Weight(given) == Weight::ONE;
        let ids = &self.table.input_ids[tokens.clone()];
        self.labels[tokens].copy_from_slice(ids);
        if let Some(at) = predicts {
            self.loss_weights[at..at + ids.len()].fill(given);
            if let Some(shifted) = &mut self.shift_labels {
                shifted[at..at + ids.len()].copy_from_slice(ids);
            }
        }
        true
    }

    /// Leaves neighbouring tokens as they were expanded.
    fn keep(&mut self, tokens: Range<usize>, predicts: Option<usize>) -> bool {
        let mut is_trained = false;
        for (number, token) in tokens.enumerate() {
            let predicts = predicts.map(|at| at + number);
            let weight = self.table.own_weight(token, predicts);
            if weight <= 0.0 {
                continue;
            }
            is_trained = true;
            self.are_units &= Weight(weight) == Weight::ONE;
            self.labels[token] = self.table.input_ids[token];
            if let Some(at) = predicts {
                self.loss_weights[at] = weight;
                if let Some(shifted) = &mut self.shift_labels {
                    shifted[at] = self.table.input_ids[token];
                }
            }
        }
        is_trained
    }
}

/// The rows of each record, records in the order of their first rows.
fn rows_of_records(records: &[i64]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for (row, record) in records.iter().enumerate() {
        let at = *known.entry(record).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(row);
    }
    groups
}

fn relabel_conversation(rows: Vec<Row>, how: Relabelling) -> Vec<Sample> {
    let is_lost = |answer: &Answer| answer.weights.iter().all(|weight| *weight <= Weight::ZERO);
    let loses_some = rows.iter().flat_map(|row| &row.answers).any(is_lost);
    let weights: TokenWeights = rows
        .iter()
        .flat_map(|row| &row.answers)
        .map(|answer| (answer.message, answer.weights.clone()))
        .collect();
    let is_made_of_targets = how.layout != Layout::Conversation && !how.allow_context;
    let mut samples: Vec<Sample> = if loses_some && is_made_of_targets {
        let mut targets: Vec<KnownTarget> = rows.iter().flat_map(|row| row.targets(&is_lost)).collect();
        targets.sort_by_key(|known| known.target.message);
        arrange(how.layout, &targets, how.max_length)
    } else {
        rows.into_iter().map(|row| row.with_answers(&is_lost)).collect()
    };
    if loses_some {
        samples.iter_mut().for_each(Sample::mark_answers);
    }
    // What loses all of its tokens is no error: it was asked for.
    set_token_weights(&mut samples, &weights, |message| weights.contains_key(&message));
    samples.retain(|sample| !sample.trained.is_empty());
    normalize(&mut samples, how.normalize);
    samples
}

impl LabelledTable<'_> {
    fn row(&self, row: usize, allow_context: bool) -> Row {
        let tokens = tokens_of(self.offsets, row);
        let mut given = Vec::with_capacity(tokens.len());
        for run in tokens_of(self.run_offsets, row) {
            given.resize(given.len() + self.run_length(run), self.run_weights[run]);
        }
        let start = tokens.start;
        let ids = self.input_ids[tokens].to_vec();
        let branches = self.branches(row);
        let provenance = self.provenance(row, ids.len());
        let weigh = |token: usize, predicts: Option<usize>| match given[token] {
            own if own.is_nan() => Weight(self.own_weight(start + token, predicts.map(|at| start + at))),
            given => Weight(given),
        };
        let answers = self.answers(row, branches.as_ref()).into_iter().map(|answer| {
            let AnswerTokens { tokens, message, before, .. } = answer;
            let weigh = |token| weigh(token, self.predicting(before, &tokens, token));
            Answer { weights: tokens.clone().map(weigh).collect(), tokens: tokens.clone(), message }
        });
        let answers: Vec<Answer> = answers.collect();
        let sample = Sample { ids, provenance, branches, ..Sample::default() };
        let weigh = |token: usize| weigh(token, Some(token));
        let context = if allow_context { trained_context(&sample, weigh) } else { Vec::new() };
        Row { sample, answers, context }
    }

    fn branches(&self, row: usize) -> Option<Branches> {
        let tokens = tokens_of(self.offsets, row);
        let (depths, ends) = self.position_ids.zip(self.subtree_end)?;
        Some(Branches { depths: depths[tokens.clone()].to_vec(), ends: ends[tokens].to_vec() })
    }

    /// What wrote the tokens of a row.
    fn provenance(&self, row: usize, length: usize) -> Vec<Provenance> {
        let mut provenance = Vec::with_capacity(length);
        for run in tokens_of(self.run_offsets, row) {
            let of = Provenance {
                kind: TextKind::of_number(self.run_kinds[run]),
                message: self.run_messages[run],
                is_answer: self.run_answers[run],
            };
            provenance.resize(provenance.len() + self.run_length(run), of);
        }
        provenance
    }

    /// The answers of a row.
    fn answers(&self, row: usize, branches: Option<&Branches>) -> Vec<AnswerTokens> {
        let mut answers: Vec<AnswerTokens> = Vec::new();
        let mut start = 0;
        for run in tokens_of(self.run_offsets, row) {
            let end = start + self.run_length(run);
            let message = usize::try_from(self.run_messages[run]).ok().filter(|_| self.run_answers[run]);
            match (message, answers.last_mut()) {
                (Some(message), Some(last)) if last.message == message && last.tokens.end == start => {
                    last.tokens.end = end;
                    last.runs.end = run + 1;
                }
                (Some(message), _) => {
                    let before = start.checked_sub(1);
                    answers.push(AnswerTokens { tokens: start..end, runs: run..run + 1, message, before });
                }
                (None, _) => {}
            }
            start = end;
        }
        if let Some(branches) = branches {
            let parents = branches.parents(answers.iter().map(|answer| answer.tokens.start));
            for (answer, before) in answers.iter_mut().zip(parents) {
                answer.before = before;
            }
        }
        answers
    }

    /// Where the weight of a token of an answer is: in trees at the position that predicts it, which the first of a path
    /// has none of; `before` is the one before the answer.
    fn predicting(&self, before: Option<usize>, answer: &Range<usize>, token: usize) -> Option<usize> {
        match self.subtree_end {
            None => Some(token),
            Some(_) if token == answer.start => before,
            Some(_) => Some(token - 1),
        }
    }

    fn run_length(&self, run: usize) -> usize {
        usize::try_from(self.run_lengths[run]).unwrap_or_default()
    }

    /// The runs of an answer, each with its tokens in the row and what they are to weigh.
    fn weighted_runs<'r>(
        &'r self,
        answer: &'r AnswerTokens,
    ) -> impl Iterator<Item = (Range<usize>, f32)> + 'r {
        let mut end = answer.tokens.start;
        answer.runs.clone().map(move |run| {
            let start = end;
            end += self.run_length(run);
            (start..end, self.run_weights[run])
        })
    }

    /// What a token weighed when it was expanded; that weight is where the token is predicted.
    fn own_weight(&self, token: usize, predicts: Option<usize>) -> f32 {
        match (self.loss_weights, predicts) {
            _ if self.labels[token] == IGNORE_INDEX => 0.0,
            (Some(weights), Some(at)) => weights[at],
            _ => 1.0,
        }
    }
}

impl Row {
    /// The sample with all of its answers trained that are not lost, and what else is.
    fn with_answers(self, is_lost: &impl Fn(&Answer) -> bool) -> Sample {
        let Self { mut sample, answers, context } = self;
        for Answer { tokens, message, .. } in answers.into_iter().filter(|answer| !is_lost(answer)) {
            sample.trained.push(Trained { tokens, weight: Weight::ONE, message: Some(message) });
            sample.targets.push(message);
        }
        sample.trained.extend(context);
        sample.trained.sort_by_key(|trained| trained.tokens.start);
        sample
    }

    /// Its answers, but those that are lost, each with the ids before it.
    fn targets<'r>(
        &'r self,
        is_lost: &'r impl Fn(&Answer) -> bool,
    ) -> impl Iterator<Item = KnownTarget> + 'r {
        self.answers.iter().filter(|answer| !is_lost(answer)).map(|answer| {
            let Range { start, end } = answer.tokens;
            let path: Vec<usize> = match &self.sample.branches {
                None => (0..end).collect(),
                Some(branches) => {
                    let sees = |token: &usize| index(i64::from(branches.ends[*token])) >= end;
                    (0..end).filter(sees).collect()
                }
            };
            KnownTarget {
                target: Target { message: answer.message, weight: Weight::ONE },
                ids: path.iter().map(|token| self.sample.ids[*token]).collect(),
                prompt: path.len() - (end - start),
                provenance: path.iter().map(|token| self.sample.provenance[*token]).collect(),
            }
        })
    }
}

/// The stretches of tokens that are trained and of no answer.
fn trained_context(sample: &Sample, weigh: impl Fn(usize) -> Weight) -> Vec<Trained> {
    let weight_at =
        |token: usize| if sample.provenance[token].is_answer { Weight::ZERO } else { weigh(token) };
    let weights: Vec<Weight> = (0..sample.ids.len()).map(weight_at).collect();
    let mut start = 0;
    let stretches = weights.chunk_by(|one, next| one == next).map(|stretch| {
        let tokens = start..start + stretch.len();
        start = tokens.end;
        Trained { tokens, weight: stretch[0], message: None }
    });
    stretches.filter(|trained| trained.weight > Weight::ZERO).collect()
}

fn tokens_of(offsets: &[i64], row: usize) -> Range<usize> {
    index(offsets[row])..index(offsets[row + 1])
}

/// Places in arrays are not negative.
fn index(place: i64) -> usize {
    usize::try_from(place).unwrap_or_default()
}
