//! `str` and `repr`.

use std::fmt::Write;

use super::MAX_DEPTH;
use crate::error::{Error, ErrorKind, Result};
use crate::value::float::float_repr;
use crate::value::memory::Memory;
use crate::value::text::Text;
use crate::value::unicode::is_printable;
use crate::value::{Dict, Object, Value, ViewKind};

/// The longest text that printing one value makes: lists that hold each other twice never end.
const MAX_TEXT: usize = 64 << 20;

/// `str(value)`; what is not already a text comes out as derived. Undefined gives "".
pub fn str<'a>(memory: &mut Memory<'a>, value: Value<'a>) -> Result<Text<'a>> {
    if let Some(text) = value.as_text() {
        return Ok(text.with_markup(false));
    }
    let fixed = match value {
        Value::Undefined(_) => Some(""),
        Value::None => Some("None"),
        Value::Bool(true) => Some("True"),
        Value::Bool(false) => Some("False"),
        Value::BigInt(digits) => Some(*digits),
        _ => None,
    };
    let node = value.node();
    if let Some(fixed) = fixed {
        return Ok(if fixed.is_empty() { Text::EMPTY } else { Text::derived(fixed, node) });
    }
    let mut out = String::new();
    write_str(&mut out, value)?;
    let str = memory.str(&out)?;
    Ok(Text::derived(str, node))
}

/// Appends `str(value)`.
pub fn write_str(out: &mut String, value: Value<'_>) -> Result<()> {
    match value.as_str() {
        Some(text) => out.push_str(text),
        None if value.is_undefined() => {}
        None => write(out, value, 0)?,
    }
    Ok(())
}

/// Appends `repr(value)`.
pub fn write_repr(out: &mut String, value: Value<'_>) -> Result<()> {
    write(out, value, 0)
}

fn write(out: &mut String, value: Value<'_>, depth: u32) -> Result<()> {
    if out.len() > MAX_TEXT || depth > MAX_DEPTH {
        return Err(Error::new(ErrorKind::Limit, "the value is too large to be printed"));
    }
    match value {
        Value::Undefined(_) => out.push_str("Undefined"),
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(int) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{int}");
        }
        Value::BigInt(digits) => out.push_str(digits),
        Value::Growing(_) => {
            return Err(Error::new(ErrorKind::Unsupported, "a list that is still growing is printed"));
        }
        Value::Float(float) => out.push_str(&float_repr(float)),
        Value::Str(text) if text.markup => {
            out.push_str("Markup(");
            write_quoted(out, text.str);
            out.push(')');
        }
        Value::Str(text) => write_quoted(out, text.str),
        Value::Literal(literal) => write_quoted(out, &literal.0),
        Value::List(items) => write_items(out, items.items.iter().copied(), ["[", "]"], depth)?,
        Value::Tuple(items) => {
            let close = if items.items.len() == 1 { ",)" } else { ")" };
            write_items(out, items.items.iter().copied(), ["(", close], depth)?;
        }
        Value::Dict(dict) => write_dict(out, dict, depth)?,
        Value::View(view) => match view.kind {
            ViewKind::Keys => {
                write_items(out, view.dict.iter().map(|(key, _)| key), ["dict_keys([", "])"], depth)?;
            }
            ViewKind::Values => {
                write_items(out, view.dict.iter().map(|(_, value)| value), ["dict_values([", "])"], depth)?;
            }
            ViewKind::Items => {
                out.push_str("dict_items([");
                for (at, (key, value)) in view.dict.iter().enumerate() {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    write_items(out, [key, value].into_iter(), ["(", ")"], depth + 1)?;
                }
                out.push_str("])");
            }
        },
        Value::Range(range) => {
            let _ = match range.step {
                1 => write!(out, "range({}, {})", range.start, range.stop),
                step => write!(out, "range({}, {}, {step})", range.start, range.stop),
            };
        }
        Value::Object(Object::Namespace(_) | Object::Macro(_) | Object::Loop(_)) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("printing a {} within a container is not supported", value.type_name()),
            ));
        }
        Value::Function(_) | Value::Method(_) | Value::Object(_) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("a {} is printed: Python would print its address", value.type_name()),
            ));
        }
    }
    Ok(())
}

fn write_items<'a>(
    out: &mut String,
    items: impl Iterator<Item = Value<'a>>,
    [open, close]: [&str; 2],
    depth: u32,
) -> Result<()> {
    out.push_str(open);
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write(out, item, depth + 1)?;
    }
    out.push_str(close);
    Ok(())
}

fn write_dict(out: &mut String, dict: &Dict<'_>, depth: u32) -> Result<()> {
    out.push('{');
    for (at, (key, value)) in dict.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write(out, key, depth + 1)?;
        out.push_str(": ");
        write(out, value, depth + 1)?;
    }
    out.push('}');
    Ok(())
}

/// `repr` of a string: in double quotes if it holds single ones only.
fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if char == quote => {
                out.push('\\');
                out.push(char);
            }
            char if is_printable(char) => out.push(char),
            char => {
                let code = u32::from(char);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}
