//! What a template does, told from its syntax tree without running it.
//!
//! In: the statements of a template. Out: what it reads, which thinking flags it knows.
//! Each is a pure function; what follows for training is said elsewhere.

mod flags;
mod reads;

pub use flags::{FlagKind, ThinkingFlag, thinking_flags};
pub use reads::{Reads, reads};
