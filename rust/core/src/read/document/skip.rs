//! Where a JSON value ends.
//!
//! In: bytes as they arrive. Out: the place after a value. Only brackets and strings are looked at: what else is wrong
//! with a value is found by whoever parses it, and costs that value alone. What makes the place of its end unknowable is
//! a [`Broken`] document: brackets that do not match, and a line break within a string, which tells of a missing quote.

use memchr::memchr3;

use super::position::Position;
use crate::json::MAX_DEPTH;

/// Why a document cannot be read on, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub text: String,
    /// 1-based.
    pub line: u64,
    /// Offset in that line.
    pub byte: usize,
}

/// A value that is being skipped.
#[derive(Debug, Default)]
pub struct Skip {
    /// The brackets that are open, outermost first.
    open: Vec<u8>,
    /// How many are open beyond the deepest that is parsed; which they are no longer matters.
    deeper: usize,
    in_string: bool,
    /// The next byte is escaped.
    escaped: bool,
    has_begun: bool,
}

impl Skip {
    /// A value that begins with these brackets, which have been read.
    pub fn within(brackets: &[u8]) -> Self {
        Self { open: brackets.to_vec(), has_begun: true, ..Self::default() }
    }

    /// The same value as a part of one that began with these brackets.
    pub fn put_within(mut self, brackets: &[u8]) -> Self {
        self.open.splice(0..0, brackets.iter().copied());
        self.has_begun = true;
        self
    }

    /// Goes on at a place, and stops after the value: true if it has ended there.
    pub fn go(&mut self, bytes: &[u8], at: &mut Position) -> Result<bool, Broken> {
        while let Some(&byte) = bytes.get(at.byte) {
            if self.in_string {
                if self.string(bytes, at)? && self.open.is_empty() {
                    return Ok(true);
                }
                continue;
            }
            match byte {
                b'"' | b'{' | b'[' if self.is_after_scalar() => return Ok(true),
                b'"' => self.in_string = true,
                b'{' | b'[' => self.open(byte),
                b'}' | b']' => {
                    if self.open.is_empty() {
                        return Ok(true);
                    }
                    self.close(byte).map_err(|text| at.broken(text))?;
                    if self.open.is_empty() {
                        at.byte += 1;
                        return Ok(true);
                    }
                }
                b',' | b' ' | b'\t' | b'\r' | b'\n' if self.open.is_empty() => return Ok(true),
                b'\n' => at.note_newline(),
                _ => {}
            }
            self.has_begun = true;
            at.byte += 1;
        }
        Ok(false)
    }

    /// A bracket or a quote after the first bytes of a number or a word is not part of it.
    fn is_after_scalar(&self) -> bool {
        self.open.is_empty() && self.has_begun
    }

    /// Goes on in a string: true if it has ended.
    fn string(&mut self, bytes: &[u8], at: &mut Position) -> Result<bool, Broken> {
        if self.escaped {
            self.escaped = false;
            if bytes[at.byte] != b'\n' {
                at.byte += 1;
            }
        }
        let Some(found) = memchr3(b'"', b'\\', b'\n', bytes.get(at.byte..).unwrap_or_default()) else {
            at.byte = bytes.len();
            return Ok(false);
        };
        at.byte += found;
        match bytes[at.byte] {
            b'"' => self.in_string = false,
            b'\\' => self.escaped = true,
            _ => return Err(at.broken("the line ends within a string: a '\"' is missing")),
        }
        at.byte += 1;
        Ok(!self.in_string)
    }

    fn open(&mut self, bracket: u8) {
        if self.open.len() < MAX_DEPTH {
            self.open.push(bracket);
        } else {
            self.deeper += 1;
        }
    }

    fn close(&mut self, bracket: u8) -> Result<(), String> {
        if self.deeper > 0 {
            self.deeper -= 1;
            return Ok(());
        }
        let expected = if self.open.last() == Some(&b'{') { b'}' } else { b']' };
        if bracket != expected {
            return Err(format!("found '{}', expected '{}'", bracket as char, expected as char));
        }
        self.open.pop();
        Ok(())
    }
}
