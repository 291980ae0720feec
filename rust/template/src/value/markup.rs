//! `Markup`: text that is safe in HTML, and how other text becomes so.

use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::memory::Memory;
use crate::value::text::Text;

/// `markupsafe.escape`: the text with the five special characters spelled out; markup is left as it is.
pub fn escape<'a>(memory: &mut Memory<'a>, text: Text<'a>) -> Result<Text<'a>> {
    if text.markup {
        return Ok(text);
    }
    memory.look_at_each(text.str.len())?;
    let specials = || text.str.bytes().enumerate().filter_map(|(at, byte)| Some((at, spelled(byte)?)));
    let count = specials().count();
    if count == 0 {
        return Ok(text.with_markup(true));
    }
    memory.reserve((2 * count + 1) * size_of::<Text<'_>>())?;
    let mut pieces = Vec::with_capacity(2 * count + 1);
    let mut from = 0;
    for (at, spelling) in specials() {
        pieces.push(text.cut(memory, from, at)?);
        pieces.push(text.cut(memory, at, at + 1)?.rewritten(spelling));
        from = at + 1;
    }
    pieces.push(text.cut(memory, from, text.str.len())?);
    Ok(memory.concat(&pieces)?.with_markup(true))
}

/// `markupsafe.escape` of any value.
pub fn escape_value<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<Text<'a>> {
    let text = match value.as_text() {
        Some(text) => text,
        None => machine.str(value)?,
    };
    escape(&mut machine.memory, text)
}

fn spelled(byte: u8) -> Option<&'static str> {
    Some(match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&#34;",
        b'\'' => "&#39;",
        _ => return None,
    })
}
