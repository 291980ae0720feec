//! Jinja2 as transformers runs it, for chat templates: Python-exact, traced, bounded.
//!
//! A template's source is compiled once ([`Template::compile`]) and rendered many times with variables made by
//! [`Inputs`]. The text that comes out is the text that Jinja2 3.1 gives under the settings of transformers 5.23, or
//! an error where that raises one; with it comes where each run of it is from. Nothing in here knows what a chat is.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod analysis;
mod builtins;
mod compile;
mod error;
mod limits;
mod run;
mod syntax;
mod template;
mod value;
pub mod written;

/// Where values live.
pub use bumpalo::Bump as Arena;
pub use error::{Error, ErrorKind, Result};
pub use limits::{Limits, MAX_SOURCE_BYTES};
pub use run::output::{Output, Rest};
pub use run::{Grown, ListPrefixes, Replays, Series};
pub use syntax::ast;
pub use template::Template;
pub use value::Value;
pub use value::float::float_repr;
pub use value::inputs::{InputPlace, Inputs, Step};
pub use value::text::{Node, Source, Span, cut_spans, push_span};
pub use value::unicode::is_space;
