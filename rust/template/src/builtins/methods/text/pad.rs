//! Methods of `str` that bring a text to a width: `center`, `ljust`, `rjust`, `zfill`, `expandtabs`.

use super::{count, small_integer, string};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::value::markup::escape_value;
use crate::value::memory::Memory;
use crate::value::operators::type_error;
use crate::value::text::Text;

/// `center`, `ljust`, `rjust`
pub fn justify<'a>(
    machine: &mut Machine<'a>,
    text: Text<'a>,
    args: Args<'a>,
    name: &str,
) -> Result<Text<'a>> {
    let [width, fill] = args.bind(name, ["/width", "/fillchar"], 1)?;
    let width = count(width, 0)?.unwrap_or(0);
    let fill = match fill {
        None => Text::template(" "),
        Some(fill) if text.markup => escape_value(machine, fill)?,
        Some(fill) => string(Some(fill))?,
    };
    let memory = &mut machine.memory;
    if fill.str.chars().nth(1).is_some() || fill.str.is_empty() {
        return Err(type_error("The fill character must be exactly one character long"));
    }
    memory.work(text.str.len())?;
    let missing = width.saturating_sub(text.str.chars().count());
    if missing == 0 {
        return Ok(text);
    }
    let left = match name {
        "ljust" => 0,
        "rjust" => missing,
        _ => missing / 2 + (missing & width & 1),
    };
    let before = repeated(memory, fill, left)?;
    let after = repeated(memory, fill, missing - left)?;
    Ok(memory.concat(&[before, text, after])?.with_markup(text.markup))
}

/// So many of a character.
fn repeated<'a>(memory: &mut Memory<'a>, fill: Text<'a>, count: usize) -> Result<Text<'a>> {
    memory.reserve(fill.str.len().saturating_mul(count))?;
    Ok(fill.rewritten(memory.str(&fill.str.repeat(count))?))
}

pub fn zfill<'a>(memory: &mut Memory<'a>, text: Text<'a>, args: Args<'a>) -> Result<Text<'a>> {
    let [width] = args.bind("zfill", ["/width"], 1)?;
    let width = count(width, 0)?.unwrap_or(0);
    memory.work(text.str.len())?;
    let missing = width.saturating_sub(text.str.chars().count());
    if missing == 0 {
        return Ok(text);
    }
    let sign = text.cut(memory, 0, usize::from(text.str.starts_with(['+', '-'])))?;
    let rest = text.cut(memory, sign.str.len(), text.str.len())?;
    let zeros = repeated(memory, Text::template("0"), missing)?;
    Ok(memory.concat(&[sign, zeros, rest])?.with_markup(text.markup))
}

pub fn expandtabs<'a>(memory: &mut Memory<'a>, text: Text<'a>, args: Args<'a>) -> Result<Text<'a>> {
    let [size] = args.bind("expandtabs", ["tabsize"], 0)?;
    let size = usize::try_from(small_integer(size, 8)?).unwrap_or(0);
    memory.look_at_each(text.str.len())?;
    if !text.str.contains('\t') {
        return Ok(text);
    }
    let tabs = text.str.bytes().filter(|byte| *byte == b'\t').count();
    memory.reserve(text.str.len().saturating_add(tabs.saturating_mul(size)))?;
    let mut out = String::new();
    let mut column = 0;
    for c in text.str.chars() {
        if c == '\t' {
            let spaces = if size == 0 { 0 } else { size - column % size };
            out.extend(std::iter::repeat_n(' ', spaces));
            column += spaces;
        } else {
            out.push(c);
            column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
        }
    }
    Ok(text.rewritten(memory.str(&out)?).with_markup(text.markup))
}
