//! Jinja2 as transformers runs it, for chat templates: Python-exact, traced, bounded.
//!
//! A template's source is compiled once ([`Template::compile`]) and rendered many times with variables made by
//! [`Inputs`]. The text that comes out is the text that Jinja2 3.1 gives under the settings of transformers 5.23, or
//! an error where that raises one; with it comes where each run of it is from. Nothing in here knows what a chat is.

pub mod analysis;
mod arguments;
pub mod ast;
mod clock;
mod compile;
mod error;
mod filters;
mod float;
mod format;
mod inputs;
mod iterate;
mod json;
mod lexer;
mod limits;
mod markup;
mod memory;
mod methods;
mod operators;
mod output;
mod parser;
mod program;
mod run;
mod scope;
mod slices;
mod template;
mod tests;
mod text;
mod unicode;
mod value;

/// Where values live.
pub use bumpalo::Bump as Arena;
pub use error::{Error, ErrorKind, Result};
pub use float::float_repr;
pub use inputs::{Inputs, Place as InputPlace, Step};
pub use limits::Limits;
pub use output::Output;
pub use run::{Grown, Replays};
pub use template::Template;
pub use text::{Node, Source, Span, cut_spans};
pub use value::Value;
