//! Walking over values, one item at a time: what a `for` statement and the lazy filters do.

use crate::error::{Error, ErrorKind, Result};
use crate::run::{Growing, Machine};
use crate::value::operators;
use crate::value::text::Text;
use crate::value::{Dict, Object, Range, Value, View, ViewKind};

/// A walk that has started.
#[derive(Debug, Clone, Copy)]
pub enum Iter<'a> {
    Items {
        items: &'a [Value<'a>],
        at: usize,
    },
    Growing {
        list: &'a Growing<'a>,
        at: usize,
    },
    /// From the last of those that are left on.
    Reversed {
        items: &'a [Value<'a>],
        left: usize,
    },
    Keys {
        dict: &'a Dict<'a>,
        at: usize,
    },
    View {
        view: &'a View<'a>,
        at: usize,
    },
    /// Characters, each a text.
    Chars {
        text: Text<'a>,
        at: usize,
    },
    Range {
        range: Range,
        at: usize,
    },
    /// The generator of this number, which the machine keeps.
    Shared(u32),
}

impl<'a> Iter<'a> {
    /// `iter(value)`
    pub fn new(value: Value<'a>) -> Result<Self> {
        Ok(match value {
            Value::Undefined(_) => Self::Items { items: &[], at: 0 },
            Value::List(items) | Value::Tuple(items) => Self::Items { items: items.items, at: 0 },
            Value::Growing(list) => Self::Growing { list, at: 0 },
            Value::Dict(dict) => Self::Keys { dict, at: 0 },
            Value::View(view) => Self::View { view, at: 0 },
            Value::Range(range) => Self::Range { range: *range, at: 0 },
            Value::Object(Object::Iterator(number)) => Self::Shared(number),
            Value::Object(Object::Loop(_)) => {
                return Err(Error::new(ErrorKind::Unsupported, "going over `loop` is not supported"));
            }
            value => match value.as_text() {
                // The characters of a Markup are plain.
                Some(text) => Self::Chars { text: text.with_markup(false), at: 0 },
                None => {
                    return Err(operators::type_error(format!(
                        "'{}' object is not iterable",
                        value.type_name()
                    )));
                }
            },
        })
    }

    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        machine.memory.step()?;
        Ok(match self {
            Self::Items { items, at } => {
                let item = items.get(*at).copied();
                *at += 1;
                item
            }
            Self::Growing { list, at } => {
                let item = list.next(*at);
                *at += usize::from(item.is_some());
                item
            }
            Self::Reversed { items, left } => {
                *left = left.checked_sub(1).unwrap_or(usize::MAX);
                items.get(*left).copied()
            }
            Self::Keys { dict, at } => {
                let entry = dict.entries.get(*at);
                *at += 1;
                entry.map(|entry| {
                    entry.read.set(true);
                    entry.key
                })
            }
            Self::View { view, at } => {
                let Some(entry) = view.dict.entries.get(*at) else {
                    return Ok(None);
                };
                *at += 1;
                entry.read.set(true);
                Some(match view.kind {
                    ViewKind::Keys => entry.key,
                    ViewKind::Values => entry.value,
                    ViewKind::Items => machine.memory.tuple(&[entry.key, entry.value])?,
                })
            }
            Self::Chars { text, at } => {
                let Some(char) = text.str.get(*at..).and_then(|rest| rest.chars().next()) else {
                    return Ok(None);
                };
                let start = *at;
                *at += char.len_utf8();
                let text = text.cut(&mut machine.memory, start, *at)?;
                Some(machine.memory.text(text)?)
            }
            Self::Range { range, at } => {
                let item = range.get(*at).map(Value::Int);
                *at += 1;
                item
            }
            Self::Shared(number) => machine.next_lazy(*number)?,
        })
    }
}
