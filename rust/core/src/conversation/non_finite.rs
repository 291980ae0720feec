//! Numbers that JSON does not have, in texts that are read as JSON.
//!
//! In: what a record holds as JSON text, read with the constants of Python's `json`. Out: an error that names the key.
//! What stands in the record itself is refused, or let through, where its line is read.

use super::calls::function_of;
use super::options::NonFinite;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{self, Number, Object, Value};

/// Refuses a message with such a number, also in arguments of its calls that are JSON text.
pub(super) fn check_message(fields: &Object, non_finite: NonFinite) -> Result<()> {
    if non_finite == NonFinite::Read {
        return Ok(());
    }
    let of_fields = || fields.iter().find_map(|(key, value)| Some(format!("{key}{}", place(value)?)));
    match of_fields().or_else(|| place_in_arguments(fields)) {
        Some(place) => Err(refused(&place)),
        None => Ok(()),
    }
}

/// Refuses a value with such a number; `name` is the key that it stands under, and empty for a whole record.
pub(super) fn check(name: &str, value: &Value, non_finite: NonFinite) -> Result<()> {
    let place = if non_finite == NonFinite::Error { place(value) } else { None };
    match place {
        Some(place) => Err(refused(format!("{name}{place}").trim_start_matches('.'))),
        None => Ok(()),
    }
}

fn refused(place: &str) -> Error {
    let text = format!(
        "the value of {} is NaN, Infinity or a float beyond 64 bits, which JSON does not have",
        excerpt(place)
    );
    Error::new(ErrorKind::JsonNumber, text)
}

/// Where in a value such a number is.
fn place(value: &Value) -> Option<String> {
    match value {
        Value::Number(Number::Float(float)) => (!float.is_finite()).then(String::new),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| Some(format!("[{index}]{}", place(item)?)))
        }
        Value::Object(object) => {
            object.iter().find_map(|(key, value)| Some(format!(".{key}{}", place(value)?)))
        }
        _ => None,
    }
}

/// Where one is in arguments of calls that are JSON text; other text stays as it stands.
fn place_in_arguments(fields: &Object) -> Option<String> {
    let calls = fields.get("tool_calls")?.as_array()?;
    calls.iter().enumerate().find_map(|(index, call)| {
        let text = function_of(call)?.get("arguments")?.as_str().filter(|text| may_hold_one(text))?;
        let arguments = json::parse_with_constants(text).ok()?;
        Some(format!("tool_calls[{index}].arguments{}", place(&arguments)?))
    })
}

/// The digits of the longest finite float.
const MOST_DIGITS: usize = 308;

/// False for most texts, which need not be read to know that they hold none.
fn may_hold_one(text: &str) -> bool {
    let has_exponent = || {
        let mut pairs = text.as_bytes().windows(2);
        pairs.any(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E'))
    };
    text.len() > MOST_DIGITS || text.contains("NaN") || text.contains("Infinity") || has_exponent()
}
