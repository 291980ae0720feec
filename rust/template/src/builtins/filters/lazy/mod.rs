//! Filters that give generators: nothing happens, and nothing fails, before an item is asked for.
//!
//! In: a value and arguments, bound as Python binds those of a generator function. Out: a `Lazy`, which the machine
//! keeps and asks for one item after the other.

mod each;
mod unique;

pub use each::{map, reject, rejectattr, select, selectattr};
pub use unique::unique;

use each::{Map, Select};
use unique::Unique;

use crate::builtins::arguments::Args;
use crate::builtins::filters::rare::chunks::{Batches, Slices};
use crate::error::Result;
use crate::run::Machine;
use crate::run::iterate::Iter;
use crate::value::operators::type_error;
use crate::value::{Dict, Value, ViewKind};

#[derive(Debug)]
pub enum Lazy<'a> {
    Map(Map<'a>),
    Select(Select<'a>),
    Items(Pairs<'a>),
    Batches(Batches<'a>),
    Slices(Slices<'a>),
    Unique(Box<Unique<'a>>),
    Reversed(Reversed<'a>),
}

impl<'a> Lazy<'a> {
    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        match self {
            Self::Map(map) => map.next(machine),
            Self::Select(select) => select.next(machine),
            Self::Items(pairs) => pairs.next(machine),
            Self::Batches(batches) => batches.next(machine),
            Self::Slices(slices) => slices.next(machine),
            Self::Unique(unique) => unique.next(machine),
            Self::Reversed(reversed) => reversed.next(machine),
        }
    }
}

/// What a generator goes over; whether it can be gone over shows with the first item.
#[derive(Debug, Clone, Copy)]
pub enum Walk<'a> {
    Before(Value<'a>),
    Under(Iter<'a>),
    Over,
}

impl<'a> Walk<'a> {
    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        if let Self::Before(value) = *self {
            *self = Self::Under(Iter::new(value)?);
        }
        let Self::Under(items) = self else {
            return Ok(None);
        };
        let item = machine.next(items)?;
        if item.is_none() {
            *self = Self::Over;
        }
        Ok(item)
    }
}

/// `items()`: the entries of a dict, none of an undefined value.
#[derive(Debug)]
pub struct Pairs<'a> {
    of: Value<'a>,
    at: usize,
}

pub fn items<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("items")?;
    machine.start(Lazy::Items(Pairs { of: value, at: 0 }))
}

impl<'a> Pairs<'a> {
    fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        machine.memory.step()?;
        let dict = match self.of {
            Value::Undefined(_) => return Ok(None),
            Value::Dict(dict) => dict,
            _ => return Err(type_error("Can only get item pairs from a mapping.")),
        };
        let at = self.at;
        self.at += 1;
        entry(machine, dict, ViewKind::Items, at)
    }
}

/// What a view shows of the entry at a position.
fn entry<'a>(
    machine: &mut Machine<'a>,
    dict: &'a Dict<'a>,
    kind: ViewKind,
    at: usize,
) -> Result<Option<Value<'a>>> {
    let Some(entry) = dict.entries.get(at) else {
        return Ok(None);
    };
    entry.read.set(true);
    Ok(Some(match kind {
        ViewKind::Keys => entry.key,
        ViewKind::Values => entry.value,
        ViewKind::Items => machine.memory.tuple(&[entry.key, entry.value])?,
    }))
}

/// `reversed(value)` of anything but a text.
#[derive(Debug)]
pub struct Reversed<'a> {
    of: Value<'a>,
    left: usize,
}

impl<'a> Reversed<'a> {
    /// `None` for what Python cannot walk backwards.
    pub fn of(value: Value<'a>) -> Option<Self> {
        let left = match value {
            Value::Undefined(_) => 0,
            Value::List(items) | Value::Tuple(items) => items.items.len(),
            Value::Dict(dict) => dict.entries.len(),
            Value::View(view) => view.dict.entries.len(),
            Value::Range(range) => range.len(),
            _ => return None,
        };
        Some(Self { of: value, left })
    }

    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        machine.memory.step()?;
        let Some(at) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = at;
        match self.of {
            Value::List(items) | Value::Tuple(items) => Ok(items.items.get(at).copied()),
            Value::Dict(dict) => entry(machine, dict, ViewKind::Keys, at),
            Value::View(view) => entry(machine, view.dict, view.kind, at),
            Value::Range(range) => Ok(range.get(at).map(Value::Int)),
            _ => Ok(None),
        }
    }
}
