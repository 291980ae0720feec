//! Places in a text of many lines that arrives piece by piece.

use super::skip::Broken;

/// A place in the bytes at hand, and in the lines of the whole text.
#[derive(Debug, Clone, Copy)]
pub struct Position {
    /// Offset in the bytes at hand.
    pub byte: usize,
    /// 1-based.
    pub line: u64,
    /// Where the line starts, as an offset from the start of the text.
    line_start: u64,
    /// Where the bytes at hand start, likewise.
    start: u64,
}

impl Position {
    pub fn first() -> Self {
        Self { byte: 0, line: 1, line_start: 0, start: 0 }
    }

    /// Offset from the start of the text.
    pub fn offset(&self) -> u64 {
        self.start + self.byte as u64
    }

    /// The byte at the place is a newline.
    pub fn note_newline(&mut self) {
        self.line += 1;
        self.line_start = self.offset() + 1;
    }

    /// The first bytes are no longer at hand.
    pub fn forget(&mut self, count: usize) {
        self.byte -= count;
        self.start += count as u64;
    }

    /// The bytes from a place on up to here are no longer at hand.
    pub fn drop_from(&mut self, byte: usize) {
        self.start += (self.byte - byte) as u64;
        self.byte = byte;
    }

    /// How many lines there are up to here.
    pub fn lines(&self) -> u64 {
        self.line - u64::from(self.line_start == self.offset())
    }

    pub fn broken(&self, text: impl Into<String>) -> Broken {
        let byte = self.offset() - self.line_start;
        Broken { text: text.into(), line: self.line, byte: usize::try_from(byte).unwrap_or(usize::MAX) }
    }
}
