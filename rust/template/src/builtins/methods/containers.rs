//! Methods of `list`, `tuple`, `dict` and `range` that leave them as they are.

use super::{bound, no_such, positions, unsupported};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::value::memory::Memory;
use crate::value::operators::{self, value_error};
use crate::value::{Dict, Items, Range, Value, View, ViewKind};

pub fn list_has(name: &str) -> bool {
    matches!(
        name,
        "append"
            | "clear"
            | "copy"
            | "count"
            | "extend"
            | "index"
            | "insert"
            | "pop"
            | "remove"
            | "reverse"
            | "sort"
    )
}

pub fn tuple_has(name: &str) -> bool {
    matches!(name, "count" | "index")
}

pub fn range_has(name: &str) -> bool {
    matches!(name, "count" | "index")
}

pub fn dict_has(name: &str) -> bool {
    matches!(
        name,
        "clear"
            | "copy"
            | "fromkeys"
            | "get"
            | "items"
            | "keys"
            | "pop"
            | "popitem"
            | "setdefault"
            | "update"
            | "values"
    )
}

pub fn call_list<'a>(
    machine: &mut Machine<'a>,
    items: &'a Items<'a>,
    name: &str,
    args: Args<'a>,
) -> Result<Value<'a>> {
    match name {
        "copy" => {
            args.none(name)?;
            Ok(Value::List(machine.memory.alloc(*items)?))
        }
        "count" => count(&mut machine.memory, items.items, args),
        "index" => index(&mut machine.memory, items.items, args),
        name => Err(no_such(Value::List(items), name)),
    }
}

pub fn call_tuple<'a>(
    machine: &mut Machine<'a>,
    items: &'a Items<'a>,
    name: &str,
    args: Args<'a>,
) -> Result<Value<'a>> {
    match name {
        "count" => count(&mut machine.memory, items.items, args),
        "index" => index(&mut machine.memory, items.items, args),
        name => Err(no_such(Value::Tuple(items), name)),
    }
}

fn count<'a>(memory: &mut Memory<'a>, items: &[Value<'a>], args: Args<'a>) -> Result<Value<'a>> {
    let [value] = args.bind("count", ["/value"], 1)?;
    let value = value.unwrap_or(Value::None);
    let mut count = 0;
    for item in items {
        memory.step()?;
        count += i64::from(operators::equal(memory, *item, value)?);
    }
    Ok(Value::Int(count))
}

fn index<'a>(memory: &mut Memory<'a>, items: &[Value<'a>], args: Args<'a>) -> Result<Value<'a>> {
    let [value, start, stop] = args.bind("index", ["/value", "/start", "/stop"], 1)?;
    let value = value.unwrap_or(Value::None);
    let start = start.map_or(Ok(0), bound)?;
    let stop = stop.map_or(Ok(i64::MAX), bound)?;
    let (start, stop) = positions(items.len(), start, stop).unwrap_or_default();
    for (at, item) in items.iter().enumerate().take(stop).skip(start) {
        memory.step()?;
        if operators::equal(memory, *item, value)? {
            return Ok(Value::Int(i64::try_from(at).unwrap_or(i64::MAX)));
        }
    }
    Err(value_error("the value is not in the sequence"))
}

pub fn call_dict<'a>(
    machine: &mut Machine<'a>,
    dict: &'a Dict<'a>,
    name: &str,
    args: Args<'a>,
) -> Result<Value<'a>> {
    let kind = match name {
        "get" => {
            let [key, default] = args.bind("get", ["/key", "/default"], 1)?;
            let found = get(&mut machine.memory, dict, key.unwrap_or(Value::None))?;
            return Ok(found.or(default).unwrap_or(Value::None));
        }
        // Nothing can change either, so one will do for both.
        "copy" => return args.none(name).map(|()| Value::Dict(dict)),
        "keys" => ViewKind::Keys,
        "values" => ViewKind::Values,
        "items" => ViewKind::Items,
        "fromkeys" => return Err(unsupported("dict", name)),
        name => return Err(no_such(Value::Dict(dict), name)),
    };
    args.none(name)?;
    Ok(Value::View(machine.memory.alloc(View { dict, kind })?))
}

fn get<'a>(memory: &mut Memory<'a>, dict: &'a Dict<'a>, key: Value<'a>) -> Result<Option<Value<'a>>> {
    if let Some(name) = key.as_str() {
        return dict.find(memory, name);
    }
    operators::hashable(memory, key)?;
    for entry in dict.entries {
        memory.step()?;
        if operators::equal(memory, entry.key, key)? {
            entry.read.set(true);
            return Ok(Some(entry.value));
        }
    }
    Ok(None)
}

pub fn call_range<'a>(
    machine: &mut Machine<'a>,
    range: Range,
    name: &str,
    args: Args<'a>,
) -> Result<Value<'a>> {
    if !range_has(name) {
        return Err(no_such(Value::Range(machine.memory.alloc(range)?), name));
    }
    let [value] = args.bind(name, ["/value"], 1)?;
    let value = value.unwrap_or(Value::None);
    let found = place_in(range, value);
    match (name, found) {
        ("count", found) => Ok(Value::Int(i64::from(found.is_some()))),
        (_, Some(at)) => Ok(Value::Int(at)),
        (_, None) => Err(value_error("the value is not in the range")),
    }
}

/// The index of a number in a range.
fn place_in(range: Range, value: Value<'_>) -> Option<i64> {
    let wanted = match value {
        #[allow(clippy::cast_possible_truncation, reason = "a whole number of this size is taken as it is")]
        Value::Float(float) if float.fract() == 0.0 && float.abs() < 9e18 => float as i64,
        value => value.as_index()?,
    };
    let (offset, step) = (i128::from(wanted) - i128::from(range.start), i128::from(range.step));
    let at = usize::try_from(offset / step).ok()?;
    (offset % step == 0 && at < range.len()).then_some(i64::try_from(at).ok()?)
}
