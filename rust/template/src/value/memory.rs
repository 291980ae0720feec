//! The memory and the fuel of one rendering: every value made along the way is taken from here, so a hostile
//! template meets an error instead of the machine's end.

use bumpalo::Bump;
use bumpalo::collections::String as ArenaString;

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::value::text::{Origin, Span, Text, push_span, small};
use crate::value::{Dict, Entry, Items, Undefined, Value};

/// Pairs of digits of long integers that cost as much as a byte of text: when they are added or multiplied, and when
/// they are read or written in decimal.
const PAIRS_OF_DIGITS: usize = 32;
const PAIRS_IN_DECIMAL: usize = 8;
/// Integers up to this many digits are read and written as fast as anything else.
const FEW_DIGITS: usize = 20;
/// Entries of a dict and bytes of a key up to here are compared as fast as anything else.
const SMALL_LOOKUP: usize = 64;

pub struct Memory<'a> {
    arena: &'a Bump,
    fuel: u64,
    /// Bytes that may still be taken.
    left: usize,
    /// Kept between uses, so that concatenation allocates nothing but its result.
    spans: Vec<Span>,
}

impl<'a> Memory<'a> {
    pub fn new(arena: &'a Bump, limits: &Limits) -> Self {
        Self { arena, fuel: limits.fuel, left: limits.scratch_bytes, spans: Vec::new() }
    }

    /// One step of work.
    #[inline]
    pub fn step(&mut self) -> Result<()> {
        self.burn(1)
    }

    /// Work on this many bytes or items.
    #[inline]
    pub fn work(&mut self, amount: usize) -> Result<()> {
        self.burn(1 + (amount as u64 >> 6))
    }

    #[inline]
    pub fn burn(&mut self, fuel: u64) -> Result<()> {
        match self.fuel.checked_sub(fuel) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Budget, "the template does more work than a rendering may")),
        }
    }

    /// Arithmetic on two numbers: what is done with long integers grows with the square of their digits.
    #[inline]
    pub fn arithmetic(&mut self, a: Value<'_>, b: Value<'_>) -> Result<()> {
        let digits = |value: Value<'_>| if let Value::BigInt(digits) = value { digits.len() } else { 0 };
        match digits(a) + digits(b) {
            0 => Ok(()),
            digits => self.work(digits * digits / PAIRS_OF_DIGITS),
        }
    }

    /// Reading or writing an integer of this many decimal digits, which grows with their square.
    #[inline]
    pub fn decimal(&mut self, digits: usize) -> Result<()> {
        if digits <= FEW_DIGITS {
            return Ok(());
        }
        self.work(digits.saturating_mul(digits) / PAIRS_IN_DECIMAL)
    }

    /// Looking for a text among the keys of a dict: each may be equal to it but for the end.
    #[inline]
    pub fn lookup(&mut self, entries: usize, key: &str) -> Result<()> {
        if entries + key.len() <= SMALL_LOOKUP {
            return Ok(());
        }
        self.work(entries.saturating_mul(key.len().max(8)))
    }

    /// Looking at each character of a text of this many bytes, which takes longer than copying them.
    pub fn look_at_each(&mut self, bytes: usize) -> Result<()> {
        self.work(bytes.saturating_mul(16))
    }

    /// What is left of the fuel and of the bytes of values.
    pub fn left(&self) -> (u64, usize) {
        (self.fuel, self.left)
    }

    /// Asks for room before something of this size is made outside of the arena.
    #[inline]
    pub fn reserve(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                self.burn(1 + (bytes as u64 >> 6))
            }
            None => Err(Error::new(ErrorKind::Budget, "the template makes more text than a rendering may")),
        }
    }

    #[inline]
    pub fn alloc<T: Copy>(&mut self, value: T) -> Result<&'a T> {
        self.reserve(size_of::<T>())?;
        Ok(self.arena.alloc(value))
    }

    pub fn str(&mut self, text: &str) -> Result<&'a str> {
        self.reserve(text.len())?;
        Ok(self.arena.alloc_str(text))
    }

    pub fn slice<T: Copy>(&mut self, items: &[T]) -> Result<&'a [T]> {
        self.reserve(size_of_val(items))?;
        Ok(self.arena.alloc_slice_copy(items))
    }

    pub fn spans(&mut self, spans: impl Iterator<Item = Span>) -> Result<&'a [Span]> {
        let mut joined = std::mem::take(&mut self.spans);
        joined.clear();
        spans.for_each(|span| push_span(&mut joined, span));
        let kept = self.slice(&joined);
        self.spans = joined;
        kept
    }

    #[inline]
    pub fn text(&mut self, text: Text<'a>) -> Result<Value<'a>> {
        Ok(Value::Str(self.alloc(text)?))
    }

    /// The texts joined, with their provenance. Not markup.
    pub fn concat(&mut self, texts: &[Text<'a>]) -> Result<Text<'a>> {
        let mut spans = std::mem::take(&mut self.spans);
        spans.clear();
        let (mut length, mut filled, mut last) = (0, 0, Text::EMPTY);
        for text in texts.iter().filter(|text| !text.str.is_empty()) {
            (length, filled, last) = (length + text.str.len(), filled + 1, *text);
            match text.origin {
                Origin::One(source) => push_span(&mut spans, Span { len: small(text.str.len()), source }),
                Origin::Several(several) => several.iter().for_each(|span| push_span(&mut spans, *span)),
            }
        }
        // One text alone stays where it is.
        let joined = if filled <= 1 { Ok(last.with_markup(false)) } else { self.join(texts, length, &spans) };
        self.spans = spans;
        joined
    }

    fn join(&mut self, texts: &[Text<'a>], length: usize, spans: &[Span]) -> Result<Text<'a>> {
        self.reserve(length)?;
        let mut joined = ArenaString::with_capacity_in(length, self.arena);
        for text in texts {
            joined.push_str(text.str);
        }
        let origin = match *spans {
            [one] => Origin::One(one.source),
            _ => Origin::Several(self.slice(spans)?),
        };
        Ok(Text { str: joined.into_bump_str(), origin, markup: false })
    }

    pub fn list(&mut self, items: &[Value<'a>]) -> Result<Value<'a>> {
        let items = self.slice(items)?;
        Ok(Value::List(self.alloc(Items::new(items))?))
    }

    pub fn tuple(&mut self, items: &[Value<'a>]) -> Result<Value<'a>> {
        let items = self.slice(items)?;
        Ok(Value::Tuple(self.alloc(Items::new(items))?))
    }

    /// A group of the filter `groupby`.
    pub fn group(&mut self, grouper: Value<'a>, list: Value<'a>) -> Result<Value<'a>> {
        let items = self.slice(&[grouper, list])?;
        Ok(Value::Tuple(self.alloc(Items { is_group: true, ..Items::new(items) })?))
    }

    /// A dict of these entries, whose keys are different and hashable.
    pub fn dict(&mut self, entries: Vec<Entry<'a>>) -> Result<Value<'a>> {
        self.reserve(size_of::<Dict<'_>>() + entries.len() * size_of::<Entry<'_>>())?;
        let entries = self.arena.alloc_slice_fill_iter(entries);
        Ok(Value::Dict(self.arena.alloc(Dict::new(entries))))
    }

    /// `environment.undefined(hint)`: using it says the hint.
    pub fn undefined(&mut self, hint: &str) -> Result<Value<'a>> {
        let hint = self.str(hint)?;
        Ok(Value::Undefined(Undefined::Hint(self.alloc(hint)?)))
    }
}
