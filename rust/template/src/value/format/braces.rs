//! `str.format` and `str.format_map` as the sandbox runs them: `string.Formatter`, whose fields reach attributes and
//! items through the sandbox only.

use super::spec::{format_value, with_digit};
use super::{repr, subscript};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::markup::escape;
use crate::value::operators::value_error;
use crate::value::text::Text;
use crate::value::unicode::{decimal_value, is_digit};

/// `format.format(*args)`
pub fn braces<'a>(machine: &mut Machine<'a>, format: Text<'a>, args: Args<'a>) -> Result<Text<'a>> {
    expand(machine, format, FormatArguments::Call(args))
}

/// `format.format_map(mapping)`
pub fn braces_of<'a>(machine: &mut Machine<'a>, format: Text<'a>, mapping: Value<'a>) -> Result<Text<'a>> {
    expand(machine, format, FormatArguments::Mapping(mapping))
}

fn expand<'a>(
    machine: &mut Machine<'a>,
    format: Text<'a>,
    arguments: FormatArguments<'a>,
) -> Result<Text<'a>> {
    let mut formatter = Formatter { arguments, numbering: Numbering::Unknown, escape: format.markup };
    machine.memory.look_at_each(format.str.len())?;
    let text = formatter.expand(machine, format, 2)?;
    Ok(text.with_markup(format.markup))
}

#[derive(Debug, Clone, Copy)]
enum FormatArguments<'a> {
    Call(Args<'a>),
    Mapping(Value<'a>),
}

/// Whether fields have their numbers, which must not be mixed.
#[derive(Debug, Clone, Copy)]
enum Numbering {
    Unknown,
    /// `{0}`
    Written,
    /// `{}`: how many there were.
    Counted(usize),
}

struct Formatter<'a> {
    arguments: FormatArguments<'a>,
    numbering: Numbering,
    escape: bool,
}

impl<'a> Formatter<'a> {
    /// `depth`: how deep fields may still be nested in specifications.
    fn expand(&mut self, machine: &mut Machine<'a>, format: Text<'a>, depth: usize) -> Result<Text<'a>> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(piece) = Piece::next(format.str, &mut at)? {
            machine.memory.reserve(2 * size_of::<Text<'_>>())?;
            pieces.push(format.cut(&mut machine.memory, piece.start, piece.end)?);
            if let Some(field) = piece.field {
                pieces.push(self.field(machine, &field, depth)?);
            }
        }
        machine.memory.concat(&pieces)
    }

    fn field(&mut self, machine: &mut Machine<'a>, field: &Field<'a>, depth: usize) -> Result<Text<'a>> {
        let value = self.value(machine, field.name)?;
        let value = match field.conversion {
            None | Some('\0') => value,
            Some('s') => {
                let text = machine.str(value)?.with_markup(false);
                machine.memory.text(text)?
            }
            Some(conversion @ ('r' | 'a')) => {
                let text = repr(machine, value, conversion == 'a')?;
                machine.memory.text(text)?
            }
            Some(other) => return Err(value_error(format!("Unknown conversion specifier {other}"))),
        };
        let depth = depth.checked_sub(1).ok_or_else(|| value_error("Max string recursion exceeded"))?;
        let spec = if field.spec.contains(['{', '}']) {
            self.expand(machine, Text::template(field.spec), depth)?.str
        } else {
            field.spec
        };
        if !self.escape {
            return format_value(machine, value, spec);
        }
        let text = match value.as_text() {
            Some(text) if text.markup && spec.is_empty() => text,
            Some(text) if text.markup => {
                return Err(value_error("Unsupported format specification for Markup."));
            }
            _ => format_value(machine, value, spec)?,
        };
        escape(&mut machine.memory, text)
    }

    /// The value of a field's name, such as `0.name[key]`.
    fn value(&mut self, machine: &mut Machine<'a>, name: &'a str) -> Result<Value<'a>> {
        let number;
        let name = match (name, self.numbering) {
            ("", Numbering::Written) => return Err(mixed_numbering()),
            ("", numbering) => {
                let at = if let Numbering::Counted(at) = numbering { at } else { 0 };
                self.numbering = Numbering::Counted(at + 1);
                number = Some(at);
                ""
            }
            (name, numbering) => {
                if name.chars().all(is_digit) {
                    if let Numbering::Counted(_) = numbering {
                        return Err(mixed_numbering());
                    }
                    self.numbering = Numbering::Written;
                }
                number = None;
                name
            }
        };
        let (first, mut rest) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
        let number = if number.is_some() { number } else { index(first)? };
        let mut value = self.argument(machine, first, number)?;
        while let Some(first) = rest.chars().next() {
            machine.memory.step()?;
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            let (name, after) = match first {
                '.' => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
                '[' => rest.split_once(']').ok_or_else(|| value_error("Missing ']' in format string"))?,
                _ => return Err(value_error("Only '.' or '[' may follow ']' in format field specifier")),
            };
            rest = after;
            if name.is_empty() {
                return Err(value_error("Empty attribute in format string"));
            }
            value = if first == '.' {
                machine.attribute(value, name)?
            } else {
                let key = match index(name)?.and_then(|at| i64::try_from(at).ok()) {
                    Some(at) => Value::Int(at),
                    None => machine.memory.text(Text::template(name))?,
                };
                machine.item(value, key)?
            };
        }
        Ok(value)
    }

    fn argument(&self, machine: &mut Machine<'a>, name: &'a str, number: Option<usize>) -> Result<Value<'a>> {
        match (number, self.arguments) {
            (Some(at), FormatArguments::Call(args)) => args.positional.get(at).copied(),
            (Some(_), FormatArguments::Mapping(_)) => None,
            (None, FormatArguments::Call(args)) => {
                let found = args.keywords.iter().find(|(keyword, _)| *keyword == name);
                found.map(|(_, value)| *value)
            }
            (None, FormatArguments::Mapping(mapping)) => Some(subscript(&mut machine.memory, mapping, name)?),
        }
        .ok_or_else(|| value_error(format!("there is no argument '{name}' for the format")))
    }
}

