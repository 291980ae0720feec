//! Many records at once, on threads of our own, in input order.
//!
//! In: chunks of lines, and an expander. Out: samples in the order of the input, whatever the number of threads. What is
//! made of a single record is said in `expand`.

mod ordered;
mod pool;

pub use ordered::Stream;
pub(crate) use ordered::{Borrowed, on_pool};
pub use pool::Pool;
