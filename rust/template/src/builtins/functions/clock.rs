//! `strftime_now`: one moment in the spelling that a template asks for, as C's `strftime` in its own locale does it.

use std::fmt::Write;

use jiff::civil::DateTime;

use crate::error::{Error, ErrorKind, Result};
use crate::value::memory::Memory;

/// What spelling a part of a moment costs, in bytes of text.
const COST_OF_DIRECTIVE: usize = 64 * 8;
/// The longest field that a width may ask for.
const MAX_WIDTH: usize = 1000;

pub fn strftime(memory: &mut Memory<'_>, now: DateTime, format: &str) -> Result<String> {
    memory.work(format.len())?;
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let directive = directive(&rest[at..])?;
        memory.work(COST_OF_DIRECTIVE)?;
        rest = &rest[at + directive.len()..];
        match directive.chars().last() {
            Some('%') => out.push('%'),
            // Microseconds; a moment without a zone has neither offset nor name of one.
            Some('f') => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{:06}", now.subsec_nanosecond() / 1000);
            }
            Some('z' | 'Z') => {}
            Some('c') => out.push_str(&strftime(memory, now, "%a %b %e %H:%M:%S %Y")?),
            Some('x') => out.push_str(&strftime(memory, now, "%m/%d/%y")?),
            Some('X') => out.push_str(&strftime(memory, now, "%H:%M:%S")?),
            Some('r') => out.push_str(&strftime(memory, now, "%I:%M:%S %p")?),
            Some('h') => out.push_str(&strftime(memory, now, "%b")?),
            // What C does not know it leaves as it stands; in its own locale E and O change nothing.
            Some(letter) if !"aAbBCdDeFgGHIjklmMnpPRsStTuUVwWyY".contains(letter) => out.push_str(directive),
            _ => match jiff::fmt::strtime::format(directive.replace(['E', 'O'], ""), now) {
                Ok(text) => out.push_str(&text),
                Err(_) => out.push_str(directive),
            },
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// `%`, flags, width, letter; all of the text if it ends before the letter.
fn directive(text: &str) -> Result<&str> {
    let flags = text[1..].find(|char: char| !"-_0^#".contains(char)).map_or(text.len(), |at| at + 1);
    let width = text[flags..].find(|char: char| !char.is_ascii_digit()).map_or(text.len(), |at| at + flags);
    if text[flags..width].parse::<usize>().is_ok_and(|width| width > MAX_WIDTH) || width - flags > 4 {
        return Err(Error::new(ErrorKind::Limit, "strftime_now: the width of a field is too large"));
    }
    let modifier = width + usize::from(text[width..].starts_with(['E', 'O']));
    let letter = text[modifier..].chars().next().map_or(0, char::len_utf8);
    Ok(&text[..modifier + letter])
}
