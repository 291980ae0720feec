//! JSON out of values, as `json.dumps` of Python writes it.
//!
//! A value goes in, one text comes out, made in one pass, with where it comes from: of a value of the input that value,
//! of a container that the template made what is in it. Every entry of a dict counts as read.

use std::fmt::Write as _;

use crate::builtins::filters::order;
use crate::error::{Error, ErrorKind, Result};
use crate::value::memory::Memory;
use crate::value::operators::{type_error, write_repr};
use crate::value::text::{Node, Origin, Source, Span, Text, push_span, small};
use crate::value::{Dict, Value};

const MAX_DEPTH: usize = 200;
/// Room for most of what is dumped, so that it is not moved as it grows.
const START: usize = 1024;

/// The parameters of `json.dumps`.
#[derive(Debug, Clone, Copy)]
pub struct JsonStyle<'s> {
    pub ensure_ascii: bool,
    /// The indent of an item for each level; all on one line without it.
    pub indent: Option<&'s str>,
    pub item_separator: &'s str,
    pub key_separator: &'s str,
    pub sort_keys: bool,
}

impl Default for JsonStyle<'_> {
    fn default() -> Self {
        Self {
            ensure_ascii: false,
            indent: None,
            item_separator: ", ",
            key_separator: ": ",
            sort_keys: false,
        }
    }
}

pub fn write<'a>(memory: &mut Memory<'a>, value: Value<'a>, style: &JsonStyle<'_>) -> Result<Text<'a>> {
    let out = String::with_capacity(START);
    let mut writer = Writer { out, asked: 0, spans: Vec::new(), traced: 0, is_traced: true, memory, style };
    writer.value(value, 0)?;
    writer.trace_until_here(Source::Template);
    let Writer { out, spans, memory, .. } = writer;
    let str = memory.str(&out)?;
    let origin = match *spans.as_slice() {
        [] => Origin::One(Source::Template),
        [one] => Origin::One(one.source),
        ref several => Origin::Several(memory.slice(several)?),
    };
    Ok(Text { str, origin, markup: false })
}

struct Writer<'w, 'a> {
    out: String,
    /// Bytes of `out` that the memory knows of.
    asked: usize,
    spans: Vec<Span>,
    /// Bytes of `out` that `spans` cover.
    traced: usize,
    /// Not within a value that is traced as a whole.
    is_traced: bool,
    memory: &'w mut Memory<'a>,
    style: &'w JsonStyle<'w>,
}

impl<'a> Writer<'_, 'a> {
    fn value(&mut self, value: Value<'a>, depth: usize) -> Result<()> {
        if !self.is_traced {
            return self.untraced(value, depth);
        }
        let Some(source) = source_of(value) else {
            return self.untraced(value, depth);
        };
        self.trace_until_here(Source::Template);
        self.is_traced = false;
        self.untraced(value, depth)?;
        self.is_traced = true;
        self.trace_until_here(source);
        Ok(())
    }

    /// What was written since the last time comes from there.
    fn trace_until_here(&mut self, source: Source) {
        let len = small(self.out.len() - self.traced);
        push_span(&mut self.spans, Span { len, source });
        self.traced = self.out.len();
    }

    fn untraced(&mut self, value: Value<'a>, depth: usize) -> Result<()> {
        match value {
            Value::Str(text) => push_string(&mut self.out, text.str, self.style.ensure_ascii),
            Value::Literal(literal) => push_string(&mut self.out, &literal.0, self.style.ensure_ascii),
            Value::List(items) | Value::Tuple(items) => self.list(items.items, depth)?,
            Value::Dict(dict) => self.dict(dict, depth)?,
            value => self.scalar(value)?,
        }
        let new = self.out.len() - self.asked;
        self.asked += new;
        self.memory.reserve(new)
    }

    /// What has one spelling, as a value and as a key.
    fn scalar(&mut self, value: Value<'a>) -> Result<()> {
        match value {
            Value::None => self.out.push_str("null"),
            Value::Bool(bool) => self.out.push_str(if bool { "true" } else { "false" }),
            Value::Int(int) => {
                let _ = write!(self.out, "{int}");
            }
            Value::BigInt(digits) => self.out.push_str(digits),
            Value::Float(float) if float.is_nan() => self.out.push_str("NaN"),
            Value::Float(f64::INFINITY) => self.out.push_str("Infinity"),
            Value::Float(f64::NEG_INFINITY) => self.out.push_str("-Infinity"),
            Value::Float(_) => write_repr(self.memory, &mut self.out, value)?,
            value => {
                return Err(type_error(format!(
                    "Object of type {} is not JSON serializable",
                    value.type_name()
                )));
            }
        }
        Ok(())
    }

    fn list(&mut self, items: &'a [Value<'a>], depth: usize) -> Result<()> {
        if items.is_empty() {
            self.out.push_str("[]");
            return Ok(());
        }
        let inner = deeper(depth)?;
        self.out.push('[');
        for (at, item) in items.iter().enumerate() {
            self.start_item(at, inner)?;
            self.value(*item, inner)?;
        }
        self.new_line(depth)?;
        self.out.push(']');
        Ok(())
    }

    fn dict(&mut self, dict: &'a Dict<'a>, depth: usize) -> Result<()> {
        if dict.entries.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        let inner = deeper(depth)?;
        self.out.push('{');
        if self.style.sort_keys {
            let memory = &mut *self.memory;
            memory.reserve(2 * dict.entries.len() * size_of::<Value<'_>>())?;
            let entries = order::sorted(dict.iter().collect(), |later: (Value<'a>, _), earlier| {
                memory.step()?;
                order::less(memory, later.0, earlier.0)
            })?;
            self.entries(entries.into_iter(), inner)?;
        } else {
            self.entries(dict.iter(), inner)?;
        }
        self.new_line(depth)?;
        self.out.push('}');
        Ok(())
    }

    fn entries(&mut self, entries: impl Iterator<Item = (Value<'a>, Value<'a>)>, depth: usize) -> Result<()> {
        for (at, (key, value)) in entries.enumerate() {
            self.start_item(at, depth)?;
            if key.as_str().is_some() {
                self.value(key, depth)?;
            } else {
                self.out.push('"');
                self.scalar(key)?;
                self.out.push('"');
            }
            push_separator(&mut self.out, self.style.key_separator);
            self.value(value, depth)?;
        }
        Ok(())
    }

    #[inline]
    fn start_item(&mut self, at: usize, depth: usize) -> Result<()> {
        if at > 0 {
            push_separator(&mut self.out, self.style.item_separator);
        }
        self.new_line(depth)
    }

    #[inline]
    fn new_line(&mut self, depth: usize) -> Result<()> {
        match self.style.indent {
            None => Ok(()),
            Some(indent) => self.indented_line(indent, depth),
        }
    }

    fn indented_line(&mut self, indent: &str, depth: usize) -> Result<()> {
        self.memory.reserve(depth.saturating_mul(indent.len()))?;
        self.out.push('\n');
        (0..depth).for_each(|_| self.out.push_str(indent));
        Ok(())
    }
}

