//! Bytes to lines.
//!
//! In: a reader of plain bytes. Out: chunks of whole lines with their 1-based numbers. Only `\n` separates lines;
//! a carriage return before it belongs to the line end; a byte order mark is taken off at the start of the file;
//! lines of white space are counted and skipped. A line above the limit is noted, its bytes are not kept.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memrchr};

/// The largest line, in bytes, that is read unless the caller says otherwise.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// About how much text a chunk holds unless the caller says otherwise.
pub const CHUNK_BYTES: usize = 4 << 20;

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// What a line may have beyond its text: a byte order mark and a carriage return.
const NOT_TEXT_BYTES: usize = 4;
/// What is read at a time once a chunk is full and its last line still open.
pub(super) const READ_BYTES: usize = 1 << 18;

/// Whole lines of one file.
#[derive(Debug, Default)]
pub struct Chunk {
    pub bytes: Vec<u8>,
    pub lines: Vec<Line>,
    /// Blank lines after the last of `lines`.
    pub blank_at_end: u64,
    /// Whether the lines are not those of the file, but were made of them.
    pub is_made: bool,
}

impl Chunk {
    /// Leaves out the lines before that one, blank ones too; `next_line` is the first line after the chunk.
    pub fn skip_lines_before(&mut self, first_line: u64, next_line: u64) {
        if first_line <= 1 {
            return;
        }
        let skipped = self.lines.partition_point(|line| line.number < first_line);
        self.lines.drain(..skipped);
        let end = self.lines.first().map_or(next_line, |line| line.number);
        let blank = self.lines.first_mut().map_or(&mut self.blank_at_end, |line| &mut line.blank_before);
        *blank = (*blank).min(end.saturating_sub(first_line));
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// 1-based.
    pub number: u64,
    /// Blank lines between the line before, or the start of the chunk, and this one.
    pub blank_before: u64,
    pub text: LineText,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineText {
    /// The line's range in the chunk's bytes, without its newline.
    Bytes(Range<usize>),
    /// The line was longer than the limit.
    TooLong,
}

/// The text of a line whose `\n` is off, as a range of it; `None` if it is blank.
pub fn line_text(line: &[u8], max_line_bytes: usize) -> Option<LineText> {
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    if text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
        None
    } else if text.len() > max_line_bytes {
        Some(LineText::TooLong)
    } else {
        Some(LineText::Bytes(0..text.len()))
    }
}

pub struct JsonlReader<R> {
    reader: R,
    chunk_bytes: usize,
    max_line_bytes: usize,
    /// The start of a line whose end is not read yet.
    rest: Vec<u8>,
    next_line: u64,
    /// The line noted last is over the limit: its bytes are dropped up to its end.
    skipping: bool,
    ended: bool,
    /// A failed read, kept until the lines before it are handed out.
    failed: Option<io::Error>,
}

impl<R: Read> JsonlReader<R> {
    /// The first line that it gives has that number.
    pub fn new(reader: R, first_line: u64, chunk_bytes: usize, max_line_bytes: usize) -> Self {
        Self {
            reader,
            chunk_bytes: chunk_bytes.max(1),
            max_line_bytes,
            rest: Vec::new(),
            next_line: first_line,
            skipping: false,
            ended: false,
            failed: None,
        }
    }

    /// The line that would be read next, for errors of the stream itself.
    pub fn next_line(&self) -> u64 {
        self.next_line
    }

