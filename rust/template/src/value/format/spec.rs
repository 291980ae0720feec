//! Format specifications: `format(value, ">8.2f")`.

use super::number::{Align, Layout, Number};
use super::{character, repeated, shortened};
use crate::error::{Error, Result};
use crate::run::Machine;
use crate::value::Value;
use crate::value::float::{Code, FloatStyle, write_float};
use crate::value::memory::Memory;
use crate::value::operators::{self, type_error, value_error};
use crate::value::text::{Node, Text};
use crate::value::unicode::decimal_value;

/// `format(value, spec)`
pub fn format_value<'a>(machine: &mut Machine<'a>, value: Value<'a>, spec: &str) -> Result<Text<'a>> {
    if spec.is_empty() {
        return Ok(machine.str(value)?.with_markup(false));
    }
    let memory = &mut machine.memory;
    match value {
        Value::Str(_) | Value::Literal(_) => {
            let text = value.as_text().unwrap_or(Text::EMPTY);
            format_text(memory, text, &Spec::parse(spec, 's', Align::Left)?)
        }
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) => {
            format_int(memory, value, &Spec::parse(spec, 'd', Align::Right)?)
        }
        Value::Float(float) => format_float(memory, float, &Spec::parse(spec, '\0', Align::Right)?, "float"),
        value => {
            Err(type_error(format!("unsupported format string passed to {}.__format__", value.type_name())))
        }
    }
}

/// A specification taken apart.
#[derive(Debug)]
struct Spec {
    fill: char,
    align: Align,
    /// `+`, `-` or a space.
    sign: Option<char>,
    /// `z`
    no_negative_zero: bool,
    /// `#`
    alternate: bool,
    width: Option<usize>,
    separator: Option<char>,
    precision: Option<usize>,
    code: char,
}

impl Spec {
    fn parse(text: &str, code: char, align: Align) -> Result<Self> {
        let mut rest = Rest(text);
        let mut spec = Self {
            fill: ' ',
            align,
            sign: None,
            no_negative_zero: false,
            alternate: false,
            width: None,
            separator: None,
            precision: None,
            code,
        };
        let mut chars = text.chars();
        let aligned = match (chars.next(), chars.next().and_then(alignment)) {
            (Some(fill), Some(align)) => {
                (spec.fill, spec.align) = (fill, align);
                rest = Rest(chars.as_str());
                (true, true)
            }
            (first, _) => match first.and_then(alignment) {
                Some(align) => {
                    spec.align = align;
                    rest.next();
                    (false, true)
                }
                None => (false, false),
            },
        };
        spec.sign = rest.next_if(|c| matches!(c, '+' | '-' | ' '));
        spec.no_negative_zero = rest.next_if(|c| c == 'z').is_some();
        spec.alternate = rest.next_if(|c| c == '#').is_some();
        let (filled, aligned) = aligned;
        if !filled && rest.next_if(|c| c == '0').is_some() {
            spec.fill = '0';
            if !aligned && align == Align::Right {
                spec.align = Align::Inside;
            }
        }
        spec.width = rest.integer()?;
        spec.separator = rest.next_if(|c| matches!(c, ',' | '_'));
        if spec.separator.is_some() && rest.next_if(|c| matches!(c, ',' | '_')).is_some() {
            return Err(value_error("a format takes one ',' or '_'"));
        }
        if rest.next_if(|c| c == '.').is_some() {
            let precision = rest.integer()?;
            spec.precision =
                Some(precision.ok_or_else(|| value_error("Format specifier missing precision"))?);
        }
        spec.code = rest.next().unwrap_or(code);
        if !rest.0.is_empty() {
            return Err(value_error(format!("Invalid format specifier '{text}'")));
        }
        let fits = match spec.separator {
            None => true,
            Some('_') if matches!(spec.code, 'b' | 'o' | 'x' | 'X') => true,
            Some(_) => matches!(spec.code, 'd' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F' | '\0'),
        };
        if fits {
            Ok(spec)
        } else {
            Err(value_error(format!("Cannot specify a separator with '{}'.", spec.code)))
        }
    }

    fn layout(&self) -> Layout {
        let size = if matches!(self.code, 'b' | 'o' | 'x' | 'X') { 4 } else { 3 };
        Layout {
            fill: self.fill,
            align: self.align,
            sign: self.sign.filter(|sign| *sign != '-'),
            width: self.width.unwrap_or(0),
            grouping: self.separator.map(|separator| (separator, size)),
        }
    }

    #[cold]
    fn unknown_code(&self, kind: &str) -> Error {
        value_error(format!("Unknown format code '{}' for object of type '{kind}'", self.code))
    }
}

fn alignment(c: char) -> Option<Align> {
    Some(match c {
        '<' => Align::Left,
        '>' => Align::Right,
        '^' => Align::Center,
        '=' => Align::Inside,
        _ => return None,
    })
}

/// What is left of a specification.
struct Rest<'s>(&'s str);

