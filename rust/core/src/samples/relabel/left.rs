//! The rows that are left where answers are lost.
//!
//! In: a table with its answers and labels. Out: the rows that the other answers make. Where these are provably the rows
//! that were, without the tokens that only lost answers need, they are copied stretch by stretch; else the answers of
//! the record are arranged anew.

use std::borrow::Cow;
use std::ops::Range;

use super::anew::arranged_anew;
use super::answers::{Answer, Answers};
use super::labels::{Labels, normalized};
use super::{LabelledTable, Relabelled, Relabelling, index};
use crate::layout::parents;
use crate::options::Layout;
use crate::samples::columns::Samples;
use crate::samples::table::{SampleOrigin, place, signed, unit_weights};
use crate::target::Provenance;

/// Rows in the making.
pub(super) struct RowsLeft<'a, 't> {
    table: &'a LabelledTable<'t>,
    labels: &'a Labels<'t>,
    answers: &'a Answers,
    how: Relabelling,
    samples: Samples,
    sources: Vec<i64>,
}

impl<'a, 't> RowsLeft<'a, 't> {
    pub fn new(
        table: &'a LabelledTable<'t>,
        labels: &'a Labels<'t>,
        answers: &'a Answers,
        is_left: &[bool],
        how: Relabelling,
    ) -> Self {
        let rows = (0..is_left.len()).filter(|row| is_left[*row]);
        let most = rows.map(|row| table.row(row).len()).sum();
        let mut samples = Samples::of(how.layout);
        let Samples { input_ids, labels: trained, position_ids, subtree_end, shift_labels, .. } =
            &mut samples;
        let of_trees = [position_ids, subtree_end, shift_labels].into_iter().flatten();
        [input_ids, trained].into_iter().chain(of_trees).for_each(|column| column.reserve(most));
        samples.loss_weights = labels.loss_weights.as_ref().map(|_| Vec::with_capacity(most));
        Self { table, labels, answers, how, samples, sources: Vec::new() }
    }

    /// Adds what is left of the rows of a record.
    pub fn add(&mut self, rows: &[usize], is_left: &[bool]) {
        let loses_some = rows.iter().flat_map(|row| self.answers.of_row(*row)).any(|answer| answer.is_lost);
        let is_made_of_targets = self.how.layout != Layout::Conversation && !self.how.allow_context;
        let left: Vec<usize> = rows.iter().copied().filter(|row| is_left[*row]).collect();
        let stretches: Option<Vec<_>> = if loses_some && is_made_of_targets {
            left.iter().map(|row| self.needed(*row, left.len() == 1)).collect()
        } else {
            Some(left.iter().map(|row| vec![self.table.row(*row); 1]).collect())
        };
        let Some(stretches) = stretches else {
            let made = arranged_anew(self.table, self.labels, self.answers, &left, self.how);
            self.sources.resize(self.sources.len() + made.len(), signed(left[0]));
            self.samples.push(&made, SampleOrigin { file: 0, line: 0, conversation_id: 0 });
            return;
        };
        for (row, stretches) in left.iter().zip(stretches) {
            self.push_tokens(*row, &stretches);
            self.push_runs(*row, &stretches);
            self.sources.push(signed(*row));
        }
        let messages = |row: &usize| self.kept_answers(*row).map(|answer| answer.message).collect();
        let targets: Vec<Vec<usize>> = left.iter().map(messages).collect();
        self.samples.push_targets(&targets);
    }

