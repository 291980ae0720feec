//! The functions that templates may call by name: `range`, `dict`, `raise_exception`, `strftime_now`, and the makers of
//! values with a state, which the machine keeps.

mod clock;

use super::arguments::Args;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::MAX_RANGE;
use crate::run::{Machine, insert};
use crate::value::operators::{type_error, undefined_error, value_error};
use crate::value::text::Text;
use crate::value::{Entry, Function, Range, Value};

/// `function(*args)`
pub fn call<'a>(machine: &mut Machine<'a>, function: Function, args: Args<'a>) -> Result<Value<'a>> {
    match function {
        Function::Range => range(machine, args),
        Function::Dict => {
            let entries = dict_entries(machine, args)?;
            machine.memory.dict(entries)
        }
        Function::Namespace => machine.make_namespace(args),
        Function::Cycler => machine.make_cycler(args),
        Function::Joiner => machine.make_joiner(args),
        Function::RaiseException => {
            let [message] = args.bind("raise_exception", ["message"], 1)?;
            let message = machine.str(message.unwrap_or(Value::None))?;
            Err(Error::new(ErrorKind::Raised, message.str))
        }
        Function::StrftimeNow => strftime_now(machine, args),
    }
}

fn range<'a>(machine: &mut Machine<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [first, second, step] = args.bind("range", ["/start", "/stop", "/step"], 1)?;
    let int = |value: Value<'a>| match value {
        Value::Undefined(undefined) => Err(undefined_error(undefined)),
        value => value.as_index().ok_or_else(|| {
            type_error(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
        }),
    };
    let first = int(first.unwrap_or(Value::None))?;
    let (start, stop) = match second {
        Some(second) => (first, int(second)?),
        None => (0, first),
    };
    let step = step.map_or(Ok(1), int)?;
    if step == 0 {
        return Err(value_error("range() arg 3 must not be zero"));
    }
    let range = Range { start, stop, step };
    if range.len() as u64 > MAX_RANGE {
        return Err(Error::new(ErrorKind::Limit, format!("the range has more than {MAX_RANGE} items")));
    }
    Ok(Value::Range(machine.memory.alloc(range)?))
}

/// The entries of `dict(mapping_or_pairs, key=value, ..)`.
pub fn dict_entries<'a>(machine: &mut Machine<'a>, args: Args<'a>) -> Result<Vec<Entry<'a>>> {
    let mut entries = Vec::new();
    match args.positional {
        [] => {}
        [Value::Dict(dict)] => entries.extend(dict.iter().map(|(key, value)| Entry::new(key, value))),
        [Value::Undefined(undefined)] => return Err(undefined_error(*undefined)),
        [pairs] => {
            for pair in machine.collect(*pairs)? {
                let pair = machine.collect(pair)?;
                let [key, value] = pair.as_slice() else {
                    return Err(value_error("dict() takes pairs"));
                };
                insert(&mut machine.memory, &mut entries, *key, *value)?;
            }
        }
        _ => return Err(type_error("dict() takes at most 1 positional argument")),
    }
    for (name, value) in args.keywords {
        let key = machine.memory.text(Text::keyword(name))?;
        insert(&mut machine.memory, &mut entries, key, *value)?;
    }
    Ok(entries)
}

fn strftime_now<'a>(machine: &mut Machine<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [format] = args.bind("strftime_now", ["format"], 1)?;
    let Some(format) = format.and_then(Value::as_text) else {
        return Err(type_error("strftime() argument 1 must be str"));
    };
    let text = clock::strftime(&mut machine.memory, machine.now, format.str)?;
    let str = machine.memory.str(&text)?;
    machine.memory.text(format.rewritten(str))
}
