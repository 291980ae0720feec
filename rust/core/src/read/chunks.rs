//! Sources to chunks of records.
//!
//! In: sources. Out: the records of each, a chunk at a time, with the file's format, which the first record with a known
//! key shows. A thread of our own reads, decompresses and cuts ahead of its consumer; a source that calls back is
//! read by the calling thread instead.

use std::collections::VecDeque;
use std::iter::Enumerate;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, sync_channel};

use super::format::{RecordKind, kind_of_chunk};
use super::lines::{CHUNK_BYTES, Chunk, Line, LineText};
use super::record_reader::RecordReader;
use super::source::Source;
use super::trees::{TreeRows, with_paths};
use super::wait::{Interruption, Step, wait};
use super::{ReadOptions, Record};
use crate::conversation::{Format, RecordOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::panics::catch_panics;

/// Chunks read ahead of the one being worked on.
const READ_AHEAD: usize = 1;
/// Named as the threads of a pool are: nothing is printed of a panic that becomes an error.
const READER_NAME: &str = "everyturn-reader";

/// What a caller may set for one run.
#[derive(Debug, Clone, Copy)]
pub struct StreamOptions {
    pub chunk_bytes: usize,
    /// Stop after this many records.
    pub limit: Option<u64>,
}

/// Lines of one file.
pub(crate) struct FileChunk {
    pub(crate) index: usize,
    name: Arc<str>,
    columns_of: Option<Arc<str>>,
    /// The file's format and the line of the record that shows it: lines before it have none.
    format: Option<(Format, u64)>,
    /// The line of the file at which what is left of it begins.
    pub(crate) next_line: u64,
    pub(crate) chunk: Chunk,
}

impl FileChunk {
    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.chunk.lines.len()
    }

    /// Blank lines, which are not records.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.chunk.blank_at_end + self.chunk.lines.iter().map(|line| line.blank_before).sum::<u64>()
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
            columns_of: self.columns_of.as_ref(),
        }
    }
}

/// The chunks of some sources, in order. After an error, a stop or the last chunk there is none.
pub(crate) struct Chunks {
    feed: Feed,
    /// The process that opened them: the thread that reads ahead is not in a forked child.
    process: u32,
    bytes_taken: Arc<AtomicU64>,
}

/// Where the chunks come from.
enum Feed {
    /// A thread of our own reads ahead; `None` is its last message.
    Ahead(Receiver<Result<Option<FileChunk>>>),
    /// The calling thread reads, when it wants a chunk.
    Inline(Box<Reader>),
    Ended,
}

impl Chunks {
    pub(crate) fn open(sources: Vec<Source>, options: StreamOptions, read: ReadOptions) -> Self {
        // What calls back into its owner's thread is read there.
        let own_thread = !sources.iter().any(Source::calls_back);
        let bytes_taken = Arc::default();
        let reader = Reader {
            sources: sources.into_iter().enumerate(),
            file: None,
            options: read,
            chunk_bytes: options.chunk_bytes,
            left: options.limit.unwrap_or(u64::MAX),
            bytes_taken: Arc::clone(&bytes_taken),
        };
        let feed = if own_thread { read_ahead(reader) } else { Feed::Inline(Box::new(reader)) };
        Self { feed, process: std::process::id(), bytes_taken }
    }

    /// The next chunk; `None` at the end. `go_on` is asked every 100 ms.
    pub(crate) fn next(&mut self, go_on: &mut dyn FnMut() -> bool) -> Step<Option<FileChunk>> {
        if matches!(self.feed, Feed::Ended) {
            return Ok(None);
        }
        self.refuse_forked_child()?;
        let next = match &mut self.feed {
            Feed::Ahead(chunks) => wait(chunks, go_on).and_then(|chunk| Ok(chunk?)),
            Feed::Inline(reader) => reader.next_chunk().map_err(Interruption::from),
            Feed::Ended => Ok(None),
        };
        if !matches!(next, Ok(Some(_))) {
            self.end();
        }
        next
    }

    /// Drops the reader: no chunk is left.
    pub(crate) fn end(&mut self) {
        self.feed = Feed::Ended;
    }

    /// Bytes taken from the sources so far, before decompression.
    pub(crate) fn counter(&self) -> &Arc<AtomicU64> {
        &self.bytes_taken
    }

    pub(crate) fn refuse_forked_child(&self) -> Result<()> {
        refuse_forked_child(self.process)
    }

    /// Whether the calling thread need not read.
    pub(crate) fn are_read_ahead(&self) -> bool {
        matches!(self.feed, Feed::Ahead(_))
    }
}

