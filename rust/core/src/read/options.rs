//! How lines are read, whatever is made of them.

use super::lines::MAX_LINE_BYTES;
use crate::conversation::{Format, RecordOptions};

#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// `None`: the first record of each file with a known key shows it.
    pub input_format: Option<Format>,
    /// A longer line is noted, and its bytes are not kept.
    pub max_line_bytes: usize,
    /// What is made of a line.
    pub record: RecordOptions,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { input_format: None, max_line_bytes: MAX_LINE_BYTES, record: RecordOptions::default() }
    }
}
