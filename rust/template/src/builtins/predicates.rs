//! The tests of Jinja2: `value is name(arguments)`.
//!
//! A name goes in, a function comes out. Nothing here is a unit test except the module at the end.

use std::cmp::Ordering;

use crate::builtins::arguments::Args;
use crate::builtins::filters;
use crate::error::{Error, ErrorKind, Result};
use crate::run::Machine;
use crate::value::format;
use crate::value::memory::Memory;
use crate::value::operators::{self, type_error};
use crate::value::unicode;
use crate::value::{Object, Value};

pub type TestFn = for<'a> fn(&mut Machine<'a>, Value<'a>, Args<'a>) -> Result<bool>;

#[derive(Debug, Clone, Copy)]
pub struct Test {
    pub name: &'static str,
    pub apply: TestFn,
}

/// The test of this name.
pub fn find(name: &str) -> Option<Test> {
    let at = TESTS.binary_search_by_key(&name, |test| test.name).ok()?;
    TESTS.get(at).copied()
}

/// In the order of their names.
static TESTS: [Test; 39] = [
    test("!=", not_equal),
    test("<", less),
    test("<=", less_or_equal),
    test("==", equal),
    test(">", greater),
    test(">=", greater_or_equal),
    test("boolean", |_, value, args| plain(args, matches!(value, Value::Bool(_)))),
    test("callable", |_, value, args| plain(args, value.is_undefined() || Machine::is_callable(value))),
    test("defined", |_, value, args| plain(args, !value.is_undefined())),
    test("divisibleby", divisible_by),
    test("eq", equal),
    test("equalto", equal),
    test("escaped", |_, value, args| plain(args, value.as_text().is_some_and(|text| text.markup))),
    test("even", even),
    test("false", |_, value, args| plain(args, matches!(value, Value::Bool(false)))),
    test("filter", |machine, value, args| {
        names_one(machine, value, args, |name| filters::find(name).is_some())
    }),
    test("float", |_, value, args| plain(args, matches!(value, Value::Float(_)))),
    test("ge", greater_or_equal),
    test("greaterthan", greater),
    test("gt", greater),
    test("in", contained),
    test("integer", |_, value, args| plain(args, matches!(value, Value::Int(_) | Value::BigInt(_)))),
    test("iterable", |_, value, args| plain(args, is_iterable(value))),
    test("le", less_or_equal),
    test("lessthan", less),
    test("lower", |machine, value, args| text_is(machine, value, args, unicode::is_lower)),
    test("lt", less),
    test("mapping", |_, value, args| plain(args, matches!(value, Value::Dict(_)))),
    test("ne", not_equal),
    test("none", |_, value, args| plain(args, matches!(value, Value::None))),
    test("number", |_, value, args| plain(args, is_number(value))),
    test("odd", odd),
    test("sameas", same_as),
    test("sequence", |_, value, args| plain(args, is_sequence(value))),
    test("string", |_, value, args| plain(args, value.as_str().is_some())),
    test("test", |machine, value, args| names_one(machine, value, args, |name| find(name).is_some())),
    test("true", |_, value, args| plain(args, matches!(value, Value::Bool(true)))),
    test("undefined", |_, value, args| plain(args, value.is_undefined())),
    test("upper", |machine, value, args| text_is(machine, value, args, unicode::is_upper)),
];

const fn test(name: &'static str, apply: TestFn) -> Test {
    Test { name, apply }
}

/// The answer of a test that takes no arguments.
fn plain(args: Args<'_>, answer: bool) -> Result<bool> {
    args.none("test").map(|()| answer)
}

fn names_one<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    args: Args<'a>,
    exists: impl FnOnce(&str) -> bool,
) -> Result<bool> {
    args.none("test")?;
    operators::hashable(&mut machine.memory, value)?;
    Ok(value.as_str().is_some_and(exists))
}

fn text_is<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    args: Args<'a>,
    is: fn(&str) -> bool,
) -> Result<bool> {
    args.none("test")?;
    let text = match value.as_text() {
        Some(text) => text,
        None => machine.str(value)?,
    };
    machine.memory.look_at_each(text.str.len())?;
    Ok(is(text.str))
}

/// What `len` and `__getitem__` of Python both work with; Jinja2's Undefined has them.
fn is_sequence(value: Value<'_>) -> bool {
    match value {
        Value::Undefined(_)
        | Value::Str(_)
        | Value::Literal(_)
        | Value::List(_)
        | Value::Growing(_)
        | Value::Tuple(_)
        | Value::Dict(_)
        | Value::Range(_) => true,
        Value::None
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::View(_)
        | Value::Method(_)
        | Value::Function(_)
        | Value::Object(_) => false,
    }
}

fn is_iterable(value: Value<'_>) -> bool {
    is_sequence(value)
        || matches!(value, Value::View(_) | Value::Object(Object::Iterator(_) | Object::Loop(_)))
}

fn is_number(value: Value<'_>) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_))
}

fn even<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    args.none("even")?;
    remainder_is(machine, value, Value::Int(2), 0)
}