/// Refuses what another process has opened.
pub(crate) fn refuse_forked_child(process: u32) -> Result<()> {
    if process == std::process::id() {
        return Ok(());
    }
    let text = "a stream that was opened before a fork cannot be read in the child process: open it there";
    Err(Error::new(ErrorKind::Options, text))
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if self.refuse_forked_child().is_err() {
            // To close a channel can mean to wait for the other side, which is not in this process.
            std::mem::forget(std::mem::replace(&mut self.feed, Feed::Ended));
        }
    }
}

/// Starts a thread that reads. Its last message is an error or `None`.
fn read_ahead(mut reader: Reader) -> Feed {
    let (sender, chunks) = sync_channel(READ_AHEAD);
    let failed = sender.clone();
    let read = move || {
        loop {
            let next = reader.next_chunk();
            let is_last = !matches!(next, Ok(Some(_)));
            // The receiver is gone: nobody needs the rest.
            if sender.send(next).is_err() || is_last {
                return;
            }
        }
    };
    // Not joined: it may be waiting for input that never comes, and ends once the receiver is gone.
    if let Err(error) = std::thread::Builder::new().name(READER_NAME.into()).spawn(read) {
        let text = format!("a thread cannot be started: {error}; try a smaller num_threads");
        let _ = failed.send(Err(Error::new(ErrorKind::Internal, text)));
    }
    Feed::Ahead(chunks)
}

/// Reads source after source.
struct Reader {
    sources: Enumerate<std::vec::IntoIter<Source>>,
    file: Option<OpenFile>,
    options: ReadOptions,
    chunk_bytes: usize,
    /// Records that may still be read.
    left: u64,
    bytes_taken: Arc<AtomicU64>,
}

struct OpenFile {
    index: usize,
    name: Arc<str>,
    columns_of: Option<Arc<str>>,
    /// What its records are, once one has shown it.
    kind: Option<RecordKind>,
    /// The lines before it are skipped; their records may show the format.
    first_line: u64,
    chunk_bytes: usize,
    /// What is made of lines that were all read.
    made: VecDeque<Chunk>,
    records: RecordReader,
    options: RecordOptions,
}

impl Reader {
    /// The next chunk; `None` at the end. A panic, of a decompressor for example, is an error and not an end.
    fn next_chunk(&mut self) -> Result<Option<FileChunk>> {
        catch_panics(|| self.read())
    }

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
                    // What comes after the last wanted record was never requested.
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
        let (name, first_line) = (source.name(), source.first_line());
        let (starts_at, known_kind) = (source.starts_at_line(), source.known_kind());
        let opened = source.open(&self.bytes_taken)?;
        let columns_of = opened.columns_of.clone();
        let records = RecordReader::open(opened, &name, starts_at, self.chunk_bytes, &self.options)?;
        Ok(OpenFile {
            index,
            name,
            columns_of,
            kind: given_kind(&self.options).or(known_kind),
            first_line,
            chunk_bytes: self.chunk_bytes,
            made: VecDeque::new(),
            records,
            options: self.options.record.clone(),
        })
    }
}

fn given_kind(options: &ReadOptions) -> Option<RecordKind> {
    options.input_format.map(|format| RecordKind::Conversations(format, 1))
}

/// What a file holds.
pub(super) enum FileKind {
    Document,
    /// A record a line; none of them may show what they are.
    Lines(Option<RecordKind>),
}

/// Reads a file up to the record that shows what its records are.
pub(super) fn kind_of_file(source: Source, options: &ReadOptions) -> Result<FileKind> {
    let name = source.name();
    let opened = source.open(&Arc::default())?;
    let mut records = RecordReader::open(opened, &name, 1, CHUNK_BYTES, options)?;
    if !records.has_lines() {
        return Ok(FileKind::Document);
    }
    let mut kind = given_kind(options);
    while kind.is_none()
        && let Some(chunk) = records.next_chunk(&name)?
    {
        kind = kind_of_chunk(&chunk, &options.record.renames);
    }
    Ok(FileKind::Lines(kind))
}

impl OpenFile {
    fn next_chunk(&mut self) -> Result<Option<FileChunk>> {
        let Some(mut chunk) = self.next_records()? else {
            return Ok(None);
        };
        let next_line = match (self.made.front(), chunk.lines.last()) {
            // Made of all lines, which are read: the next chunk begins after this one's last record.
            (Some(_), Some(last)) => last.number + 1,
            _ => self.records.next_line(),
        };
        chunk.skip_lines_before(self.first_line, next_line);
        let format = match self.kind {
            Some(RecordKind::Conversations(format, line)) => Some((format, line)),
            Some(RecordKind::Trees | RecordKind::TreeRows) | None => None,
        };
        let (name, columns_of) = (self.name.clone(), self.columns_of.clone());
        Ok(Some(FileChunk { index: self.index, name, columns_of, format, next_line, chunk }))
    }

