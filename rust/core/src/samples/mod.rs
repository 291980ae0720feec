//! The samples of many records.
//!
//! In: rows. Out: flat arrays (`table`), and which of them share a pack (`pack`).

mod pack;
mod table;

pub use pack::{Packs, pack};
pub use table::{IGNORE_INDEX, Origin, Samples};