#[cold]
fn mixed_numbering() -> crate::error::Error {
    value_error("cannot switch between manual field specification and automatic field numbering")
}

/// The number that a part of a field's name is.
fn index(name: &str) -> Result<Option<usize>> {
    let mut number = None;
    for c in name.chars() {
        let Some(digit) = decimal_value(c) else {
            return Ok(None);
        };
        number = Some(with_digit(number.unwrap_or(0), digit)?);
    }
    Ok(number)
}

/// Literal text of a format string, and the field after it.
struct Piece<'a> {
    start: usize,
    end: usize,
    field: Option<Field<'a>>,
}

/// `{name!conversion:spec}`
struct Field<'a> {
    name: &'a str,
    conversion: Option<char>,
    spec: &'a str,
}

impl<'a> Piece<'a> {
    /// The piece that starts at this byte.
    fn next(format: &'a str, at: &mut usize) -> Result<Option<Self>> {
        let start = *at;
        let rest = format.get(start..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let Some(length) = rest.find(['{', '}']) else {
            *at = format.len();
            return Ok(Some(Self { start, end: format.len(), field: None }));
        };
        let end = start + length;
        let mut brace = format.get(end..).unwrap_or_default().chars();
        let (brace, following) = (brace.next(), brace.next());
        *at = end + 1;
        if brace == following {
            *at += 1;
            return Ok(Some(Self { start, end: end + 1, field: None }));
        }
        if brace == Some('}') || following.is_none() {
            return Err(value_error("the format string has a single brace"));
        }
        let field = Some(Field::next(format, at)?);
        Ok(Some(Self { start, end, field }))
    }
}

impl<'a> Field<'a> {
    /// The field that starts at this byte, after its brace.
    fn next(format: &'a str, at: &mut usize) -> Result<Self> {
        let rest = format.get(*at..).unwrap_or_default();
        let end = name_end(rest)?;
        let (name, rest) = rest.split_at(end);
        let mut chars = rest.chars();
        let mut conversion = None;
        let mut next = chars.next();
        if next == Some('!') {
            conversion = chars.next();
            if conversion.is_none() {
                return Err(value_error("end of string while looking for conversion specifier"));
            }
            next = chars.next();
        }
        let spec = match next {
            Some('}') => "",
            Some(':') => {
                let spec = chars.as_str();
                let end = spec_end(spec).ok_or_else(|| value_error("unmatched '{' in format spec"))?;
                chars = spec.get(end + 1..).unwrap_or_default().chars();
                spec.get(..end).unwrap_or_default()
            }
            _ => return Err(value_error("expected '}' before end of string")),
        };
        *at = format.len() - chars.as_str().len();
        Ok(Self { name, conversion, spec })
    }
}

/// Where the name of a field ends: at `}`, `:` or `!`, but not in brackets.
fn name_end(text: &str) -> Result<usize> {
    let mut in_brackets = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b']' => in_brackets = false,
            _ if in_brackets => {}
            b'[' => in_brackets = true,
            b'{' => return Err(value_error("unexpected '{' in field name")),
            b'}' | b':' | b'!' => return Ok(at),
            _ => {}
        }
    }
    Err(value_error("expected '}' before end of string"))
}

/// Where a specification ends: at the brace that closes the field.
fn spec_end(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    text.bytes().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return true,
            b'}' => depth -= 1,
            _ => {}
        }
        false
    })
}
