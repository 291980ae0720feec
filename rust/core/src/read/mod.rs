//! Inputs to records.
//!
//! In: paths, standard input, byte streams. Out: lines with their numbers and the format of their file, read ahead in
//! chunks. What a line means is not known here: only as much of it is parsed as shows its format. No model is needed,
//! and nothing else of the project reads lines.

mod chunks;
mod format;
mod lines;
mod options;
mod record;
mod records;
mod share;
mod source;
mod trees;
mod wait;

pub use chunks::StreamOptions;
pub(crate) use chunks::{Chunks, FileChunk};
pub(crate) use lines::line_text;
pub use lines::{CHUNK_BYTES, LineText, MAX_LINE_BYTES};
pub use options::ReadOptions;
pub use record::Record;
pub use records::Records;
pub use share::Share;
pub use source::Source;
pub(crate) use wait::wait;
pub use wait::{Interruption, Step};
