//! The methods and plain attributes of Python's built-in types, as templates may call them.
//!
//! In come an object, a name and arguments, out comes what Python 3.11 returns. Names that start with an underscore,
//! items and the machine's own objects are not looked at here.

use crate::builtins::arguments::Args;
use crate::error::{Error, ErrorKind, Result};
use crate::run::Machine;
use crate::value::memory::Memory;
use crate::value::operators::{type_error, value_error};
use crate::value::{Function, Object, Value, ViewKind};

mod containers;
mod numbers;
mod text;

/// `object.name(*args)`
pub fn call<'a>(
    machine: &mut Machine<'a>,
    object: Value<'a>,
    name: &str,
    args: Args<'a>,
) -> Result<Value<'a>> {
    if forbidden(object, name) {
        return Err(unsafe_access(object, name));
    }
    match object {
        Value::Str(text) => text::call(machine, object, *text, name, args),
        Value::Literal(literal) => {
            text::call(machine, object, crate::value::text::Text::template(&literal.0), name, args)
        }
        Value::List(items) => containers::call_list(machine, items, name, args),
        Value::Tuple(items) => containers::call_tuple(machine, items, name, args),
        Value::Dict(dict) => containers::call_dict(machine, dict, name, args),
        Value::Range(range) => containers::call_range(machine, *range, name, args),
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => numbers::call_int(machine, object, name, args),
        Value::Float(float) => numbers::call_float(machine, float, name, args),
        object if has(object, name) => Err(unsupported(object.type_name(), name)),
        object => Err(no_such(object, name)),
    }
}

/// Whether the object has a public method of this name.
pub fn has(object: Value<'_>, name: &str) -> bool {
    match object {
        Value::Str(text) if text.markup && text::markup_has(name) => true,
        Value::Str(_) | Value::Literal(_) => text::has(name),
        Value::List(_) => containers::list_has(name),
        Value::Tuple(_) => containers::tuple_has(name),
        Value::Range(_) => containers::range_has(name),
        Value::Dict(_) => is_of_dict(name),
        Value::View(view) => name == "isdisjoint" && view.kind != ViewKind::Values,
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => numbers::int_has(name),
        Value::Float(_) => numbers::float_has(name),
        _ => false,
    }
}

/// Whether dicts have a public method of this name, allowed or not.
pub fn is_of_dict(name: &str) -> bool {
    containers::dict_has(name)
}

/// `object.name` where that is a plain value.
pub fn attribute<'a>(_memory: &mut Memory<'a>, object: Value<'a>, name: &str) -> Option<Value<'a>> {
    Some(match (object, name) {
        (Value::Bool(bool), "real" | "numerator") => Value::Int(i64::from(bool)),
        (Value::Int(_) | Value::BigInt(_), "real" | "numerator") | (Value::Float(_), "real") => object,
        (Value::Bool(_) | Value::Int(_) | Value::BigInt(_), "imag") => Value::Int(0),
        (Value::Bool(_) | Value::Int(_) | Value::BigInt(_), "denominator") => Value::Int(1),
        (Value::Float(_), "imag") => Value::Float(0.0),
        (Value::View(view), "mapping") => Value::Dict(view.dict),
        (Value::Range(range), "start") => Value::Int(range.start),
        (Value::Range(range), "stop") => Value::Int(range.stop),
        (Value::Range(range), "step") => Value::Int(range.step),
        _ => return None,
    })
}

/// Whether the sandbox hides this attribute, which the object has: it would change the object or show its inside.
pub fn forbidden(object: Value<'_>, name: &str) -> bool {
    match object {
        Value::List(_) => {
            matches!(name, "append" | "clear" | "pop" | "reverse" | "insert" | "sort" | "extend" | "remove")
        }
        Value::Dict(_) => matches!(name, "clear" | "pop" | "popitem" | "setdefault" | "update"),
        Value::Function(Function::Range | Function::Dict | Function::Namespace) => name == "mro",
        Value::Object(Object::Iterator(_)) => matches!(name, "gi_frame" | "gi_code"),
        _ => false,
    }
}

#[cold]
fn unsafe_access(object: Value<'_>, name: &str) -> Error {
    let kind = object.type_name();
    Error::new(ErrorKind::Security, format!("access to attribute '{name}' of '{kind}' object is unsafe."))
}

#[cold]
fn no_such(object: Value<'_>, name: &str) -> Error {
    type_error(format!("'{}' object has no method '{name}'", object.type_name()))
}

#[cold]
fn unsupported(kind: &str, name: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{kind}.{name}() is not supported"))
}

/// An argument that Python takes through `__index__`.
fn integer(value: Value<'_>) -> Result<i64> {
    match value {
        Value::BigInt(_) => Err(value_error("the integer is too large")),
        value => value.as_index().ok_or_else(|| {
            type_error(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
        }),
    }
}

/// Where a search starts or stops: like an index of a slice, so any integer will do.
fn bound(value: Value<'_>) -> Result<i64> {
    match value {
        Value::BigInt(digits) => Ok(if digits.starts_with('-') { i64::MIN } else { i64::MAX }),
        value => value
            .as_index()
            .ok_or_else(|| type_error("slice indices must be integers or None or have an __index__ method")),
    }
}

/// The range of positions that a search from `start` to `stop` covers in a sequence of `length` items; `None` if the
/// start is after the stop.
fn positions(length: usize, start: i64, stop: i64) -> Option<(usize, usize)> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let position = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at };
    let (start, stop) = (position(start), position(stop).min(length));
    if start > stop {
        return None;
    }
    Some((usize::try_from(start).ok()?, usize::try_from(stop).ok()?))
}

#[cfg(test)]
pub mod tests;
