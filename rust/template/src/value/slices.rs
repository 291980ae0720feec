//! Positions in sequences as Python counts them: `x[i]`, `x[start:stop:step]`.

use crate::error::Result;
use crate::value::memory::Memory;
use crate::value::operators::{type_error, undefined_error, value_error};
use crate::value::text::Text;
use crate::value::{Range, Value};

/// The bytes of the character at a position, counted from the end if negative.
pub fn character(memory: &mut Memory<'_>, text: &str, index: i64) -> Result<Option<(usize, usize)>> {
    // Whether a text is ASCII is known of many bytes at once.
    memory.work(text.len() >> 4)?;
    let from_end = index < 0;
    let Ok(passed) = usize::try_from(if from_end { -(index + 1) } else { index }) else {
        return Ok(None);
    };
    if text.is_ascii() {
        let at = if from_end { text.len().checked_sub(passed + 1) } else { Some(passed) };
        return Ok(at.filter(|at| *at < text.len()).map(|at| (at, at + 1)));
    }
    memory.work(passed.min(text.len()).saturating_mul(4))?;
    let mut chars = text.char_indices();
    let found = if from_end { chars.rev().nth(passed) } else { chars.nth(passed) };
    Ok(found.map(|(at, char)| (at, at + char.len_utf8())))
}

/// A slice of a sequence of `length` items: the first position, how many, and the step between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Picked {
    start: i64,
    stop: i64,
    count: usize,
    step: i64,
}

impl Picked {
    /// As `slice.indices` of Python; `None` stands for what is left out.
    fn new(parts: [Option<i64>; 3], length: usize) -> Result<Self> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let step = parts[2].unwrap_or(1);
        if step == 0 {
            return Err(value_error("slice step cannot be zero"));
        }
        let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let bound = |part: Option<i64>, default: i64| match part {
            None => default,
            Some(at) if at < 0 => at.saturating_add(length).max(lowest),
            Some(at) => at.min(highest),
        };
        let (start, stop) = if step > 0 {
            (bound(parts[0], lowest), bound(parts[1], highest))
        } else {
            (bound(parts[0], highest), bound(parts[1], lowest))
        };
        let count = Range { start, stop, step }.len();
        Ok(Self { start, stop, count, step })
    }

    fn positions(self) -> impl Iterator<Item = usize> {
        let Self { start, count, step, .. } = self;
        (0..i64::try_from(count).unwrap_or(0)).filter_map(move |at| usize::try_from(start + at * step).ok())
    }
}

/// `object[start:stop:step]`; `Value::None` where a part is left out.
pub fn slice<'a>(memory: &mut Memory<'a>, object: Value<'a>, parts: [Value<'a>; 3]) -> Result<Value<'a>> {
    if let Value::Undefined(undefined) = object {
        return Err(undefined_error(undefined));
    }
    let mut bounds = [None; 3];
    for (bound, part) in bounds.iter_mut().zip(parts) {
        *bound = part_of_slice(part)?;
    }
    match object {
        Value::List(items) => {
            let items = picked(memory, items.items, bounds)?;
            memory.list(&items)
        }
        Value::Tuple(items) => {
            let items = picked(memory, items.items, bounds)?;
            memory.tuple(&items)
        }
        Value::Range(range) => {
            let picked = Picked::new(bounds, range.len())?;
            let start = range.start + picked.start * range.step;
            let step = range.step * picked.step;
            let stop = range.start + picked.stop * range.step;
            Ok(Value::Range(memory.alloc(Range { start, stop, step })?))
        }
        object => match object.as_text() {
            Some(text) => {
                let text = text_slice(memory, text, bounds)?;
                memory.text(text)
            }
            None => Err(type_error(format!("'{}' object is not subscriptable", object.type_name()))),
        },
    }
}

fn part_of_slice(part: Value<'_>) -> Result<Option<i64>> {
    match part {
        Value::None => Ok(None),
        // Far beyond any length, on its side.
        Value::BigInt(digits) => Ok(Some(if digits.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 })),
        part => match part.as_index() {
            Some(index) => Ok(Some(index.clamp(i64::MIN / 4, i64::MAX / 4))),
            None => Err(type_error("slice indices must be integers or None")),
        },
    }
}

fn picked<'a>(
    memory: &mut Memory<'a>,
    items: &'a [Value<'a>],
    bounds: [Option<i64>; 3],
) -> Result<Vec<Value<'a>>> {
    let picked = Picked::new(bounds, items.len())?;
    memory.reserve(picked.count * size_of::<Value<'_>>())?;
    Ok(picked.positions().filter_map(|at| items.get(at).copied()).collect())
}

fn text_slice<'a>(memory: &mut Memory<'a>, text: Text<'a>, bounds: [Option<i64>; 3]) -> Result<Text<'a>> {
    memory.work(text.str.len())?;
    let ascii = text.str.is_ascii();
    if !ascii {
        memory.work(text.str.len().saturating_mul(4))?;
    }
    let length = if ascii { text.str.len() } else { text.str.chars().count() };
    let picked = Picked::new(bounds, length)?;
    if picked.count == 0 {
        return text.cut(memory, 0, 0);
    }
    if picked.step == 1 {
        let byte_at = |at: usize| {
            if ascii { at } else { text.str.char_indices().nth(at).map_or(text.str.len(), |(at, _)| at) }
        };
        let start = usize::try_from(picked.start).unwrap_or(0);
        return text.cut(memory, byte_at(start), byte_at(start + picked.count));
    }
    let starts: Vec<usize> = text.str.char_indices().map(|(at, _)| at).chain([text.str.len()]).collect();
    memory.reserve(picked.count * size_of::<Text<'_>>())?;
    let mut pieces = Vec::with_capacity(picked.count);
    for at in picked.positions() {
        if let (Some(start), Some(end)) = (starts.get(at), starts.get(at + 1)) {
            pieces.push(text.cut(memory, *start, *end)?);
        }
    }
    Ok(memory.concat(&pieces)?.with_markup(text.markup))
}
