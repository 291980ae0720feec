//! One record through all stages.
//!
//! In: a line of an input. Out: its samples and its report. `read` is where a record comes in; `expander` says what a
//! fault costs; `preflight` finds what can be said before rendering; `record` takes the targets of a conversation
//! through the stages; `fit` decides how much of the conversation each is shown; `account` counts what is left out of it,
//! in the words of `wording`; `trace` keeps what was decided, for those who ask.

mod account;
#[cfg(test)]
mod cases;
mod expander;
mod fit;
mod nulls;
mod preflight;
mod read;
mod record;
mod stage_times;
mod timed;
mod trace;
mod view;
mod wording;
mod workspace;

pub use expander::{Expander, Outcome};
pub(crate) use preflight::warn_of_reading;
pub use read::ReadRecord;
pub(crate) use read::{OpenedRecord, read_record};
pub use timed::stage_times;
pub(crate) use trace::{EncodedText, PromptSource};
pub use workspace::Workspace;
pub(crate) use workspace::Workspaces;
