//! `map`, `select` and their kin: a filter or a test, named by a string, for each item.

use super::{Lazy, Walk};
use crate::builtins::arguments::Args;
use crate::builtins::filters::getter::Getter;
use crate::builtins::filters::{self, Filter, given};
use crate::builtins::predicates::{self, Test};
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{truth, type_error, value_error};

/// `map(filter, ..)` or `map(attribute=.., default=..)`
#[derive(Debug)]
pub struct Map<'a> {
    walk: Walk<'a>,
    args: Args<'a>,
    change: Option<Change<'a>>,
}

/// What becomes of each item.
#[derive(Debug, Clone, Copy)]
enum Change<'a> {
    Attribute(Getter<'a>),
    /// A filter of an unknown name fails with the first item.
    Filter(Option<Filter>, Args<'a>),
}

pub fn map<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    no_value_keyword("map", args)?;
    machine.start(Lazy::Map(Map { walk: Walk::Before(value), args, change: None }))
}

impl<'a> Map<'a> {
    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        if !starts(&mut self.walk) {
            return Ok(None);
        }
        let change = match self.change {
            Some(change) => change,
            None => *self.change.insert(Change::new(machine, self.args)?),
        };
        let Some(item) = self.walk.next(machine)? else {
            return Ok(None);
        };
        match change {
            Change::Attribute(getter) => getter.get(machine, item),
            Change::Filter(Some(filter), args) => (filter.apply)(machine, item, args),
            Change::Filter(None, _) => Err(type_error("map() names a filter that does not exist")),
        }
        .map(Some)
    }
}

impl<'a> Change<'a> {
    fn new(machine: &mut Machine<'a>, args: Args<'a>) -> Result<Self> {
        if let Some((name, rest)) = args.positional.split_first() {
            let filter = name.as_str().and_then(filters::find);
            return Ok(Self::Filter(filter, Args { positional: rest, keywords: args.keywords }));
        }
        let keyword =
            |wanted: &str| args.keywords.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let Some(attribute) = keyword("attribute") else {
            return Err(value_error("map requires a filter argument"));
        };
        if let Some((name, _)) =
            args.keywords.iter().find(|(name, _)| !matches!(*name, "attribute" | "default"))
        {
            return Err(value_error(format!("Unexpected keyword argument '{name}'")));
        }
        Getter::new(machine, Some(attribute), given(keyword("default"))).map(Self::Attribute)
    }
}

/// `select(test, ..)`, `selectattr(attribute, test, ..)` and the two that keep what fails.
#[derive(Debug)]
pub struct Select<'a> {
    walk: Walk<'a>,
    args: Args<'a>,
    by_attribute: bool,
    /// What an item has to give to be kept.
    keeps: bool,
    check: Option<Check<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Check<'a> {
    getter: Getter<'a>,
    /// Truth itself, or a test, which fails with the first item if its name is unknown.
    test: Option<(Option<Test>, Args<'a>)>,
}

pub fn select<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    start_select(machine, value, args, ("select", false, true))
}

pub fn reject<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    start_select(machine, value, args, ("reject", false, false))
}

pub fn selectattr<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    start_select(machine, value, args, ("selectattr", true, true))
}

pub fn rejectattr<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    start_select(machine, value, args, ("rejectattr", true, false))
}

fn start_select<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    args: Args<'a>,
    (name, by_attribute, keeps): (&str, bool, bool),
) -> Result<Value<'a>> {
    no_value_keyword(name, args)?;
    machine.start(Lazy::Select(Select { walk: Walk::Before(value), args, by_attribute, keeps, check: None }))
}

impl<'a> Select<'a> {
    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        if !starts(&mut self.walk) {
            return Ok(None);
        }
        let check = match self.check {
            Some(check) => check,
            None => *self.check.insert(Check::new(machine, self.args, self.by_attribute)?),
        };
        while let Some(item) = self.walk.next(machine)? {
            if check.holds(machine, item)? == self.keeps {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }
}

impl<'a> Check<'a> {
    fn new(machine: &mut Machine<'a>, args: Args<'a>, by_attribute: bool) -> Result<Self> {
        let (attribute, rest) = match args.positional {
            [attribute, rest @ ..] if by_attribute => (Some(*attribute), rest),
            _ if by_attribute => return Err(value_error("Missing parameter for attribute name")),
            rest => (None, rest),
        };
        let test = rest.split_first().map(|(name, rest)| {
            (name.as_str().and_then(predicates::find), Args { positional: rest, keywords: args.keywords })
        });
        Ok(Self { getter: Getter::new(machine, attribute, None)?, test })
    }

    fn holds(&self, machine: &mut Machine<'a>, item: Value<'a>) -> Result<bool> {
        let subject = self.getter.get(machine, item)?;
        match self.test {
            None => Ok(truth(subject)),
            Some((Some(test), args)) => (test.apply)(machine, subject, args),
            Some((None, _)) => Err(type_error("a filter names a test that does not exist")),
        }
    }
}

/// Whether there is anything to go over: what is false is taken for empty, whatever it is.
fn starts(walk: &mut Walk<'_>) -> bool {
    match *walk {
        Walk::Before(value) if !truth(value) => *walk = Walk::Over,
        Walk::Over => {}
        _ => return true,
    }
    false
}

/// The filters of any keyword still have parameters of their own, which are taken.
fn no_value_keyword(function: &str, args: Args<'_>) -> Result<()> {
    match args.keywords.iter().find(|(name, _)| matches!(*name, "context" | "value")) {
        Some((name, _)) => Err(type_error(format!("{function}() got multiple values for argument '{name}'"))),
        None => Ok(()),
    }
}
