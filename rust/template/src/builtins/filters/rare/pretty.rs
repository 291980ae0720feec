//! `pprint`: `repr` with the keys of dicts in order, broken into lines of 80 characters as Python's `pprint` does.

use std::cmp::Ordering;

use crate::builtins::arguments::Args;
use crate::builtins::filters::order::sorted;
use crate::builtins::filters::unsupported;
use crate::error::{Error, ErrorKind, Result};
use crate::run::Machine;
use crate::value::memory::Memory;
use crate::value::operators::{order, write_repr};
use crate::value::text::Text;
use crate::value::unicode;
use crate::value::{Dict, Value};

const WIDTH: usize = 80;
const MAX_DEPTH: usize = 200;

pub fn pprint<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("pprint")?;
    let mut printing = Printer { memory: &mut machine.memory, out: String::new() };
    printing.print(value, Room { indent: 0, after: 0 }, true)?;
    let printed = printing.out;
    let str = machine.memory.str(&printed)?;
    let text = match value.as_text() {
        Some(text) => text.rewritten(str),
        None => Text::derived(str, value.node()),
    };
    machine.memory.text(text)
}

struct Printer<'m, 'a> {
    memory: &'m mut Memory<'a>,
    out: String,
}

/// The columns before a value, and those needed on its last line by what comes after it.
#[derive(Debug, Clone, Copy)]
struct Room {
    indent: usize,
    after: usize,
}

impl Room {
    fn fits(self, printed: &str) -> bool {
        printed.chars().count() + self.indent + self.after <= WIDTH
    }
}

impl<'a> Printer<'_, 'a> {
    fn print(&mut self, value: Value<'a>, room: Room, outermost: bool) -> Result<()> {
        let mut line = String::new();
        write(self.memory, &mut line, value, MAX_DEPTH)?;
        match value {
            _ if room.fits(&line) => self.out.push_str(&line),
            Value::List(items) => self.items(items.items, ["[", "]"], room)?,
            Value::Tuple(items) if items.items.len() == 1 => self.items(items.items, ["(", ",)"], room)?,
            Value::Tuple(items) => self.items(items.items, ["(", ")"], room)?,
            Value::Dict(dict) => self.dict(dict, room)?,
            value => match value.as_text() {
                Some(text) if !text.markup && !text.str.is_empty() => self.text(text.str, room, outermost)?,
                _ => self.out.push_str(&line),
            },
        }
        Ok(())
    }

    fn items(&mut self, items: &'a [Value<'a>], [start, end]: [&str; 2], room: Room) -> Result<()> {
        self.out.push_str(start);
        let indent = room.indent + 1;
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.new_line(",\n", indent)?;
            }
            let is_last = at + 1 == items.len();
            let after = if is_last { room.after + end.len() } else { 1 };
            self.print(*item, Room { indent, after }, false)?;
        }
        self.out.push_str(end);
        Ok(())
    }

    fn dict(&mut self, dict: &'a Dict<'a>, room: Room) -> Result<()> {
        self.out.push('{');
        let entries = in_order(self.memory, dict)?;
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 {
                self.new_line(",\n", room.indent + 1)?;
            }
            let before = self.out.len();
            write(self.memory, &mut self.out, *key, MAX_DEPTH)?;
            self.out.push_str(": ");
            let indent = room.indent + 1 + self.out.get(before..).unwrap_or_default().chars().count();
            let after = if at + 1 == entries.len() { room.after + 1 } else { 1 };
            self.print(*value, Room { indent, after }, false)?;
        }
        self.out.push('}');
        Ok(())
    }

    /// Literals below each other, which Python joins: a line of the text each, or some of its words.
    fn text(&mut self, text: &str, room: Room, outermost: bool) -> Result<()> {
        let parens = usize::from(outermost);
        let room = Room { indent: room.indent + parens, after: room.after + parens };
        let literals = self.literals(text, room)?;
        let several = literals.len() > 1;
        if several && outermost {
            self.out.push('(');
        }
        for (at, literal) in literals.iter().enumerate() {
            if at > 0 {
                self.new_line("\n", room.indent)?;
            }
            self.out.push_str(literal);
        }
        if several && outermost {
            self.out.push(')');
        }
        Ok(())
    }

    fn literals(&mut self, text: &str, room: Room) -> Result<Vec<String>> {
        let mut literals = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_at(unicode::first_line(rest).1);
            rest = after;
            // What comes after the text comes after its last literal.
            let room = |is_last: bool| if is_last { room } else { Room { after: 0, ..room } };
            let whole = self.literal(line)?;
            if room(rest.is_empty()).fits(&whole) {
                literals.push(whole);
                continue;
            }
            let mut words = words(line).peekable();
            let mut held = String::new();
            while let Some(word) = words.next() {
                let longer = self.literal(&format!("{held}{word}"))?;
                if !room(rest.is_empty() && words.peek().is_none()).fits(&longer) && !held.is_empty() {
                    literals.push(self.literal(&held)?);
                    held.clear();
                }
                held.push_str(word);
            }
            literals.push(self.literal(&held)?);
        }
        Ok(literals)
    }

    fn literal(&mut self, text: &str) -> Result<String> {
        self.memory.reserve(text.len())?;
        let text = Text::template(text);
        let mut literal = String::new();
        write_repr(self.memory, &mut literal, Value::Str(&text))?;
        Ok(literal)
    }

    fn new_line(&mut self, end: &str, indent: usize) -> Result<()> {
        self.memory.reserve(indent)?;
        self.out.push_str(end);
        (0..indent).for_each(|_| self.out.push(' '));
        Ok(())
    }
}

