//! Filters that put items in order, and the sort that they share.

use std::cmp::Ordering;

use super::getter::{Getter, Key, ignore_case, is_reverse};
use super::{flag, unsupported};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::run::iterate::Iter;
use crate::value::Value;
use crate::value::memory::Memory;
use crate::value::operators::{self, type_error, undefined_error, value_error};

/// `sort(reverse=False, case_sensitive=False, attribute=None)`
pub fn sort<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [reverse, case_sensitive, attribute] =
        args.bind("sort", ["reverse", "case_sensitive", "attribute"], 0)?;
    let getters = Getter::several(machine, attribute)?;
    let case_sensitive = flag(case_sensitive);
    let mut keyed: Vec<(&'a [Value<'a>], Value<'a>)> = Vec::new();
    for item in machine.collect(value)? {
        let mut keys = Vec::with_capacity(getters.len());
        for getter in &getters {
            keys.push(Key { getter: *getter, case_sensitive }.get(machine, item)?);
        }
        machine.memory.reserve(size_of_val(&(&*keys, item)))?;
        keyed.push((machine.memory.slice(&keys)?, item));
    }
    let sorted = sorted_by(&mut machine.memory, keyed, is_reverse(reverse)?, |memory, a, b| {
        keys_less(memory, a.0, b.0)
    })?;
    let items: Vec<_> = sorted.iter().map(|(_, item)| *item).collect();
    machine.memory.list(&items)
}

/// `dictsort(case_sensitive=False, by='key', reverse=False)`
pub fn dictsort<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [case_sensitive, by, reverse] = args.bind("dictsort", ["case_sensitive", "by", "reverse"], 0)?;
    let by_key = match by.map(Value::as_str) {
        None | Some(Some("key")) => true,
        Some(Some("value")) => false,
        _ => return Err(value_error("You can only sort by either \"key\" or \"value\"")),
    };
    let case_sensitive = flag(case_sensitive);
    let dict = match value {
        Value::Dict(dict) => dict,
        Value::Undefined(undefined) => return Err(undefined_error(undefined)),
        value => return Err(type_error(format!("'{}' object has no attribute 'items'", value.type_name()))),
    };
    let mut keyed = Vec::new();
    for (key, value) in dict.iter() {
        machine.memory.reserve(3 * size_of::<Value<'_>>())?;
        let by = if by_key { key } else { value };
        let by = if case_sensitive { by } else { ignore_case(machine, by)? };
        keyed.push((by, key, value));
    }
    let sorted =
        sorted_by(&mut machine.memory, keyed, is_reverse(reverse)?, |memory, a, b| less(memory, a.0, b.0))?;
    let mut pairs = Vec::with_capacity(sorted.len());
    for (_, key, value) in sorted {
        pairs.push(machine.memory.tuple(&[key, value])?);
    }
    machine.memory.list(&pairs)
}

/// `min(case_sensitive=False, attribute=None)`
pub fn min<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    outermost(machine, value, args, ("min", "<", Ordering::Less))
}

/// `max(case_sensitive=False, attribute=None)`
pub fn max<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    outermost(machine, value, args, ("max", ">", Ordering::Greater))
}

/// The first item that no other one beats.
fn outermost<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    args: Args<'a>,
    (name, symbol, wanted): (&str, &str, Ordering),
) -> Result<Value<'a>> {
    let [case_sensitive, attribute] = args.bind(name, ["case_sensitive", "attribute"], 0)?;
    let mut items = Iter::new(value)?;
    let Some(mut best) = machine.next(&mut items)? else {
        return machine.memory.undefined("No aggregated item, sequence was empty.");
    };
    let getter = Getter::new(machine, attribute, None)?;
    let key = Key { getter, case_sensitive: flag(case_sensitive) };
    let mut best_key = key.get(machine, best)?;
    while let Some(item) = machine.next(&mut items)? {
        let item_key = key.get(machine, item)?;
        if operators::order(&mut machine.memory, item_key, best_key, symbol)? == Some(wanted) {
            (best, best_key) = (item, item_key);
        }
    }
    Ok(best)
}

/// `a < b` for a sort, which needs the answer to make sense.
pub(crate) fn less(memory: &mut Memory<'_>, a: Value<'_>, b: Value<'_>) -> Result<bool> {
    match operators::order(memory, a, b, "<")? {
        Some(order) => Ok(order.is_lt()),
        None => Err(unsupported("values without an order of their own (NaN) are sorted")),
    }
}

/// `a < b` for lists of keys: the first two that differ decide, whatever their types.
fn keys_less(memory: &mut Memory<'_>, a: &[Value<'_>], b: &[Value<'_>]) -> Result<bool> {
    for (a, b) in a.iter().zip(b) {
        if !operators::equal(memory, *a, *b)? {
            return less(memory, *a, *b);
        }
    }
    Ok(false)
}

/// `sorted(items, key=.., reverse=..)`, a step for each comparison.
pub fn sorted_by<T: Copy>(
    memory: &mut Memory<'_>,
    items: Vec<T>,
    reverse: bool,
    less: impl Fn(&mut Memory<'_>, T, T) -> Result<bool>,
) -> Result<Vec<T>> {
    memory.reserve(size_of_val(&*items))?;
    sorted(items, |later, earlier| {
        memory.step()?;
        if reverse { less(memory, earlier, later) } else { less(memory, later, earlier) }
    })
}

/// A stable sort that stops at the first error: `jumps(later, earlier)` says whether the later one of two items
/// belongs in front of the earlier one.
pub(crate) fn sorted<T: Copy>(items: Vec<T>, mut jumps: impl FnMut(T, T) -> Result<bool>) -> Result<Vec<T>> {
    let mut from = items;
    let mut into = Vec::with_capacity(from.len());
    let mut width = 1;
    while width < from.len() {
        for pair in from.chunks(2 * width) {
            let (mut earlier, mut later) = pair.split_at(width.min(pair.len()));
            while let ([first, rest @ ..], [second, others @ ..]) = (earlier, later) {
                if jumps(*second, *first)? {
                    into.push(*second);
                    later = others;
                } else {
                    into.push(*first);
                    earlier = rest;
                }
            }
            into.extend_from_slice(earlier);
            into.extend_from_slice(later);
        }
        std::mem::swap(&mut from, &mut into);
        into.clear();
        width *= 2;
    }
    Ok(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_is_stable_and_stops_at_errors() {
        for count in 0..70_u32 {
            let items: Vec<(u32, u32)> = (0..count).map(|at| (at * 7919 % 11, at)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            assert_eq!(sorted(items, |later, earlier| Ok(later.0 < earlier.0)).unwrap(), expected);
        }
        assert!(sorted(vec![2, 1], |_, _| Err(type_error("no order"))).is_err());
    }
}
