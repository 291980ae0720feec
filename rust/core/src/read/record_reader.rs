//! The records of one file, lines or documents, whichever its first bytes show.
//!
//! In: a source that was opened. Out: chunks of records.

use std::io::{Cursor, Read};
use std::sync::Arc;

use super::ReadOptions;
use super::content::{CONTENT_BYTES, Content};
use super::document::{Beyond, DocumentReader, Shape, Stopped, shape_of};
use super::lines::{BYTE_ORDER_MARK, Chunk, JsonlReader};
use super::share::ShareReader;
use super::source::{Opened, read_error};
use crate::conversation::Renames;
use crate::error::{Error, ErrorKind, Result};

type Bytes = Box<dyn Read + Send>;

/// How much is read of a file, at most, to tell its shape.
const HEAD_BYTES: usize = 1 << 20;
/// What is asked for at a time until then; a stream may give less.
const STEP_BYTES: usize = 1 << 16;

pub enum RecordReader {
    Lines(JsonlReader<Bytes>),
    Document(Box<DocumentReader<Bytes>>),
}

impl RecordReader {
    /// Reads as much of a source as shows what it is; its first line has that number.
    pub fn open(
        opened: Opened,
        file: &Arc<str>,
        first_line: u64,
        chunk_bytes: usize,
        options: &ReadOptions,
    ) -> Result<Self> {
        let Opened { mut bytes, shares, holds_lines, .. } = opened;
        let (head, shape) = if holds_lines {
            (Vec::new(), Shape::Lines)
        } else {
            read_head(&mut bytes, file, &options.record.renames)?
        };
        let bytes: Bytes = Box::new(Cursor::new(head).chain(bytes));
        Ok(match shape {
            Shape::Document => {
                Self::Document(Box::new(DocumentReader::new(bytes, chunk_bytes, options, shares)))
            }
            Shape::Lines => {
                let shared = shares.into_iter().fold(bytes, |bytes, share| {
                    Box::new(ShareReader::new(bytes, share, first_line)) as Bytes
                });
                Self::Lines(JsonlReader::new(shared, first_line, chunk_bytes, options.max_line_bytes))
            }
        })
    }

    /// Whether each line is a record.
    pub fn has_lines(&self) -> bool {
        matches!(self, Self::Lines(_))
    }

    /// The first line after the last chunk.
    pub fn next_line(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.next_line(),
            Self::Document(document) => document.next_line(),
        }
    }

    /// The next records; `None` at the end. A chunk without records is possible.
    pub fn next_chunk(&mut self, file: &Arc<str>) -> Result<Option<Chunk>> {
        match self {
            Self::Lines(lines) => lines.next_chunk().map_err(|error| {
                let mut error = read_error(file, &error);
                error.location.line = Some(lines.next_line());
                error
            }),
            Self::Document(document) => document.next_chunk().map_err(|stopped| match stopped {
                Stopped::Read(error) => {
                    let mut error = read_error(file, &error);
                    error.location.line = Some(document.line());
                    error
                }
                Stopped::Broken(broken) => Error::new(ErrorKind::JsonDocument, broken.text)
                    .at_byte(broken.byte)
                    .at_line(file, broken.line),
            }),
        }
    }
}

/// The first bytes of a file, and its shape.
fn read_head(bytes: &mut Bytes, file: &Arc<str>, renames: &Renames) -> Result<(Vec<u8>, Shape)> {
    let mut head = Vec::new();
    // How much there has to be for another look: it pays where a line has ended or much has come.
    let mut wanted = 0;
    loop {
        let step = STEP_BYTES.min(HEAD_BYTES - head.len());
        let start = head.len();
        head.resize(start + step, 0);
        let count = match bytes.read(&mut head[start..]) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                head.truncate(start);
                continue;
            }
            Err(error) => {
                // It comes again when the lines before it have been read.
                head.truncate(start);
                *bytes = Box::new(Failing(Some(error)));
                return Ok((head, Shape::Lines));
            }
        };
        head.truncate(start + count);
        let beyond = match count {
            0 => Beyond::Nothing,
            _ if head.len() >= HEAD_BYTES => Beyond::Unread,
            _ => Beyond::More,
        };
        let has_first_line = !head[..start].contains(&b'\n') && head[start..].contains(&b'\n');
        if beyond == Beyond::More && (head.len() < CONTENT_BYTES || head.len() < wanted && !has_first_line) {
            continue;
        }
        refuse_other_content(Content::of(&head), file)?;
        let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head);
        if let Some(shape) = shape_of(text, beyond, renames) {
            return Ok((head, shape));
        }
        wanted = 2 * head.len();
    }
}

/// Refuses what is no text.
fn refuse_other_content(content: Content, file: &Arc<str>) -> Result<()> {
    let (kind, text) = match content {
        Content::Text => return Ok(()),
        Content::Wide(encoding) => (
            ErrorKind::JsonUtf8,
            format!(
                "the file looks like {encoding}, and JSON is UTF-8: convert it, \
                 `iconv -f {encoding} -t UTF-8 FILE > NEW`"
            ),
        ),
        Content::Parquet => (ErrorKind::Content, table("a Parquet file")),
        Content::ArrowFile => (ErrorKind::Content, table("an Arrow file")),
        Content::ArrowStream => (ErrorKind::Content, table("an Arrow stream")),
    };
    let mut error = Error::new(kind, text);
    error.location.file = Some(file.clone());
    Err(error)
}

fn table(what: &str) -> String {
    format!(
        "this is {what}, which is read where it is named as a file, and not from a pipe or in another file"
    )
}

/// A read that has failed, to be handed out in its place.
struct Failing(Option<std::io::Error>);

impl Read for Failing {
    fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
