//! Compressed bytes to plain ones.
//!
//! In: a reader. Out: a reader of what was compressed. Compression is recognised by the first bytes of a file, never by its
//! name; several members or frames are read to the end.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::bufread::GzDecoder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
}

/// How many bytes show it.
pub const LONGEST_MAGIC: u64 = 4;

const GZIP: &[u8] = &[0x1F, 0x8B];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// A frame that is skipped, with which pzstd begins: the low half of its first byte is free.
const ZSTD_SKIPPED: &[u8] = &[0x2A, 0x4D, 0x18];
const BZIP2: &[u8] = b"BZh";

impl Compression {
    /// That of a file whose first bytes these are: [`LONGEST_MAGIC`] of them, if it has that many.
    pub fn shown_by(head: &[u8]) -> Self {
        let is_skipped =
            head.first().is_some_and(|first| first >> 4 == 5) && head.get(1..) == Some(ZSTD_SKIPPED);
        if head.starts_with(GZIP) {
            Self::Gzip
        } else if head.starts_with(ZSTD) || is_skipped {
            Self::Zstd
        } else if head.starts_with(BZIP2) {
            Self::Bzip2
        } else {
            Self::None
        }
    }

    /// That of a file, which is read from its start.
    pub fn of(file: &mut (impl Read + Seek)) -> io::Result<Self> {
        let mut head = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.take(LONGEST_MAGIC).read_to_end(&mut head)?;
        Ok(Self::shown_by(&head))
    }

    /// A reader of the plain bytes.
    pub fn decompressed(self, raw: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        let source_failed = Arc::<AtomicBool>::default();
        let watched = Watched { reader: raw, failed: source_failed.clone() };
        let whole = BufReader::with_capacity(1 << 17, watched);
        Ok(match self {
            Self::None => Box::new(whole),
            Self::Gzip => Box::new(GzipMembers { member: Some(GzDecoder::new(whole)) }),
            Self::Zstd => Box::new(ZstdFrames {
                frames: zstd::stream::read::Decoder::with_buffer(whole)?,
                source_failed,
            }),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(whole)),
        })
    }
}

/// Notes that a read has failed, which decompressors do not tell from faults of the data.
struct Watched<R> {
    reader: R,
    failed: Arc<AtomicBool>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).inspect_err(|_| self.failed.store(true, Ordering::Relaxed))
    }
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
