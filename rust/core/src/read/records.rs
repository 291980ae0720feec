//! The records of some sources as they stand, one after the other.
//!
//! In: sources. Out: lines with their place and the format of their file, as expanding sees them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{Chunks, FileChunk, Interruption, Record, Source, StreamOptions};
use crate::conversation::Format;

pub struct Records {
    chunks: Chunks,
    chunk: Option<FileChunk>,
    /// Which record of the chunk comes next.
    at: usize,
}

impl Records {
    pub fn open(
        sources: Vec<Source>,
        options: StreamOptions,
        max_line_bytes: usize,
        known_format: Option<Format>,
    ) -> Self {
        let bytes_taken = Arc::new(AtomicU64::new(0));
        let chunks = Chunks::open(sources, options, max_line_bytes, known_format, &bytes_taken);
        Self { chunks, chunk: None, at: 0 }
    }

    /// The next record; `None` at the end. `go_on` is asked every 100 ms.
    pub fn next_record(
        &mut self,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Record<'_>>, Interruption> {
        while self.chunk.as_ref().is_none_or(|chunk| chunk.len() <= self.at) {
            self.chunk = self.chunks.next(go_on)?;
            self.at = 0;
            if self.chunk.is_none() {
                return Ok(None);
            }
        }
        self.at += 1;
        Ok(self.chunk.as_ref().and_then(|chunk| chunk.get(self.at - 1)))
    }
}