    pub fn finish(self) -> Relabelled<'t> {
        let Self { table, how, mut samples, sources, .. } = self;
        let records: Vec<i64> = sources.iter().map(|row| table.records[index(*row)]).collect();
        let weights = samples.loss_weights.take().map(Cow::Owned);
        let (labels, shift_labels) = (&samples.labels, samples.shift_labels.as_deref());
        let weights = normalized(weights, labels, shift_labels, (&samples.offsets, &records), how.normalize);
        samples.loss_weights = weights.map(Cow::into_owned);
        // What is not known here.
        samples.conversation_hashes.resize(sources.len(), [0; 16]);
        samples.file.resize(sources.len(), 0);
        samples.line.resize(sources.len(), 0);
        Relabelled::Rows { samples, sources }
    }

    fn kept_answers(&self, row: usize) -> impl Iterator<Item = &'a Answer> + use<'a, 't> {
        self.answers.of_row(row).iter().filter(|answer| !answer.is_lost)
    }

    /// The tokens of a row that is left that its answers need, where these are a row of the answers by themselves: `None`
    /// where that is not known.
    fn needed(&self, row: usize, is_only: bool) -> Option<Vec<Range<usize>>> {
        let tokens = self.table.row(row);
        let loses_some = self.answers.of_row(row).iter().any(|answer| answer.is_lost);
        match self.how.layout {
            Layout::Tree if is_only => self.needed_of_tree(row),
            Layout::Tree => None,
            // What other rows lose changes none that keeps all of its answers: no answer would join another row.
            _ if !loses_some => Some(vec![tokens; 1]),
            // Each answer's prompt begins with the whole of the one before it, and of those before that.
            _ if is_only => Some(vec![tokens.start..self.kept_answers(row).last()?.tokens.end; 1]),
            _ => None,
        }
    }

    /// The same of the only tree of a record. One in which no branches of a token begin alike is all that its answers
    /// have in common, however they are added; the order of the branches is that of the answers.
    fn needed_of_tree(&self, row: usize) -> Option<Vec<Range<usize>>> {
        let row_tokens = self.table.row(row);
        let ends = &self.table.subtree_end?[row_tokens.clone()];
        let depths = &self.table.position_ids?[row_tokens.clone()];
        let in_order = self.kept_answers(row).is_sorted_by(|one, next| one.message < next.message);
        if !in_order || begin_alike(&self.table.input_ids[row_tokens.clone()], depths, ends) {
            return None;
        }
        // Of the tokens from one answer's end to the next one's, those that the next one follows.
        let mut needed: Vec<Range<usize>> = Vec::new();
        let mut from = row_tokens.start;
        for Answer { tokens: Range { end, .. }, .. } in self.kept_answers(row) {
            let (first, until) = (from - row_tokens.start, end - row_tokens.start);
            let last_end = place(until);
            let neighbours = ends[first..until].chunk_by(|one, next| (*one < last_end) == (*next < last_end));
            for tokens in neighbours {
                let stretch = from..from + tokens.len();
                from = stretch.end;
                match needed.last_mut() {
                    _ if tokens[0] < last_end => {}
                    Some(last) if last.end == stretch.start => last.end = stretch.end,
                    _ => needed.push(stretch),
                }
            }
        }
        Some(needed)
    }

    fn push_tokens(&mut self, row: usize, stretches: &[Range<usize>]) {
        let (table, labels, made) = (self.table, self.labels, &mut self.samples);
        for tokens in stretches {
            let tokens = tokens.clone();
            made.input_ids.extend_from_slice(&table.input_ids[tokens.clone()]);
            made.labels.extend_from_slice(&labels.labels[tokens.clone()]);
            extend(&mut made.position_ids, table.position_ids, tokens.clone());
            extend(&mut made.shift_labels, labels.shift_labels.as_deref(), tokens.clone());
            match (&mut made.loss_weights, &labels.loss_weights) {
                (Some(made), Some(weights)) => made.extend_from_slice(&weights[tokens]),
                // Rows that were arranged anew have brought weights.
                (Some(made), None) => {
                    let labels = labels.shift_labels.as_ref().unwrap_or(&labels.labels);
                    made.extend(unit_weights(&labels[tokens]));
                }
                (None, _) => {}
            }
        }
        if let Some((made, ends)) = made.subtree_end.as_mut().zip(table.subtree_end) {
            extend_ends(made, ends, &table.row(row), stretches);
        }
        made.offsets.push(signed(made.input_ids.len()));
    }

    /// Adds what wrote the tokens of a row; those of lost answers are context.
    fn push_runs(&mut self, row: usize, stretches: &[Range<usize>]) {
        let (table, made) = (self.table, &mut self.samples);
        let mut lost = self.answers.of_row(row).iter().filter(|answer| answer.is_lost).peekable();
        let mut stretches = stretches.iter().peekable();
        let mut last: Option<Provenance> = None;
        for (run, tokens) in table.with_tokens(table.rows_runs(row), table.row(row).start) {
            while lost.next_if(|answer| answer.runs.end <= run).is_some() {}
            let is_lost = lost.peek().is_some_and(|answer| answer.runs.contains(&run));
            let of = table.provenance(run);
            let of = if is_lost { of.in_context() } else { of };
            let mut length = 0;
            while let Some(stretch) = stretches.peek().filter(|stretch| stretch.start < tokens.end) {
                let until = stretch.end.min(tokens.end);
                length += until.saturating_sub(stretch.start.max(tokens.start));
                if stretch.end > tokens.end {
                    break;
                }
                stretches.next();
            }
            if length == 0 {
                continue;
            }
            match made.run_lengths.last_mut() {
                Some(before) if last == Some(of) => *before += place(length),
                _ => made.push_run(of, length),
            }
            last = Some(of);
        }
        made.run_offsets.push(signed(made.run_lengths.len()));
    }
}

/// Whether two tokens that follow the same one are equal.
fn begin_alike(ids: &[i32], depths: &[i32], ends: &[i32]) -> bool {
    let goes_on = depths.windows(2).map(|neighbours| neighbours[1] == neighbours[0] + 1);
    let begins: Vec<usize> = (1..).zip(goes_on).filter(|(_, goes_on)| !goes_on).map(|(at, _)| at).collect();
    let before = parents(depths, begins.iter().copied());
    begins.into_iter().zip(before).any(|(begin, parent)| {
        let first = parent.map_or(0, |parent| parent + 1);
        let next = |sibling: &usize| Some(index(ends[*sibling]).max(*sibling + 1));
        let mut siblings = std::iter::successors(Some(first), next).take_while(|sibling| *sibling < begin);
        siblings.any(|sibling| ids[sibling] == ids[begin])
    })
}

fn extend<T: Copy>(made: &mut Option<Vec<T>>, column: Option<&[T]>, tokens: Range<usize>) {
    if let Some((made, column)) = made.as_mut().zip(column) {
        made.extend_from_slice(&column[tokens]);
    }
}

/// Adds where what follows each token of a row ends, counted in the tokens of these stretches.
fn extend_ends(made: &mut Vec<i32>, ends: &[i32], row: &Range<usize>, stretches: &[Range<usize>]) {
    if let [stretch] = stretches
        && stretch == row
    {
        made.extend_from_slice(&ends[row.clone()]);
        return;
    }
    // How many tokens of the stretches come before each token of the row, and before its end.
    let mut places = Vec::with_capacity(row.len() + 1);
    let mut count = 0;
    for stretch in stretches {
        places.resize(stretch.start - row.start, count);
        places.extend(count..count + place(stretch.len()));
        count += place(stretch.len());
    }
    places.resize(row.len() + 1, count);
    for stretch in stretches {
        made.extend(ends[stretch.clone()].iter().map(|end| places[index(*end)]));
    }
}
