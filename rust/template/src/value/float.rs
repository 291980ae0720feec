//! Floats as Python writes them.
//!
//! In comes a float, out comes its `repr` or what a format code makes of it: digits, point and exponent. Width, sign
//! and grouping are `format`'s.

use std::fmt::Write;

use crate::error::Result;
use crate::value::memory::Memory;

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
    push_exponent(&mut out, exponent);
    out
}

/// The shortest digits that read back, and of these the nearest: Rust's own may be the other side of a tie.
fn shortest_digits(float: f64) -> String {
    let short = format!("{float:e}");
    let digits = short.split('e').next().map_or(0, |mantissa| mantissa.trim_start_matches('-').len());
    let nearest = format!("{float:.*e}", digits.saturating_sub(2));
    if nearest.parse() == Ok(float) { nearest } else { short }
}

fn push_exponent(out: &mut String, exponent: i32) {
    let sign = if exponent < 0 { '-' } else { '+' };
    // Writing to a String cannot fail.
    let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
}

/// How to write a float: Python's format codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// `repr`
    Shortest,
    /// `e`
    Exponent,
    /// `f`
    Fixed,
    /// `g`
    General,
    /// `g` with a digit after the point: a precision without a code.
    GeneralFloat,
}

#[derive(Debug, Clone, Copy)]
pub struct FloatStyle {
    pub code: Code,
    pub precision: usize,
    /// `#`: the point stays, and with `g` the zeros too.
    pub alternate: bool,
    pub uppercase: bool,
}

impl FloatStyle {
    /// Asks for the room and the work of writing a float so: a digit beyond the first few is a division of a large
    /// number.
    pub fn ask(&self, memory: &mut Memory<'_>) -> Result<()> {
        memory.work(64 * (8 + 2 * self.precision.min(MOST_DIGITS)))?;
        memory.reserve(self.precision.saturating_add(400))
    }
}

/// No float has more digits than this, before or after the point.
const MOST_DIGITS: usize = 1100;

/// The float, with a minus sign if it has one, as the style says.
pub fn write_float(float: f64, style: &FloatStyle) -> String {
    let size = float.abs();
    let mut out = String::new();
    if float.is_sign_negative() && !float.is_nan() {
        out.push('-');
    }
    if float.is_finite() {
        match style.code {
            Code::Shortest => push_shortest(&mut out, size, style.alternate),
            Code::Exponent => push_scientific(&mut out, size, style),
            Code::Fixed => push_fixed(&mut out, size, style),
            Code::General | Code::GeneralFloat => push_general(&mut out, size, style),
        }
    } else {
        out.push_str(if float.is_nan() { "nan" } else { "inf" });
    }
    if style.uppercase {
        out.make_ascii_uppercase();
    }
    out
}

fn push_shortest(out: &mut String, float: f64, alternate: bool) {
    let text = float_repr(float);
    match text.split_once('e') {
        Some((mantissa, exponent)) if alternate && !mantissa.contains('.') => {
            out.extend([mantissa, ".e", exponent]);
        }
        _ => out.push_str(&text),
    }
}

fn push_fixed(out: &mut String, float: f64, style: &FloatStyle) {
    let _ = write!(out, "{float:.*}", style.precision.min(MOST_DIGITS));
    push_zeros(out, style.precision.saturating_sub(MOST_DIGITS));
    if style.alternate && style.precision == 0 {
        out.push('.');
    }
}

fn push_scientific(out: &mut String, float: f64, style: &FloatStyle) {
    let (mantissa, exponent) = scientific(float, style.precision.min(MOST_DIGITS));
    out.push_str(&mantissa);
    push_zeros(out, style.precision.saturating_sub(MOST_DIGITS));
    if style.alternate && style.precision == 0 {
        out.push('.');
    }
    push_exponent(out, exponent);
}

/// "d.ddd" with this many decimals, exactly rounded, and the exponent.
fn scientific(float: f64, decimals: usize) -> (String, i32) {
    let mut text = format!("{float:.decimals$e}");
    let at = text.find('e').unwrap_or(text.len());
    let exponent = text.get(at + 1..).and_then(|exponent| exponent.parse().ok()).unwrap_or(0);
    text.truncate(at);
    (text, exponent)
}

fn push_general(out: &mut String, float: f64, style: &FloatStyle) {
    let precision = style.precision.max(1);
    let (mantissa, exponent) = scientific(float, (precision - 1).min(MOST_DIGITS));
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if style.alternate {
        let missing = precision - digits.len();
        push_zeros(&mut digits, missing);
    } else {
        digits.truncate(digits.trim_end_matches('0').len().max(1));
    }
    let with_point = style.code == Code::GeneralFloat;
    let most = i64::try_from(precision).unwrap_or(i64::MAX) - i64::from(with_point);
    if exponent < -4 || i64::from(exponent) >= most {
        push_with_point(out, &digits, 1, style.alternate);
        return push_exponent(out, exponent);
    }
    let Ok(before_point) = usize::try_from(exponent + 1) else {
        out.push_str("0.");
        push_zeros(out, exponent.unsigned_abs() as usize - 1);
        return out.push_str(&digits);
    };
    if before_point == 0 {
        out.push_str("0.");
        return out.push_str(&digits);
    }
    let missing = before_point.saturating_sub(digits.len());
    push_zeros(&mut digits, missing);
    push_with_point(out, &digits, before_point, style.alternate || with_point);
    if with_point && out.ends_with('.') {
        out.push('0');
    }
}

/// The digits with a point after the first few; a point at the end only if it is to stay.
fn push_with_point(out: &mut String, digits: &str, before: usize, keep: bool) {
    let (whole, rest) = digits.split_at_checked(before).unwrap_or((digits, ""));
    out.push_str(whole);
    if keep || !rest.is_empty() {
        out.push('.');
    }
    out.push_str(rest);
}

fn push_zeros(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n('0', count));
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

    #[test]
    fn codes() {
        use Code::{Exponent, Fixed, General, GeneralFloat, Shortest};
        for (float, code, precision, alternate, text) in [
            (2.5, Fixed, 0, false, "2"),
            (0.125, Fixed, 2, false, "0.12"),
            (-3.0, Fixed, 0, true, "-3."),
            (1e22, Fixed, 1, false, "10000000000000000000000.0"),
            (1234.5, Exponent, 2, false, "1.23e+03"),
            (0.0, Exponent, 0, true, "0.e+00"),
            (f64::INFINITY, Exponent, 2, false, "inf"),
            (1_234_567.0, General, 6, false, "1.23457e+06"),
            (123_456.0, General, 6, false, "123456"),
            (100_000.0, General, 6, true, "100000."),
            (0.0001, General, 6, false, "0.0001"),
            (0.0001, General, 3, true, "0.000100"),
            (0.5, General, 0, false, "0.5"),
            (0.00001, General, 6, false, "1e-05"),
            (12.0, General, 1, false, "1e+01"),
            (12.0, GeneralFloat, 2, false, "1.2e+01"),
            (12.0, GeneralFloat, 3, false, "12.0"),
            (1e20, Shortest, 0, true, "1.e+20"),
            (0.0, GeneralFloat, 1, false, "0e+00"),
        ] {
            let style = FloatStyle { code, precision, alternate, uppercase: false };
            assert_eq!(write_float(float, &style), text, "{float:?} {style:?}");
        }
    }
}
