//! Filters that make and change numbers.

use num_bigint::{BigInt, Sign, ToBigInt};

use crate::builtins::arguments::Args;
use crate::builtins::filters::{flag, given, index, number::whole, parse};
use crate::error::{ErrorKind, Result};
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{self, type_error, undefined_error, value_error};
use crate::value::text::{Node, Text};

pub fn abs<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("abs")?;
    if let Value::Float(float) = value {
        return Ok(Value::Float(float.abs()));
    }
    let int = operators::as_big(&mut machine.memory, value)?
        .ok_or_else(|| type_error(format!("bad operand type for abs(): '{}'", value.type_name())))?;
    operators::int(&mut machine.memory, &BigInt::from(int.magnitude().clone()))
}

/// `float(default=0.0)`
pub fn float<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [default] = args.bind("float", ["default"], 0)?;
    match to_float(machine, value) {
        Ok(float) => Ok(Value::Float(float)),
        // An integer too large for a float is a separate error.
        Err(error) if value.as_str().is_none() && error.kind != ErrorKind::Type => Err(error),
        Err(error) if error.kind.is_limit() => Err(error),
        Err(_) => Ok(default.unwrap_or(Value::Float(0.0))),
    }
}

/// `float(value)`
fn to_float<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Result<f64> {
    if let Value::Undefined(undefined) = value {
        return Err(undefined_error(undefined));
    }
    if let Some(text) = value.as_str() {
        machine.memory.reserve(text.len())?;
        return parse::float(text);
    }
    operators::as_float(&mut machine.memory, value)?.ok_or_else(|| {
        type_error(format!("float() argument must be a string or a real number, not '{}'", value.type_name()))
    })
}

/// `round(precision=0, method='common')`
pub fn round<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [precision, method] = args.bind("round", ["precision", "method"], 0)?;
    let precision = precision.unwrap_or(Value::Int(0));
    if !matches!(value, Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_)) {
        return Err(type_error(format!("type {} doesn't define __round__ method", value.type_name())));
    }
    match method.map(Value::as_str) {
        None | Some(Some("common")) => round_half_even(machine, value, given(Some(precision))),
        Some(Some("ceil")) => round_to_side(machine, value, precision, f64::ceil),
        Some(Some("floor")) => round_to_side(machine, value, precision, f64::floor),
        _ => Err(value_error("method must be common, ceil or floor")),
    }
}

/// No float is written with more digits, of which each costs as much as a step, than when it is rounded.
const DIGITS_OF_ROUNDED: usize = 309 + 323;

/// `func(value * 10**precision) / 10**precision`
fn round_to_side<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    precision: Value<'a>,
    side: fn(f64) -> f64,
) -> Result<Value<'a>> {
    let unit = operators::power(&mut machine.memory, Value::Int(10), precision)?;
    let scaled = match operators::multiply(&mut machine.memory, value, unit)? {
        Value::Float(float) => to_int(machine, side(float))?,
        int => whole(int)?,
    };
    operators::divide(&mut machine.memory, scaled, unit)
}

/// `round(value, precision)`
fn round_half_even<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    precision: Option<Value<'a>>,
) -> Result<Value<'a>> {
    let places = match precision {
        None => None,
        Some(Value::BigInt(digits)) => Some(if digits.starts_with('-') { i64::MIN } else { i64::MAX }),
        Some(precision) => Some(index(precision)?),
    };
    match (value, places) {
        (Value::Float(float), None) => to_int(machine, float.round_ties_even()),
        (Value::Float(float), Some(places)) => {
            machine.memory.work(64 * DIGITS_OF_ROUNDED)?;
            round_float(float, places).map(Value::Float)
        }
        (value, Some(places @ ..0)) => match operators::as_big(&mut machine.memory, value)? {
            Some(int) => {
                let digits = usize::try_from(int.bits() * 3 / 10).unwrap_or(usize::MAX);
                machine.memory.decimal(digits)?;
                operators::int(&mut machine.memory, &round_int(&int, places.unsigned_abs()))
            }
            None => whole(value),
        },
        (value, _) => whole(value),
    }
}

fn to_int<'a>(machine: &mut Machine<'a>, float: f64) -> Result<Value<'a>> {
    match float.to_bigint() {
        Some(int) => operators::int(&mut machine.memory, &int),
        None => Err(value_error(format!("cannot convert float {float} to integer"))),
    }
}

/// To a multiple of 10**zeros.
fn round_int(int: &BigInt, zeros: u64) -> BigInt {
    // Longer than any integer here, so there is nothing left.
    let Some(zeros) = u32::try_from(zeros).ok().filter(|zeros| u64::from(*zeros) <= int.bits()) else {
        return BigInt::ZERO;
    };
    let unit = BigInt::from(10).pow(zeros);
    nearest(int, &unit, false) * unit
}

