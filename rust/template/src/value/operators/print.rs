//! `str` and `repr`.

use std::fmt::Write;

use super::MAX_DEPTH;
use crate::error::{Error, ErrorKind, Result};
use crate::value::float::float_repr;
use crate::value::memory::Memory;
use crate::value::text::Text;
use crate::value::unicode::is_printable;
use crate::value::{Dict, Object, Value, ViewKind};

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
    write_repr(memory, &mut out, value)?;
    let str = memory.str(&out)?;
    Ok(Text::derived(str, node))
}

/// Appends `repr(value)`.
pub fn write_repr(memory: &mut Memory<'_>, out: &mut String, value: Value<'_>) -> Result<()> {
    let (steps, bytes) = memory.left();
    let most = out.len().saturating_add(bytes);
    let mut printer = Printer { out, most, steps };
    let done = printer.write(value, 0);
    let taken = steps - printer.steps;
    memory.burn(taken)?;
    done
}

/// `repr(value)` for the text of an error; an error if that is long.
pub fn short_repr(value: Value<'_>) -> Result<String> {
    let mut out = String::new();
    Printer { out: &mut out, most: SHORT, steps: SHORT as u64 }.write(value, 0)?;
    Ok(out)
}

/// The most that an error says of a value.
const SHORT: usize = 1000;

/// The shortest digits of a float are found by trying.
const COST_OF_FLOAT: u64 = 8;

/// Prints a value within bounds: lists that hold each other twice grow without bound when they are printed.
struct Printer<'o> {
    out: &'o mut String,
    /// The most bytes that `out` may have.
    most: usize,
    /// How many values, or characters of texts that take as long, may still be printed.
    steps: u64,
}

impl Printer<'_> {
    fn step(&mut self, steps: u64, depth: u32) -> Result<()> {
        match self.steps.checked_sub(steps) {
            Some(left) if self.out.len() <= self.most && depth <= MAX_DEPTH => {
                self.steps = left;
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::Limit, "the value is too large to be printed")),
        }
    }

    fn write(&mut self, value: Value<'_>, depth: u32) -> Result<()> {
        let more = match value {
            Value::Float(_) => COST_OF_FLOAT,
            // Each character of a text is looked at.
            value => value.as_str().map_or(0, str::len) as u64 / 4,
        };
        self.step(1 + more, depth)?;
        let out = &mut *self.out;
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
            Value::List(items) => self.write_items(items.items.iter().copied(), ["[", "]"], depth)?,
            Value::Tuple(items) => {
                let close = if items.items.len() == 1 { ",)" } else { ")" };
                self.write_items(items.items.iter().copied(), ["(", close], depth)?;
            }
            Value::Dict(dict) => self.write_dict(dict, depth)?,
            Value::View(view) => match view.kind {
                ViewKind::Keys => {
                    self.write_items(view.dict.iter().map(|(key, _)| key), ["dict_keys([", "])"], depth)?;
                }
                ViewKind::Values => {
                    self.write_items(
                        view.dict.iter().map(|(_, value)| value),
                        ["dict_values([", "])"],
                        depth,
                    )?;
                }
                ViewKind::Items => {
                    out.push_str("dict_items([");
                    for (at, (key, value)) in view.dict.iter().enumerate() {
                        if at > 0 {
                            self.out.push_str(", ");
                        }
                        self.write_items([key, value].into_iter(), ["(", ")"], depth + 1)?;
                    }
                    self.out.push_str("])");
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
        &mut self,
        items: impl Iterator<Item = Value<'a>>,
        [open, close]: [&str; 2],
        depth: u32,
    ) -> Result<()> {
        self.out.push_str(open);
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            self.write(item, depth + 1)?;
        }
        self.out.push_str(close);
        Ok(())
    }

    fn write_dict(&mut self, dict: &Dict<'_>, depth: u32) -> Result<()> {
        self.out.push('{');
        for (at, (key, value)) in dict.iter().enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            self.write(key, depth + 1)?;
            self.out.push_str(": ");
            self.write(value, depth + 1)?;
        }
        self.out.push('}');
        Ok(())
    }
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
