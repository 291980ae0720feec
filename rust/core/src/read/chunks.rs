//! Sources to chunks of lines.
//!
//! In: sources. Out: the lines of each, a chunk at a time, with the format that the file's first telling record shows. A
//! thread of our own reads, decompresses and cuts lines ahead of whoever asks; a source that calls back is read by the
//! calling thread instead.

use std::io::Read;
use std::iter::Enumerate;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, sync_channel};

use super::Record;
use super::format::format_of_chunk;
use super::lines::{Chunk, JsonlReader, Line, LineText};
use super::source::{Source, read_error};
use super::wait::{Interruption, Waited, wait};
use crate::conversation::Format;
use crate::error::Result;

/// Chunks read ahead of the one being worked on.
const READ_AHEAD: usize = 1;

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
    /// The format of the file's first telling record, and that record's line: lines before it have none.
    format: Option<(Format, u64)>,
    pub(crate) chunk: Chunk,
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
            error.location.line = Some(self.lines.next_line());
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
