//! Many records at once, on threads of our own, in input order.
//!
//! In: chunks of lines, and what to make of each. Out: results in the order of the input, whatever the number of
//! threads. What is made of a record is not known here.

mod ordered;
mod pool;

pub use ordered::Stream;
pub(crate) use ordered::{Borrowed, on_pool};
pub use pool::Pool;