impl Rest<'_> {
    fn next(&mut self) -> Option<char> {
        self.next_if(|_| true)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let mut chars = self.0.chars();
        let next = chars.next().filter(|c| wanted(*c))?;
        self.0 = chars.as_str();
        Some(next)
    }

    fn integer(&mut self) -> Result<Option<usize>> {
        let mut integer = None;
        while let Some(digit) = self.next_if(|c| decimal_value(c).is_some()).and_then(decimal_value) {
            integer = Some(with_digit(integer.unwrap_or(0), digit)?);
        }
        Ok(integer)
    }
}

/// The number with one more decimal digit.
pub fn with_digit(number: usize, digit: u32) -> Result<usize> {
    let number = number.checked_mul(10).and_then(|number| number.checked_add(digit as usize));
    let number = number.filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| value_error("Too many decimal digits in format string"))
}

fn format_text<'a>(memory: &mut Memory<'a>, text: Text<'a>, spec: &Spec) -> Result<Text<'a>> {
    if spec.code != 's' {
        return Err(spec.unknown_code("str"));
    }
    if spec.sign.is_some() || spec.no_negative_zero || spec.alternate || spec.align == Align::Inside {
        return Err(value_error("a sign, 'z', '#' or '=' is not allowed in the format of a text"));
    }
    memory.work(text.str.len())?;
    let text = shortened(memory, text.with_markup(false), spec.precision)?;
    let missing = spec.width.unwrap_or(0).saturating_sub(text.str.chars().count());
    if missing == 0 {
        return Ok(text);
    }
    let left = match spec.align {
        Align::Right => missing,
        Align::Center => missing / 2,
        Align::Left | Align::Inside => 0,
    };
    let before = repeated(memory, spec.fill, left)?;
    let after = repeated(memory, spec.fill, missing - left)?;
    memory.concat(&[before, text, after])
}

fn format_int<'a>(memory: &mut Memory<'a>, value: Value<'a>, spec: &Spec) -> Result<Text<'a>> {
    let number = match spec.code {
        'b' | 'o' | 'x' | 'X' | 'd' | 'n' | 'c' => {
            if spec.precision.is_some() || spec.no_negative_zero {
                return Err(value_error("a precision or 'z' is not allowed in the format of an integer"));
            }
            if spec.code == 'c' {
                if spec.sign.is_some() || spec.alternate {
                    return Err(value_error("a sign or '#' is not allowed with the format code 'c'"));
                }
                Number { rest: character(value)?.into(), ..Number::default() }
            } else {
                let int = operators::as_big(memory, value)?.unwrap_or_default();
                Number::of_int(memory, &int, spec.code, spec.alternate)?
            }
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' => {
            let float = operators::as_float(memory, value)?.unwrap_or_default();
            return format_float(memory, float, spec, value.type_name());
        }
        _ => return Err(spec.unknown_code(value.type_name())),
    };
    let text = spec.layout().text(memory, &number)?;
    Ok(Text::derived(memory.str(&text)?, Node::NONE))
}

fn format_float<'a>(memory: &mut Memory<'a>, float: f64, spec: &Spec, kind: &str) -> Result<Text<'a>> {
    let code = match (spec.code, spec.precision) {
        ('\0', None) => Code::Shortest,
        ('\0', Some(_)) => Code::GeneralFloat,
        ('e' | 'E', _) => Code::Exponent,
        ('f' | 'F' | '%', _) => Code::Fixed,
        ('g' | 'G' | 'n', _) => Code::General,
        _ => return Err(spec.unknown_code(kind)),
    };
    let style = FloatStyle {
        code,
        precision: spec.precision.unwrap_or(6),
        alternate: spec.alternate,
        uppercase: matches!(spec.code, 'E' | 'F' | 'G'),
    };
    if i32::try_from(style.precision).is_err() {
        return Err(value_error("precision too big"));
    }
    style.ask(memory)?;
    let float = if spec.code == '%' { float * 100.0 } else { float };
    let mut number = Number::of_float(&write_float(float, &style));
    if spec.code == '%' {
        number.rest.push('%');
    }
    if spec.no_negative_zero && is_zero(&number) {
        number.negative = false;
    }
    let text = spec.layout().text(memory, &number)?;
    Ok(Text::derived(memory.str(&text)?, Node::NONE))
}

/// Whether every digit before an exponent is zero.
fn is_zero(number: &Number) -> bool {
    let decimals = number.rest.split(['e', 'E']).next().unwrap_or_default();
    !number.digits.is_empty()
        && !number.digits.bytes().chain(decimals.bytes()).any(|byte| matches!(byte, b'1'..=b'9'))
}
