//! Filters for URLs.

use crate::builtins::arguments::Args;
use crate::builtins::filters::{remade, soft_str, unsupported};
use crate::error::Result;
use crate::run::Machine;
use crate::value::operators::value_error;
use crate::value::text::{Node, Text};
use crate::value::{Object, Value};

/// A text quoted for a path, or the pairs of a dict or an iterable quoted and joined for a query.
pub fn urlencode<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("urlencode")?;
    let iterable = matches!(
        value,
        Value::Undefined(_)
            | Value::List(_)
            | Value::Tuple(_)
            | Value::Dict(_)
            | Value::View(_)
            | Value::Range(_)
            | Value::Object(Object::Iterator(_) | Object::Loop(_))
    );
    if !iterable {
        let text = soft_str(machine, value)?;
        let quoted = quoted(machine, text, true)?;
        return remade(machine, text, &quoted);
    }
    let mut query = String::new();
    for (key, value) in pairs(machine, value)? {
        for (value, end) in [(key, '='), (value, '&')] {
            let text = soft_str(machine, value)?;
            query += &quoted(machine, text, false)?.replace("%20", "+");
            query.push(end);
        }
    }
    query.pop();
    let str = machine.memory.str(&query)?;
    let node = if str.is_empty() { Node::NONE } else { value.node() };
    machine.memory.text(Text::derived(str, node))
}

fn pairs<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<Vec<(Value<'a>, Value<'a>)>> {
    if let Value::Dict(dict) = value {
        machine.memory.reserve(2 * dict.entries.len() * size_of::<Value<'_>>())?;
        return Ok(dict.iter().collect());
    }
    let mut pairs = Vec::new();
    for pair in machine.collect(value)? {
        let [key, value] = machine.collect(pair)?[..] else {
            return Err(value_error("urlencode takes pairs"));
        };
        machine.memory.reserve(2 * size_of::<Value<'_>>())?;
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// Three characters for each byte of UTF-8 that must be escaped.
fn quoted<'a>(machine: &mut Machine<'a>, text: Text<'a>, path: bool) -> Result<String> {
    let is_safe =
        |byte: u8| byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) || (path && byte == b'/');
    let escapes = text.str.bytes().filter(|byte| !is_safe(*byte)).count();
    machine.memory.reserve(text.str.len() + 2 * escapes)?;
    let mut out = String::with_capacity(text.str.len() + 2 * escapes);
    for byte in text.str.bytes() {
        if is_safe(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }
    Ok(out)
}

pub fn urlize<'a>(_: &mut Machine<'a>, _: Value<'a>, _: Args<'a>) -> Result<Value<'a>> {
    Err(unsupported("the filter 'urlize' is not supported"))
}