    /// The next lines; `None` at the end. A chunk without lines is possible (blank lines only).
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Err(error);
        }
        if self.ended {
            return Ok(None);
        }
        let mut chunk = Chunk { bytes: std::mem::take(&mut self.rest), ..Chunk::default() };
        if let Err(error) = self.fill(&mut chunk) {
            self.failed = Some(error);
        }
        let whole =
            if self.ended { chunk.bytes.len() } else { memrchr(b'\n', &chunk.bytes).map_or(0, |at| at + 1) };
        self.rest = chunk.bytes.split_off(whole);
        self.cut_lines(&mut chunk);
        Ok(Some(chunk))
    }

    /// Reads until the chunk is full and holds a whole line, or the input ends.
    fn fill(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        let mut searched = 0;
        let mut has_line = false;
        loop {
            has_line = has_line || memchr(b'\n', &chunk.bytes[searched..]).is_some();
            searched = chunk.bytes.len();
            if has_line && searched >= self.chunk_bytes {
                return Ok(());
            }
            if !has_line && searched > self.max_line_bytes + NOT_TEXT_BYTES {
                // It is said before its end is looked for, which may never come.
                self.push(chunk, LineText::TooLong);
                self.skipping = true;
                chunk.bytes.clear();
                return Ok(());
            }
            let missing = self.chunk_bytes.saturating_sub(searched);
            let wanted = missing.max(self.chunk_bytes.min(READ_BYTES)) as u64;
            let count = self.reader.by_ref().take(wanted).read_to_end(&mut chunk.bytes)?;
            if count == 0 {
                self.ended = true;
                return Ok(());
            }
            if self.skipping {
                self.skip_line_end(chunk);
            }
        }
    }

    /// Drops what is read of the rest of a line that was too long.
    fn skip_line_end(&mut self, chunk: &mut Chunk) {
        match memchr(b'\n', &chunk.bytes) {
            Some(end) => {
                chunk.bytes.drain(..=end);
                self.skipping = false;
            }
            None => chunk.bytes.clear(),
        }
    }

    fn push(&mut self, chunk: &mut Chunk, text: LineText) {
        let blank_before = std::mem::take(&mut chunk.blank_at_end);
        chunk.lines.push(Line { number: self.next_line, blank_before, text });
        self.next_line += 1;
    }

    fn cut_lines(&mut self, chunk: &mut Chunk) {
        let bytes = std::mem::take(&mut chunk.bytes);
        let has_mark = self.next_line == 1 && bytes.starts_with(BYTE_ORDER_MARK);
        let mut start = if has_mark { BYTE_ORDER_MARK.len() } else { 0 };
        let has_open_line = start < bytes.len() && bytes.last() != Some(&b'\n');
        for end in memchr_iter(b'\n', &bytes).chain(has_open_line.then_some(bytes.len())) {
            match line_text(&bytes[start..end], self.max_line_bytes) {
                Some(LineText::Bytes(text)) => {
                    self.push(chunk, LineText::Bytes(start + text.start..start + text.end));
                }
                Some(LineText::TooLong) => self.push(chunk, LineText::TooLong),
                None => {
                    chunk.blank_at_end += 1;
                    self.next_line += 1;
                }
            }
            start = end + 1;
        }
        chunk.bytes = bytes;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines with their numbers, none for one too long, and the count of blank ones.
    type Found = (Vec<(u64, Option<Vec<u8>>)>, u64);

    /// A reader that gives few bytes at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len()).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn lines(bytes: &[u8], step: usize, chunk_bytes: usize, max: usize) -> Found {
        lines_from(1, bytes, step, chunk_bytes, max)
    }

    fn lines_from(first_line: u64, bytes: &[u8], step: usize, chunk_bytes: usize, max: usize) -> Found {
        let mut reader = JsonlReader::new(Dribble(bytes, step), 1, chunk_bytes, max);
        let (mut found, mut blank) = (Vec::new(), 0);
        while let Some(mut chunk) = reader.next_chunk().unwrap() {
            chunk.skip_lines_before(first_line, reader.next_line());
            blank += chunk.blank_at_end + chunk.lines.iter().map(|line| line.blank_before).sum::<u64>();
            for line in chunk.lines {
                let text = match line.text {
                    LineText::Bytes(range) => Some(chunk.bytes[range].to_vec()),
                    LineText::TooLong => None,
                };
                found.push((line.number, text));
            }
        }
        (found, blank)
    }

    /// The slow and obvious version.
    fn obvious(bytes: &[u8], max: usize) -> Found {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let (mut found, mut blank) = (Vec::new(), 0);
        let mut parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        if parts.last().is_some_and(|last| last.is_empty()) {
            parts.pop();
        }
        for (i, part) in parts.into_iter().enumerate() {
            let part = part.strip_suffix(b"\r").unwrap_or(part);
            if part.iter().all(|byte| b" \t\r".contains(byte)) {
                blank += 1;
            } else {
                found.push((i as u64 + 1, (part.len() <= max).then(|| part.to_vec())));
            }
        }
        (found, blank)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_arrive(
            text in "(\u{feff})?[ab\n\r \u{2028}]{0,40}", step in 1usize..9, chunk in 1usize..20,
        ) {
            prop_assert_eq!(lines(text.as_bytes(), step, chunk, 1000), obvious(text.as_bytes(), 1000));
        }
    }

    proptest! {
        #[test]
        fn lines_before_the_first_are_neither_given_nor_counted(
            text in "[ab\n ]{0,40}", chunk in 1_usize..20, first_line in 1_u64..12,
        ) {
            let (mut expected, mut blank) = obvious(text.as_bytes(), 1000);
            let skipped = text.lines().take(usize::try_from(first_line).unwrap() - 1);
            blank -= skipped.filter(|line| line.trim().is_empty()).count() as u64;
            expected.retain(|(number, _)| *number >= first_line);
            prop_assert_eq!(lines_from(first_line, text.as_bytes(), 3, chunk, 1000), (expected, blank));
        }
    }

    #[test]
    fn a_line_over_the_limit_is_noted_before_its_end() {
        let mut reader = JsonlReader::new(io::repeat(b'x'), 1, 100, 1000);
        let chunk = reader.next_chunk().unwrap().unwrap();
        assert_eq!(chunk.lines.iter().map(|line| &line.text).collect::<Vec<_>>(), [&LineText::TooLong]);
    }

    #[test]
    fn a_line_over_the_limit_is_noted_and_the_rest_read() {
        let big = "x".repeat(1_000_000);
        for text in [format!("a\n{big}\nb\n"), format!("a\n\n{big}")] {
            for chunk in [1, 100, 1 << 20, 1 << 22] {
                assert_eq!(lines(text.as_bytes(), 1 << 16, chunk, 1000), obvious(text.as_bytes(), 1000));
            }
        }
    }
}
