//! Numbers, and what `+` and `*` do with sequences.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign, ToBigInt};

use super::{type_error, undefined_error, value_error};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::MAX_INT_DIGITS;
use crate::value::Value;
use crate::value::markup;
use crate::value::memory::Memory;
use crate::value::text::Text;

/// The integer that a bool or an int is.
pub fn as_big(memory: &mut Memory<'_>, value: Value<'_>) -> Result<Option<BigInt>> {
    match value {
        Value::BigInt(digits) => {
            memory.decimal(digits.len())?;
            Ok(digits.parse().ok())
        }
        value => Ok(value.as_index().map(BigInt::from)),
    }
}

/// An integer as a value, small where it fits.
pub fn int<'a>(memory: &mut Memory<'a>, int: &BigInt) -> Result<Value<'a>> {
    if let Ok(small) = i64::try_from(int) {
        return Ok(Value::Int(small));
    }
    // 10 bits make 3 digits.
    if int.bits() > MAX_INT_DIGITS as u64 * 10 / 3 {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("an integer has more than {MAX_INT_DIGITS} digits"),
        ));
    }
    memory.decimal(usize::try_from(int.bits() * 3 / 10).unwrap_or(usize::MAX))?;
    let digits = memory.str(&int.to_string())?;
    Ok(Value::BigInt(memory.alloc(digits)?))
}

/// The float that a bool, an int or a float is; OverflowError beyond.
pub fn as_float(memory: &mut Memory<'_>, value: Value<'_>) -> Result<Option<f64>> {
    Ok(Some(match value {
        Value::Float(float) => float,
        Value::BigInt(digits) => {
            memory.decimal(digits.len())?;
            match digits.parse::<f64>() {
                Ok(float) if float.is_finite() => float,
                _ => return Err(value_error("int too large to convert to float")),
            }
        }
        value => match value.as_index() {
            #[allow(clippy::cast_precision_loss, reason = "the nearest float is what Python takes, too")]
            Some(int) => int as f64,
            None => return Ok(None),
        },
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberOrder {
    Known(Ordering),
    /// One is NaN, which has no order.
    NotANumber,
    /// One is not a number at all.
    OtherTypes,
}

pub(super) fn compare_numbers(memory: &mut Memory<'_>, a: Value<'_>, b: Value<'_>) -> Result<NumberOrder> {
    Ok(match (a, b) {
        (Value::Int(a), Value::Int(b)) => NumberOrder::Known(a.cmp(&b)),
        (Value::Float(a), Value::Float(b)) => {
            a.partial_cmp(&b).map_or(NumberOrder::NotANumber, NumberOrder::Known)
        }
        (Value::Float(a), b) => match compare_with_float(memory, b, a)? {
            NumberOrder::Known(order) => NumberOrder::Known(order.reverse()),
            other => other,
        },
        (a, Value::Float(b)) => compare_with_float(memory, a, b)?,
        (a, b) => match (as_big(memory, a)?, as_big(memory, b)?) {
            (Some(a), Some(b)) => NumberOrder::Known(a.cmp(&b)),
            _ => NumberOrder::OtherTypes,
        },
    })
}

/// An integer against a float, exactly.
fn compare_with_float(memory: &mut Memory<'_>, int: Value<'_>, float: f64) -> Result<NumberOrder> {
    let Some(int) = as_big(memory, int)? else {
        return Ok(NumberOrder::OtherTypes);
    };
    if float.is_nan() {
        return Ok(NumberOrder::NotANumber);
    }
    if float.is_infinite() {
        return Ok(NumberOrder::Known(if float > 0.0 { Ordering::Less } else { Ordering::Greater }));
    }
    let Some(whole) = float.trunc().to_bigint() else {
        return Ok(NumberOrder::NotANumber);
    };
    let rest = float.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal);
    Ok(NumberOrder::Known(int.cmp(&whole).then(rest.reverse())))
}

enum Pair {
    Small(i64, i64),
    Big(BigInt, BigInt),
    Float(f64, f64),
}

/// Two numbers on common ground, or the error that Python gives for these operands.
fn numbers(memory: &mut Memory<'_>, a: Value<'_>, b: Value<'_>, symbol: &str) -> Result<Pair> {
    if let (Value::Undefined(undefined), _) | (_, Value::Undefined(undefined)) = (a, b) {
        return Err(undefined_error(undefined));
    }
    if let (Some(a), Some(b)) = (a.as_index(), b.as_index()) {
        return Ok(Pair::Small(a, b));
    }
    if let (Some(a), Some(b)) = (as_big(memory, a)?, as_big(memory, b)?) {
        return Ok(Pair::Big(a, b));
    }
    let unsupported = || {
        type_error(format!(
            "unsupported operand type(s) for {symbol}: '{}' and '{}'",
            a.type_name(),
            b.type_name()
        ))
    };
    let is_number =
        |value: Value<'_>| matches!(value, Value::Float(_) | Value::BigInt(_)) || value.as_index().is_some();
    if !is_number(a) || !is_number(b) {
        return Err(unsupported());
    }
    match (as_float(memory, a)?, as_float(memory, b)?) {
        (Some(a), Some(b)) => Ok(Pair::Float(a, b)),
        _ => Err(unsupported()),
    }
}

type Checked = fn(i64, i64) -> Option<i64>;

/// An operation that is exact on integers and plain on floats.
fn exact<'a>(
    memory: &mut Memory<'a>,
    pair: Pair,
    small: Checked,
    big: fn(&BigInt, &BigInt) -> BigInt,
    float: fn(f64, f64) -> f64,
) -> Result<Value<'a>> {
    match pair {
        Pair::Small(a, b) => match small(a, b) {
            Some(result) => Ok(Value::Int(result)),
            None => int(memory, &big(&a.into(), &b.into())),
        },
        Pair::Big(a, b) => int(memory, &big(&a, &b)),
        Pair::Float(a, b) => Ok(Value::Float(float(a, b))),
    }
}

pub fn add<'a>(memory: &mut Memory<'a>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
    match (a, b) {
        (Value::List(a), Value::List(b)) => {
            let items = joined(memory, a.items, b.items)?;
            memory.list(&items)
        }
        (Value::Tuple(a), Value::Tuple(b)) => {
            let items = joined(memory, a.items, b.items)?;
            memory.tuple(&items)
        }
        (a, b) => match (a.as_text(), b.as_text()) {
            (Some(a), Some(b)) => {
                let text = add_texts(memory, a, b)?;
                memory.text(text)
            }
            (Some(_), None) if !b.is_undefined() => {
                Err(type_error(format!("can only concatenate str (not \"{}\") to str", b.type_name())))
            }
            _ => {
                let pair = numbers(memory, a, b, "+")?;
                exact(memory, pair, i64::checked_add, |a, b| a + b, |a, b| a + b)
            }
        },
    }
}

