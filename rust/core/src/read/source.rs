//! Where records come from: a path, standard input or any byte stream, decompressed on the way.
//!
//! In: a `Source`. Out: a reader of plain bytes and a counter of the bytes taken from the source, for progress.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::compression::{Compression, LONGEST_MAGIC};
use super::format::RecordKind;
use super::section::{Section, SectionReader};
use super::share::Share;
use crate::error::{Error, ErrorKind, Result};

/// One input.
pub enum Source {
    Path(PathBuf),
    /// The lines of a file that begin in a section of it.
    Section {
        path: PathBuf,
        section: Section,
    },
    Stdin,
    /// Bytes in memory.
    Bytes(Vec<u8>),
    /// A reader that must be called on the thread that asks for samples; the name is for error texts.
    Callback {
        name: String,
        reader: Box<dyn Read + Send>,
    },
    /// Records that are made as they are read, a line each; called on that thread, too.
    Rows {
        name: String,
        /// What has columns and is read so, for error texts: a Parquet file, a table.
        columns_of: Option<String>,
        reader: Box<dyn ReadRows>,
    },
    /// The records of another source that fall to one share.
    Share {
        source: Box<Source>,
        share: Share,
    },
    /// Another source without the lines before a 1-based one: they are not counted, and may show its format.
    FromLine {
        source: Box<Source>,
        line: u64,
    },
}

/// A reader of lines that are made of something else.
pub trait ReadRows: Read + Send {
    /// The bytes taken of what the lines are made of; `None` if those of the lines themselves are to be counted.
    fn bytes_taken(&self) -> Option<u64>;
}

/// A source that can be read.
pub struct Opened {
    /// Plain bytes.
    pub bytes: Box<dyn Read + Send>,
    /// A record is wanted if all of these hold it.
    pub shares: Vec<Share>,
    /// Each line is one record, whatever is in it.
    pub holds_lines: bool,
    /// What has the columns that are the keys of its records.
    pub columns_of: Option<Arc<str>>,
}

impl Source {
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Path(path) | Self::Section { path, .. } => path.to_string_lossy().into(),
            Self::Stdin => "-".into(),
            Self::Bytes(_) => "<bytes>".into(),
            Self::Callback { name, .. } | Self::Rows { name, .. } => name.as_str().into(),
            Self::Share { source, .. } | Self::FromLine { source, .. } => source.name(),
        }
    }

    /// True for what calls back into its owner's thread.
    pub fn calls_back(&self) -> bool {
        match self {
            Self::Callback { .. } | Self::Rows { .. } => true,
            Self::Share { source, .. } | Self::FromLine { source, .. } => source.calls_back(),
            Self::Path(_) | Self::Section { .. } | Self::Stdin | Self::Bytes(_) => false,
        }
    }

    /// The number of the line with which reading starts.
    pub fn starts_at_line(&self) -> u64 {
        match self {
            Self::Section { section, .. } => section.first_line,
            Self::Share { source, .. } | Self::FromLine { source, .. } => source.starts_at_line(),
            Self::Path(_) | Self::Stdin | Self::Bytes(_) | Self::Callback { .. } | Self::Rows { .. } => 1,
        }
    }

    /// What its records are, where that is known before any is read.
    pub fn known_kind(&self) -> Option<RecordKind> {
        match self {
            Self::Section { section, .. } => section.kind,
            Self::Share { source, .. } | Self::FromLine { source, .. } => source.known_kind(),
            Self::Path(_) | Self::Stdin | Self::Bytes(_) | Self::Callback { .. } | Self::Rows { .. } => None,
        }
    }

    /// The first line that is wanted, 1-based.
    pub fn first_line(&self) -> u64 {
        match self {
            Self::Share { source, .. } => source.first_line(),
            Self::FromLine { source, line } => source.first_line().max(*line),
            Self::Section { section, .. } => section.first_line,
            Self::Path(_) | Self::Stdin | Self::Bytes(_) | Self::Callback { .. } | Self::Rows { .. } => 1,
        }
    }

    /// Opens the source from its start; `taken` grows by the bytes read from it.
    pub fn open(self, taken: &Arc<AtomicU64>) -> Result<Opened> {
        let name = self.name();
        let raw: Box<dyn Read + Send> = match self {
            Self::Path(path) => Box::new(File::open(&path).map_err(|error| read_error(&name, &error))?),
            Self::Stdin => Box::new(io::stdin()),
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Self::Callback { reader, .. } => reader,
            Self::Rows { reader, columns_of, .. } => {
                let bytes = Box::new(CountedRows { reader, counted: 0, taken: taken.clone() });
                let columns_of = columns_of.map(Arc::from);
                return Ok(Opened { bytes, shares: Vec::new(), holds_lines: true, columns_of });
            }
            Self::Share { source, share } => {
                let mut opened = source.open(taken)?;
                opened.shares.push(share);
                return Ok(opened);
            }
            Self::FromLine { source, .. } => return source.open(taken),
            Self::Section { path, section } => {
                let bytes =
                    open_section(&path, &section, taken).map_err(|error| read_error(&name, &error))?;
                return Ok(Opened { bytes, shares: Vec::new(), holds_lines: true, columns_of: None });
            }
        };
        let bytes = open_whole(raw, taken).map_err(|error| read_error(&name, &error))?;
        Ok(Opened { bytes, shares: Vec::new(), holds_lines: false, columns_of: None })
    }
}

/// The error of a failed read: a broken compressed stream, or whatever the system said.
pub fn read_error(name: &Arc<str>, error: &io::Error) -> Error {
    let (kind, text) = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            let text =
                "the compressed data ends too early: the file is truncated, or something else follows it";
            (ErrorKind::Compression, text.to_owned())
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            (ErrorKind::Compression, format!("the compressed data is damaged: {error}"))
        }
        _ => (ErrorKind::Io, format!("cannot be read: {error}")),
    };
    let mut error = Error::new(kind, text);
    error.location.file = Some(name.clone());
    error
}

fn open_whole(raw: Box<dyn Read + Send>, taken: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
    let mut raw = Counted { reader: raw, taken: taken.clone() };
    let mut head = Vec::new();
    raw.by_ref().take(LONGEST_MAGIC).read_to_end(&mut head)?;
    Compression::shown_by(&head).decompressed(Cursor::new(head).chain(raw))
}

fn open_section(path: &Path, section: &Section, taken: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    let compression = Compression::of(&mut file)?;
    file.seek(SeekFrom::Start(section.start))?;
    let bytes = compression.decompressed(Counted { reader: file, taken: taken.clone() })?;
    Ok(Box::new(SectionReader::new(bytes, section)))
}

struct Counted<R> {
    reader: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

struct CountedRows {
    reader: Box<dyn ReadRows>,
    counted: u64,
    taken: Arc<AtomicU64>,
}

impl Read for CountedRows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let so_far = self.reader.bytes_taken().unwrap_or(self.counted + count as u64);
        self.taken.fetch_add(so_far.saturating_sub(self.counted), Ordering::Relaxed);
        self.counted = so_far.max(self.counted);
        Ok(count)
    }
}
