//! Inputs to records.
//!
//! In: paths, standard input, byte streams. Out: records with their lines and the format of their file, read ahead in
//! chunks: `lines` cuts a file that has one a line, `document` JSON of other shapes, and `record_reader` looks which it is. What
//! a record means is not known here: only as much of it is parsed as shows its format. No model is needed, and nothing
//! else of the project reads files of records.

mod chunks;
mod compression;
mod content;
mod document;
mod format;
mod lines;
mod options;
mod record;
mod record_reader;
mod records;
mod section;
mod share;
mod source;
mod trees;
mod wait;
mod zstd_frames;

pub use chunks::StreamOptions;
pub(crate) use chunks::{Chunks, FileChunk, refuse_forked_child};
pub use content::Content;
pub use format::RecordKind;
pub(crate) use lines::line_text;
pub use lines::{CHUNK_BYTES, LineText, MAX_LINE_BYTES};
pub use options::ReadOptions;
pub use record::Record;
pub use records::Records;
pub use section::{CountedLines, Cuts, Section, count_lines};
pub use share::Share;
pub use source::{Opened, ReadRows, Source, read_error};
pub(crate) use wait::wait;
pub use wait::{Interruption, Step};
