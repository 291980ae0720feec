//! The records of some sources as they stand, one after the other.
//!
//! In: sources. Out: lines with their location and the format of their file, as expanding sees them.

use super::{Chunks, FileChunk, ReadOptions, Record, Source, Step, StreamOptions};

pub struct Records {
    chunks: Chunks,
    chunk: Option<FileChunk>,
    /// Which record of the chunk comes next.
    at: usize,
    blank_lines: u64,
}

impl Records {
    pub fn open(sources: Vec<Source>, options: StreamOptions, read: ReadOptions) -> Self {
        Self { chunks: Chunks::open(sources, options, read), chunk: None, at: 0, blank_lines: 0 }
    }

    /// The next record; `None` at the end. `go_on` is asked every 100 ms.
    pub fn next_record(&mut self, go_on: &mut dyn FnMut() -> bool) -> Step<Option<Record<'_>>> {
        self.chunks.refuse_forked_child()?;
        while self.chunk.as_ref().is_none_or(|chunk| chunk.len() <= self.at) {
            self.blank_lines += self.chunk.as_ref().map_or(0, |chunk| chunk.chunk.blank_at_end);
            self.chunk = self.chunks.next(go_on)?;
            self.at = 0;
            if self.chunk.is_none() {
                return Ok(None);
            }
        }
        self.at += 1;
        let chunk = self.chunk.as_ref();
        self.blank_lines += chunk.map_or(0, |chunk| chunk.chunk.lines[self.at - 1].blank_before);
        Ok(chunk.and_then(|chunk| chunk.get(self.at - 1)))
    }

    /// The blank lines before the record that was given last; after the last of all, every one.
    pub fn blank_lines(&self) -> u64 {
        self.blank_lines
    }
}
