//! Filters that change texts. Most are methods of `str` for values of any type.

use super::{given, plain_value, remade, soft_str, soft_value};
use crate::builtins::arguments::Args;
use crate::builtins::methods;
use crate::error::Result;
use crate::run::Machine;
use crate::value::format;
use crate::value::operators::{type_error, value_error};
use crate::value::text::Text;
use crate::value::unicode;
use crate::value::{Entry, Value};

pub fn string<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("soft_str")?;
    soft_value(machine, value)
}

pub fn capitalize<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("capitalize")?;
    method(machine, value, "capitalize", &[])
}

pub fn lower<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("lower")?;
    method(machine, value, "lower", &[])
}

pub fn upper<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("upper")?;
    method(machine, value, "upper", &[])
}

/// Markup of the text, which is escaped no more.
pub fn safe<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("safe")?;
    let text = soft_str(machine, value)?;
    machine.memory.text(text.with_markup(true))
}

/// `trim(chars=None)`
pub fn trim<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    match args.bind("trim", ["chars"], 0)? {
        [None] => method(machine, value, "strip", &[]),
        [Some(chars)] => method(machine, value, "strip", &[chars]),
    }
}

/// `replace(old, new, count=None)`
pub fn replace<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [old, new, count] = args.bind("replace", ["old", "new", "count"], 2)?;
    let text = plain_value(machine, value)?;
    let old = plain_value(machine, old.unwrap_or(Value::None))?;
    let new = plain_value(machine, new.unwrap_or(Value::None))?;
    method(machine, text, "replace", &[old, new, given(count).unwrap_or(Value::Int(-1))])
}

/// A method of `soft_str(value)`.
pub fn method<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    name: &str,
    arguments: &[Value<'a>],
) -> Result<Value<'a>> {
    let text = soft_value(machine, value)?;
    let positional = if arguments.is_empty() { &[] } else { machine.memory.slice(arguments)? };
    methods::call(machine, text, name, Args { positional, keywords: &[] })
}

/// `format(*args, **kwargs)`: the operator `%`.
pub fn format<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let text = soft_str(machine, value)?;
    let arguments = match (args.positional, args.keywords) {
        (positional, []) => machine.memory.tuple(positional)?,
        ([], keywords) => {
            let mut entries = Vec::with_capacity(keywords.len());
            for (name, value) in keywords {
                if *name == "value" {
                    return Err(type_error("do_format() got multiple values for argument 'value'"));
                }
                entries.push(Entry::new(machine.memory.text(Text::keyword(name))?, *value));
            }
            machine.memory.dict(entries)?
        }
        _ => {
            return Err(value_error("can't handle positional and keyword arguments at the same time"));
        }
    };
    let formatted = format::percent(machine, text, arguments)?;
    machine.memory.text(formatted)
}

/// Words start after white space and some punctuation, unlike those of `str.title`.
pub fn title<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("title")?;
    let text = soft_str(machine, value)?;
    machine.memory.look_at_each(2 * text.str.len())?;
    machine.memory.reserve(text.str.len())?;
    remade(machine, text, &with_capitals(text.str))
}

fn with_capitals(text: &str) -> String {
    let is_separator = |c: char| matches!(c, '-' | '(' | '{' | '[' | '<') || unicode::is_space(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let separates = is_separator(first);
        let end = rest.find(|c| is_separator(c) != separates).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if separates {
            out.push_str(run);
        } else {
            let (first, others) = run.split_at(first.len_utf8());
            out.push_str(&unicode::upper(first));
            out.push_str(&unicode::lower(others));
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        let table = [
            ("they're bill's FRIENDS", "They're Bill's Friends"),
            ("a-b (c) {d} [e] <f>g\u{85}h", "A-B (C) {D} [E] <F>g\u{85}H"),
            ("ßa ǆb ΟΔΟΣ", "SSa Ǆb Οδος"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(with_capitals(text), expected);
        }
    }
}
