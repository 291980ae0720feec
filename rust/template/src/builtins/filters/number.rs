//! The filter `int`.

use num_bigint::ToBigInt;

use super::{index, parse};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{self, type_error, undefined_error, value_error};

/// `int(default=0, base=10)`: what cannot be read as an integer is read as a float, else it is the default.
pub fn int<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [default, base] = args.bind("int", ["default", "base"], 0)?;
    let float = match value {
        Value::Undefined(undefined) => return Err(undefined_error(undefined)),
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) => return whole(value),
        Value::Float(float) if float.is_infinite() => {
            return Err(value_error("cannot convert float infinity to integer"));
        }
        Value::Float(float) => Some(float),
        value => match value.as_str() {
            None => None,
            Some(text) => {
                machine.memory.reserve(text.len())?;
                let base = base.map_or(Ok(10), index);
                match base.and_then(|base| parse::int(&mut machine.memory, text, base)) {
                    Ok(int) => return operators::int(&mut machine.memory, &int),
                    Err(error) if error.kind.is_limit() => return Err(error),
                    Err(_) => parse::float(text).ok(),
                }
            }
        },
    };
    match float.and_then(|float| float.to_bigint()) {
        Some(int) => operators::int(&mut machine.memory, &int),
        None => Ok(default.unwrap_or(Value::Int(0))),
    }
}

/// `int(value)` of what is an integer already.
pub fn whole(value: Value<'_>) -> Result<Value<'_>> {
    match value {
        Value::Bool(bool) => Ok(Value::Int(i64::from(bool))),
        Value::Int(_) | Value::BigInt(_) => Ok(value),
        value => Err(type_error(format!("'{}' object is not an integer", value.type_name()))),
    }
}
