//! Methods of `int`, `bool` and `float`.

use num_bigint::{BigInt, Sign};

use super::{no_such, unsupported};
use crate::builtins::arguments::Args;
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{self, value_error};

pub fn int_has(name: &str) -> bool {
    matches!(name, "as_integer_ratio" | "bit_count" | "bit_length" | "conjugate" | "from_bytes" | "to_bytes")
}

pub fn float_has(name: &str) -> bool {
    matches!(name, "as_integer_ratio" | "conjugate" | "fromhex" | "hex" | "is_integer")
}

pub fn call_int<'a>(
    machine: &mut Machine<'a>,
    object: Value<'a>,
    name: &str,
    args: Args<'a>,
) -> Result<Value<'a>> {
    let plain = match object {
        Value::Bool(bool) => Value::Int(i64::from(bool)),
        object => object,
    };
    match name {
        "conjugate" => args.none(name).map(|()| plain),
        "as_integer_ratio" => {
            args.none(name)?;
            machine.memory.tuple(&[plain, Value::Int(1)])
        }
        "bit_length" => {
            args.none(name)?;
            let big = operators::as_big(&mut machine.memory, object)?.unwrap_or_default();
            Ok(Value::Int(i64::try_from(big.bits()).unwrap_or(i64::MAX)))
        }
        "bit_count" => {
            args.none(name)?;
            let big = operators::as_big(&mut machine.memory, object)?.unwrap_or_default();
            Ok(Value::Int(big.iter_u64_digits().map(|digit| i64::from(digit.count_ones())).sum()))
        }
        name if int_has(name) => Err(unsupported("int", name)),
        name => Err(no_such(object, name)),
    }
}

pub fn call_float<'a>(
    machine: &mut Machine<'a>,
    float: f64,
    name: &str,
    args: Args<'a>,
) -> Result<Value<'a>> {
    match name {
        "conjugate" => args.none(name).map(|()| Value::Float(float)),
        #[allow(clippy::float_cmp, reason = "whether nothing is cut off is the question")]
        "is_integer" => args.none(name).map(|()| Value::Bool(float.is_finite() && float.trunc() == float)),
        "as_integer_ratio" => {
            args.none(name)?;
            let Some((numerator, denominator)) = ratio(float) else {
                return Err(value_error("infinity and NaN are not ratios of integers"));
            };
            let parts = [
                operators::int(&mut machine.memory, &numerator)?,
                operators::int(&mut machine.memory, &denominator)?,
            ];
            machine.memory.tuple(&parts)
        }
        name if float_has(name) => Err(unsupported("float", name)),
        name => Err(no_such(Value::Float(float), name)),
    }
}

/// The reduced fraction that a finite float is.
fn ratio(float: f64) -> Option<(BigInt, BigInt)> {
    if !float.is_finite() {
        return None;
    }
    let bits = float.to_bits();
    let (raw, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    let (mantissa, exponent) = match raw {
        0 => (fraction, -1074),
        raw => (fraction | 1 << 52, i64::try_from(raw).ok()? - 1075),
    };
    if mantissa == 0 {
        return Some((BigInt::ZERO, BigInt::from(1)));
    }
    let (mantissa, exponent) =
        (mantissa >> mantissa.trailing_zeros(), exponent + i64::from(mantissa.trailing_zeros()));
    let sign = if float < 0.0 { Sign::Minus } else { Sign::Plus };
    let numerator = BigInt::from_biguint(sign, mantissa.into());
    Some(if exponent < 0 {
        (numerator, BigInt::from(1) << exponent.unsigned_abs())
    } else {
        (numerator << exponent.unsigned_abs(), BigInt::from(1))
    })
}
