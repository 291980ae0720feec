//! `indent`: puts white space before every line but the first.

use super::{count, flag, unsupported};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{type_error, undefined_error};
use crate::value::text::Text;
use crate::value::unicode;

/// `indent(width=4, first=False, blank=False)`; line ends of any kind become `\n`.
pub fn indent<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [width, first, blank] = args.bind("indent", ["width", "first", "blank"], 0)?;
    let text = match (value, value.as_text()) {
        (_, Some(text)) => text,
        (Value::Undefined(undefined), _) => return Err(undefined_error(undefined)),
        (value, None) => {
            return Err(type_error(format!("can only indent strings, not '{}'", value.type_name())));
        }
    };
    let space = space(machine, width.unwrap_or(Value::Int(4)))?;
    if space.markup && !text.markup {
        return Err(unsupported("a text is indented by markup, which would escape it"));
    }
    let (first, blank) = (flag(first), flag(blank));
    machine.memory.work(4 * text.str.len())?;
    let mut pieces = Vec::new();
    for (number, (start, end)) in lines(text.str).enumerate() {
        machine.memory.reserve(3 * size_of::<Text<'_>>())?;
        if number > 0 {
            pieces.push(Text::template("\n"));
        }
        if if number == 0 { first } else { blank || start < end } {
            pieces.push(space);
        }
        pieces.push(text.cut(&mut machine.memory, start, end)?);
    }
    let indented = machine.memory.concat(&pieces)?;
    machine.memory.text(indented.with_markup(text.markup))
}

fn space<'a>(machine: &mut Machine<'a>, width: Value<'a>) -> Result<Text<'a>> {
    if let Some(text) = width.as_text() {
        return Ok(text);
    }
    let width = count(width)?;
    machine.memory.reserve(width)?;
    machine.memory.str(&" ".repeat(width)).map(Text::template)
}

/// The lines of a text with another line end after it, as `splitlines` has them.
fn lines(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        let start = at?;
        let rest = text.get(start..)?;
        let (length, with_end) = unicode::first_line(rest);
        // A carriage return at the very end is one line end with the newline after it.
        at = (length < rest.len() && rest.get(length..) != Some("\r")).then_some(start + with_end);
        Some((start, start + length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_text_and_a_newline() {
        let table: [(&str, &[&str]); 8] = [
            ("", &[""]),
            ("a", &["a"]),
            ("a\n", &["a", ""]),
            ("a\r", &["a"]),
            ("\r", &[""]),
            ("a\r\nb\n\nc", &["a", "b", "", "c"]),
            ("a\u{2028}b\u{b}", &["a", "b", ""]),
            ("a\r\rb", &["a", "", "b"]),
        ];
        for (text, expected) in table {
            let found: Vec<_> = lines(text).map(|(start, end)| &text[start..end]).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
