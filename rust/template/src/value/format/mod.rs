//! Python's three ways to format: `str % values`, `str.format` and the format specifications that both rest on.
//!
//! In come a format and values, out comes a text: literal parts and texts put in unchanged keep their origin, the
//! rest is derived. A format that is markup escapes what is put in.

mod braces;
mod number;
mod percent;
mod spec;

pub use braces::{braces, braces_of};
pub use percent::percent;

use crate::error::{Error, ErrorKind, Result};
use crate::run::Machine;
use crate::value::Value;
use crate::value::memory::Memory;
use crate::value::operators::{self, type_error, undefined_error, value_error};
use crate::value::text::Text;

/// `mapping[key]`, without the sandbox's detours.
fn subscript<'a>(memory: &mut Memory<'a>, mapping: Value<'a>, key: &str) -> Result<Value<'a>> {
    match mapping {
        Value::Dict(dict) => {
            let found = dict.find(memory, key)?;
            found.ok_or_else(|| value_error(format!("there is no '{key}' to format")))
        }
        Value::Undefined(undefined) => Err(undefined_error(undefined)),
        other => Err(type_error(format!("'{}' object has no item '{key}'", other.type_name()))),
    }
}

/// `repr(value)`, or with `ascii` what is left of it in ASCII.
fn repr<'a>(machine: &mut Machine<'a>, value: Value<'a>, ascii: bool) -> Result<Text<'a>> {
    let mut text = String::new();
    match value {
        Value::Object(_) => text.push_str(machine.str(value)?.str),
        value => operators::write_repr(&mut machine.memory, &mut text, value)?,
    }
    if ascii && !text.is_ascii() {
        machine.memory.look_at_each(4 * text.len())?;
        machine.memory.reserve(text.len().saturating_mul(4))?;
        text = text.chars().map(escaped).collect();
    }
    let str = machine.memory.str(&text)?;
    Ok(match value.as_text() {
        Some(text) => text.rewritten(str),
        None => Text::derived(str, value.node()),
    })
}

fn escaped(c: char) -> String {
    match u32::from(c) {
        _ if c.is_ascii() => c.into(),
        point @ ..0x100 => format!("\\x{point:02x}"),
        point @ ..0x10000 => format!("\\u{point:04x}"),
        point => format!("\\U{point:08x}"),
    }
}

/// The character of an integer.
pub fn character(value: Value<'_>) -> Result<char> {
    match value.as_index().and_then(|point| u32::try_from(point).ok()) {
        Some(0xd800..=0xdfff) => Err(Error::new(
            ErrorKind::Unsupported,
            "half of a surrogate pair is not supported as a character",
        )),
        point => point.and_then(char::from_u32).ok_or_else(|| value_error("the number is not a character")),
    }
}

/// So many of a character.
fn repeated<'a>(memory: &mut Memory<'a>, fill: char, count: usize) -> Result<Text<'a>> {
    memory.reserve(count.saturating_mul(fill.len_utf8()))?;
    let text = fill.encode_utf8(&mut [0; 4]).repeat(count);
    Ok(Text::template(memory.str(&text)?))
}

/// The first characters of a text, `count` at most.
fn shortened<'a>(memory: &mut Memory<'a>, text: Text<'a>, most: Option<usize>) -> Result<Text<'a>> {
    let cut = most.and_then(|most| text.str.char_indices().nth(most));
    cut.map_or(Ok(text), |(at, _)| text.cut(memory, 0, at))
}

#[cfg(test)]
mod tests;
