//! Many records, in input order, with bounded memory.
//!
//! In: chunks of lines. Out: samples, a chunk of the input at a time. The pool works on a chunk while the next one is
//! read; the calling thread only waits, and can end the run every 100 ms. What comes out does not depend on the number
//! of threads or on the size of a chunk.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::Pool;
use crate::error::{Error, ErrorKind, Result};
use crate::expand::{Expander, Outcome, Workspace};
use crate::read::{Chunks, FileChunk, Interruption, Source, StreamOptions, Waited, wait};
use crate::report::{Report, warning};
use crate::samples::{Origin, Samples};

pub struct Stream {
    expander: Arc<Expander>,
    pool: Arc<Pool>,
    chunks: Chunks,
    cancelled: Arc<AtomicBool>,
    /// The conversations of the chunks before, where copies are left out.
    seen: Arc<Mutex<HashSet<u128>>>,
    bytes_taken: Arc<AtomicU64>,
    /// The process whose threads read: in a forked child nobody would.
    process: u32,
    first: bool,
    ended: bool,
}

impl Stream {
    pub fn open(
        expander: Arc<Expander>,
        pool: Arc<Pool>,
        sources: Vec<Source>,
        options: StreamOptions,
    ) -> Self {
        let bytes_taken = Arc::new(AtomicU64::new(0));
        let (max_line_bytes, known_format) = (expander.options.max_line_bytes, expander.options.input_format);
        let chunks = Chunks::open(sources, options, max_line_bytes, known_format, &bytes_taken);
        let process = std::process::id();
        let cancelled = Arc::new(AtomicBool::new(false));
        let seen = Arc::default();
        Self { expander, pool, chunks, cancelled, seen, bytes_taken, process, first: true, ended: false }
    }

    /// Bytes taken from the sources so far, before decompression.
    pub fn bytes_taken(&self) -> u64 {
        self.bytes_taken.load(Ordering::Relaxed)
    }

    /// The samples of the next chunk; `None` at the end. `go_on` is asked every 100 ms.
    pub fn next_chunk(
        &mut self,
        go_on: &mut dyn FnMut() -> bool,
    ) -> std::result::Result<Option<(Samples, Report)>, Interruption> {
        if self.ended {
            return Ok(None);
        }
        let next = self.advance(go_on);
        if !matches!(next, Ok(Some(_))) {
            self.ended = true;
        }
        next
    }

    /// The samples of all that is left.
    pub fn rest(
        &mut self,
        go_on: &mut dyn FnMut() -> bool,
    ) -> std::result::Result<(Samples, Report), Interruption> {
        let (mut samples, mut report) = (Samples::default(), Report::default());
        while let Some((more, its_report)) = self.next_chunk(go_on)? {
            samples.append(more);
            report.add(its_report);
        }
        Ok((samples, report))
    }

    fn advance(
        &mut self,
        go_on: &mut dyn FnMut() -> bool,
    ) -> std::result::Result<Option<(Samples, Report)>, Interruption> {
        if self.process != std::process::id() {
            let text = "a stream that was opened before a fork cannot go on in the child: open it there";
            return Err(Interruption::Failed(Error::new(ErrorKind::Options, text)));
        }
        let Some(chunk) = self.chunks.next(go_on)? else {
            return Ok(None);
        };
        let (expander, cancelled, seen) = (self.expander.clone(), self.cancelled.clone(), self.seen.clone());
        let work = move || expand_chunk(&expander, &chunk, &cancelled, &seen);
        let result = on_pool(&self.pool, &self.cancelled, go_on, work)?;
        let (samples, mut report) = result.map_err(Interruption::Failed)?;
        if std::mem::take(&mut self.first) {
            report.warn(warning::STOP_NOT_SERVED, self.expander.renderer.unserved_stop_tokens().len() as u64);
        }
        Ok(Some((samples, report)))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Does the work on the pool's threads while this one waits; told to stop, it sets `cancelled` and leaves them to it.
pub(crate) fn on_pool<T: Send + 'static>(
    pool: &Pool,
    cancelled: &AtomicBool,
    go_on: &mut dyn FnMut() -> bool,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> std::result::Result<Result<T>, Interruption> {
    let (sender, done) = sync_channel(1);
    pool.get().map_err(Interruption::Failed)?.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        // Nobody listens any more: then nobody wants the result.
        let _ = sender.send(result.unwrap_or_else(|panic| Err(Error::from_panic(&*panic))));
    });
    match wait(&done, go_on) {
        Ok(result) => Ok(result),
        Err(Waited::Closed) => {
            Ok(Err(Error::new(ErrorKind::Internal, "a worker thread ended without an answer")))
        }
        Err(Waited::Stopped) => {
            cancelled.store(true, Ordering::Relaxed);
            Err(Interruption::Stopped)
        }
    }
}

/// A workspace that goes back to the expander.
pub(crate) struct Borrowed<'e> {
    expander: &'e Expander,
    pub(crate) workspace: Workspace,
}

impl<'e> Borrowed<'e> {
    pub(crate) fn of(expander: &'e Expander) -> Self {
        Self { expander, workspace: expander.take_workspace() }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.expander.leave_workspace(std::mem::take(&mut self.workspace));
    }
}

/// Expands the lines of a chunk in parallel and puts them together in order. The first error ends the run.
fn expand_chunk(
    expander: &Expander,
    chunk: &FileChunk,
    cancelled: &AtomicBool,
    seen: &Mutex<HashSet<u128>>,
) -> Result<(Samples, Report)> {
    let outcomes: Vec<Outcome> = chunk
        .chunk
        .lines
        .par_iter()
        .map_init(
            || Borrowed::of(expander),
            |borrowed, line| {
                if cancelled.load(Ordering::Relaxed) {
                    return Outcome::default();
                }
                expander.expand_record(chunk.record(line), &mut borrowed.workspace, cancelled)
            },
        )
        .collect();
    let mut samples = Samples::default();
    let mut report = Report { blank_lines: chunk.chunk.blank_at_end, ..Report::default() };
    // Chunks come one after the other: nobody else holds it, and a panic with it ended the stream.
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    for (line, mut outcome) in chunk.chunk.lines.iter().zip(outcomes) {
        if let Some(error) = outcome.error {
            return Err(error);
        }
        if expander.options.deduplicate
            && outcome.report.records_kept == 1
            && !seen.insert(outcome.conversation_id)
        {
            outcome.samples.clear();
            outcome.report.drop_duplicate();
        }
        let origin = Origin {
            file: i32::try_from(chunk.index).unwrap_or(i32::MAX),
            line: i64::try_from(line.number).unwrap_or(i64::MAX),
            conversation_id: outcome.conversation_id,
        };
        for sample in &outcome.samples {
            samples.push(sample, origin);
        }
        report.blank_lines += line.blank_before;
        report.add(outcome.report);
    }
    Ok((samples, report))
}
