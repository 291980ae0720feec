//! Filters for values of any kind.

use super::{count, flag, given};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::json;
use crate::value::operators::{truth, type_error, value_error};
use crate::value::text::Text;

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

/// `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`, as transformers defines it.
pub fn tojson<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let names = ["ensure_ascii", "indent", "separators", "sort_keys"];
    let [ensure_ascii, indent, separators, sort_keys] = args.bind("tojson", names, 0)?;
    let indent = match given(indent) {
        None => None,
        // A text is returned without indenting, so any width is accepted.
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
    let style = json::JsonStyle {
        ensure_ascii: flag(ensure_ascii),
        indent,
        item_separator: item,
        key_separator: key,
        sort_keys: flag(sort_keys),
    };
    let text = json::write(&mut machine.memory, value, &style)?;
    machine.memory.text(text)
}

fn pair<'a>(machine: &mut Machine<'a>, separators: Value<'a>) -> Result<(&'a str, &'a str)> {
    let [item, key] = machine.collect(separators)?[..] else {
        return Err(value_error("expected two separators: one between items and one after a key"));
    };
    match (item.as_str(), key.as_str()) {
        (Some(item), Some(key)) => Ok((item, key)),
        _ => Err(type_error("separators are strings")),
    }
}
