//! Where records come from: a path, standard input or any byte stream, decompressed on the way.
//!
//! In: a `Source`. Out: a reader of plain bytes and a counter of the bytes taken from the source, for progress.
//! Compression is recognised by the first bytes, never by the name; several members or frames are read to the end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flate2::bufread::GzDecoder;

use super::share::Share;
use crate::error::{Error, ErrorKind, Result};

/// One input.
pub enum Source {
    Path(PathBuf),
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
            Self::Path(path) => path.to_string_lossy().into(),
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
            Self::Path(_) | Self::Stdin | Self::Bytes(_) => false,
        }
    }

    /// The first line that is wanted, 1-based.
    pub fn first_line(&self) -> u64 {
        match self {
            Self::Share { source, .. } => source.first_line(),
            Self::FromLine { source, line } => source.first_line().max(*line),
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
        };
        let counted = Counted { reader: raw, taken: taken.clone(), failed: Arc::default() };
        let bytes = decompressed(counted).map_err(|error| read_error(&name, &error))?;
        Ok(Opened { bytes, shares: Vec::new(), holds_lines: false, columns_of: None })
    }
}

/// The error of a failed read: a broken compressed stream, or whatever the system said.
pub fn read_error(name: &Arc<str>, error: &io::Error) -> Error {
    let (kind, text) = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            (ErrorKind::Compression, "the compressed data ends too early: the file is truncated".to_owned())
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

const GZIP: &[u8] = &[0x1F, 0x8B];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// A frame that is skipped, with which pzstd begins: the low half of its first byte is free.
const ZSTD_SKIPPED: &[u8] = &[0x2A, 0x4D, 0x18];
const BZIP2: &[u8] = b"BZh";
const LONGEST_MAGIC: u64 = 4;

fn decompressed(mut raw: Counted) -> io::Result<Box<dyn Read + Send>> {
    let source_failed = raw.failed.clone();
    let mut head = Vec::new();
    raw.by_ref().take(LONGEST_MAGIC).read_to_end(&mut head)?;
    let magic = head.clone();
    let whole = BufReader::with_capacity(1 << 17, Cursor::new(head).chain(raw));
    let is_skipped =
        magic.first().is_some_and(|first| first >> 4 == 5) && magic.get(1..) == Some(ZSTD_SKIPPED);
    Ok(if magic.starts_with(GZIP) {
        Box::new(GzipMembers { member: Some(GzDecoder::new(whole)) })
    } else if magic.starts_with(ZSTD) || is_skipped {
        Box::new(ZstdFrames { frames: zstd::stream::read::Decoder::with_buffer(whole)?, source_failed })
    } else if magic.starts_with(BZIP2) {
        Box::new(bzip2::bufread::MultiBzDecoder::new(whole))
    } else {
        Box::new(whole)
    })
}

/// Members of gzip, one after the other. Zeros after one are padding, as gzip itself and Python take them.
struct GzipMembers<R> {
    /// `None` after the last one.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { break };
            if skip_zeros(&mut rest)? {
                self.member = Some(GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}

/// Passes over zeros; whether anything comes after them.
fn skip_zeros(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let other = bytes.iter().position(|byte| *byte != 0);
        let zeros = other.unwrap_or(bytes.len());
        reader.consume(zeros);
        if other.is_some() {
            return Ok(true);
        }
    }
}

/// Frames of Zstandard, whose own faults are those of the data.
struct ZstdFrames<R: BufRead> {
    frames: zstd::stream::read::Decoder<'static, R>,
    source_failed: Arc<AtomicBool>,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.frames.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Other if !self.source_failed.load(Ordering::Relaxed) => {
                io::Error::new(io::ErrorKind::InvalidData, error)
            }
            _ => error,
        })
    }
}

struct Counted {
    reader: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    failed: Arc<AtomicBool>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer).inspect_err(|_| self.failed.store(true, Ordering::Relaxed))?;
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
