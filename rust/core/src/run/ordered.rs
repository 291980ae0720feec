//! Many records, in input order, with bounded memory.
//!
//! In: chunks of lines, and what is to be made of a record. Out: a chunk of the input at a time, with what was made of
//! each of its records. The pool works on a chunk while the next one is read; the calling thread only waits, and can
//! end the run every 100 ms. What comes out does not depend on the number of threads or on the size of a chunk. What is
//! made of a record, and what the results add up to, is not known here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use rayon::prelude::*;

use super::Pool;
use crate::expand::{Workspace, Workspaces};
use crate::panics::catch_panics;
use crate::read::{Chunks, FileChunk, Interruption, Record, Step, wait};

/// What is made of each record.
pub(crate) trait Work: Send + Sync + 'static {
    type Output: Send + 'static;

    /// What threads work with, one each.
    fn workspaces(&self) -> &Workspaces;

    /// Once `cancelled` is set, nobody needs what it returns.
    fn on_record(
        &self,
        record: Record<'_>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
    ) -> Self::Output;
}

pub(crate) struct Ordered<W> {
    work: Arc<W>,
    pool: Arc<Pool>,
    chunks: Chunks,
    cancelled: Arc<AtomicBool>,
}

impl<W: Work> Ordered<W> {
    /// The work on chunks that were opened.
    pub(crate) fn new(work: Arc<W>, pool: Arc<Pool>, chunks: Chunks) -> Self {
        Self { work, pool, chunks, cancelled: Arc::default() }
    }

    /// The next chunk, and what was made of each of its records; `None` at the end, and after an error or a stop.
    /// `go_on` is asked every 100 ms.
    pub(crate) fn next_chunk(
        &mut self,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Step<Option<(FileChunk, Vec<W::Output>)>> {
        let Some(chunk) = self.chunks.next(go_on)? else {
            return Ok(None);
        };
        let (work, cancelled) = (self.work.clone(), self.cancelled.clone());
        let made = on_pool(&self.pool, go_on, move || {
            let records = chunk.chunk.lines.par_iter().map(|line| chunk.record(line));
            let made = on_records(&*work, records, &cancelled)?;
            Ok((chunk, made))
        });
        if made.is_err() {
            self.end();
        }
        made.map(Some)
    }

    /// Drops what is left of the input.
    pub(crate) fn end(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.chunks.end();
    }

    /// Bytes taken from the sources so far, before decompression.
    pub(crate) fn bytes_taken(&self) -> u64 {
        self.chunks.bytes_taken()
    }
}

impl<W> Drop for Ordered<W> {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Does the work on the pool's threads while this one waits.
pub(crate) fn on_pool<T: Send + 'static>(
    pool: &Pool,
    go_on: &mut dyn FnMut() -> bool,
    work: impl FnOnce() -> Step<T> + Send + 'static,
) -> Step<T> {
    let (sender, done) = sync_channel(1);
    pool.get()?.spawn(move || {
        let made = catch_panics(work);
        // The receiver is gone: nobody needs the result.
        let _ = sender.send(made);
    });
    wait(&done, go_on)?
}

/// What is made of records, in their order; it is stopped once `cancelled` is set.
pub(crate) fn on_records<'r, W: Work>(
    work: &W,
    records: impl ParallelIterator<Item = Record<'r>>,
    cancelled: &AtomicBool,
) -> Step<Vec<W::Output>> {
    let made: Option<Vec<_>> = records
        .map_init(
            || work.workspaces().borrow(),
            |workspace, record| {
                let is_wanted = !cancelled.load(Ordering::Relaxed);
                is_wanted.then(|| work.on_record(record, workspace, cancelled))
            },
        )
        .collect();
    made.ok_or(Interruption::Stopped)
}