fn add_texts<'a>(memory: &mut Memory<'a>, a: Text<'a>, b: Text<'a>) -> Result<Text<'a>> {
    if !a.markup && !b.markup {
        return memory.concat(&[a, b]);
    }
    let (a, b) = (markup::escape(memory, a)?, markup::escape(memory, b)?);
    Ok(memory.concat(&[a, b])?.with_markup(true))
}

fn joined<'a>(memory: &mut Memory<'a>, a: &[Value<'a>], b: &[Value<'a>]) -> Result<Vec<Value<'a>>> {
    memory.reserve((a.len() + b.len()) * size_of::<Value<'_>>())?;
    Ok([a, b].concat())
}

pub fn subtract<'a>(memory: &mut Memory<'a>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
    let pair = numbers(memory, a, b, "-")?;
    exact(memory, pair, i64::checked_sub, |a, b| a - b, |a, b| a - b)
}

pub fn multiply<'a>(memory: &mut Memory<'a>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
    let is_sequence = |value: Value<'_>| {
        matches!(value, Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Literal(_))
    };
    match (a, b) {
        (sequence, times) | (times, sequence)
            if is_sequence(sequence) && (times.as_index().is_some() || matches!(times, Value::BigInt(_))) =>
        {
            repeat(memory, sequence, times)
        }
        _ => {
            let pair = numbers(memory, a, b, "*")?;
            exact(memory, pair, i64::checked_mul, |a, b| a * b, |a, b| a * b)
        }
    }
}