    /// Lines that hold a conversation each, as far as the file is of a known kind.
    fn next_records(&mut self) -> Result<Option<Chunk>> {
        if let Some(chunk) = self.made.pop_front() {
            return Ok(Some(chunk));
        }
        let Some(chunk) = self.records.next_chunk(&self.name)? else {
            return Ok(None);
        };
        self.kind = self.kind.or_else(|| kind_of_chunk(&chunk, &self.options.renames));
        Ok(Some(match self.kind {
            Some(RecordKind::Trees) => with_paths(&chunk, &self.options),
            Some(RecordKind::TreeRows) => {
                let mut rows = TreeRows::default();
                rows.add(&chunk);
                while let Some(chunk) = self.records.next_chunk(&self.name)? {
                    rows.add(&chunk);
                }
                self.made = rows.chunks(self.chunk_bytes, &self.options);
                self.made.pop_front().unwrap_or_default()
            }
            Some(RecordKind::Conversations(..)) | None => chunk,
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot continue has failed")]

    use std::io::{self, Read};

    use super::*;

    const OPTIONS: StreamOptions = StreamOptions { chunk_bytes: 4, limit: None };
    fn reading() -> ReadOptions {
        ReadOptions { max_line_bytes: 100, ..ReadOptions::default() }
    }

    /// Two lines, and what a decompressor does that meets bytes it was not made for.
    struct PanicsAfter(io::Cursor<&'static [u8]>);

    impl Read for PanicsAfter {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => panic!("index out of bounds"),
                count => Ok(count),
            }
        }
    }

    fn panicking_source() -> Source {
        let reader = Box::new(PanicsAfter(io::Cursor::new(b"[1]\n[2]\n")));
        Source::Callback { name: "input".into(), reader }
    }

    fn reader(sources: Vec<Source>) -> Reader {
        Reader {
            sources: sources.into_iter().enumerate(),
            file: None,
            options: reading(),
            chunk_bytes: OPTIONS.chunk_bytes,
            left: u64::MAX,
            bytes_taken: Arc::default(),
        }
    }

    fn ahead(reader: Reader) -> Chunks {
        Chunks { feed: read_ahead(reader), process: std::process::id(), bytes_taken: Arc::default() }
    }

    /// How many lines come, and the error that ends them.
    fn count_lines(chunks: &mut Chunks) -> (usize, Option<Error>) {
        let mut count = 0;
        loop {
            match chunks.next(&mut || true) {
                Ok(Some(chunk)) => count += chunk.len(),
                Ok(None) => return (count, None),
                Err(Interruption::Failed(error)) => return (count, Some(error)),
                Err(Interruption::Stopped) => panic!("nobody stopped it"),
            }
        }
    }

    #[test]
    fn a_panic_of_the_reader_is_an_error_and_no_end() {
        let inline = Chunks::open(vec![panicking_source()], OPTIONS, reading());
        for mut chunks in [ahead(reader(vec![panicking_source()])), inline] {
            let error = count_lines(&mut chunks).1.unwrap();
            assert_eq!(error.kind, ErrorKind::Internal);
            assert!(error.text.contains("index out of bounds"), "{error}");
            assert_eq!(count_lines(&mut chunks), (0, None), "after an error there is nothing");
        }
    }

    #[test]
    fn a_reader_that_is_gone_without_a_last_message_is_an_error() {
        let (sender, chunks) = sync_channel(READ_AHEAD);
        drop(sender);
        let mut chunks =
            Chunks { feed: Feed::Ahead(chunks), process: std::process::id(), bytes_taken: Arc::default() };
        let (count, error) = count_lines(&mut chunks);
        assert_eq!((count, error.unwrap().kind), (0, ErrorKind::Internal));
    }

    #[test]
    fn the_end_is_remembered() {
        let mut chunks = ahead(reader(vec![Source::Bytes(b"[1]\n[2]\n[3]\n".to_vec())]));
        assert_eq!(count_lines(&mut chunks), (3, None));
        assert_eq!(count_lines(&mut chunks), (0, None));
    }

    #[test]
    fn another_process_is_refused() {
        let mut chunks = ahead(reader(vec![Source::Bytes(b"[1]\n".to_vec())]));
        chunks.process = 0;
        for _ in 0..2 {
            assert_eq!(count_lines(&mut chunks).1.unwrap().kind, ErrorKind::Options);
        }
    }
}
