//! Methods of `str` that look for another text: `find`, `count`, `startswith` and their kin.

use memchr::memmem;

use super::string;
use crate::builtins::arguments::Args;
use crate::builtins::methods::{bound, positions};
use crate::error::Result;
use crate::value::Value;
use crate::value::memory::Memory;
use crate::value::operators::{type_error, value_error};
use crate::value::text::Text;

/// `find`, `rfind`, `index`, `rindex`
pub fn find<'a>(memory: &mut Memory<'a>, text: Text<'a>, args: Args<'a>, name: &str) -> Result<Value<'a>> {
    let [needle, start, end] = args.bind(name, ["/sub", "/start", "/end"], 1)?;
    let needle = string(needle)?.str.as_bytes();
    memory.work(needle.len())?;
    if name.starts_with('r') {
        // `memrmem` is the slow one.
        memory.look_at_each(text.str.len())?;
    }
    memory.work(text.str.len())?;
    let found = window(text.str, start, end)?.and_then(|(start, end)| {
        let place = text.str.as_bytes().get(start..end)?;
        let at =
            if name.starts_with('r') { memmem::rfind(place, needle) } else { memmem::find(place, needle) };
        text.str.get(..start + at?)
    });
    match found {
        Some(before) => Ok(Value::Int(i64::try_from(before.chars().count()).unwrap_or(i64::MAX))),
        None if name.ends_with("index") => Err(value_error("substring not found")),
        None => Ok(Value::Int(-1)),
    }
}

pub fn count<'a>(memory: &mut Memory<'a>, text: Text<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [needle, start, end] = args.bind("count", ["/sub", "/start", "/end"], 1)?;
    let needle = string(needle)?.str;
    memory.work(text.str.len() + needle.len())?;
    let place = window(text.str, start, end)?.and_then(|(start, end)| text.str.get(start..end));
    let count = match place {
        None => 0,
        Some(place) if needle.is_empty() => place.chars().count() + 1,
        Some(place) => memmem::find_iter(place.as_bytes(), needle.as_bytes()).count(),
    };
    memory.work(count.saturating_mul(64))?;
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// `startswith`, `endswith`
pub fn starts_or_ends<'a>(
    memory: &mut Memory<'a>,
    text: Text<'a>,
    args: Args<'a>,
    name: &str,
) -> Result<Value<'a>> {
    let [part, start, end] = args.bind(name, ["/affix", "/start", "/end"], 1)?;
    if start.is_some() || end.is_some() {
        memory.work(text.str.len())?;
    }
    let place = window(text.str, start, end)?.and_then(|(start, end)| text.str.get(start..end));
    let part = part.unwrap_or(Value::None);
    let single = [part];
    let parts = if let Value::Tuple(parts) = part { parts.items } else { &single };
    for part in parts {
        let Some(part) = part.as_str() else {
            let given = part.type_name();
            return Err(type_error(format!("{name} takes a str or a tuple of str, not {given}")));
        };
        memory.work(part.len().min(text.str.len()))?;
        let found = match name {
            "startswith" => place.is_some_and(|place| place.starts_with(part)),
            _ => place.is_some_and(|place| place.ends_with(part)),
        };
        if found {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// The bytes of the text between two positions; `None` if the first is after the second.
fn window(text: &str, start: Option<Value<'_>>, end: Option<Value<'_>>) -> Result<Option<(usize, usize)>> {
    let at = |value: Option<Value<'_>>, default: i64| match value {
        None | Some(Value::None) => Ok(default),
        Some(value) => bound(value),
    };
    let (start, end) = (at(start, 0)?, at(end, i64::MAX)?);
    if (start, end) == (0, i64::MAX) {
        return Ok(Some((0, text.len())));
    }
    if text.is_ascii() {
        return Ok(positions(text.len(), start, end));
    }
    let byte = |position: usize| text.char_indices().nth(position).map_or(text.len(), |(at, _)| at);
    Ok(positions(text.chars().count(), start, end).map(|(start, end)| (byte(start), byte(end))))
}
