//! Filters that go through a sequence at once.

use super::getter::Getter;
use super::lazy::Reversed;
use super::plain_str;
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::run::iterate::Iter;
use crate::value::operators::{self, type_error, value_error};
use crate::value::text::Text;
use crate::value::{Items, Object, Value};

pub fn length<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("len")?;
    if let Value::Object(Object::Loop(_)) = value {
        return machine.attribute(value, "length");
    }
    let length = operators::length(value)?;
    if let Some(str) = value.as_str() {
        machine.memory.work(str.len())?;
    }
    i64::try_from(length)
        .map(Value::Int)
        .map_err(|_| value_error("a sequence of more items than can be counted"))
}

pub fn list<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("list")?;
    match value {
        Value::List(items) | Value::Tuple(items) => {
            machine.memory.work(items.items.len())?;
            Ok(Value::List(machine.memory.alloc(Items { is_group: false, ..*items })?))
        }
        value => {
            let items = machine.collect(value)?;
            machine.memory.list(&items)
        }
    }
}

pub fn first<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("first")?;
    let mut items = Iter::new(value)?;
    match machine.next(&mut items)? {
        Some(item) => Ok(item),
        None => machine.memory.undefined("No first item, sequence was empty."),
    }
}

pub fn last<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("last")?;
    let item = match value.as_text() {
        Some(text) => match text.str.char_indices().next_back() {
            Some((at, _)) => {
                let last = text.cut(&mut machine.memory, at, text.str.len())?;
                Some(machine.memory.text(last)?)
            }
            None => None,
        },
        None => match Reversed::of(value) {
            Some(mut reversed) => reversed.next(machine)?,
            None => return Err(type_error(format!("'{}' object is not reversible", value.type_name()))),
        },
    };
    match item {
        Some(item) => Ok(item),
        None => machine.memory.undefined("No last item, sequence was empty."),
    }
}

/// `join(d='', attribute=None)`
pub fn join<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [separator, attribute] = args.bind("join", ["d", "attribute"], 0)?;
    let separator = match separator {
        Some(separator) => plain_str(machine, separator)?,
        None => Text::EMPTY,
    };
    let getter = Getter::new(machine, attribute, None)?;
    let mut items = Iter::new(value)?;
    let mut texts = Vec::new();
    while let Some(item) = machine.next(&mut items)? {
        machine.memory.reserve(2 * size_of::<Text<'_>>())?;
        if !texts.is_empty() {
            texts.push(separator);
        }
        let item = getter.get(machine, item)?;
        texts.push(plain_str(machine, item)?);
    }
    let joined = machine.memory.concat(&texts)?;
    machine.memory.text(joined)
}
