//! `attribute=` of the filters: a path like `a.b.0`, looked up in each item.
//!
//! The path is taken apart once; `get` follows it with the rules of the sandbox (items before attributes).

use super::{index, parse};
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators;
use crate::value::text::Text;
use crate::value::unicode;

#[derive(Debug, Clone, Copy)]
pub struct Getter<'a> {
    path: &'a [Value<'a>],
    /// What stands in for each undefined value on the way.
    default: Option<Value<'a>>,
}

impl<'a> Getter<'a> {
    /// `None` as the attribute gives the item itself.
    pub fn new(
        machine: &mut Machine<'a>,
        attribute: Option<Value<'a>>,
        default: Option<Value<'a>>,
    ) -> Result<Self> {
        let path = match attribute {
            None | Some(Value::None) => &[],
            Some(attribute) => match attribute.as_text() {
                Some(text) => path(machine, text)?,
                None => machine.memory.slice(&[attribute])?,
            },
        };
        Ok(Self { path, default })
    }

    /// One getter for each of the attributes that commas separate.
    pub fn several(machine: &mut Machine<'a>, attribute: Option<Value<'a>>) -> Result<Vec<Self>> {
        let Some(text) = attribute.and_then(Value::as_text) else {
            return Ok(vec![Self::new(machine, attribute, None)?]);
        };
        let mut getters = Vec::new();
        for part in text.str.split(',') {
            machine.memory.reserve(size_of::<Self>())?;
            let part = text.part(&mut machine.memory, part)?;
            getters.push(Self { path: path(machine, part)?, default: None });
        }
        Ok(getters)
    }

    pub fn get(&self, machine: &mut Machine<'a>, item: Value<'a>) -> Result<Value<'a>> {
        let mut found = item;
        for key in self.path {
            found = machine.item(found, *key)?;
            if found.is_undefined() {
                found = self.default.unwrap_or(found);
            }
        }
        Ok(found)
    }
}

fn path<'a>(machine: &mut Machine<'a>, text: Text<'a>) -> Result<&'a [Value<'a>]> {
    let mut keys = Vec::new();
    machine.memory.look_at_each(text.str.len())?;
    for part in text.str.split('.') {
        let key = if !part.is_empty() && part.chars().all(unicode::is_digit) {
            let int = parse::int(&mut machine.memory, part, 10)?;
            operators::int(&mut machine.memory, &int)?
        } else {
            let part = text.part(&mut machine.memory, part)?;
            machine.memory.text(part)?
        };
        machine.memory.reserve(size_of::<Value<'_>>())?;
        keys.push(key);
    }
    machine.memory.slice(&keys)
}

/// A sort key as `ignore_case` makes it: strings in lower case, anything else as it is.
pub fn ignore_case<'a>(machine: &mut Machine<'a>, key: Value<'a>) -> Result<Value<'a>> {
    let Some(text) = key.as_text() else {
        return Ok(key);
    };
    if text.str.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Ok(key);
    }
    machine.memory.look_at_each(2 * text.str.len())?;
    machine.memory.reserve(text.str.len())?;
    let lower = machine.memory.str(&unicode::lower(text.str))?;
    machine.memory.text(text.rewritten(lower))
}

/// How the ordering filters look at an item: one attribute of it, strings in lower case unless case counts.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    pub getter: Getter<'a>,
    pub case_sensitive: bool,
}

impl<'a> Key<'a> {
    pub fn get(&self, machine: &mut Machine<'a>, item: Value<'a>) -> Result<Value<'a>> {
        let key = self.getter.get(machine, item)?;
        if self.case_sensitive { Ok(key) } else { ignore_case(machine, key) }
    }
}

/// `sorted(reverse=..)` takes integers only.
pub fn is_reverse(parameter: Option<Value<'_>>) -> Result<bool> {
    parameter.map_or(Ok(false), |value| index(value).map(|index| index != 0))
}
