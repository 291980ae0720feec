//! The keys that are looked at in messages.
//!
//! In: nothing; they are those that the readers declare. Out: their names, of every format or of one.

use super::formats::Format;
use super::message::REASONING_KEYS;
use super::{part_weights, tools, weight};

/// What a message says and who says it, in every format; the last one is the old name of calls.
const SAID: [&str; 6] = ["role", "content", "name", "tool_calls", "tool_call_id", "function_call"];

/// A system message may hold the tools.
const OF_ANY_FORMAT: [&[&str]; 5] =
    [&SAID, &REASONING_KEYS, &weight::KEYS, &part_weights::KEYS, &tools::KEYS];

/// All of them.
pub fn all() -> impl Iterator<Item = &'static str> {
    let of_formats = Format::ALL.iter().flat_map(|format| format.item_keys());
    OF_ANY_FORMAT.into_iter().flatten().chain(of_formats).copied()
}

/// Whether messages of a format have this one.
pub fn has(format: &[&str], key: &str) -> bool {
    format.contains(&key) || OF_ANY_FORMAT.iter().any(|keys| keys.contains(&key))
}
