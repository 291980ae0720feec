//! Methods of `str` that cut: `strip`, `split`, `partition`, `splitlines`. What they return keeps its origin.

use memchr::memmem;

use super::{count, small_integer, string};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::value::Value;
use crate::value::memory::Memory;
use crate::value::operators::{type_error, value_error};
use crate::value::text::Text;
use crate::value::unicode::{first_line, is_space};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
    Both,
}

/// Characters among which looking at each is the quickest.
const FEW: usize = 16;

pub fn strip<'a>(
    memory: &mut Memory<'a>,
    text: Text<'a>,
    args: Args<'a>,
    name: &str,
    side: Side,
) -> Result<Text<'a>> {
    let [chars] = args.bind(name, ["/chars"], 0)?;
    let stripped = match chars {
        None | Some(Value::None) => trim(text.str, side, is_space),
        Some(chars) => {
            let Some(chars) = chars.as_str() else {
                return Err(type_error(format!("{name} arg must be None or str")));
            };
            if chars.len() <= FEW {
                trim(text.str, side, |c| chars.contains(c))
            } else {
                memory.look_at_each(chars.len())?;
                memory.reserve(chars.len() * size_of::<char>())?;
                let mut sorted: Vec<char> = chars.chars().collect();
                sorted.sort_unstable();
                trim(text.str, side, |c| sorted.binary_search(&c).is_ok())
            }
        }
    };
    memory.look_at_each(2 * (text.str.len() - stripped.len()))?;
    if stripped.len() == text.str.len() { Ok(text) } else { text.part(memory, stripped) }
}

fn trim(text: &str, side: Side, is_out: impl Fn(char) -> bool) -> &str {
    let text = if side == Side::Right { text } else { text.trim_start_matches(&is_out) };
    if side == Side::Left { text } else { text.trim_end_matches(&is_out) }
}

/// `removeprefix`, `removesuffix`
pub fn remove<'a>(memory: &mut Memory<'a>, text: Text<'a>, args: Args<'a>, name: &str) -> Result<Text<'a>> {
    // Only markupsafe's own `removesuffix` has a parameter with a name.
    let parameter = if text.markup && name == "removesuffix" { "suffix" } else { "/affix" };
    let [affix] = args.bind(name, [parameter], 1)?;
    let affix = string(affix)?.str;
    memory.work(affix.len().min(text.str.len()))?;
    let rest =
        if name == "removeprefix" { text.str.strip_prefix(affix) } else { text.str.strip_suffix(affix) };
    match rest {
        Some(rest) if !affix.is_empty() => text.part(memory, rest),
        _ => Ok(text),
    }
}

/// `split`, or from the right `rsplit`
pub fn split<'a>(memory: &mut Memory<'a>, text: Text<'a>, args: Args<'a>, right: bool) -> Result<Value<'a>> {
    let name = if right { "rsplit" } else { "split" };
    let [separator, most] = args.bind(name, ["sep", "maxsplit"], 0)?;
    let most = count(most, -1)?.unwrap_or(usize::MAX);
    if right || separator.is_none_or(|separator| separator.as_str().is_none()) {
        memory.look_at_each(text.str.len())?;
    }
    memory.work(text.str.len())?;
    let mut parts = Parts { text, items: Vec::new() };
    match separator {
        None | Some(Value::None) if right => parts.split_space_right(memory, most)?,
        None | Some(Value::None) => parts.split_space(memory, most)?,
        Some(separator) => {
            let separator = string(Some(separator))?.str.as_bytes();
            if separator.is_empty() {
                return Err(value_error("empty separator"));
            }
            memory.work(separator.len())?;
            let whole = text.str.as_bytes();
            if right {
                parts.split_right(
                    memory,
                    memmem::rfind_iter(whole, separator).take(most),
                    separator.len(),
                )?;
            } else {
                parts.split(memory, memmem::find_iter(whole, separator).take(most), separator.len())?;
            }
        }
    }
    if right {
        parts.items.reverse();
    }
    memory.list(&parts.items)
}

/// The parts of a text, as they are found.
struct Parts<'a> {
    text: Text<'a>,
    items: Vec<Value<'a>>,
}

