//! Filters that go through a sequence.

use crate::builtins::arguments::Args;
use crate::builtins::filters::getter::Getter;
use crate::builtins::filters::given;
use crate::builtins::filters::lazy::{Lazy, Reversed};
use crate::error::Result;
use crate::run::Machine;
use crate::run::iterate::Iter;
use crate::value::Value;
use crate::value::operators::{self, type_error};
use crate::value::slices;

/// A text backwards; an iterator over anything else that can be walked backwards; a list of what is left.
pub fn reverse<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("reverse")?;
    if value.as_str().is_some() {
        return slices::slice(&mut machine.memory, value, [Value::None, Value::None, Value::Int(-1)]);
    }
    if let Some(reversed) = Reversed::of(value) {
        return machine.start(Lazy::Reversed(reversed));
    }
    let mut items = machine.collect(value)?;
    items.reverse();
    machine.memory.list(&items)
}

/// `sum(attribute=None, start=0)`
pub fn sum<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [attribute, start] = args.bind("sum", ["attribute", "start"], 0)?;
    let mut sum = start.unwrap_or(Value::Int(0));
    if sum.as_str().is_some() {
        return Err(type_error("sum() can't sum strings [use ''.join(seq) instead]"));
    }
    let getter = Getter::new(machine, given(attribute), None)?;
    let mut items = Iter::new(value)?;
    while let Some(item) = machine.next(&mut items)? {
        let item = getter.get(machine, item)?;
        sum = operators::add(&mut machine.memory, sum, item)?;
    }
    Ok(sum)
}