fn repeat<'a>(memory: &mut Memory<'a>, sequence: Value<'a>, times: Value<'a>) -> Result<Value<'a>> {
    let times = match times {
        Value::BigInt(digits) if !digits.starts_with('-') => usize::MAX,
        times => usize::try_from(times.as_index().unwrap_or(0)).unwrap_or(0),
    };
    match sequence {
        Value::List(items) | Value::Tuple(items) => {
            memory.reserve(items.items.len().saturating_mul(times).saturating_mul(size_of::<Value<'_>>()))?;
            let repeated = items.items.repeat(if items.items.is_empty() { 0 } else { times });
            match sequence {
                Value::List(_) => memory.list(&repeated),
                _ => memory.tuple(&repeated),
            }
        }
        sequence => {
            let text = sequence.as_text().unwrap_or(Text::EMPTY);
            let times = if text.str.is_empty() { 0 } else { times };
            // Room for the text and for a span and a piece each time.
            memory.reserve(times.saturating_mul(text.str.len() + size_of::<Text<'_>>()))?;
            let repeated = memory.concat(&vec![text; times])?.with_markup(text.markup);
            memory.text(repeated)
        }
    }
}

fn zero_division() -> Error {
    value_error("division by zero")
}

pub fn divide<'a>(memory: &mut Memory<'a>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
    const EXACT: u64 = 1 << 53;
    let (a, b) = match numbers(memory, a, b, "/")? {
        #[allow(clippy::cast_precision_loss, reason = "they are within the exact range")]
        Pair::Small(a, b) if a.unsigned_abs() <= EXACT && b.unsigned_abs() <= EXACT => (a as f64, b as f64),
        Pair::Small(a, b) => return big_ratio(&a.into(), &b.into()),
        Pair::Big(a, b) => return big_ratio(&a, &b),
        Pair::Float(a, b) => (a, b),
    };
    if b == 0.0 { Err(zero_division()) } else { Ok(Value::Float(a / b)) }
}

/// The float nearest to the ratio of two integers: 64 bits of it, the last one set if anything is left, which `f64`
/// then rounds as it should.
fn big_ratio<'a>(a: &BigInt, b: &BigInt) -> Result<Value<'a>> {
    if b.sign() == Sign::NoSign {
        return Err(zero_division());
    }
    let (dividend, divisor) = (a.magnitude(), b.magnitude());
    let bits = |bits: u64| i64::try_from(bits).unwrap_or(i64::MAX / 4);
    let shift = 65 - (bits(dividend.bits()) - bits(divisor.bits()));
    let scale = usize::try_from(shift.unsigned_abs()).unwrap_or(0);
    let (dividend, divisor) =
        if shift >= 0 { (dividend << scale, divisor.clone()) } else { (dividend.clone(), divisor << scale) };
    let mut quotient = &dividend / &divisor;
    let mut left_over = &quotient * &divisor != dividend;
    let extra = quotient.bits().saturating_sub(64);
    left_over |= quotient.trailing_zeros().is_some_and(|zeros| zeros < extra);
    quotient >>= extra;
    let top = u64::try_from(&quotient).unwrap_or(u64::MAX) | u64::from(left_over);
    let exponent = i32::try_from(bits(extra) - shift).unwrap_or(i32::MAX);
    #[allow(clippy::cast_precision_loss, reason = "this is the rounding")]
    let ratio = top as f64 * 2f64.powi(exponent);
    if ratio.is_infinite() {
        return Err(value_error("integer division result too large for a float"));
    }
    Ok(Value::Float(if a.sign() == b.sign() || ratio == 0.0 { ratio } else { -ratio }))
}

pub fn floor_divide<'a>(memory: &mut Memory<'a>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
    Ok(match numbers(memory, a, b, "//")? {
        Pair::Small(_, 0) => return Err(zero_division()),
        Pair::Small(a, b) if b != -1 => {
            Value::Int(a.div_euclid(b) - i64::from(b < 0 && a.rem_euclid(b) != 0))
        }
        Pair::Small(a, b) => return int(memory, &big_divmod(&a.into(), &b.into())?.0),
        Pair::Big(a, b) => return int(memory, &big_divmod(&a, &b)?.0),
        Pair::Float(a, b) => Value::Float(float_divmod(a, b)?.0),
    })
}

/// `a % b` of numbers.
pub fn remainder<'a>(memory: &mut Memory<'a>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
    Ok(match numbers(memory, a, b, "%")? {
        Pair::Small(_, 0) => return Err(zero_division()),
        Pair::Small(_, -1) => Value::Int(0),
        Pair::Small(a, b) => {
            let rest = a % b;
            Value::Int(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
        }
        Pair::Big(a, b) => return int(memory, &big_divmod(&a, &b)?.1),
        Pair::Float(a, b) => Value::Float(float_divmod(a, b)?.1),
    })
}

/// Rounded down, as Python does; the remainder has the divisor's sign.
fn big_divmod(a: &BigInt, b: &BigInt) -> Result<(BigInt, BigInt)> {
    if b.sign() == Sign::NoSign {
        return Err(zero_division());
    }
    let (quotient, rest) = (a / b, a % b);
    if rest.sign() != Sign::NoSign && rest.sign() != b.sign() {
        return Ok((quotient - 1, rest + b));
    }
    Ok((quotient, rest))
}

/// CPython's `float_divmod`.
fn float_divmod(a: f64, b: f64) -> Result<(f64, f64)> {
    if b == 0.0 {
        return Err(zero_division());
    }
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = 0f64.copysign(b);
    } else if (b < 0.0) != (rest < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    let whole = if quotient == 0.0 {
        0f64.copysign(a / b)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 { floor + 1.0 } else { floor }
    };
    Ok((whole, rest))
}

pub fn power<'a>(memory: &mut Memory<'a>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
    let (base, exponent) = match numbers(memory, a, b, "** or pow()")? {
        Pair::Float(base, exponent) => (base, exponent),
        Pair::Small(..) | Pair::Big(..) => {
            let (Some(base), Some(exponent)) = (as_big(memory, a)?, as_big(memory, b)?) else {
                return Err(type_error("unsupported operand type(s) for **"));
            };
            if exponent.sign() != Sign::Minus {
                return integer_power(memory, &base, &exponent);
            }
            (as_float(memory, a)?.unwrap_or(0.0), as_float(memory, b)?.unwrap_or(0.0))
        }
    };
    if base == 0.0 && exponent < 0.0 {
        return Err(value_error("0.0 cannot be raised to a negative power"));
    }
    if base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(Error::new(ErrorKind::Unsupported, "complex numbers are not supported"));
    }
    let result = base.powf(exponent);
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(value_error("numerical result out of range"));
    }
    Ok(Value::Float(result))
}

