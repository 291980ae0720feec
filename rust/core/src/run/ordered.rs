//! Many records, in input order, with bounded memory.
//!
//! In: chunks of lines, and what is to be made of a record and of a chunk. Out: what was made of a chunk of the input at
//! a time. The pool works on chunks ahead of the one that the caller waits for, while the next one is read; the calling
//! thread only waits, and can end the run every 100 ms. What comes out does not depend on the number of threads. What is
//! made of a record or of a chunk, and what the results add up to, is not known here.

use std::iter;
use std::mem;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use rayon::ThreadPool;
use rayon::prelude::*;

use super::Pool;
use crate::error::{Error, ErrorKind, Result};
use crate::expand::{Workspace, Workspaces};
use crate::panics::catch_panics;
use crate::read::{Chunks, FileChunk, Interruption, LineText, Record, Step, refuse_forked_child, wait};

/// For every so many threads one more chunk is begun, besides the one that the caller waits for and the two after it.
const THREADS_FOR_A_CHUNK_MORE: usize = 8;
/// Text of the records that a thread works on before it looks for others, at the most.
const BLOCK_BYTES: usize = 64 << 10;
/// Blocks of a small chunk.
const BLOCKS_A_THREAD: usize = 4;
/// Named as the threads of a pool are: nothing is printed of a panic that becomes an error.
const FEEDER_NAME: &str = "everyturn-feeder";

/// What is made of each record, and of each chunk.
pub(crate) trait Work: Send + Sync + 'static {
    type Output: Send + 'static;
    type Made: Send + 'static;

    /// What threads work with, one each.
    fn workspaces(&self) -> &Workspaces;

    /// Once `cancelled` is set, nobody needs what it returns.
    fn on_record(
        &self,
        record: Record<'_>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
    ) -> Self::Output;

    /// Puts together what was made of a chunk's records, on a thread of the pool: other chunks are worked on meanwhile.
    fn on_chunk(&self, chunk: FileChunk, outputs: Vec<Self::Output>) -> Self::Made;
}

pub(crate) struct Ordered<W: Work> {
    work: Arc<W>,
    pool: Arc<Pool>,
    feed: Feed<W::Made>,
    /// The process that opened it: the thread that hands out chunks is not in a forked child.
    process: u32,
    cancelled: Arc<AtomicBool>,
    bytes_taken: Arc<AtomicU64>,
}

/// What a chunk will be.
type Promise<M> = Receiver<Step<M>>;

/// Where chunks come from.
enum Feed<M> {
    Opened(Chunks),
    /// A thread of our own hands them to the pool; `None` is its last message.
    Ahead(Receiver<Step<Option<Promise<M>>>>),
    /// They are read on the calling thread, when it wants one.
    Inline(Chunks),
    Ended,
}

impl<W: Work> Ordered<W> {
    /// The work on chunks that were opened.
    pub(crate) fn new(work: Arc<W>, pool: Arc<Pool>, chunks: Chunks) -> Self {
        let bytes_taken = chunks.counter().clone();
        let (process, cancelled) = (std::process::id(), Arc::default());
        Self { work, pool, feed: Feed::Opened(chunks), process, cancelled, bytes_taken }
    }

    /// What was made of the next chunk; `None` at the end, and after an error or a stop. `go_on` is asked every 100 ms.
    pub(crate) fn next_chunk(&mut self, go_on: &mut dyn FnMut() -> bool) -> Step<Option<W::Made>> {
        let next = self.take(go_on);
        if !matches!(next, Ok(Some(_))) {
            self.end();
        }
        next
    }

    fn take(&mut self, go_on: &mut dyn FnMut() -> bool) -> Step<Option<W::Made>> {
        if matches!(self.feed, Feed::Ended) {
            return Ok(None);
        }
        refuse_forked_child(self.process)?;
        self.feed = match mem::replace(&mut self.feed, Feed::Ended) {
            Feed::Opened(chunks) => self.begin(chunks)?,
            begun => begun,
        };
        let promise = match &mut self.feed {
            Feed::Ahead(promises) => wait(promises, go_on)??,
            Feed::Inline(chunks) => match chunks.next(go_on)? {
                Some(chunk) => {
                    Some(promised(&*self.pool.get()?, self.work.clone(), chunk, self.cancelled.clone()))
                }
                None => None,
            },
            Feed::Opened(_) | Feed::Ended => None,
        };
        promise.map(|promise| wait(&promise, go_on)?).transpose()
    }

    fn begin(&self, chunks: Chunks) -> Result<Feed<W::Made>> {
        if !chunks.are_read_ahead() {
            return Ok(Feed::Inline(chunks));
        }
        let (work, pool, cancelled) = (self.work.clone(), self.pool.get()?, self.cancelled.clone());
        let (sender, promises) = sync_channel(1 + self.pool.threads() / THREADS_FOR_A_CHUNK_MORE);
        let mut chunks = chunks;
        let feed = move || {
            loop {
                let next = chunks.next(&mut || !cancelled.load(Ordering::Relaxed));
                let promise = next
                    .map(|chunk| chunk.map(|chunk| promised(&pool, work.clone(), chunk, cancelled.clone())));
                let is_last = !matches!(promise, Ok(Some(_)));
                // The receiver is gone: nobody needs the rest.
                if sender.send(promise).is_err() || is_last {
                    return;
                }
            }
        };
        // Not joined: it ends once the receiver is gone.
        std::thread::Builder::new().name(FEEDER_NAME.into()).spawn(feed).map_err(|error| {
            Error::new(ErrorKind::Internal, format!("a thread cannot be started: {error}"))
        })?;
        Ok(Feed::Ahead(promises))
    }

