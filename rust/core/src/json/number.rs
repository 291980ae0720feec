//! JSON numbers as Python reads and prints them.

use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

/// An integer of any size, exact, or a finite float.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    Int(i64),
    /// An integer outside `i64`, in Python's spelling: no leading zeros, no plus sign.
    BigInt(Arc<str>),
    Float(f64),
}

impl Number {
    /// Reads the text of a number that follows the JSON grammar. `None`: a float beyond `f64`.
    pub fn from_json_text(text: &str) -> Option<Self> {
        if text.contains(['.', 'e', 'E']) {
            let float: f64 = text.parse().ok()?;
            return float.is_finite().then_some(Self::Float(float));
        }
        Some(match text.parse::<i64>() {
            Ok(int) => Self::Int(int),
            Err(_) => Self::BigInt(text.into()),
        })
    }

    pub fn as_f64(&self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
            Self::Int(int) => *int as f64,
            Self::BigInt(digits) => digits.parse().unwrap_or(f64::NAN),
            Self::Float(float) => *float,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => write!(f, "{int}"),
            Self::BigInt(digits) => f.write_str(digits),
            Self::Float(float) => f.write_str(&float_repr(*float)),
        }
    }
}

/// Python's `repr` of a float: the shortest digits that read back, exponent from 1e16 up and below 1e-4.
pub fn float_repr(float: f64) -> String {
    if float.is_nan() {
        return "nan".into();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = shortest_digits(float);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        // A mantissa of n digits is "d.ddd", or "d" alone.
        let behind_point = mantissa.trim_start_matches('-').len().saturating_sub(2);
        let decimals = i64::try_from(behind_point).unwrap_or(0) - i64::from(exponent);
        return format!("{float:.*}", usize::try_from(decimals.max(1)).unwrap_or(1));
    }
    let mut out = String::from(mantissa);
    let sign = if exponent < 0 { '-' } else { '+' };
    // Writing to a String cannot fail.
    let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
    out
}

/// The shortest digits that read back, and of these the nearest: Rust's own may be the other side of a tie.
fn shortest_digits(float: f64) -> String {
    let short = format!("{float:e}");
    let digits = short.split('e').next().map_or(0, |mantissa| mantissa.trim_start_matches('-').len());
    let nearest = format!("{float:.*e}", digits.saturating_sub(2));
    if nearest.parse() == Ok(float) { nearest } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        for (float, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.25e-10, "1.25e-10"),
            (123_456_789.125, "123456789.125"),
            (5e-324, "5e-324"),
            (1e22, "1e+22"),
            (-1234.5, "-1234.5"),
        ] {
            assert_eq!(float_repr(float), text);
        }
        // A tie between two shortest spellings goes to the even digit.
        assert_eq!(float_repr(600_000_000_000_000.0 + 0.25), "600000000000000.2");
    }
}