/// Where a value comes from as a whole; `None` for containers that the template made.
fn source_of(value: Value<'_>) -> Option<Source> {
    match value {
        Value::Literal(_) => Some(Source::Template),
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) if value.node() == Node::NONE => None,
        Value::Str(text) => Some(text.made_from().map_or(Source::Template, |node| Source::Derived { node })),
        value => Some(Source::Derived { node: value.node() }),
    }
}

fn deeper(depth: usize) -> Result<usize> {
    if depth < MAX_DEPTH {
        return Ok(depth + 1);
    }
    Err(Error::new(ErrorKind::Limit, "values inside of each other too deep for JSON"))
}

/// A text in quotes.
fn push_string(out: &mut String, text: &str, ensure_ascii: bool) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(at) = find_escaped(rest.as_bytes(), ensure_ascii) {
        let (plain, after) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = after.chars();
        if let Some(char) = chars.next() {
            push_escaped(out, char);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn push_escaped(out: &mut String, char: char) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        char => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

/// The first byte that must be escaped; eight at a time.
#[inline]
fn find_escaped(bytes: &[u8], ensure_ascii: bool) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = escaped_bytes(*word, ensure_ascii);
        if found != 0 {
            return Some(8 * at + found.trailing_zeros() as usize / 8);
        }
    }
    let kinds: &[bool; 256] = if ensure_ascii { &ESCAPED_IN_ASCII } else { &ESCAPED };
    rest.iter().position(|byte| kinds[usize::from(*byte)]).map(|at| 8 * words.len() + at)
}

static ESCAPED: [bool; 256] = escaped(false);
static ESCAPED_IN_ASCII: [bool; 256] = escaped(true);

const fn escaped(ensure_ascii: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        table[byte] =
            byte < 0x20 || byte == b'"' as usize || byte == b'\\' as usize || (ensure_ascii && byte >= 0x7f);
        byte += 1;
    }
    table
}

/// The highest bit of each byte that has to be escaped; above the first such byte there may be false ones.
#[inline]
fn escaped_bytes(word: [u8; 8], ensure_ascii: bool) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let word = u64::from_le_bytes(word);
    let found = below(word, 0x20) | is(word, b'"') | is(word, b'\\');
    if ensure_ascii { found | (word & HIGH) | is(word, 0x7f) } else { found }
}

/// Two bytes are what most separators have.
#[inline]
fn push_separator(out: &mut String, separator: &str) {
    match separator {
        ", " => out.push_str(", "),
        ": " => out.push_str(": "),
        separator => out.push_str(separator),
    }
}

#[cfg(test)]
mod check {
    use super::*;

    fn string(text: &str, ensure_ascii: bool) -> String {
        let mut out = String::new();
        push_string(&mut out, text, ensure_ascii);
        out
    }

    #[test]
    fn strings() {
        let table = [
            ("", false, r#""""#),
            (
                "a\"b\\c\u{8}\t\n\u{c}\r\u{1}\u{1f}/\u{7f}",
                false,
                "\"a\\\"b\\\\c\\b\\t\\n\\f\\r\\u0001\\u001f/\u{7f}\"",
            ),
            ("é\u{2028}😀", false, "\"é\u{2028}😀\""),
            ("é\u{7f}😀ab", true, r#""\u00e9\u007f\ud83d\ude00ab""#),
            ("12345678é", true, r#""12345678\u00e9""#),
        ];
        for (text, ensure_ascii, expected) in table {
            assert_eq!(string(text, ensure_ascii), expected);
        }
    }

    #[test]
    fn every_place_of_every_byte() {
        for at in 0..20 {
            for byte in 0..0x80_u8 {
                let mut bytes = [b'x'; 20];
                bytes[at] = byte;
                for ensure_ascii in [false, true] {
                    let escaped = byte < 0x20 || b"\"\\".contains(&byte) || (ensure_ascii && byte == 0x7f);
                    assert_eq!(find_escaped(&bytes, ensure_ascii), escaped.then_some(at), "{byte} at {at}");
                }
            }
        }
    }
}