    /// Drops what is left of the input.
    pub(crate) fn end(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        let feed = mem::replace(&mut self.feed, Feed::Ended);
        if refuse_forked_child(self.process).is_err() {
            // To close a channel can mean to wait for the other side, which is not in this process.
            mem::forget(feed);
        }
    }

    /// Bytes taken from the sources so far, before decompression.
    pub(crate) fn bytes_taken(&self) -> u64 {
        self.bytes_taken.load(Ordering::Relaxed)
    }
}

impl<W: Work> Drop for Ordered<W> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Lets the pool work on a chunk, block by block: no thread waits for another one's block, so none that waits is kept by
/// other work that it took on meanwhile. The thread that ends the last block puts the chunk together.
fn promised<W: Work>(
    pool: &ThreadPool,
    work: Arc<W>,
    chunk: FileChunk,
    cancelled: Arc<AtomicBool>,
) -> Promise<W::Made> {
    let (sender, done) = sync_channel(1);
    let blocks = blocks_of(&chunk, pool.current_num_threads());
    let outputs = blocks.iter().map(|_| Mutex::new(None)).collect();
    let chunk = Arc::new(BegunChunk { work, chunk, cancelled, outputs, sender });
    // Each block has its own, and this thread none: a thread of the pool is the last.
    let shared = iter::repeat_n(chunk, blocks.len());
    for ((at, lines), chunk) in blocks.into_iter().enumerate().zip(shared) {
        pool.spawn(move || {
            let output = catch_panics(|| chunk.on_block(lines));
            if let Ok(mut place) = chunk.outputs[at].lock() {
                *place = Some(output);
            }
            end_block(chunk);
        });
    }
    done
}

/// What was made of the records of a block, once they were worked on.
type BlockOutput<W> = Mutex<Option<Step<Vec<<W as Work>::Output>>>>;

/// A chunk on which threads work.
struct BegunChunk<W: Work> {
    work: Arc<W>,
    chunk: FileChunk,
    cancelled: Arc<AtomicBool>,
    /// Of each block: no two threads ask for one lock.
    outputs: Vec<BlockOutput<W>>,
    sender: SyncSender<Step<W::Made>>,
}

impl<W: Work> BegunChunk<W> {
    fn on_block(&self, lines: Range<usize>) -> Step<Vec<W::Output>> {
        let mut workspace = self.work.workspaces().borrow();
        let lines = self.chunk.chunk.lines[lines].iter();
        let outputs = lines
            .map(|line| on_wanted(&*self.work, self.chunk.record(line), &mut workspace, &self.cancelled));
        outputs.collect::<Option<_>>().ok_or(Interruption::Stopped)
    }

    fn put_together(self) {
        let Self { work, chunk, outputs, sender, .. } = self;
        let made = catch_panics(|| {
            let mut all = Vec::with_capacity(chunk.len());
            for output in outputs {
                let output = output.into_inner().ok().flatten();
                all.append(&mut output.unwrap_or(Err(Interruption::Stopped))?);
            }
            Ok(work.on_chunk(chunk, all))
        });
        // The receiver is gone: nobody needs the result.
        let _ = sender.send(made);
    }
}

/// Lets go of a chunk; whoever is the last one puts it together.
fn end_block<W: Work>(chunk: Arc<BegunChunk<W>>) {
    if let Some(chunk) = Arc::into_inner(chunk) {
        chunk.put_together();
    }
}

/// The lines of a chunk, cut into blocks of about as many bytes, some for each thread; at least one.
fn blocks_of(chunk: &FileChunk, threads: usize) -> Vec<Range<usize>> {
    let bytes_a_block = (chunk.chunk.bytes.len() / (BLOCKS_A_THREAD * threads)).min(BLOCK_BYTES);
    let (mut blocks, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, line) in chunk.chunk.lines.iter().enumerate() {
        if let LineText::Bytes(range) = &line.text {
            bytes += range.len();
        }
        if bytes >= bytes_a_block {
            blocks.push(start..at + 1);
            (start, bytes) = (at + 1, 0);
        }
    }
    if start < chunk.len() || blocks.is_empty() {
        blocks.push(start..chunk.len());
    }
    blocks
}

/// Lets a thread of the pool do the work.
fn begun<T: Send + 'static>(
    pool: &ThreadPool,
    work: impl FnOnce() -> Step<T> + Send + 'static,
) -> Promise<T> {
    let (sender, done) = sync_channel(1);
    pool.spawn(move || {
        let made = catch_panics(work);
        // The receiver is gone: nobody needs the result.
        let _ = sender.send(made);
    });
    done
}

/// Does the work on the pool's threads while this one waits.
pub(crate) fn on_pool<T: Send + 'static>(
    pool: &Pool,
    go_on: &mut dyn FnMut() -> bool,
    work: impl FnOnce() -> Step<T> + Send + 'static,
) -> Step<T> {
    wait(&begun(&*pool.get()?, work), go_on)?
}

/// What is made of a record; `None` once `cancelled` is set.
fn on_wanted<W: Work>(
    work: &W,
    record: Record<'_>,
    workspace: &mut Workspace,
    cancelled: &AtomicBool,
) -> Option<W::Output> {
    let is_wanted = !cancelled.load(Ordering::Relaxed);
    is_wanted.then(|| work.on_record(record, workspace, cancelled))
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
            |workspace, record| on_wanted(work, record, workspace, cancelled),
        )
        .collect();
    made.ok_or(Interruption::Stopped)
}