fn integer_power<'a>(memory: &mut Memory<'a>, base: &BigInt, exponent: &BigInt) -> Result<Value<'a>> {
    let small = u32::try_from(exponent).ok();
    // The power has at least this many digits; `int` refuses what is still too long.
    let bits = (base.bits() - u64::from(base.bits() > 0)).saturating_mul(small.map_or(u64::MAX, u64::from));
    match small {
        _ if base.bits() <= 1 => {
            // 0, 1 and -1.
            let odd = exponent.bit(0);
            let zero = exponent.sign() == Sign::NoSign;
            let one = if zero || !odd { base * base } else { base.clone() };
            int(memory, &if zero { BigInt::from(1) } else { one })
        }
        Some(exponent) if bits <= MAX_INT_DIGITS as u64 * 10 / 3 => int(memory, &base.pow(exponent)),
        _ => Err(Error::new(ErrorKind::Limit, format!("an integer has more than {MAX_INT_DIGITS} digits"))),
    }
}

pub fn negative<'a>(memory: &mut Memory<'a>, value: Value<'a>) -> Result<Value<'a>> {
    match value {
        Value::Undefined(undefined) => Err(undefined_error(undefined)),
        Value::Float(float) => Ok(Value::Float(-float)),
        value => match as_big(memory, value)? {
            Some(big) => int(memory, &-big),
            None => Err(type_error(format!("bad operand type for unary -: '{}'", value.type_name()))),
        },
    }
}

pub fn positive(value: Value<'_>) -> Result<Value<'_>> {
    match value {
        Value::Undefined(undefined) => Err(undefined_error(undefined)),
        Value::Bool(bool) => Ok(Value::Int(i64::from(bool))),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => Ok(value),
        value => Err(type_error(format!("bad operand type for unary +: '{}'", value.type_name()))),
    }
}
