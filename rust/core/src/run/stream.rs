//! Sources to samples.
//!
//! In: sources and an expander. Out: the samples and the report of a chunk of the input at a time, in order. The first
//! error ends the stream.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Ordered, Pool, Work, on_pool};
use crate::error::Result;
use crate::expand::{Expander, Outcome, Workspace, Workspaces};
use crate::read::{Chunks, FileChunk, Record, Source, Step, StreamOptions};
use crate::report::{Report, warning};
use crate::samples::{SampleOrigin, Samples};

impl Work for Expander {
    type Output = Outcome;
    type Made = Made;

    fn workspaces(&self) -> &Workspaces {
        &self.workspaces
    }

    fn on_record(&self, record: Record<'_>, workspace: &mut Workspace, cancelled: &AtomicBool) -> Outcome {
        self.expand_record(record, workspace, cancelled)
    }

    fn on_chunk(&self, chunk: FileChunk, outcomes: Vec<Outcome>) -> Made {
        if self.options.deduplicate {
            return Made::Apart(chunk, outcomes);
        }
        Made::Together(Box::new(Gathered::of_chunk(self, &chunk, outcomes, None)))
    }
}

/// What a chunk is made to.
pub(crate) enum Made {
    Together(Box<Result<Gathered>>),
    /// Which conversations are duplicates of earlier ones is known once the chunks before are.
    Apart(FileChunk, Vec<Outcome>),
}

pub struct Stream {
    expander: Arc<Expander>,
    pool: Arc<Pool>,
    records: Ordered<Expander>,
    /// The conversations so far, where duplicates are dropped.
    seen: HashSet<u128>,
    is_first: bool,
    next_line: u64,
}

impl Stream {
    pub fn open(
        expander: Arc<Expander>,
        pool: Arc<Pool>,
        sources: Vec<Source>,
        options: StreamOptions,
    ) -> Self {
        let chunks = Chunks::open(sources, options, expander.options.read.clone());
        let records = Ordered::new(expander.clone(), pool.clone(), chunks);
        Self { expander, pool, records, seen: HashSet::new(), is_first: true, next_line: 1 }
    }

    /// Bytes taken from the sources so far, before decompression.
    pub fn bytes_taken(&self) -> u64 {
        self.records.bytes_taken()
    }

    /// The line of its file at which what is left of it begins, after the last chunk.
    pub fn next_line(&self) -> u64 {
        self.next_line
    }

    /// The samples of the next chunk; `None` at the end. `go_on` is asked every 100 ms.
    pub fn next_chunk(&mut self, go_on: &mut dyn FnMut() -> bool) -> Step<Option<(Samples, Report)>> {
        let Some(made) = self.records.next_chunk(go_on)? else {
            return Ok(None);
        };
        let gathered = match made {
            Made::Together(gathered) => *gathered,
            Made::Apart(chunk, outcomes) => {
                Gathered::of_chunk(&self.expander, &chunk, outcomes, Some(&mut self.seen))
            }
        };
        let mut gathered = gathered.inspect_err(|_| self.records.end())?;
        if mem::take(&mut self.is_first) {
            gathered.warn_of_model(&self.expander);
        }
        self.next_line = gathered.next_line;
        Ok(Some((gathered.samples, gathered.report)))
    }

    /// The samples of all that is left.
    pub fn rest(&mut self, go_on: &mut dyn FnMut() -> bool) -> Step<(Samples, Report)> {
        let (mut parts, mut report) = (vec![Samples::of(self.expander.options.layout)], Report::default());
        while let Some((samples, its_report)) = self.next_chunk(go_on)? {
            parts.push(samples);
            report.add(its_report);
        }
        let samples = on_pool(&self.pool, go_on, || Ok(Samples::joined(parts)))?;
        Ok((samples, report))
    }
}

/// What came of records so far, in their order.
pub(crate) struct Gathered {
    pub samples: Samples,
    pub report: Report,
    next_line: u64,
}

impl Gathered {
    pub fn of(expander: &Expander) -> Self {
        Self { samples: Samples::of(expander.options.layout), report: Report::default(), next_line: 1 }
    }

    /// What came of the lines of a chunk, without `duplicates` of the conversations so far.
    fn of_chunk(
        expander: &Expander,
        chunk: &FileChunk,
        outcomes: Vec<Outcome>,
        mut duplicates: Option<&mut HashSet<u128>>,
    ) -> Result<Self> {
        let mut gathered = Self::of(expander);
        gathered.report.blank_lines = chunk.blank_lines();
        gathered.next_line = chunk.next_line;
        gathered.samples.reserve(outcomes.iter().flat_map(|outcome| &outcome.samples));
        let file = i32::try_from(chunk.index).unwrap_or(i32::MAX);
        for (line, outcome) in chunk.chunk.lines.iter().zip(outcomes) {
            gathered.add(outcome, file, line.number, duplicates.as_deref_mut())?;
        }
        Ok(gathered)
    }

    /// Counts what is to be said of the model, once a run.
    pub fn warn_of_model(&mut self, expander: &Expander) {
        let unserved = expander.renderer.unserved_stop_tokens().len() as u64;
        self.report.warn(warning::STOP_NOT_IN_GENERATION_CONFIG, unserved);
    }

    /// Adds what came of the next record, unless its conversation is among the `duplicates` so far. Its error ends the run.
    pub fn add(
        &mut self,
        mut outcome: Outcome,
        file: i32,
        line: u64,
        duplicates: Option<&mut HashSet<u128>>,
    ) -> Result<()> {
        if let Some(error) = outcome.error {
            return Err(error);
        }
        if let Some(seen) = duplicates
            && outcome.report.records_kept == 1
            && !seen.insert(outcome.conversation_id)
        {
            outcome.samples.clear();
            outcome.report.drop_duplicate();
        }
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        let origin = SampleOrigin { file, line, conversation_id: outcome.conversation_id };
        self.samples.push(&outcome.samples, origin);
        self.samples.kept.push(&outcome.kept, outcome.samples.len());
        self.report.add(outcome.report);
        Ok(())
    }
}
