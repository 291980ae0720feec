//! Filters that change texts. Most are methods of `str` for values of any type.

use super::{flag, given, plain_value, remade, soft_str, soft_value, unsupported};
use crate::arguments::Args;
use crate::error::Result;
use crate::operators::{self, length, order, type_error, value_error};
use crate::run::Machine;
use crate::text::Text;
use crate::value::{Entry, Value};
use crate::{format, methods, slices, unicode};

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

/// `trim(chars=None)`
pub fn trim<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    match args.bind("trim", ["chars"], 0)? {
        [None] => method(machine, value, "strip", &[]),
        [Some(chars)] => method(machine, value, "strip", &[chars]),
    }
}

/// `center(width=80)`
pub fn center<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [width] = args.bind("center", ["width"], 0)?;
    method(machine, value, "center", &[width.unwrap_or(Value::Int(80))])
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
fn method<'a>(
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
                entries.push(Entry::new(machine.memory.text(Text::template(name))?, *value));
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

/// Words start behind white space and some punctuation, unlike those of `str.title`.
pub fn title<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("title")?;
    let text = soft_str(machine, value)?;
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
        let (run, behind) = rest.split_at(end);
        if separates {
            out.push_str(run);
        } else {
            let (first, others) = run.split_at(first.len_utf8());
            out.push_str(&unicode::upper(first));
            out.push_str(&unicode::lower(others));
        }
        rest = behind;
    }
    out
}

/// `truncate(length=255, killwords=False, end='...', leeway=5)`
pub fn truncate<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [limit, killwords, end, leeway] =
        args.bind("truncate", ["length", "killwords", "end", "leeway"], 0)?;
    let limit = limit.unwrap_or(Value::Int(255));
    let leeway = given(leeway).unwrap_or(Value::Int(5));
    let end = match end {
        Some(end) => end,
        None => machine.memory.text(Text::template("..."))?,
    };
    let end_length = length_of(end)?;
    if order(&mut machine.memory, limit, end_length, ">=")?.is_none_or(std::cmp::Ordering::is_lt) {
        return Err(value_error("a length below that of what is put at the end"));
    }
    if order(&mut machine.memory, leeway, Value::Int(0), ">=")?.is_none_or(std::cmp::Ordering::is_lt) {
        return Err(value_error("a leeway below zero"));
    }
    let most = operators::add(&mut machine.memory, limit, leeway)?;
    if order(&mut machine.memory, length_of(value)?, most, "<=")?.is_some_and(std::cmp::Ordering::is_le) {
        return Ok(value);
    }
    let kept = operators::subtract(&mut machine.memory, limit, end_length)?;
    let kept = slices::slice(&mut machine.memory, value, [Value::None, kept, Value::None])?;
    let kept = if flag(killwords) { kept } else { whole_words(machine, kept)? };
    operators::add(&mut machine.memory, kept, end)
}

fn length_of(value: Value<'_>) -> Result<Value<'_>> {
    length(value).map(|length| Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// `text.rsplit(' ', 1)[0]`
fn whole_words<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<Value<'a>> {
    let Some(text) = value.as_text() else {
        return Err(type_error(format!("'{}' object has no attribute 'rsplit'", value.type_name())));
    };
    match text.str.rfind(' ') {
        Some(space) => {
            let words = text.cut(&mut machine.memory, 0, space)?;
            machine.memory.text(words)
        }
        None => Ok(value),
    }
}

/// How many runs of letters, digits and underscores.
pub fn wordcount<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("wordcount")?;
    let text = soft_str(machine, value)?;
    machine.memory.work(text.str.len())?;
    let words = text.str.split(|c| !is_word(c)).filter(|word| !word.is_empty()).count();
    i64::try_from(words).map(Value::Int).map_err(|_| unsupported("more words than can be counted"))
}

/// `\w` of Python's regular expressions.
pub fn is_word(c: char) -> bool {
    c == '_' || unicode::is_alnum(c)
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
