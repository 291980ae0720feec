//! What a template does, told from its syntax tree without running it.
//!
//! In: the statements of a template. Out: what it reads, which thinking flags it knows, whether it only appends.
//! Each is a pure function; what follows for training is said elsewhere.

mod append_only;
mod flags;
mod reads;
mod unset;
mod walk;

pub use append_only::{AppendOnly, Cuts, append_only};
pub use flags::{FlagKind, ThinkingFlag, thinking_flags};
pub use reads::{Reads, reads};
