//! Keys of parts of a message that nothing reads.
//!
//! In: a message as it stands, before its parts are read. Out: the keys that its parts have beside those that are used, each
//! with the key of the parts before it: a message is made anew of what its parts say, so they are counted by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::calls::OTHER_NAMES;
use super::formats::is_nothing;
use super::parts::{CALL_INPUT, is_text};
use super::weight;
use crate::json::{Object, Value};

/// The keys of messages, and of the items of OpenAI's Responses, whose values are lists of parts.
const LISTS: [&str; 3] = ["content", "summary", "output"];

/// Keys of parts that say nothing to a model.
const OF_APIS: [&str; 5] = ["type", "id", "index", "status", "cache_control"];

/// What no part is read for: `content.foo` for the key `foo` of a part of the content.
pub(super) fn unread(message: &Object) -> BTreeSet<Arc<str>> {
    let mut found = BTreeSet::new();
    for list in LISTS {
        let Some(Value::Array(parts)) = message.get(list) else { continue };
        found.append(&mut unread_of(list, parts));
    }
    found
}

/// The same of parts that stand under that key.
pub(super) fn unread_of(list: &str, parts: &[Value]) -> BTreeSet<Arc<str>> {
    let mut found = BTreeSet::new();
    add_unread(list, parts, &mut found);
    found
}

fn add_unread(list: &str, parts: &[Value], found: &mut BTreeSet<Arc<str>>) {
    for part in parts.iter().filter_map(Value::as_object) {
        let Some(kind) = part.get("type").and_then(Value::as_str) else { continue };
        let Some(read) = read_keys(kind) else { continue };
        let is_read = |key: &str| {
            key == kind || read.contains(&key) || OF_APIS.contains(&key) || weight::KEYS.contains(&key)
        };
        let says_nothing =
            |value: &Value| is_nothing(value) || value.as_object().is_some_and(Object::is_empty);
        let unread = part.iter().filter(|(key, value)| !is_read(key) && !says_nothing(value));
        found.extend(unread.map(|(key, _)| format!("{list}.{key}").as_str().into()));
        if let ("tool_result", Some(Value::Array(parts))) = (kind, part.get("content")) {
            add_unread(list, parts, found);
        }
    }
}

/// What a part of that type is read for; `None`: it is refused, or counted as a whole.
fn read_keys(kind: &str) -> Option<Vec<&'static str>> {
    let texts = ["text", "value"];
    match kind {
        "tool_call" => Some(vec!["value"]),
        "tool_use" => Some(["name"].into_iter().chain(CALL_INPUT).chain(OTHER_NAMES).collect()),
        "tool_result" => Some(vec!["tool_use_id", "content", "output", "is_error"]),
        "reasoning" | "thinking" => Some([&texts[..], &["signature"]].concat()),
        "reasoning_text" | "summary_text" => Some(texts.to_vec()),
        _ if is_text(kind) => Some([&texts[..], &["content"]].concat()),
        _ => None,
    }
}
