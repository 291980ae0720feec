//! The system message that stands beside the messages of a record.
//!
//! In: a record and the messages that its format finds. Out: the same messages, after that one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::blocks::{is_weighted, only_text};
use super::formats::{is_nothing, openai};
use super::outline::{Entry, Outline};
use super::part_keys;
use super::parts;
use super::role::Role;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value, object};

/// The keys that it stands under, in every format.
pub const KEYS: [&str; 3] = ["system", "system_prompt", "instructions"];

/// Puts it first, unless it is empty or the messages begin with the same text. Messages that begin with another one are
/// refused: it is not known which is meant.
pub(super) fn put_first(record: &Object, outline: &mut Outline<'_>) {
    let mut found: Option<(&str, Value)> = None;
    for key in KEYS {
        let Some(content) = record.get(key).filter(|content| !is_nothing(content)) else { continue };
        if !matches!(content, Value::String(_) | Value::Array(_)) {
            let text = format!("{key:?} is {}, expected text", content.type_name());
            return outline.refuse(Error::new(ErrorKind::Shape, text));
        }
        let Some(content) = outline.note(of_parts(key, content)) else { return };
        match &found {
            Some((other, before)) if *before != content => {
                let text = format!("{other:?} and {key:?} are different system messages");
                return outline.refuse(Error::new(ErrorKind::Shape, text));
            }
            _ => found = Some((key, content)),
        }
    }
    let Some((key, content)) = found else { return };
    let parts = record.get(key).and_then(Value::as_array).unwrap_or_default();
    let unread = part_keys::unread_of(key, parts);
    let first = outline.entries.first().map(Entry::read_leniently);
    let Some(first) = first.filter(|first| first.role == Some(Role::System)) else {
        return begin_with(outline, content, unread);
    };
    let own = first.fields.get("content").map(|own| own.as_array().map_or_else(|| own.clone(), only_text));
    if own.as_ref() != Some(&content) {
        let text = format!("{key:?} and the first of the messages are different system messages; keep one");
        outline.refuse(Error::new(ErrorKind::Shape, text));
        // For lenient reading: each message keeps its number.
        begin_with(outline, content, unread);
    }
}

fn begin_with(outline: &mut Outline<'_>, content: Value, unread: BTreeSet<Arc<str>>) {
    let message = object(&[("role", Role::System.name().into()), ("content", content)]);
    outline.begin_with(message, openai::item, unread);
}

/// The text of a list of one part, the parts of a longer one; parts that have weights as they stand.
fn of_parts(key: &str, content: &Value) -> Result<Value> {
    let Some(parts) = content.as_array() else {
        return Ok(content.clone());
    };
    let mut fields: Object = [("content".into(), content.clone())].into_iter().collect();
    parts::read(&mut fields, &mut Vec::new(), &mut Vec::new())
        .map_err(|error| Error::new(error.kind, format!("{key:?}: {}", error.text)))?;
    if parts.iter().filter_map(Value::as_object).any(is_weighted) {
        return Ok(content.clone());
    }
    Ok(fields.get("content").and_then(Value::as_array).map_or(Value::Null, only_text))
}
