//! The samples of many records.
//!
//! In: rows. Out: flat arrays, declared in `columns` and filled in `table`, what they carry along of
//! their records (`kept`), which of them share a pack (`pack`), and the rows that other weights make (`relabel`).

mod columns;
mod kept;
mod pack;
mod relabel;
mod table;

pub use columns::{Column, Data, Per, Samples};
pub use kept::{Kept, KeptValues, Texts, kept_values};
pub use pack::{Packs, pack};
pub use relabel::{LabelledTable, Labels, Relabelled, Relabelling, relabel};
pub use table::{IGNORE_INDEX, SampleOrigin};