/// Words, each with the white space after it.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let space = rest.find(unicode::is_space).unwrap_or(rest.len());
        let length =
            rest[space..].find(|c| !unicode::is_space(c)).map_or(rest.len(), |length| space + length);
        let (word, after) = rest.split_at(length);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

/// `repr` on one line.
fn write<'a>(memory: &mut Memory<'a>, out: &mut String, value: Value<'a>, depth: usize) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::new(ErrorKind::Limit, "values inside of each other too deep"));
    };
    match value {
        Value::List(items) => write_items(memory, out, items.items, ["[", "]"], depth)?,
        Value::Tuple(items) if items.items.len() == 1 => {
            write_items(memory, out, items.items, ["(", ",)"], depth)?;
        }
        Value::Tuple(items) => write_items(memory, out, items.items, ["(", ")"], depth)?,
        Value::Dict(dict) => {
            out.push('{');
            for (at, (key, value)) in in_order(memory, dict)?.into_iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write(memory, out, key, depth)?;
                out.push_str(": ");
                write(memory, out, value, depth)?;
            }
            out.push('}');
        }
        value => {
            let before = out.len();
            write_repr(memory, out, value)?;
            return memory.reserve(out.len() - before);
        }
    }
    memory.step()
}

fn write_items<'a>(
    memory: &mut Memory<'a>,
    out: &mut String,
    items: &'a [Value<'a>],
    [start, end]: [&str; 2],
    depth: usize,
) -> Result<()> {
    out.push_str(start);
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        write(memory, out, *item, depth)?;
    }
    out.push_str(end);
    Ok(())
}

/// The entries by their keys.
fn in_order<'a>(memory: &mut Memory<'a>, dict: &'a Dict<'a>) -> Result<Vec<(Value<'a>, Value<'a>)>> {
    memory.reserve(2 * dict.entries.len() * size_of::<Value<'_>>())?;
    sorted(dict.iter().collect(), |later: (Value<'a>, Value<'a>), earlier| {
        memory.step()?;
        comes_first(memory, later.0, earlier.0)
    })
}

/// Keys by themselves, or by the names of their types if those have no order.
fn comes_first(memory: &mut Memory<'_>, key: Value<'_>, other: Value<'_>) -> Result<bool> {
    match order(memory, key, other, "<") {
        Ok(order) => Ok(order.is_some_and(Ordering::is_lt)),
        Err(error) if error.kind != ErrorKind::Type => Err(error),
        Err(_) if key.type_name() == other.type_name() => {
            Err(unsupported("the filter 'pprint' meets keys that Python orders by their addresses"))
        }
        Err(_) => Ok(key.type_name() < other.type_name()),
    }
}
