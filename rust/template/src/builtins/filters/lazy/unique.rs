//! `unique`: each item whose key was not there before.

use std::collections::HashSet;

use super::{Lazy, Walk};
use crate::builtins::arguments::Args;
use crate::builtins::filters::flag;
use crate::builtins::filters::getter::{Getter, Key};
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{hashable, same};

/// `unique(case_sensitive=False, attribute=None)`
#[derive(Debug)]
pub struct Unique<'a> {
    walk: Walk<'a>,
    key: Key<'a>,
    texts: HashSet<&'a str>,
    others: Vec<Value<'a>>,
}

pub fn unique<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [case_sensitive, attribute] = args.bind("unique", ["case_sensitive", "attribute"], 0)?;
    let getter = Getter::new(machine, attribute, None)?;
    let key = Key { getter, case_sensitive: flag(case_sensitive) };
    machine.memory.reserve(size_of::<Unique<'_>>())?;
    let unique = Unique { walk: Walk::Before(value), key, texts: HashSet::new(), others: Vec::new() };
    machine.start(Lazy::Unique(Box::new(unique)))
}

impl<'a> Unique<'a> {
    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        while let Some(item) = self.walk.next(machine)? {
            let key = self.key.get(machine, item)?;
            machine.memory.reserve(2 * size_of::<Value<'_>>())?;
            if self.is_new(machine, key)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn is_new(&mut self, machine: &mut Machine<'a>, key: Value<'a>) -> Result<bool> {
        if let Some(text) = key.as_str() {
            machine.memory.work(text.len())?;
            return Ok(self.texts.insert(text));
        }
        hashable(&mut machine.memory, key)?;
        for seen in &self.others {
            machine.memory.step()?;
            if same(&mut machine.memory, *seen, key)? {
                return Ok(false);
            }
        }
        self.others.push(key);
        Ok(true)
    }
}
