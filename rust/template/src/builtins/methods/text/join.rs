//! Methods of `str` that put texts together: `join`, `replace`, `translate`, and `escape` of `Markup`.

use memchr::memmem;

use super::{count, string};
use crate::builtins::arguments::Args;
use crate::builtins::methods::unsupported;
use crate::error::Result;
use crate::run::Machine;
use crate::value::format;
use crate::value::markup::escape_value;
use crate::value::memory::Memory;
use crate::value::operators;
use crate::value::text::Text;
use crate::value::{Dict, Value};

pub fn join<'a>(machine: &mut Machine<'a>, text: Text<'a>, args: Args<'a>) -> Result<Text<'a>> {
    let [iterable] = args.bind("join", ["/iterable"], 1)?;
    let collected;
    let items = match iterable.unwrap_or(Value::None) {
        Value::List(items) | Value::Tuple(items) => items.items,
        iterable => {
            collected = machine.collect(iterable)?;
            &collected
        }
    };
    machine.memory.reserve(2 * size_of_val(items))?;
    let mut pieces = Vec::with_capacity(2 * items.len());
    for item in items {
        machine.memory.step()?;
        if !pieces.is_empty() && !text.str.is_empty() {
            pieces.push(text);
        }
        pieces.push(if text.markup { escape_value(machine, *item)? } else { string(Some(*item))? });
    }
    Ok(machine.memory.concat(&pieces)?.with_markup(text.markup))
}

pub fn replace<'a>(machine: &mut Machine<'a>, text: Text<'a>, args: Args<'a>) -> Result<Text<'a>> {
    let [old, new, most] = args.bind("replace", ["/old", "/new", "/count"], 2)?;
    let new = match new {
        Some(new) if text.markup => escape_value(machine, new)?,
        new => string(new)?,
    };
    let old = string(old)?.str;
    let most = count(most, -1)?.unwrap_or(usize::MAX);
    let memory = &mut machine.memory;
    memory.work(text.str.len() + old.len())?;
    if old == new.str {
        return Ok(text);
    }
    if old.is_empty() {
        let ends = text.str.char_indices().map(|(at, _)| at).chain([text.str.len()]);
        return spliced(memory, text, ends.take(most), 0, new);
    }
    let found = memmem::find_iter(text.str.as_bytes(), old.as_bytes()).take(most);
    spliced(memory, text, found, old.len(), new)
}

/// The text with `new` in the place of the `width` bytes at each of these places.
fn spliced<'a>(
    memory: &mut Memory<'a>,
    text: Text<'a>,
    places: impl Iterator<Item = usize> + Clone,
    width: usize,
    new: Text<'a>,
) -> Result<Text<'a>> {
    let count = places.clone().count();
    if count == 0 {
        return Ok(text);
    }
    let pieces = count.saturating_mul(2).saturating_add(1);
    memory.reserve(pieces.saturating_mul(size_of::<Text<'_>>()))?;
    let mut pieces = Vec::with_capacity(pieces);
    let mut from = 0;
    for at in places {
        pieces.push(text.cut(memory, from, at)?);
        pieces.push(new);
        from = at + width;
    }
    pieces.push(text.cut(memory, from, text.str.len())?);
    Ok(memory.concat(&pieces)?.with_markup(text.markup))
}

/// `translate` with a dict from code points to text, code points or None.
pub fn translate<'a>(memory: &mut Memory<'a>, text: Text<'a>, args: Args<'a>) -> Result<Text<'a>> {
    let [table] = args.bind("translate", ["/table"], 1)?;
    let Some(Value::Dict(table)) = table else {
        return Err(unsupported("str", "translate"));
    };
    memory.look_at_each(text.str.len())?;
    let mut pieces = Vec::new();
    let mut from = 0;
    for (at, c) in text.str.char_indices() {
        memory.work(table.entries.len())?;
        if let Some(value) = translated(memory, table, c)? {
            memory.reserve(2 * size_of::<Text<'_>>())?;
            pieces.push(text.cut(memory, from, at)?);
            pieces.push(match value {
                Value::None => Text::EMPTY,
                Value::Str(_) | Value::Literal(_) => string(Some(value))?,
                value => Text::template(memory.str(format::character(value)?.encode_utf8(&mut [0; 4]))?),
            });
            from = at + c.len_utf8();
        }
    }
    if pieces.is_empty() {
        return Ok(text);
    }
    pieces.push(text.cut(memory, from, text.str.len())?);
    Ok(memory.concat(&pieces)?.with_markup(text.markup))
}

fn translated<'a>(memory: &mut Memory<'a>, table: &'a Dict<'a>, c: char) -> Result<Option<Value<'a>>> {
    for entry in table.entries {
        if operators::equal(memory, entry.key, Value::Int(u32::from(c).into()))? {
            entry.read.set(true);
            return Ok(Some(entry.value));
        }
    }
    Ok(None)
}

/// `escape`, which `Markup` has: of any value, not of the text itself.
pub fn escape<'a>(machine: &mut Machine<'a>, args: Args<'a>) -> Result<Text<'a>> {
    let [value] = args.bind("escape", ["/s"], 1)?;
    escape_value(machine, value.unwrap_or(Value::None))
}
