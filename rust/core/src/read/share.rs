//! A share of the lines of an input.
//!
//! In: a reader of plain bytes, and which of how many shares is wanted. Out: a reader of the same number of lines, in
//! which the lines of other shares are blank: so every line keeps its number. Nothing is parsed, and no line is held
//! in memory as a whole.

use std::io::{self, Read};

use memchr::memchr;

/// Which lines of a file are read; the others are blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Below `count`.
    pub index: u64,
    pub count: u64,
    /// The share of the first line: files with few lines do not all fall to share 0.
    pub first: u64,
}

impl Share {
    /// Whether the line of that 1-based number is read.
    pub fn holds(&self, line: u64) -> bool {
        self.first.wrapping_add(line - 1) % self.count.max(1) == self.index
    }
}

/// What is read at a time.
const BLOCK_BYTES: usize = 1 << 17;

pub struct ShareReader<R> {
    reader: R,
    share: Share,
    line: u64,
    /// As read.
    block: Vec<u8>,
    /// As passed on.
    ready: Vec<u8>,
    taken: usize,
}

impl<R: Read> ShareReader<R> {
    /// The first line of the reader has that number.
    pub fn new(reader: R, share: Share, first_line: u64) -> Self {
        Self::with_block(reader, share, first_line, BLOCK_BYTES)
    }

    fn with_block(reader: R, share: Share, first_line: u64, block_bytes: usize) -> Self {
        Self { reader, share, line: first_line, block: vec![0; block_bytes], ready: Vec::new(), taken: 0 }
    }

    /// Keeps the share's lines of the first bytes of the block, and every newline.
    fn keep_share(&mut self, count: usize) {
        self.ready.clear();
        self.taken = 0;
        let mut rest = &self.block[..count];
        while !rest.is_empty() {
            let end = memchr(b'\n', rest);
            let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
            if self.share.holds(self.line) {
                self.ready.extend_from_slice(text);
            }
            rest = after;
            if end.is_some() {
                self.ready.push(b'\n');
                self.line += 1;
                rest = &rest[1..];
            }
        }
    }
}

impl<R: Read> Read for ShareReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.ready.len() {
            let count = self.reader.read(&mut self.block)?;
            if count == 0 || buffer.is_empty() {
                return Ok(0);
            }
            self.keep_share(count);
        }
        let count = buffer.len().min(self.ready.len() - self.taken);
        buffer[..count].copy_from_slice(&self.ready[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shared(text: &[u8], share: Share, block_bytes: usize) -> Vec<u8> {
        let mut read = Vec::new();
        ShareReader::with_block(text, share, 1, block_bytes).read_to_end(&mut read).unwrap();
        read
    }

    #[test]
    fn lines_of_other_shares_are_blank() {
        let share = |index| Share { index, count: 2, first: 0 };
        assert_eq!(shared(b"a\nbb\n\nd", share(0), 2), b"a\n\n\n");
        assert_eq!(shared(b"a\nbb\n\nd", share(1), 2), b"\nbb\n\nd");
    }

    proptest! {
        #[test]
        fn each_line_is_read_by_one_share_under_its_number(
            text in "[a\n]{0,40}", count in 1_u64..5, first in 0_u64..9, block_bytes in 1_usize..9
        ) {
            let mut found = vec![Vec::new(); text.split('\n').count()];
            for index in 0..count {
                let share = Share { index, count, first };
                let read = shared(text.as_bytes(), share, block_bytes);
                for (lines, line) in found.iter_mut().zip(read.split(|byte| *byte == b'\n')) {
                    if !line.is_empty() {
                        lines.push(line.to_vec());
                    }
                }
            }
            for (lines, line) in found.iter().zip(text.split('\n')) {
                let expected: Vec<_> = (!line.is_empty()).then(|| line.as_bytes().to_vec()).into_iter().collect();
                prop_assert_eq!(lines, &expected);
            }
        }
    }
}