/// How many units an integer is, to the nearest, a tie to the even one; `more` adds a bit that is left out.
fn nearest(int: &BigInt, unit: &BigInt, more: bool) -> BigInt {
    let (units, rest) = (int / unit, int % unit);
    let doubled = BigInt::from(rest.magnitude() * 2_u32);
    let up = match doubled.cmp(unit) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => more || units.bit(0),
        std::cmp::Ordering::Greater => true,
    };
    match (up, int.sign()) {
        (false, _) => units,
        (true, Sign::Minus) => units - 1,
        (true, _) => units + 1,
    }
}

/// `round(float, places)`: by the digits of its exact value.
fn round_float(float: f64, places: i64) -> Result<f64> {
    const MOST: i64 = 323;
    const LEAST: i64 = -308;
    if !float.is_finite() || places > MOST {
        return Ok(float);
    }
    if places < LEAST {
        return Ok(0.0 * float);
    }
    let digits = if let Ok(places) = usize::try_from(places) {
        format!("{float:.places$}")
    } else {
        let zeros = u32::try_from(places.unsigned_abs()).unwrap_or(u32::MAX);
        let whole = float.abs().to_bigint().unwrap_or_default();
        format!("{}e{zeros}", nearest(&whole, &BigInt::from(10).pow(zeros), float.fract() != 0.0))
    };
    match digits.parse::<f64>() {
        Ok(rounded) if rounded.is_finite() => Ok(rounded.copysign(float)),
        _ => Err(value_error("rounded value too large to represent")),
    }
}

/// `filesizeformat(binary=False)`
pub fn filesizeformat<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [binary] = args.bind("filesizeformat", ["binary"], 0)?;
    let bytes = to_float(machine, value)?;
    machine.memory.work(64 * DIGITS_OF_ROUNDED)?;
    let size = file_size(bytes, flag(binary))?;
    let size = machine.memory.str(&size)?;
    let text = match value.as_text() {
        Some(text) => text.rewritten(size),
        None => Text::derived(size, Node::NONE),
    };
    machine.memory.text(text)
}

fn file_size(bytes: f64, binary: bool) -> Result<String> {
    const DECIMAL: [&str; 8] = ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    const BINARY: [&str; 8] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];
    let (base, prefixes) = if binary { (1024_u32, BINARY) } else { (1000, DECIMAL) };
    let whole = bytes.to_bigint();
    if bytes.to_bits() == 1.0_f64.to_bits() {
        return Ok("1 Byte".into());
    }
    if bytes < f64::from(base) {
        let whole = whole.ok_or_else(|| value_error("cannot convert float infinity to integer"))?;
        return Ok(format!("{whole} Bytes"));
    }
    let (mut size, mut unit_name) = (bytes, "");
    let mut unit = u128::from(base);
    for prefix in prefixes {
        unit *= u128::from(base);
        #[expect(clippy::cast_precision_loss, reason = "Python divides by the nearest float, too")]
        let of_unit = f64::from(base) * bytes / unit as f64;
        (size, unit_name) = (of_unit, prefix);
        if whole.as_ref().is_some_and(|whole| *whole < BigInt::from(unit)) {
            break;
        }
    }
    Ok(format!("{size:.1} {unit_name}").replace("NaN", "nan"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_by_their_exact_value() {
        let table = [
            (2.675, 2, 2.67),
            (0.5, 0, 0.0),
            (1.5, 0, 2.0),
            (2.5, 0, 2.0),
            (0.25, 1, 0.2),
            (1234.5, -2, 1200.0),
            (1250.0, -2, 1200.0),
            (1250.5, -2, 1300.0),
            (-1350.0, -2, -1400.0),
            (5e-324, 324, 5e-324),
            (1e300, -301, 0.0),
        ];
        for (float, places, expected) in table {
            assert_eq!(
                round_float(float, places).unwrap().to_bits(),
                f64::to_bits(expected),
                "{float} {places}"
            );
        }
        assert!(round_float(-0.4, 0).unwrap().is_sign_negative());
        assert!(round_float(f64::MAX, -308).is_err());
    }

    #[test]
    fn integers_are_rounded_to_even_tens() {
        let table =
            [(15, 1, 20), (25, 1, 20), (-15, 1, -20), (-25, 1, -20), (26, 1, 30), (7, 400, 0), (50, 2, 0)];
        for (int, zeros, expected) in table {
            assert_eq!(round_int(&BigInt::from(int), zeros), BigInt::from(expected), "{int} {zeros}");
        }
    }

    #[test]
    fn file_sizes() {
        let table = [
            (1.0, false, "1 Byte"),
            (0.0, false, "0 Bytes"),
            (-5.5, false, "-5 Bytes"),
            (1000.0, false, "1.0 kB"),
            (1000.0, true, "1000 Bytes"),
            (1e24, false, "1000.0 ZB"),
            (1e30, false, "1000000.0 YB"),
            (1_048_576.0, true, "1.0 MiB"),
            (f64::INFINITY, false, "inf YB"),
            (f64::NAN, true, "nan YiB"),
        ];
        for (bytes, binary, expected) in table {
            assert_eq!(file_size(bytes, binary).unwrap(), expected);
        }
        assert!(file_size(f64::NEG_INFINITY, false).is_err());
    }
}