impl<'a> Parts<'a> {
    fn push(&mut self, memory: &mut Memory<'a>, start: usize, end: usize) -> Result<()> {
        let part = self.text.cut(memory, start, end)?;
        self.items.push(memory.text(part)?);
        Ok(())
    }

    fn split(
        &mut self,
        memory: &mut Memory<'a>,
        found: impl Iterator<Item = usize>,
        width: usize,
    ) -> Result<()> {
        let mut from = 0;
        for at in found {
            self.push(memory, from, at)?;
            from = at + width;
        }
        self.push(memory, from, self.text.str.len())
    }

    fn split_right(
        &mut self,
        memory: &mut Memory<'a>,
        found: impl Iterator<Item = usize>,
        width: usize,
    ) -> Result<()> {
        let mut to = self.text.str.len();
        for at in found {
            self.push(memory, at + width, to)?;
            to = at;
        }
        self.push(memory, 0, to)
    }

    /// At runs of white space; after the last allowed cut, white space at the end stays.
    fn split_space(&mut self, memory: &mut Memory<'a>, most: usize) -> Result<()> {
        let whole = self.text.str;
        let mut rest = whole.trim_start_matches(is_space);
        while !rest.is_empty() {
            let start = whole.len() - rest.len();
            let length = if self.items.len() == most { None } else { rest.find(is_space) };
            let length = length.unwrap_or(rest.len());
            self.push(memory, start, start + length)?;
            rest = rest.get(length..).unwrap_or_default().trim_start_matches(is_space);
        }
        Ok(())
    }

    fn split_space_right(&mut self, memory: &mut Memory<'a>, most: usize) -> Result<()> {
        let mut rest = self.text.str.trim_end_matches(is_space);
        while !rest.is_empty() {
            let start = match rest.char_indices().rev().find(|(_, c)| is_space(*c)) {
                Some((at, c)) if self.items.len() < most => at + c.len_utf8(),
                _ => 0,
            };
            self.push(memory, start, rest.len())?;
            rest = rest.get(..start).unwrap_or_default().trim_end_matches(is_space);
        }
        Ok(())
    }
}

pub fn splitlines<'a>(memory: &mut Memory<'a>, text: Text<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [keep] = args.bind("splitlines", ["keepends"], 0)?;
    let keep = small_integer(keep, 0)? != 0;
    memory.look_at_each(text.str.len())?;
    let mut parts = Parts { text, items: Vec::new() };
    let mut from = 0;
    while let Some(rest) = text.str.get(from..).filter(|rest| !rest.is_empty()) {
        let (line, with_end) = first_line(rest);
        parts.push(memory, from, from + if keep { with_end } else { line })?;
        from += with_end;
    }
    memory.list(&parts.items)
}

/// `partition`, or from the right `rpartition`
pub fn partition<'a>(
    memory: &mut Memory<'a>,
    text: Text<'a>,
    args: Args<'a>,
    right: bool,
) -> Result<Value<'a>> {
    let name = if right { "rpartition" } else { "partition" };
    let [separator] = args.bind(name, ["/sep"], 1)?;
    let middle = string(separator)?;
    let separator = middle.str.as_bytes();
    if separator.is_empty() {
        return Err(value_error("empty separator"));
    }
    let whole = text.str.as_bytes();
    memory.work(whole.len() + separator.len())?;
    if right {
        memory.look_at_each(whole.len())?;
    }
    let found = if right { memmem::rfind(whole, separator) } else { memmem::find(whole, separator) };
    let (at, end) = match found {
        Some(at) => (at, at + separator.len()),
        None if right => (0, 0),
        None => (whole.len(), whole.len()),
    };
    let mut parts = Parts { text, items: Vec::with_capacity(3) };
    parts.push(memory, 0, at)?;
    // Python puts the argument there, but the same characters of the text have the better provenance.
    let found = text.cut(memory, at, end)?;
    let markup = text.markup || (at < end && middle.markup);
    parts.items.push(memory.text(found.with_markup(markup))?);
    parts.push(memory, end, whole.len())?;
    memory.tuple(&parts.items)
}
