//! Chunks of a document's records.
//!
//! In: a reader of plain bytes. Out: chunks of about the size that is asked for, numbered, of those shares of the records
//! that are wanted.

use std::io::{self, Read};

use super::skip::Broken;
use super::walk::{Found, Walk};
use crate::read::ReadOptions;
use crate::read::lines::{Chunk, Line, LineText, READ_BYTES};
use crate::read::share::Share;

/// Why there is no next chunk.
#[derive(Debug)]
pub enum Stopped {
    Read(io::Error),
    Broken(Broken),
}

impl From<Broken> for Stopped {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

pub struct DocumentReader<R> {
    reader: R,
    chunk_bytes: usize,
    max_line_bytes: usize,
    /// A record is given if all of these hold it.
    shares: Vec<Share>,
    walk: Walk,
    /// What is kept of the last chunk: a part of a record.
    rest: Vec<u8>,
    /// How many records there were.
    records: u64,
    /// The number of the last one.
    number: u64,
    /// All lines up to here are records that were given, or counted as blank.
    accounted: u64,
    ended: bool,
    /// Kept until the records before it are handed out.
    stopped: Option<Stopped>,
}

impl<R: Read> DocumentReader<R> {
    pub fn new(reader: R, chunk_bytes: usize, options: &ReadOptions, shares: Vec<Share>) -> Self {
        Self {
            reader,
            chunk_bytes: chunk_bytes.max(1),
            max_line_bytes: options.max_line_bytes,
            shares,
            walk: Walk::new(options.record.renames.clone()),
            rest: Vec::new(),
            records: 0,
            number: 0,
            accounted: 0,
            ended: false,
            stopped: None,
        }
    }

    /// The line that is read next, for errors of the stream itself.
    pub fn line(&self) -> u64 {
        self.walk.at.line
    }

    /// The first line after the last chunk.
    pub fn next_line(&self) -> u64 {
        self.accounted + 1
    }

    /// The next records; `None` at the end. A chunk without records is possible.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, Stopped> {
        if let Some(stopped) = self.stopped.take() {
            self.ended = true;
            return Err(stopped);
        }
        if self.ended {
            return Ok(None);
        }
        let mut chunk = Chunk { bytes: std::mem::take(&mut self.rest), ..Chunk::default() };
        if let Err(stopped) = self.fill(&mut chunk) {
            self.stopped = Some(stopped);
        }
        if self.ended {
            chunk.blank_at_end = self.number.max(self.walk.at.lines()).saturating_sub(self.accounted);
            self.accounted += chunk.blank_at_end;
        } else {
            let kept = self.walk.kept_from();
            self.rest = chunk.bytes.split_off(kept);
            self.walk.forget(kept);
        }
        Ok(Some(chunk))
    }

    /// Reads until the chunk is full and something of it is done with, or the input ends.
    fn fill(&mut self, chunk: &mut Chunk) -> Result<(), Stopped> {
        loop {
            while let Some(found) = self.walk.next_record(&chunk.bytes)? {
                self.add(chunk, found);
            }
            let kept = self.walk.kept_from();
            if chunk.bytes.len() - kept > self.max_line_bytes
                && let Some(from) = self.walk.drop_kept()
            {
                chunk.bytes.truncate(from);
            }
            if chunk.bytes.len() >= self.chunk_bytes && kept > 0 {
                return Ok(());
            }
            let missing = self.chunk_bytes.saturating_sub(chunk.bytes.len());
            let wanted = missing.max(self.chunk_bytes.min(READ_BYTES)) as u64;
            let count =
                self.reader.by_ref().take(wanted).read_to_end(&mut chunk.bytes).map_err(Stopped::Read)?;
            if count == 0 {
                self.ended = true;
                return self.walk.end().map_or(Ok(()), |broken| Err(broken.into()));
            }
        }
    }

    fn add(&mut self, chunk: &mut Chunk, found: Found) {
        self.number = found.line.max(self.number + 1);
        self.records += 1;
        if !self.shares.iter().all(|share| share.holds(self.records)) {
            return;
        }
        let text = match found.range {
            Some(range) if range.len() <= self.max_line_bytes => LineText::Bytes(range),
            _ => LineText::TooLong,
        };
        let blank_before = self.number - 1 - self.accounted;
        self.accounted = self.number;
        chunk.lines.push(Line { number: self.number, blank_before, text });
    }
}
