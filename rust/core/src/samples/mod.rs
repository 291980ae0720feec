//! The samples of many records.
//!
//! In: rows. Out: flat arrays, declared in `columns` and filled in `table`, and which of them share a pack (`pack`).

mod columns;
mod pack;
mod table;

pub use columns::{Column, Data, Per, Samples};
pub use pack::{Packs, pack};
pub use table::{IGNORE_INDEX, SampleOrigin};
