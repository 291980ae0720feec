//! What is left out of a prompt or a completion, in words.
//!
//! In: a message or tools, and what of them is left out. Out: sentences for the places of warnings, or their beginnings.
//! Whether something is left out is decided in `target::left_out`, whether it counts in `account`.

use crate::conversation::{Message, function_of};
use crate::error::excerpt;
use crate::json::Value;
use crate::target::{LeftOut, calls};

/// The most tools and calls that are named in one place.
const MAX_NAMES: usize = 5;

/// What of a message before a target is left out, besides its reasoning.
pub fn part_left_out(message: &Message, left_out: &LeftOut) -> Option<String> {
    if left_out.text {
        let text = quoted(text_of(message));
        let beside = if message.calls_tools() { " beside the tool calls" } else { "" };
        return Some(format!("the text{beside} of this {} message{text} is", message.role.name()));
    }
    (!left_out.calls.is_empty()).then(|| named_calls(message, left_out))
}

/// The calls that are left out, with a verb.
pub fn named_calls(message: &Message, left_out: &LeftOut) -> String {
    let functions: Vec<_> = calls(message).collect();
    let names = left_out.calls.iter().filter_map(|call| functions.get(call.number)?.get("name")?.as_str());
    let names = listed(names);
    let (calls, is) = if left_out.calls.len() == 1 { ("call", "is") } else { ("calls", "are") };
    if left_out.calls.iter().all(|call| call.is_named) {
        return format!("the arguments of the tool {calls} {names} are");
    }
    format!("the tool {calls} {names} {is}")
}

/// The first of some names.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<String> = names.map(excerpt).collect();
    if names.len() > MAX_NAMES {
        names.truncate(MAX_NAMES);
        names.push("..".to_owned());
    }
    names.join(", ")
}

/// The first text of a message.
pub fn text_of(message: &Message) -> Option<&str> {
    match message.fields.get("content")? {
        Value::String(text) => Some(text),
        Value::Array(parts) => parts.iter().find_map(|part| part.as_object()?.get("text")?.as_str()),
        _ => None,
    }
}

pub fn quoted(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!(" {}", excerpt(text)))
}

/// The tools, by their numbers, that a text does not show.
pub fn tools_left_out(text: &str, tools: &[Value], left_out: &[usize]) -> String {
    let names =
        listed(left_out.iter().filter_map(|tool| function_of(tools.get(*tool)?)?.get("name")?.as_str()));
    match (left_out.len(), tools.len()) {
        (1, 1) if names.is_empty() => format!("{text} does not show the tool"),
        (1, 1) => format!("{text} does not show the tool {names}"),
        (all, count) if all == count => format!("{text} shows none of the {count} tools"),
        (some, count) => format!("{text} lacks {some} of {count} tools: {names}"),
    }
}
