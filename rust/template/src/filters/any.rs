//! Filters for values of any kind.

use super::{count, flag, given, unsupported};
use crate::arguments::Args;
use crate::error::Result;
use crate::json;
use crate::operators::{truth, type_error, undefined_error, value_error};
use crate::run::Machine;
use crate::text::Text;
use crate::value::{Method, Missing, Undefined, Value};

/// `attr(name)`: an attribute, never an item.
pub fn attr<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [name] = args.bind("attr", ["name"], 1)?;
    let name = name.unwrap_or(Value::None);
    let Some(key) = name.as_str() else {
        return Err(type_error(format!("attribute name must be string, not '{}'", name.type_name())));
    };
    if let Value::Undefined(undefined) = value {
        return Err(undefined_error(undefined));
    }
    let found = machine.attribute(value, key)?;
    let is_item = match (value, found) {
        (Value::Dict(_), Value::Undefined(Undefined::Unsafe(_))) => false,
        (Value::Dict(dict), Value::Method(Method { object: Value::Dict(owner), .. })) => {
            !std::ptr::eq(dict, *owner)
        }
        (Value::Dict(_), _) => true,
        _ => false,
    };
    if is_item {
        let missing = machine.memory.alloc(Missing { object: value, name })?;
        return Ok(Value::Undefined(Undefined::Missing(missing)));
    }
    Ok(found)
}

/// `default(default_value='', boolean=False)`
pub fn default<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [default, boolean] = args.bind("default", ["default_value", "boolean"], 0)?;
    if !(value.is_undefined() || (flag(boolean) && !truth(value))) {
        return Ok(value);
    }
    match default {
        Some(default) => Ok(default),
        None => machine.memory.text(Text::EMPTY),
    }
}

pub fn random<'a>(_: &mut Machine<'a>, _: Value<'a>, _: Args<'a>) -> Result<Value<'a>> {
    Err(unsupported("the filter 'random' would make every rendering another one"))
}

/// `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`, as transformers defines it.
pub fn tojson<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let names = ["ensure_ascii", "indent", "separators", "sort_keys"];
    let [ensure_ascii, indent, separators, sort_keys] = args.bind("tojson", names, 0)?;
    let indent = match given(indent) {
        None => None,
        // A text has no lines to be indented, so anything goes.
        Some(_) if value.as_str().is_some() => None,
        Some(indent) if indent.as_str().is_some() => indent.as_str(),
        Some(width) => {
            let width = count(width)?;
            machine.memory.reserve(width)?;
            Some(machine.memory.str(&" ".repeat(width))?)
        }
    };
    let (item, key) = match given(separators) {
        None => (if indent.is_some() { "," } else { ", " }, ": "),
        Some(separators) => pair(machine, separators)?,
    };
    let style = json::Style {
        ensure_ascii: flag(ensure_ascii),
        indent,
        item_separator: item,
        key_separator: key,
        sort_keys: flag(sort_keys),
    };
    let str = json::write(&mut machine.memory, value, &style)?;
    let text = match value.as_text() {
        Some(text) => text.rewritten(str),
        None => Text::derived(str, value.node()),
    };
    machine.memory.text(text)
}

fn pair<'a>(machine: &mut Machine<'a>, separators: Value<'a>) -> Result<(&'a str, &'a str)> {
    let [item, key] = machine.collect(separators)?[..] else {
        return Err(value_error("separators are two: between items, and behind a key"));
    };
    match (item.as_str(), key.as_str()) {
        (Some(item), Some(key)) => Ok((item, key)),
        _ => Err(type_error("separators are strings")),
    }
}