fn odd<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    args.none("odd")?;
    remainder_is(machine, value, Value::Int(2), 1)
}

/// `divisibleby(num)`
fn divisible_by<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    let [number] = args.bind("divisibleby", ["num"], 1)?;
    remainder_is(machine, value, number.unwrap_or(Value::None), 0)
}

fn remainder_is<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    number: Value<'a>,
    wanted: i64,
) -> Result<bool> {
    if let Some(text) = value.as_text() {
        // The operator formats texts, and no text equals a number.
        return format::percent(machine, text, number).map(|_| false);
    }
    let rest = operators::remainder(&mut machine.memory, value, number)?;
    operators::equal(&mut machine.memory, rest, Value::Int(wanted))
}

/// `in(seq)`
fn contained<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    let [container] = args.bind("in", ["seq"], 1)?;
    machine.contains(container.unwrap_or(Value::None), value)
}

fn equal<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    operators::equal(&mut machine.memory, value, other(args)?)
}

fn not_equal<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    operators::equal(&mut machine.memory, value, other(args)?).map(|equal| !equal)
}

fn less<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    ordered(machine, value, args, "<", Ordering::is_lt)
}

fn less_or_equal<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    ordered(machine, value, args, "<=", Ordering::is_le)
}

fn greater<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    ordered(machine, value, args, ">", Ordering::is_gt)
}

fn greater_or_equal<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    ordered(machine, value, args, ">=", Ordering::is_ge)
}

fn ordered<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    args: Args<'a>,
    symbol: &str,
    holds: fn(Ordering) -> bool,
) -> Result<bool> {
    Ok(operators::order(&mut machine.memory, value, other(args)?, symbol)?.is_some_and(holds))
}

/// The second operand, which has no name.
fn other(args: Args<'_>) -> Result<Value<'_>> {
    match (args.positional, args.keywords) {
        ([other], []) => Ok(*other),
        _ => Err(type_error("a comparison takes one value to compare with, without a name")),
    }
}

/// `sameas(other)`: whether both are one object of Python.
fn same_as<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<bool> {
    let [other] = args.bind("sameas", ["other"], 1)?;
    is_same(&mut machine.memory, value, other.unwrap_or(Value::None))
}

/// What has a place in memory is compared by it. Of numbers and texts Python shares some and copies others: where
/// it is not clear which, there is no answer.
fn is_same(memory: &mut Memory<'_>, a: Value<'_>, b: Value<'_>) -> Result<bool> {
    match (a, b) {
        (Value::None, Value::None) => Ok(true),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Function(a), Value::Function(b)) => Ok(a == b),
        (Value::Object(a), Value::Object(b)) => Ok(a == b),
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => Ok(std::ptr::eq(a, b)),
        (Value::Dict(a), Value::Dict(b)) => Ok(std::ptr::eq(a, b)),
        (Value::View(a), Value::View(b)) => Ok(std::ptr::eq(a, b)),
        (Value::Range(a), Value::Range(b)) => Ok(std::ptr::eq(a, b)),
        (Value::Method(a), Value::Method(b)) => Ok(std::ptr::eq(a, b)),
        (Value::Str(a), Value::Str(b)) if std::ptr::eq(a, b) => Ok(true),
        (Value::Literal(a), Value::Literal(b)) if std::ptr::eq(a, b) => Ok(true),
        (Value::Int(a), Value::Int(b)) if a == b && (-5..=256).contains(&a) => Ok(true),
        (Value::Undefined(_), Value::Undefined(_)) => Err(unclear()),
        (a, b) if a.type_name() != b.type_name() => Ok(false),
        (a, b) if operators::equal(memory, a, b)? => Err(unclear()),
        _ => Ok(false),
    }
}

#[cold]
fn unclear() -> Error {
    Error::new(ErrorKind::Unsupported, "whether two equal values are the same one depends on Python's memory")
}

#[cfg(test)]
mod check {
    use super::*;

    #[test]
    fn every_name_finds_its_test() {
        assert!(TESTS.is_sorted_by(|a, b| a.name < b.name));
        for test in &TESTS {
            assert_eq!(find(test.name).map(|found| found.name), Some(test.name));
        }
        assert!(find("sting").is_none());
    }

    #[test]
    fn sameness() {
        let (list, other) = ([Value::Int(1)], [Value::Int(1)]);
        let (list, other) = (crate::value::Items::new(&list), crate::value::Items::new(&other));
        let arena = bumpalo::Bump::new();
        let mut memory = Memory::new(&arena, &crate::Limits::for_input(0));
        let table = [
            (Value::None, Value::None, Some(true)),
            (Value::None, Value::Bool(false), Some(false)),
            (Value::Bool(true), Value::Int(1), Some(false)),
            (Value::Int(256), Value::Int(256), Some(true)),
            (Value::List(&list), Value::List(&list), Some(true)),
            (Value::List(&list), Value::List(&other), Some(false)),
        ];
        for (a, b, expected) in table {
            assert_eq!(is_same(&mut memory, a, b).ok(), expected, "{a:?} {b:?}");
        }
    }
}
