//! A line of an input, and where it is.

use std::sync::Arc;

use crate::conversation::Format;

/// A line of an input.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// `None`: the line was longer than the limit.
    pub bytes: Option<&'a [u8]>,
    pub file: &'a Arc<str>,
    pub line: u64,
    /// `None`: nothing in the file showed its format.
    pub format: Option<Format>,
    /// What has the columns that are its keys, if it is a row.
    pub columns_of: Option<&'a Arc<str>>,
}
