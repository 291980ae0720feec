//! Filters that no published chat template uses, of the 357 that the tests render.
//!
//! They are here because Jinja2 has them. Those that share their code with one that is used (`count`, `d`, `max`,
//! `select`) are in the parent folder.

pub mod any;
pub mod chunks;
pub mod groupby;
pub mod html;
pub mod number;
pub mod pretty;
pub mod sequence;
pub mod text;
pub mod url;
pub mod wrap;
