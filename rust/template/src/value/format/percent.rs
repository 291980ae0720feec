//! `format % values`, as C's `printf` with Python's conversions.

use num_bigint::BigInt;

use super::number::{Align, Layout, Number};
use super::{character, repeated, repr, shortened, subscript};
use crate::error::{Error, ErrorKind, Result};
use crate::run::Machine;
use crate::value::Value;
use crate::value::float::{Code, FloatStyle, write_float};
use crate::value::markup::{escape, escape_value};
use crate::value::operators::{self, type_error, undefined_error, value_error};
use crate::value::text::{Node, Text};

pub fn percent<'a>(machine: &mut Machine<'a>, format: Text<'a>, value: Value<'a>) -> Result<Text<'a>> {
    machine.memory.look_at_each(format.str.len())?;
    let mut values = Values::new(value);
    let mut pieces = Vec::new();
    let mut rest = format.str;
    while let Some((literal, after)) = rest.split_once('%') {
        machine.memory.reserve(2 * size_of::<Text<'_>>())?;
        let doubled = after.strip_prefix('%');
        let literal = rest.get(..literal.len() + usize::from(doubled.is_some())).unwrap_or_default();
        pieces.push(format.part(&mut machine.memory, literal)?);
        if let Some(after) = doubled {
            rest = after;
            continue;
        }
        let mut parser = PercentParser { rest: after, escape: format.markup };
        let conversion = parser.conversion(machine, &mut values)?;
        rest = parser.rest;
        pieces.push(conversion.write(machine, values.next()?, format.markup)?);
    }
    if values.are_left() {
        return Err(type_error("not all arguments converted during string formatting"));
    }
    pieces.push(format.part(&mut machine.memory, rest)?);
    Ok(machine.memory.concat(&pieces)?.with_markup(format.markup))
}

/// The values to put in: a tuple's, one after the other, or a single one; a mapping may be asked by name too.
struct Values<'a> {
    items: &'a [Value<'a>],
    single: Option<Value<'a>>,
    mapping: Option<Value<'a>>,
}

impl<'a> Values<'a> {
    fn new(value: Value<'a>) -> Self {
        match value {
            Value::Tuple(tuple) => Self { items: tuple.items, single: None, mapping: None },
            Value::Dict(_) | Value::List(_) | Value::Range(_) | Value::Undefined(_) => {
                Self { items: &[], single: Some(value), mapping: Some(value) }
            }
            value => Self { items: &[], single: Some(value), mapping: None },
        }
    }

    fn next(&mut self) -> Result<Value<'a>> {
        if let Some(single) = self.single.take() {
            return Ok(single);
        }
        let Some((first, rest)) = self.items.split_first() else {
            return Err(type_error("not enough arguments for format string"));
        };
        self.items = rest;
        Ok(*first)
    }

    fn are_left(&self) -> bool {
        self.mapping.is_none() && (self.single.is_some() || !self.items.is_empty())
    }
}

/// What comes after a percent sign.
#[derive(Debug, Default)]
struct Conversion {
    /// `-`
    left: bool,
    /// `+` or a space: the sign of what is not negative.
    sign: Option<char>,
    /// `#`
    alternate: bool,
    /// `0`
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    code: char,
}

struct PercentParser<'a> {
    rest: &'a str,
    escape: bool,
}

impl<'a> PercentParser<'a> {
    fn conversion(&mut self, machine: &mut Machine<'a>, values: &mut Values<'a>) -> Result<Conversion> {
        let mut made = Conversion::default();
        if self.take('(') {
            let mapping = values.mapping.ok_or_else(|| type_error("format requires a mapping"))?;
            let key = self.key()?;
            values.single = Some(subscript(&mut machine.memory, mapping, key)?);
        }
        loop {
            match self.rest.as_bytes().first() {
                Some(b'-') => made.left = true,
                Some(b'+') => made.sign = Some('+'),
                Some(b' ') => made.sign = made.sign.or(Some(' ')),
                Some(b'#') => made.alternate = true,
                Some(b'0') => made.zeros = true,
                _ => break,
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        if let Some(width) = self.number(values)? {
            made.left |= width < 0;
            made.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        }
        if self.take('.') {
            let precision = self.number(values)?.unwrap_or(0);
            if i32::try_from(precision).is_err() {
                return Err(value_error("precision too big"));
            }
            made.precision = Some(usize::try_from(precision).unwrap_or(0));
        }
        // The size that C wants to know.
        let _ = self.take('h') || self.take('l') || self.take('L');
        let mut chars = self.rest.chars();
        made.code = chars.next().ok_or_else(|| value_error("incomplete format"))?;
        self.rest = chars.as_str();
        Ok(made)
    }

    fn take(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A key, up to the parenthesis that closes it.
    fn key(&mut self) -> Result<&'a str> {
        let mut depth = 0usize;
        let end = self.rest.bytes().position(|byte| {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => return true,
                b')' => depth -= 1,
                _ => {}
            }
            false
        });
        let (key, rest) = end
            .and_then(|end| self.rest.split_at_checked(end))
            .ok_or_else(|| value_error("incomplete format key"))?;
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(key)
    }

    /// A width or a precision: digits, or `*` for the next value.
    fn number(&mut self, values: &mut Values<'a>) -> Result<Option<i64>> {
        if self.take('*') {
            let value = values.next()?;
            // Values for markup come in a wrapper that is not an integer.
            let number = value.as_index().filter(|_| !self.escape);
            return number.map(Some).ok_or_else(|| type_error("* wants int"));
        }
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(digits);
        self.rest = rest;
        if digits.is_empty() {
            return Ok(None);
        }
        digits.parse().map(Some).map_err(|_| value_error("width too big"))
    }
}

impl Conversion {
    fn write<'a>(&self, machine: &mut Machine<'a>, value: Value<'a>, escaping: bool) -> Result<Text<'a>> {
        match self.code {
            's' | 'r' | 'a' => {
                let text = match self.code {
                    's' if escaping => escape_value(machine, value)?,
                    's' => machine.str(value)?,
                    code => {
                        let text = repr(machine, value, code == 'a')?;
                        if escaping { escape(&mut machine.memory, text)? } else { text }
                    }
                };
                let text = shortened(&mut machine.memory, text.with_markup(false), self.precision)?;
                self.padded(machine, text)
            }
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
                let number = self.int(machine, value, escaping)?;
                self.laid_out(machine, &number)
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let number = self.float(machine, value, escaping)?;
                self.laid_out(machine, &number)
            }
            'c' => {
                let text = match value.as_text() {
                    _ if escaping => None,
                    Some(text) => Some(text).filter(|text| text.str.chars().count() == 1),
                    None if matches!(value, Value::BigInt(_)) || value.as_index().is_some() => {
                        let c = character(value)?.to_string();
                        Some(Text::derived(machine.memory.str(&c)?, Node::NONE))
                    }
                    None => None,
                };
                let text = text.ok_or_else(|| type_error("%c requires int or char"))?;
                self.padded(machine, text.with_markup(false))
            }
            other => Err(value_error(format!("unsupported format character '{other}'"))),
        }
    }

