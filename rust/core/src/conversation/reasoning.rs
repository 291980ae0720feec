//! The reasoning of an answer, which records have under several names.
//!
//! In: the keys of a message. Out: the same with one reasoning, under as many of the names as have it, or why it is not
//! known which of two is meant.

use everyturn_template::is_space;

use super::formats::is_nothing;
use super::message::REASONING_KEYS;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

/// Refuses reasoning that is not text, and texts that differ. A blank one says nothing: another is the reasoning.
pub(super) fn settle(fields: &mut Object) -> Result<()> {
    let mut found: Option<(&str, &str)> = None;
    for key in REASONING_KEYS {
        let text: &str = match fields.get(key) {
            Some(Value::String(text)) if says_something(text) => text,
            Some(value) if !is_nothing(value) && value.as_str().is_none() => {
                let text = format!("{key:?} is {}, expected text", value.type_name());
                return Err(Error::new(ErrorKind::Shape, text));
            }
            _ => continue,
        };
        match found {
            Some((other, before)) if before != text => {
                let text = format!("{other:?} and {key:?} are different reasoning; keep one");
                return Err(Error::new(ErrorKind::Shape, text));
            }
            _ => found = Some((key, text)),
        }
    }
    if found.is_some() {
        fields.retain(|key, value| !is_reasoning(key) || value.as_str().is_some_and(says_something));
    } else {
        fields.retain(|key, value| !is_reasoning(key) || value.as_str().is_some());
    }
    Ok(())
}

/// Adds reasoning that was found in the content of a message.
pub(super) fn add(fields: &mut Object, text: &str) -> Result<()> {
    if !says_something(text) && is_given(fields) {
        return Ok(());
    }
    let mut others = REASONING_KEYS.iter().filter_map(|key| fields.get(key)?.as_str());
    if others.any(|other| says_something(other) && other != text) {
        let text = "the message has reasoning both in \"content\" and in another key; keep one";
        return Err(Error::new(ErrorKind::Shape, text));
    }
    fields.retain(|key, _| !is_reasoning(key));
    fields.insert(REASONING_KEYS[0], text.into());
    Ok(())
}

/// Whether a message has reasoning that says something, in whatever form.
pub(super) fn is_given(fields: &Object) -> bool {
    REASONING_KEYS.iter().filter_map(|key| fields.get(key)).any(|value| match value {
        Value::String(text) => says_something(text),
        other => !is_nothing(other),
    })
}

fn is_reasoning(key: &str) -> bool {
    REASONING_KEYS.contains(&key)
}

/// Whether it is more than white space, as Python has it.
pub(super) fn says_something(text: &str) -> bool {
    !text.chars().all(is_space)
}
