//! Many records at once, on threads of our own, in input order.
//!
//! In: chunks of lines, and what is to be made of a record. Out: what was made, in the order of the input, whatever the
//! number of threads. What is made of a single record is said by each [`Work`]: `expand` for samples, `check`, `stats`.

mod given;
mod ordered;
mod own_thread;
mod pool;
mod stream;

pub use given::{GivenRecord, GivenSamples, expand_records};
pub(crate) use ordered::{Ordered, Work, on_pool, on_records};
pub use own_thread::on_own_thread;
pub use pool::Pool;
pub use stream::Stream;
