//! Inputs to records.
//!
//! In: paths, standard input, byte streams. Out: lines with their numbers and the format of their file, read ahead in
//! chunks. What a line means is not known here: only as much of it is parsed as tells its format.

mod chunks;
mod format;
mod lines;
mod record;
mod records;
mod share;
mod source;
mod wait;

pub use chunks::StreamOptions;
pub(crate) use chunks::{Chunks, FileChunk};
pub use format::format_of;
pub use lines::{CHUNK_BYTES, LineText, MAX_LINE_BYTES};
pub use record::Record;
pub use records::Records;
pub use share::Share;
pub use source::Source;
pub use wait::Interruption;
pub(crate) use wait::{Waited, wait};
