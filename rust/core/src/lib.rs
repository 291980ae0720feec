//! Chat JSONL in, exact training samples out.
//!
//! ```text
//! bytes -read-> Record -json, conversation-> Conversation -target-> [Target]
//!   -chat_template, target/render-> [Rendered { prompt, completion }] -tokenizer, target/encode-> [Encoded]
//!   -layout-> [Sample] -samples-> Samples { flat arrays, offsets, origin }
//! ```
//!
//! A folder is a stage, and uses only those below it: `expand` takes one record through all of them, `run` takes many,
//! in input order, in its own thread pool; a `model` is a chat template and a tokenizer. `check`, `stats`, `lint` and
//! `inspect` look at what the stages do. Between `read` and `run` there are no I/O and no threads, but for those
//! that load a `model`. This crate knows nothing of Python.

mod chat_template;
mod check;
mod choice;
mod conversation;
mod error;
mod expand;
mod hash;
mod inspect;
mod json;
mod layout;
mod lint;
mod model;
mod name_counts;
mod names;
mod options;
mod panics;
mod prompt_text;
mod read;
mod report;
mod run;
mod samples;
mod serving;
mod stats;
mod target;
mod tokenizer;
mod traced_text;

pub use chat_template::PlainTemplate;
pub use check::{CheckStream, CheckedLine, Checker, Found};
pub use choice::{Choice, ChoiceNames};
pub use conversation::{
    Conversation, Format, Media, MessageColumns, NonFinite, OTHER_NAMES, RecordOptions, Renames, Role,
    Undesired, Weight,
};
pub use error::{Error, ErrorFamily, ErrorKind, Location, Result};
pub use everyturn_template::MAX_SOURCE_BYTES as MAX_TEMPLATE_BYTES;
pub use expand::{Expander, Outcome, ReadRecord, Workspace, stage_times};
pub use inspect::{Inspection, inspect_record, requests_of_record};
pub use json::{MAX_DEPTH, Object, Parser as JsonParser, Value, parse_strict};
pub use lint::finding;
pub use model::{Renderer, RendererOptions, lint_model, lint_template};
pub use name_counts::{MAX_NAMES, NameCounts};
pub use options::*;
pub use panics::{are_caught, catch_panics};
pub use read::{
    CHUNK_BYTES, Content, CountedLines, Cuts, Interruption, MAX_LINE_BYTES, Opened, ReadOptions, ReadRows,
    Record, RecordKind, Records, Section, Share, Source, Step, StreamOptions, count_lines, read_error,
};
pub use report::{MAX_WARNING_PLACES, Report, cause, warning};
pub use run::{GivenRecord, GivenSamples, Pool, Stream, expand_records, on_own_thread};
pub use samples::{
    Column, Data, IGNORE_INDEX, Kept, LabelledTable, Labels, Packs, Per, Relabelled, Relabelling, Samples,
    Texts, pack, relabel,
};
pub use serving::{PRESETS, Preset};
pub use stats::{Histogram, Stats, StatsStream, VariantStats, Variants};
pub use target::{Exchanges, TextKind};
