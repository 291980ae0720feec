//! Many records, in input order, with bounded memory.
//!
//! In: sources. Out: samples, a chunk of the input at a time. A thread of our own reads, decompresses and cuts lines
//! while the pool works on the chunk before (a source that calls back is read by the calling thread instead); the
//! calling thread only waits, and can end the run every 100 ms. What comes out does not depend on the number of threads
//! or on the size of a chunk.

use std::collections::HashSet;
use std::io::Read;
use std::iter::Enumerate;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rayon::prelude::*;

use crate::conversation::Format;
use crate::error::{Error, ErrorKind, Result};
use crate::format_of::format_of_chunk;
use crate::jsonl::{Chunk, JsonlReader, Line, LineText};
use crate::pipeline::{Expander, Outcome, Record, Workspace};
use crate::pool::Pool;
use crate::report::{Report, warning};
use crate::samples::{Origin, Samples};
use crate::source::{Source, read_error};

/// How often the calling thread is asked whether to go on.
const TICK: Duration = Duration::from_millis(100);
/// Chunks read ahead of the one being worked on.
const READ_AHEAD: usize = 1;

/// What a caller may set for one run.
#[derive(Debug, Clone, Copy)]
pub struct StreamOptions {
    pub chunk_bytes: usize,
    /// Stop after this many records.
    pub limit: Option<u64>,
}

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

/// Lines of one file.
pub(crate) struct FileChunk {
    pub(crate) index: usize,
    name: Arc<str>,
    /// The format of the file's first telling record, and that record's line: lines before it have none.
    format: Option<(Format, u64)>,
    pub(crate) chunk: Chunk,
}

/// Why a chunk did not come.
pub enum Interruption {
    /// The caller said not to go on.
    Stopped,
    Failed(Error),
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

/// Where the chunks come from.
pub(crate) enum Chunks {
    /// A thread of our own reads ahead.
    Ahead(Receiver<Result<FileChunk>>),
    /// The calling thread reads, when it wants a chunk.
    Inline(Box<Reader>),
}

impl Chunks {
    pub(crate) fn open(
        sources: Vec<Source>,
        options: StreamOptions,
        max_line_bytes: usize,
        known_format: Option<Format>,
        bytes_taken: &Arc<AtomicU64>,
    ) -> Self {
        // What calls back into its owner's thread is read there.
        let own_thread = !sources.iter().any(Source::calls_back);
        let reader = Reader {
            sources: sources.into_iter().enumerate(),
            file: None,
            max_line_bytes,
            known_format,
            chunk_bytes: options.chunk_bytes,
            left: options.limit.unwrap_or(u64::MAX),
            bytes_taken: bytes_taken.clone(),
        };
        if own_thread { Self::ahead(reader) } else { Self::Inline(Box::new(reader)) }
    }

    /// The next chunk; `None` at the end.
    pub(crate) fn next(
        &mut self,
        go_on: &mut dyn FnMut() -> bool,
    ) -> std::result::Result<Option<FileChunk>, Interruption> {
        let chunk = match self {
            Self::Ahead(chunks) => match wait(chunks, go_on) {
                Ok(chunk) => Some(chunk),
                Err(Waited::Closed) => None,
                Err(Waited::Stopped) => return Err(Interruption::Stopped),
            },
            Self::Inline(reader) => reader.next(),
        };
        chunk.transpose().map_err(Interruption::Failed)
    }

    fn ahead(reader: Reader) -> Self {
        let (sender, chunks) = sync_channel(READ_AHEAD);
        // Not joined: it may be waiting for input that never comes, and ends once nobody listens.
        std::thread::spawn(move || reader.map(|chunk| sender.send(chunk)).find(std::result::Result::is_err));
        Self::Ahead(chunks)
    }
}

enum Waited {
    Closed,
    Stopped,
}

fn wait<T>(channel: &Receiver<T>, go_on: &mut dyn FnMut() -> bool) -> std::result::Result<T, Waited> {
    loop {
        match channel.recv_timeout(TICK) {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Disconnected) => return Err(Waited::Closed),
            Err(RecvTimeoutError::Timeout) if !go_on() => return Err(Waited::Stopped),
            Err(RecvTimeoutError::Timeout) => {}
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

impl FileChunk {
    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.chunk.lines.len()
    }

    pub(crate) fn get(&self, at: usize) -> Option<Record<'_>> {
        self.chunk.lines.get(at).map(|line| self.record(line))
    }

    pub(crate) fn record(&self, line: &Line) -> Record<'_> {
        Record {
            bytes: match &line.text {
                LineText::Bytes(range) => Some(&self.chunk.bytes[range.clone()]),
                LineText::TooLong => None,
            },
            file: &self.name,
            line: line.number,
            format: self.format.filter(|(_, from)| line.number >= *from).map(|(format, _)| format),
        }
    }
}

/// Reads source after source; an error is the last item.
pub(crate) struct Reader {
    sources: Enumerate<std::vec::IntoIter<Source>>,
    file: Option<OpenFile>,
    max_line_bytes: usize,
    known_format: Option<Format>,
    chunk_bytes: usize,
    /// Records that may still be read.
    left: u64,
    bytes_taken: Arc<AtomicU64>,
}

struct OpenFile {
    index: usize,
    name: Arc<str>,
    format: Option<(Format, u64)>,
    lines: JsonlReader<Box<dyn Read + Send>>,
}

impl Iterator for Reader {
    type Item = Result<FileChunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.read();
        if chunk.is_err() {
            self.left = 0;
        }
        chunk.transpose()
    }
}

impl Reader {
    fn read(&mut self) -> Result<Option<FileChunk>> {
        while self.left > 0 {
            if self.file.is_none() {
                let Some((index, source)) = self.sources.next() else {
                    return Ok(None);
                };
                self.file = Some(self.open(index, source)?);
            }
            if let Some(file) = &mut self.file
                && let Some(mut chunk) = file.next_chunk()?
            {
                let count = chunk.chunk.lines.len() as u64;
                if count >= self.left {
                    // What lies behind the last record that is wanted was never asked for.
                    chunk.chunk.lines.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                    chunk.chunk.blank_at_end = 0;
                }
                self.left = self.left.saturating_sub(count);
                return Ok(Some(chunk));
            }
            self.file = None;
        }
        Ok(None)
    }

    fn open(&self, index: usize, source: Source) -> Result<OpenFile> {
        let name = source.name();
        let bytes = source.open(&self.bytes_taken)?;
        Ok(OpenFile {
            index,
            name,
            format: self.known_format.map(|format| (format, 1)),
            lines: JsonlReader::new(bytes, self.chunk_bytes, self.max_line_bytes),
        })
    }
}

impl OpenFile {
    fn next_chunk(&mut self) -> Result<Option<FileChunk>> {
        let chunk = self.lines.next_chunk().map_err(|error| {
            let mut error = read_error(&self.name, &error);
            error.place.line = Some(self.lines.next_line());
            error
        })?;
        let Some(chunk) = chunk else {
            return Ok(None);
        };
        let mut chunk = FileChunk { index: self.index, name: self.name.clone(), format: self.format, chunk };
        self.format = self.format.or_else(|| format_of_chunk(&chunk.chunk));
        chunk.format = self.format;
        Ok(Some(chunk))
    }
}
