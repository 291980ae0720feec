//! What a file holds, by its first bytes.
//!
//! In: bytes after decompression. Out: text, or what it is instead and what to do about it. Whatever reads files asks here
//! first: the core for what it cannot read, its callers for what they read by other means.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// JSON, or something that an error about JSON describes best.
    Text,
    Parquet,
    /// Arrow's IPC format with an index at its end.
    ArrowFile,
    /// Arrow's IPC format as it is sent.
    ArrowStream,
    /// Text in an encoding of two or four bytes a character.
    Wide(&'static str),
}

/// How many bytes show it.
pub const CONTENT_BYTES: usize = 8;

impl Content {
    /// What a file is whose first bytes these are: [`CONTENT_BYTES`] of them, if it has that many.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [b'P', b'A', b'R', b'1', ..] => Self::Parquet,
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Self::ArrowFile,
            // A continuation mark and the length of a schema, which is not empty.
            [0xFF, 0xFF, 0xFF, 0xFF, length @ ..] if length.iter().any(|byte| *byte != 0) => {
                Self::ArrowStream
            }
            // A mark, or the first two characters of JSON, which are ASCII: where their other bytes are shows the encoding.
            [0xFF, 0xFE, 0, 0, ..] | [1..=127, 0, 0, 0, ..] => Self::Wide("UTF-32LE"),
            [0, 0, 0xFE, 0xFF, ..] | [0, 0, 0, 1..=127, ..] => Self::Wide("UTF-32BE"),
            [0xFF, 0xFE, ..] | [1..=127, 0, 1..=127, 0, ..] => Self::Wide("UTF-16LE"),
            [0xFE, 0xFF, ..] | [0, 1..=127, 0, 1..=127, ..] => Self::Wide("UTF-16BE"),
            _ => Self::Text,
        }
    }

    /// The name that callers know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Parquet => "parquet",
            Self::ArrowFile => "arrow_file",
            Self::ArrowStream => "arrow_stream",
            Self::Wide(encoding) => encoding,
        }
    }
}
