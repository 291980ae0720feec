//! `batch` and `slice`: lists of some of the items each.

use crate::builtins::arguments::Args;
use crate::builtins::filters::lazy::{Lazy, Walk};
use crate::builtins::filters::{given, index};
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{equal, order, value_error};

/// `batch(linecount, fill_with=None)`
#[derive(Debug)]
pub struct Batches<'a> {
    walk: Walk<'a>,
    size: Value<'a>,
    fill: Option<Value<'a>>,
    held: Vec<Value<'a>>,
}

pub fn batch<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [size, fill] = args.bind("batch", ["linecount", "fill_with"], 1)?;
    let size = size.unwrap_or(Value::None);
    let batches = Batches { walk: Walk::Before(value), size, fill: given(fill), held: Vec::new() };
    machine.start(Lazy::Batches(batches))
}

impl<'a> Batches<'a> {
    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        while let Some(item) = self.walk.next(machine)? {
            let full = equal(&mut machine.memory, size(self.held.len()), self.size)?;
            let batch = if full { Some(machine.memory.list(&self.held)?) } else { None };
            if full {
                self.held.clear();
            }
            machine.memory.reserve(size_of::<Value<'_>>())?;
            self.held.push(item);
            if batch.is_some() {
                return Ok(batch);
            }
        }
        if self.held.is_empty() {
            return Ok(None);
        }
        if let Some(fill) = self.fill
            && order(&mut machine.memory, size(self.held.len()), self.size, "<")?
                .is_some_and(std::cmp::Ordering::is_lt)
        {
            let full = usize::try_from(index(self.size)?).unwrap_or(0);
            let missing = full.saturating_sub(self.held.len());
            machine.memory.reserve(missing.saturating_mul(size_of::<Value<'_>>()))?;
            self.held.resize(full.max(self.held.len()), fill);
        }
        let last = machine.memory.list(&self.held)?;
        self.held.clear();
        Ok(Some(last))
    }
}

fn size<'a>(length: usize) -> Value<'a> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// `slice(slices, fill_with=None)`: the items in `slices` runs of about the same length.
#[derive(Debug)]
pub struct Slices<'a> {
    of: Value<'a>,
    count: Value<'a>,
    fill: Option<Value<'a>>,
    cut: Option<Cut<'a>>,
}

#[derive(Debug)]
struct Cut<'a> {
    items: &'a [Value<'a>],
    slices: usize,
    /// Slices given out so far.
    done: usize,
}

pub fn slice<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [count, fill] = args.bind("slice", ["slices", "fill_with"], 1)?;
    let count = count.unwrap_or(Value::None);
    machine.start(Lazy::Slices(Slices { of: value, count, fill: given(fill), cut: None }))
}

impl<'a> Slices<'a> {
    pub fn next(&mut self, machine: &mut Machine<'a>) -> Result<Option<Value<'a>>> {
        machine.memory.step()?;
        let cut = match &mut self.cut {
            Some(cut) => cut,
            cut @ None => {
                let items = machine.collect(self.of)?;
                let items = machine.memory.slice(&items)?;
                let slices = match index(self.count)? {
                    0 => return Err(value_error("integer division or modulo by zero")),
                    slices => usize::try_from(slices).unwrap_or(0),
                };
                cut.insert(Cut { items, slices, done: 0 })
            }
        };
        if cut.done >= cut.slices {
            return Ok(None);
        }
        let (length, longer) = (cut.items.len() / cut.slices, cut.items.len() % cut.slices);
        let start = |number: usize| number * length + number.min(longer);
        let run = cut.items.get(start(cut.done)..start(cut.done + 1)).unwrap_or_default();
        let fill = self.fill.filter(|_| cut.done >= longer);
        cut.done += 1;
        let Some(fill) = fill else {
            return machine.memory.list(run).map(Some);
        };
        machine.memory.reserve(size_of_val(run))?;
        let mut filled = run.to_vec();
        filled.push(fill);
        machine.memory.list(&filled).map(Some)
    }
}
