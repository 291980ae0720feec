//! The encoded targets of one conversation to samples.
//!
//! In: the ids of each target, in order. Out: rows of ids with the spans that are trained: `rows` makes them target by
//! target, `single_render` from one rendering of the whole conversation; `normalize` says what each weighs.

mod normalize;
mod rows;
mod single_render;

pub use normalize::normalize;
pub use rows::{Rows, Sample, Trained};
pub use single_render::{WholeTarget, all_tokens, shorten, whole, whole_text};
