//! A section of a file: consecutive lines, read without what comes before them.
//!
//! In: a file of lines, plain or in frames of Zstandard. Out: where its sections start, what their bytes hold, and a
//! reader of the lines that begin in one. Whose work a section is, and that all of them are read, is the caller's business.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use memchr::{memchr, memchr_iter};

use super::ReadOptions;
use super::chunks::{FileKind, kind_of_file};
use super::compression::Compression;
use super::format::RecordKind;
use super::source::{Source, read_error};
use super::zstd_frames::frame_starts;
use crate::error::Result;

/// Where lines of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The byte of the file, as it is on disk, at which reading starts.
    pub start: u64,
    /// Whether a line is open there, which belongs to a section before.
    pub in_line: bool,
    /// The number of the first line that begins in the section.
    pub first_line: u64,
    /// The lines are those that begin in so many bytes after the start, once decompressed.
    pub bytes: u64,
    /// What the records of the file are.
    pub kind: Option<RecordKind>,
}

/// Where a file can be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cuts {
    /// Bytes of the file as it is on disk: 0, and others where lines may be open.
    pub starts: Vec<u64>,
    pub kind: Option<RecordKind>,
}

impl Cuts {
    /// Finds where the sections of a file start, of about so many bytes each. There is one where the file cannot be cut:
    /// where it is not of lines, where records are made of several lines, or in other compression.
    pub fn find(path: &Path, section_bytes: u64, options: &ReadOptions) -> Result<Self> {
        let name: Arc<str> = path.to_string_lossy().into();
        let mut starts = starts(path, section_bytes).map_err(|error| read_error(&name, &error))?;
        if starts.len() < 2 {
            return Ok(Self { starts, kind: None });
        }
        // What a file is, and whether it can be read, is told as for one that is not cut.
        let kind = match kind_of_file(Source::Path(path.to_owned()), options)? {
            FileKind::Lines(kind) if kind != Some(RecordKind::TreeRows) => kind,
            FileKind::Lines(_) | FileKind::Document => {
                starts.truncate(1);
                None
            }
        };
        Ok(Self { starts, kind })
    }
}

fn starts(path: &Path, section_bytes: u64) -> io::Result<Vec<u64>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let step = section_bytes.max(1);
    if bytes <= step {
        return Ok(vec![0]);
    }
    match Compression::of(&mut file)? {
        Compression::None => Ok((0..bytes).step_by(usize::try_from(step).unwrap_or(usize::MAX)).collect()),
        Compression::Zstd => {
            let mut kept = vec![0];
            for start in frame_starts(&mut file)? {
                if start >= kept[kept.len() - 1] + step {
                    kept.push(start);
                }
            }
            Ok(kept)
        }
        Compression::Gzip | Compression::Bzip2 => Ok(vec![0]),
    }
}

/// What is between two places of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountedLines {
    /// Bytes, once decompressed.
    pub bytes: u64,
    pub newlines: u64,
    /// Whether a newline is the last of them.
    pub ends_line: bool,
}

/// Counts what is in a file from a start of a section to the next, or to the end.
pub fn count_lines(path: &Path, start: u64, end: Option<u64>) -> Result<CountedLines> {
    let name: Arc<str> = path.to_string_lossy().into();
    let counted = open_at(path, start, end).and_then(|mut bytes| {
        let mut counted_lines = CountedLines::default();
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let count = match bytes.read(&mut block) {
                Ok(0) => return Ok(counted_lines),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            counted_lines.bytes += count as u64;
            counted_lines.newlines += memchr_iter(b'\n', &block[..count]).count() as u64;
            counted_lines.ends_line = block[count - 1] == b'\n';
        }
    });
    counted.map_err(|error| read_error(&name, &error))
}

/// What is read at a time.
const BLOCK_BYTES: usize = 1 << 17;

fn open_at(path: &Path, start: u64, end: Option<u64>) -> io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    let compression = Compression::of(&mut file)?;
    file.seek(SeekFrom::Start(start))?;
    compression.decompressed(file.take(end.map_or(u64::MAX, |end| end.saturating_sub(start))))
}

