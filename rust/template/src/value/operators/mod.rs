//! What Python's operators and built-in functions do with values: truth, length, equality and order here, numbers in
//! `arithmetic`, `str` and `repr` in `print`.

mod arithmetic;
mod print;

use std::cmp::Ordering;

pub use arithmetic::{
    add, as_big, as_float, divide, floor_divide, int, multiply, negative, positive, power, remainder,
    subtract,
};
pub use print::{short_repr, str, write_repr};

use arithmetic::NumberOrder;

use crate::error::{Error, ErrorKind, Result};
use crate::value::memory::Memory;
pub use crate::value::slices::slice;
use crate::value::{Items, Undefined, Value, ViewKind};

/// Containers inside of each other that are looked into.
const MAX_DEPTH: u32 = 200;

/// `TypeError` and its kin.
#[cold]
pub fn type_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Type, message)
}

/// `ValueError` and its kin.
#[cold]
pub fn value_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Value, message)
}

/// What using an undefined value says.
#[cold]
pub fn undefined_error(undefined: Undefined<'_>) -> Error {
    let message = match undefined {
        Undefined::Unset | Undefined::Plain => "an undefined value is used".to_owned(),
        Undefined::Name(name) => format!("'{}' is undefined", name.0),
        Undefined::Missing(missing) => match (missing.object, missing.name.as_str()) {
            (Value::None, Some(name)) => format!("'None' has no attribute '{name}'"),
            (object, Some(name)) => format!("'{} object' has no attribute '{name}'", object.type_name()),
            (object, None) => {
                // A name that cannot be shown is left out.
                let name = short_repr(missing.name).unwrap_or_default();
                format!("{} object has no element {name}", object.type_name())
            }
        },
        Undefined::Hint(hint) => (*hint).to_owned(),
        Undefined::Unsafe(hint) => return Error::new(ErrorKind::Security, *hint),
    };
    Error::new(ErrorKind::Undefined, message)
}

/// `bool(value)`
#[inline]
pub fn truth(value: Value<'_>) -> bool {
    match value {
        Value::Undefined(_) | Value::None => false,
        Value::Bool(bool) => bool,
        Value::Int(int) => int != 0,
        Value::Float(float) => float != 0.0,
        Value::Str(text) => !text.str.is_empty(),
        Value::Literal(literal) => !literal.0.is_empty(),
        Value::List(items) | Value::Tuple(items) => !items.items.is_empty(),
        Value::Growing(list) => list.len() > 0,
        Value::Dict(dict) => !dict.entries.is_empty(),
        Value::View(view) => !view.dict.entries.is_empty(),
        Value::Range(range) => range.len() > 0,
        // A running loop has items.
        Value::BigInt(_) | Value::Method(_) | Value::Function(_) | Value::Object(_) => true,
    }
}

/// `len(value)`; 0 for an undefined one; a generator has none.
pub fn length(value: Value<'_>) -> Result<usize> {
    Ok(match value {
        Value::Undefined(_) => 0,
        Value::List(items) | Value::Tuple(items) => items.items.len(),
        Value::Growing(list) => list.len(),
        Value::Dict(dict) => dict.entries.len(),
        Value::View(view) => view.dict.entries.len(),
        Value::Range(range) => range.len(),
        value => match value.as_str() {
            Some(text) if text.is_ascii() => text.len(),
            Some(text) => text.chars().count(),
            None => return Err(type_error(format!("object of type '{}' has no len()", value.type_name()))),
        },
    })
}

/// `a == b`
#[inline]
pub fn equal(memory: &mut Memory<'_>, a: Value<'_>, b: Value<'_>) -> Result<bool> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (a, b) => match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => equal_texts(memory, a, b),
            _ => Comparing { memory }.equal(a, b, 0),
        },
    }
}

#[inline]
fn equal_texts(memory: &mut Memory<'_>, a: &str, b: &str) -> Result<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    memory.work(a.len())?;
    Ok(a == b)
}

/// `a is b or a == b`, as containers look for an item: a NaN is found where it is the same one.
pub fn same(memory: &mut Memory<'_>, a: Value<'_>, b: Value<'_>) -> Result<bool> {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) if a.to_bits() == b.to_bits() => Ok(true),
        (a, b) => equal(memory, a, b),
    }
}

/// How two values compare under `<`, `>` and kin, whose spelling `symbol` is for the error: values of different kinds
/// have no order. `None`: all four are false (NaN).
pub fn order(memory: &mut Memory<'_>, a: Value<'_>, b: Value<'_>, symbol: &str) -> Result<Option<Ordering>> {
    Comparing { memory }.order(a, b, symbol, 0)
}

/// A comparison that pays for each step: lists that hold each other twice grow without bound when walked.
struct Comparing<'m, 'a> {
    memory: &'m mut Memory<'a>,
}

