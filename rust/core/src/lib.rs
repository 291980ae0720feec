//! Chat JSONL in, exact training samples out.
//!
//! ```text
//! bytes -source, jsonl-> Record -json, conversation-> Conversation -target-> [Target]
//!   -chat_template, render-> [Rendered { prompt, completion }] -tokenizer, encode-> [EncodedTarget]
//!   -layout (or whole)-> [Sample] -samples-> Samples { flat arrays, offsets, origin }
//! ```
//!
//! Each arrow is a pure function in the file of its name: no I/O, no threads. `pipeline` runs them over one record;
//! `stream` over many, in input order, on the threads of `pool`. This crate knows nothing of Python.

mod chat_template;
mod check;
mod context;
mod conversation;
mod encode;
mod error;
mod expand;
mod explain;
mod format_of;
mod hash;
mod json;
mod jsonl;
mod layout;
mod model;
mod name_counts;
mod normalize;
mod notice;
mod options;
mod pack;
mod panics;
mod pieces;
mod pipeline;
mod pool;
mod records;
mod render;
mod renderer;
mod report;
mod samples;
mod shard;
mod source;
mod stage_times;
mod stream;
mod survey;
mod target;
mod tokenizer;
mod whole;
mod window;

pub use chat_template::PlainTemplate;
pub use check::{CheckStream, CheckedLine, Checker, Found};
pub use conversation::{Conversation, Format};
pub use error::{Error, ErrorFamily, ErrorKind, Place, Result};
pub use explain::{Explanation, explain};
pub use format_of::format_of;
pub use json::{MAX_DEPTH, Object, Parser as JsonParser, Value, parse_strict};
pub use jsonl::{CHUNK_BYTES, MAX_LINE_BYTES};
pub use name_counts::{MAX_NAMES, NameCounts};
pub use options::{
    ControlTokenPolicy, EngineChoice, INPUT_FORMATS, Layout, Normalize, OnError, Options, Overflow,
    PackStrategy, PromptMismatch, TrainOn, input_format,
};
pub use pack::{Packs, pack};
pub use panics::{are_caught, catch_panics};
pub use pipeline::{Expander, Outcome, Record, Workspace};
pub use pool::Pool;
pub use records::Records;
pub use renderer::{Renderer, RendererOptions, lint_model, lint_template};
pub use report::{Report, cause, warning};
pub use samples::{IGNORE_INDEX, Samples};
pub use shard::Shard;
pub use source::Source;
pub use stage_times::stage_times;
pub use stream::{Interruption, Stream, StreamOptions};
pub use survey::{Histogram, Survey, SurveyStream, Surveyor, Way};
pub use window::Exchanges;