/// Gives the lines that begin in a section, of a reader that starts where it does.
pub struct SectionReader<R> {
    reader: R,
    /// Bytes of the section that are not read yet.
    left: u64,
    /// Whether the line that is being read belongs to a section before.
    skipping: bool,
    at_line_start: bool,
    ended: bool,
    block: Vec<u8>,
    ready: std::ops::Range<usize>,
}

impl<R: Read> SectionReader<R> {
    pub fn new(reader: R, section: &Section) -> Self {
        Self::with_block(reader, section, BLOCK_BYTES)
    }

    fn with_block(reader: R, section: &Section, block_bytes: usize) -> Self {
        Self {
            reader,
            left: section.bytes,
            skipping: section.in_line,
            at_line_start: !section.in_line,
            ended: false,
            block: vec![0; block_bytes],
            ready: 0..0,
        }
    }

    /// Finds what is wanted of the first bytes of the block.
    fn take(&mut self, count: usize) {
        let in_section = usize::try_from(self.left).map_or(count, |left| left.min(count));
        // The line that is open where the section ends goes on to its end.
        let is_open = |end: usize| if end == 0 { !self.at_line_start } else { self.block[end - 1] != b'\n' };
        let end = if in_section == count {
            count
        } else if is_open(in_section) {
            let newline = memchr(b'\n', &self.block[in_section..count]);
            self.ended = newline.is_some();
            newline.map_or(count, |at| in_section + at + 1)
        } else {
            self.ended = true;
            in_section
        };
        self.left -= in_section as u64;
        let mut start = 0;
        if self.skipping {
            let newline = memchr(b'\n', &self.block[..end]);
            self.skipping = newline.is_none();
            start = newline.map_or(end, |at| at + 1);
        }
        if end > 0 {
            self.at_line_start = self.block[end - 1] == b'\n';
        }
        self.ready = start..end;
    }
}

impl<R: Read> Read for SectionReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            let is_done = self.left == 0 && (self.at_line_start || self.skipping);
            if self.ended || buffer.is_empty() || is_done {
                return Ok(0);
            }
            let count = self.reader.read(&mut self.block)?;
            if count == 0 && self.left > 0 {
                return Err(io::Error::other("it has fewer bytes than when it was cut into sections"));
            }
            if count == 0 {
                return Ok(0);
            }
            self.take(count);
        }
        let count = buffer.len().min(self.ready.len());
        let start = self.ready.start;
        buffer[..count].copy_from_slice(&self.block[start..start + count]);
        self.ready.start += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sections of a text that is cut at these bytes.
    fn sections(text: &[u8], cuts: &[usize]) -> Vec<Section> {
        let mut starts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).chain([0]).collect();
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().copied().skip(1).chain([text.len()]);
        let section = |(start, end): (usize, usize)| {
            let in_line = start > 0 && text[start - 1] != b'\n';
            let newlines = memchr_iter(b'\n', &text[..start]).count() as u64;
            Section {
                start: start as u64,
                in_line,
                first_line: 1 + newlines + u64::from(in_line),
                bytes: (end - start) as u64,
                kind: None,
            }
        };
        starts.iter().copied().zip(ends).map(section).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn each_line_is_in_the_section_in_which_it_begins(
            text in "[a\n]{0,30}", cuts in prop::collection::vec(0_usize..40, 0..5), block_bytes in 1_usize..9,
        ) {
            let text = text.as_bytes();
            let mut all = Vec::new();
            for section in sections(text, &cuts) {
                let before = memchr_iter(b'\n', &all).count() as u64;
                prop_assert!(all.is_empty() || all.ends_with(b"\n") || section.bytes == 0 || section.in_line);
                let start = usize::try_from(section.start).unwrap();
                let mut read = Vec::new();
                SectionReader::with_block(&text[start..], &section, block_bytes).read_to_end(&mut read).unwrap();
                if !read.is_empty() {
                    prop_assert_eq!(section.first_line, before + 1);
                }
                all.extend(read);
            }
            prop_assert_eq!(all, text);
        }
    }
}
