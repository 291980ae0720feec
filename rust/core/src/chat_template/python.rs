//! Python's ways with values, where minijinja's differ: white space, printing, big integers, JSON.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object as JinjaObject, ObjectRepr, Value as JinjaValue, ValueKind};
use minijinja::{Error, ErrorKind};

use crate::json::{Number, Value, float_repr};

/// What `str.strip` and `str.split` take for white space: Unicode's, and the four separators U+001C to U+001F.
pub fn is_space(char: char) -> bool {
    char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char)
}

/// A number that minijinja cannot hold or would spell otherwise: an integer beyond 128 bits, a float that Python
/// prints with an exponent. It can be printed, dumped and asked for its kind; arithmetic with it is an error.
#[derive(Debug)]
struct Spelled {
    number: Number,
}

impl JinjaObject for Spelled {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)
    }
}

/// A JSON number as a value of the engine.
pub fn jinja_number(number: &Number) -> JinjaValue {
    let spelled = || JinjaValue::from_object(Spelled { number: number.clone() });
    match number {
        Number::Int(int) => JinjaValue::from(*int),
        Number::BigInt(digits) => digits.parse::<i128>().map_or_else(|_| spelled(), JinjaValue::from),
        Number::Float(float) if float_repr(*float).contains('e') => spelled(),
        Number::Float(float) => JinjaValue::from(*float),
    }
}

/// The number that a value stands for, if it is one.
pub fn number_of(value: &JinjaValue) -> Option<Number> {
    match value.downcast_object_ref::<Spelled>() {
        Some(spelled) => Some(spelled.number.clone()),
        None if value.kind() == ValueKind::Number => number(value).ok(),
        None => None,
    }
}

/// The value as JSON; an undefined one is an error, as in Python.
pub fn to_json(value: &JinjaValue) -> Result<Value, Error> {
    Ok(match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => Value::Number(number(value)?),
        ValueKind::String => Value::String(value.as_str().unwrap_or_default().into()),
        ValueKind::Seq | ValueKind::Iterable => {
            Value::Array(value.try_iter()?.map(|item| to_json(&item)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => Value::Object(
            value
                .try_iter()?
                .map(|key| Ok((key.to_string().into(), to_json(&value.get_item(&key)?)?)))
                .collect::<Result<_, Error>>()?,
        ),
        kind => {
            if let Some(number) = number_of(value) {
                Value::Number(number)
            } else {
                let text = format!("a value of type {kind} is not JSON serializable");
                return Err(Error::new(ErrorKind::InvalidOperation, text));
            }
        }
    })
}

fn number(value: &JinjaValue) -> Result<Number, Error> {
    if !value.is_integer() {
        return Ok(Number::Float(f64::try_from(value.clone())?));
    }
    let int = i128::try_from(value.clone())?;
    Ok(i64::try_from(int).map_or_else(|_| Number::BigInt(int.to_string().into()), Number::Int))
}

/// `str(value)`.
pub fn write_str(out: &mut dyn fmt::Write, value: &JinjaValue) -> fmt::Result {
    match value.kind() {
        ValueKind::Undefined => Ok(()),
        ValueKind::String => out.write_str(value.as_str().unwrap_or_default()),
        _ => write_repr(out, value),
    }
}

/// `repr(value)`.
fn write_repr(out: &mut dyn fmt::Write, value: &JinjaValue) -> fmt::Result {
    match value.kind() {
        ValueKind::Undefined => out.write_str("Undefined"),
        ValueKind::None => out.write_str("None"),
        ValueKind::Bool => out.write_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number if !value.is_integer() => {
            out.write_str(&float_repr(f64::try_from(value.clone()).map_err(|_| fmt::Error)?))
        }
        ValueKind::String => write_str_repr(out, value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            out.write_str("[")?;
            for (i, item) in value.try_iter().map_err(|_| fmt::Error)?.enumerate() {
                if i > 0 {
                    out.write_str(", ")?;
                }
                write_repr(out, &item)?;
            }
            out.write_str("]")
        }
        ValueKind::Map => {
            out.write_str("{")?;
            for (i, key) in value.try_iter().map_err(|_| fmt::Error)?.enumerate() {
                if i > 0 {
                    out.write_str(", ")?;
                }
                write_repr(out, &key)?;
                out.write_str(": ")?;
                write_repr(out, &value.get_item(&key).map_err(|_| fmt::Error)?)?;
            }
            out.write_str("}")
        }
        _ => write!(out, "{value}"),
    }
}

/// `repr` of a text: single quotes unless it holds some and no double ones; what Python does not print, escaped.
fn write_str_repr(out: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.write_char(quote)?;
    for char in text.chars() {
        match char {
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            char if char == quote => write!(out, "\\{char}")?,
            char if is_printable(char) => out.write_char(char)?,
            char => match u32::from(char) {
                code @ 0..=0xFF => write!(out, "\\x{code:02x}")?,
                code @ 0x100..=0xFFFF => write!(out, "\\u{code:04x}")?,
                code => write!(out, "\\U{code:08x}")?,
            },
        }
    }
    out.write_char(quote)
}

/// `str.isprintable` of one character, as far as Rust's escape table, which follows the same rule, knows it.
fn is_printable(char: char) -> bool {
    if matches!(char, ' ' | '\'' | '"') {
        return true;
    }
    // Behind another character, because Rust escapes a combining one at the start of a text and Python prints it.
    let escaped = format!("a{char}");
    !char.is_whitespace() && escaped.escape_debug().eq(escaped.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_in_python() {
        let mut out = String::new();
        let value: JinjaValue = vec![
            JinjaValue::from("it's"),
            JinjaValue::from("\u{2028}\u{7f}é\u{301}"),
            JinjaValue::from(1.0),
            JinjaValue::from(()),
            JinjaValue::from(true),
        ]
        .into();
        write_str(&mut out, &value).unwrap();
        assert_eq!(out, "[\"it's\", '\\u2028\\x7fé\u{301}', 1.0, None, True]");
    }
}