impl Comparing<'_, '_> {
    fn step(&mut self, depth: u32) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::new(ErrorKind::Limit, "the values are too deep to be compared"));
        }
        self.memory.step()
    }

    fn numbers(&mut self, a: Value<'_>, b: Value<'_>) -> Result<NumberOrder> {
        self.memory.arithmetic(a, b)?;
        arithmetic::compare_numbers(self.memory, a, b)
    }

    fn equal(&mut self, a: Value<'_>, b: Value<'_>, depth: u32) -> Result<bool> {
        self.step(depth)?;
        Ok(match (a, b) {
            (Value::Undefined(_), Value::Undefined(_)) | (Value::None, Value::None) => true,
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                a.items.len() == b.items.len() && self.first_difference(a, b, depth)?.is_none()
            }
            (Value::Dict(a), Value::Dict(b)) => {
                if std::ptr::eq(a, b) {
                    return Ok(true);
                }
                if a.entries.len() != b.entries.len() {
                    return Ok(false);
                }
                for (key, value) in a.iter() {
                    let mut found = None;
                    for (other, candidate) in b.iter() {
                        if self.equal(key, other, depth + 1)? {
                            found = Some(candidate);
                            break;
                        }
                    }
                    match found {
                        Some(other) if self.equal(value, other, depth + 1)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Value::Range(a), Value::Range(b)) => {
                let same_start = a.len() == 0 || a.start == b.start;
                a.len() == b.len() && same_start && (a.len() <= 1 || a.step == b.step)
            }
            (Value::View(a), Value::View(b)) => match (a.kind, b.kind) {
                (ViewKind::Values, _) | (_, ViewKind::Values) => std::ptr::eq(a, b),
                (ViewKind::Keys, ViewKind::Keys) | (ViewKind::Items, ViewKind::Items) => {
                    std::ptr::eq(a.dict, b.dict)
                        || (a.kind == ViewKind::Items
                            && self.equal(Value::Dict(a.dict), Value::Dict(b.dict), depth + 1)?)
                }
                _ => false,
            },
            (Value::Function(a), Value::Function(b)) => a == b,
            (Value::Object(a), Value::Object(b)) => a == b,
            (a, b) => match (a.as_str(), b.as_str()) {
                (Some(a), Some(b)) => equal_texts(self.memory, a, b)?,
                _ => self.numbers(a, b)? == NumberOrder::Known(Ordering::Equal),
            },
        })
    }

    /// The first place where two sequences differ; the same object does not differ from itself.
    fn first_difference(&mut self, a: &Items<'_>, b: &Items<'_>, depth: u32) -> Result<Option<usize>> {
        if std::ptr::eq(a.items, b.items) {
            return Ok(None);
        }
        for (at, (a, b)) in a.items.iter().zip(b.items).enumerate() {
            let identical =
                matches!((a, b), (Value::Float(a), Value::Float(b)) if a.to_bits() == b.to_bits());
            if !identical && !self.equal(*a, *b, depth + 1)? {
                return Ok(Some(at));
            }
        }
        let shorter = a.items.len().min(b.items.len());
        Ok((a.items.len() != b.items.len()).then_some(shorter))
    }

    fn order(&mut self, a: Value<'_>, b: Value<'_>, symbol: &str, depth: u32) -> Result<Option<Ordering>> {
        self.step(depth)?;
        match (a, b) {
            (Value::Undefined(undefined), _) | (_, Value::Undefined(undefined)) => {
                Err(undefined_error(undefined))
            }
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                match self.first_difference(a, b, depth)? {
                    None => Ok(Some(Ordering::Equal)),
                    Some(at) => match (a.items.get(at), b.items.get(at)) {
                        (Some(a), Some(b)) => self.order(*a, *b, symbol, depth + 1),
                        _ => Ok(Some(a.items.len().cmp(&b.items.len()))),
                    },
                }
            }
            (a, b) => match (a.as_str(), b.as_str()) {
                (Some(a), Some(b)) => {
                    self.memory.work(a.len().min(b.len()))?;
                    Ok(Some(a.cmp(b)))
                }
                _ => match self.numbers(a, b)? {
                    NumberOrder::Known(order) => Ok(Some(order)),
                    NumberOrder::NotANumber => Ok(None),
                    NumberOrder::OtherTypes => Err(type_error(format!(
                        "'{symbol}' not supported between instances of '{}' and '{}'",
                        a.type_name(),
                        b.type_name()
                    ))),
                },
            },
        }
    }
}

/// An error unless `hash(value)` works: keys of dicts must.
pub fn hashable(memory: &mut Memory<'_>, value: Value<'_>) -> Result<()> {
    hashable_at(memory, value, 0)
}

/// Pays for each value: tuples that hold each other twice grow without bound when walked.
fn hashable_at(memory: &mut Memory<'_>, value: Value<'_>, depth: u32) -> Result<()> {
    let unhashable = match value {
        Value::List(_) | Value::Dict(_) => true,
        Value::View(view) => view.kind != ViewKind::Values,
        Value::Tuple(_) if depth > MAX_DEPTH => true,
        Value::Tuple(items) => {
            memory.step()?;
            return items.items.iter().try_for_each(|item| hashable_at(memory, *item, depth + 1));
        }
        _ => false,
    };
    if unhashable {
        return Err(type_error(format!("unhashable type: '{}'", value.type_name())));
    }
    Ok(())
}
