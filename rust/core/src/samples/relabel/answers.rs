//! The answers of the rows of a table.
//!
//! In: a table. Out: for each row the stretches of tokens that are answers, and which of them lose all that is trained.

use std::ops::Range;

use super::{LabelledTable, index};
use crate::layout::parents;

/// An answer that a row trains, or would. Tokens and runs are counted in the table.
pub(super) struct Answer {
    pub message: usize,
    pub tokens: Range<usize>,
    pub runs: Range<usize>,
    /// The token before it on its path.
    pub before: Option<usize>,
    /// None of its tokens will be trained.
    pub is_lost: bool,
}

/// The answers of all rows, in their order.
pub(super) struct Answers {
    all: Vec<Answer>,
    /// Where those of each row begin.
    offsets: Vec<usize>,
}

impl Answers {
    pub fn of(table: &LabelledTable<'_>) -> Self {
        let mut answers = Self { all: Vec::new(), offsets: vec![0] };
        for row in 0..table.records.len() {
            answers.add_row(table, row);
            answers.offsets.push(answers.all.len());
        }
        answers
    }

    pub fn of_row(&self, row: usize) -> &[Answer] {
        &self.all[self.offsets[row]..self.offsets[row + 1]]
    }

    pub fn any_is_lost(&self) -> bool {
        self.all.iter().any(|answer| answer.is_lost)
    }

    fn add_row(&mut self, table: &LabelledTable<'_>, row: usize) {
        let first = self.all.len();
        let row_tokens = table.row(row);
        for (run, tokens) in table.with_tokens(table.rows_runs(row), row_tokens.start) {
            if !table.run_answers[run] || table.run_messages[run] < 0 {
                continue;
            }
            let message = index(table.run_messages[run]);
            match self.all[first..].last_mut() {
                Some(last) if last.message == message && last.tokens.end == tokens.start => {
                    last.tokens.end = tokens.end;
                    last.runs.end = run + 1;
                }
                _ => {
                    let before = tokens.start.checked_sub(1).filter(|before| *before >= row_tokens.start);
                    self.all.push(Answer { message, tokens, runs: run..run + 1, before, is_lost: false });
                }
            }
        }
        let answers = &mut self.all[first..];
        if let Some(depths) = table.position_ids {
            let firsts = answers.iter().map(|answer| answer.tokens.start - row_tokens.start);
            let parents = parents(&depths[row_tokens.clone()], firsts);
            for (answer, parent) in answers.iter_mut().zip(parents) {
                answer.before = parent.map(|parent| row_tokens.start + parent);
            }
        }
        for answer in answers {
            answer.is_lost = !table.keeps_some(answer.runs.clone(), answer.tokens.start);
        }
    }
}
