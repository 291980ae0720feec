//! Filters for values of any kind.

use crate::builtins::arguments::Args;
use crate::builtins::filters::unsupported;
use crate::error::Result;
use crate::run::Machine;
use crate::value::operators::{type_error, undefined_error};
use crate::value::{Method, Missing, Undefined, Value};

/// `attr(name)`: an attribute, never an item.
pub fn attr<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [name] = args.bind("attr", ["name"], 1)?;
    let name = name.unwrap_or(Value::None);
    let Some(key) = name.as_str() else {
        return Err(type_error(format!("attribute name must be string, not '{}'", name.type_name())));
    };
    if let Value::Undefined(undefined) = value {
        return Err(undefined_error(undefined));
    }
    let found = machine.attribute(value, key)?;
    let is_item = match (value, found) {
        (Value::Dict(_), Value::Undefined(Undefined::Unsafe(_))) => false,
        (Value::Dict(dict), Value::Method(Method { object: Value::Dict(owner), .. })) => {
            !std::ptr::eq(dict, *owner)
        }
        (Value::Dict(_), _) => true,
        _ => false,
    };
    if is_item {
        let missing = machine.memory.alloc(Missing { object: value, name })?;
        return Ok(Value::Undefined(Undefined::Missing(missing)));
    }
    Ok(found)
}

pub fn random<'a>(_: &mut Machine<'a>, _: Value<'a>, _: Args<'a>) -> Result<Value<'a>> {
    Err(unsupported("the filter 'random' would make every rendering another one"))
}