    fn padded<'a>(&self, machine: &mut Machine<'a>, text: Text<'a>) -> Result<Text<'a>> {
        let memory = &mut machine.memory;
        memory.work(text.str.len())?;
        let missing = self.width.saturating_sub(text.str.chars().count());
        if missing == 0 {
            return Ok(text);
        }
        let padding = repeated(memory, ' ', missing)?;
        memory.concat(&if self.left { [text, padding] } else { [padding, text] })
    }

    fn laid_out<'a>(&self, machine: &mut Machine<'a>, number: &Number) -> Result<Text<'a>> {
        let (fill, align) = match (self.left, self.zeros) {
            (true, _) => (' ', Align::Left),
            (false, true) => ('0', Align::Inside),
            (false, false) => (' ', Align::Right),
        };
        let layout = Layout { fill, align, sign: self.sign, width: self.width, grouping: None };
        let text = layout.text(&mut machine.memory, number)?;
        Ok(Text::derived(machine.memory.str(&text)?, Node::NONE))
    }

    fn int<'a>(&self, machine: &mut Machine<'a>, value: Value<'a>, escaping: bool) -> Result<Number> {
        let decimal = matches!(self.code, 'd' | 'i' | 'u');
        if escaping && !decimal {
            return Err(type_error(format!("%{} format: an integer is required", self.code)));
        }
        let int: BigInt = match value {
            Value::Bool(_) | Value::Int(_) | Value::BigInt(_) => {
                operators::as_big(&mut machine.memory, value)?.unwrap_or_default()
            }
            Value::Float(float) if decimal => {
                let digits = format!("{:.0}", float.trunc());
                digits.parse().map_err(|_| value_error("cannot convert this float to an integer"))?
            }
            Value::Undefined(undefined) if decimal => return Err(undefined_error(undefined)),
            Value::Str(_) | Value::Literal(_) if escaping => {
                return Err(unsupported("a number read from text in markup"));
            }
            value => {
                return Err(type_error(format!(
                    "%{} format: a number is required, not {}",
                    self.code,
                    value.type_name()
                )));
            }
        };
        let mut number = Number::of_int(&mut machine.memory, &int, self.code, self.alternate)?;
        let zeros = self.precision.unwrap_or(0).saturating_sub(number.digits.len());
        machine.memory.reserve(zeros)?;
        number.digits.insert_str(0, &"0".repeat(zeros));
        Ok(number)
    }

    fn float<'a>(&self, machine: &mut Machine<'a>, value: Value<'a>, escaping: bool) -> Result<Number> {
        let float = match value {
            Value::Undefined(undefined) => return Err(undefined_error(undefined)),
            Value::Str(_) | Value::Literal(_) if escaping => {
                return Err(unsupported("a number read from text in markup"));
            }
            value => operators::as_float(&mut machine.memory, value)?
                .ok_or_else(|| type_error(format!("must be real number, not {}", value.type_name())))?,
        };
        let style = FloatStyle {
            code: match self.code {
                'e' | 'E' => Code::Exponent,
                'f' | 'F' => Code::Fixed,
                _ => Code::General,
            },
            precision: self.precision.unwrap_or(6),
            alternate: self.alternate,
            uppercase: matches!(self.code, 'E' | 'F' | 'G'),
        };
        style.ask(&mut machine.memory)?;
        Ok(Number::of_float(&write_float(float, &style)))
    }
}

#[cold]
fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} is not supported"))
}
