//! Numbers out of texts, as `int()` and `float()` of Python read them: white space around, digits of any script,
//! single underscores between digits.

use std::borrow::Cow;

use num_bigint::BigInt;

use crate::error::{Error, ErrorKind, Result};
use crate::limits::MAX_INT_DIGITS;
use crate::value::memory::Memory;
use crate::value::operators::value_error;
use crate::value::unicode;

/// `int(text, base)`; with base zero the prefix decides.
pub fn int(memory: &mut Memory<'_>, text: &str, base: i64) -> Result<BigInt> {
    let invalid = || value_error(format!("invalid literal for int() with base {base}"));
    let base = u32::try_from(base).ok().filter(|base| matches!(base, 0 | 2..=36)).ok_or_else(invalid)?;
    let plain = plain(text).ok_or_else(invalid)?;
    let (negative, digits) = match plain.as_bytes().first() {
        Some(sign @ (b'+' | b'-')) => (*sign == b'-', &plain[1..]),
        _ => (false, &*plain),
    };
    let (base, digits, only_zero) = based(base, digits);
    let digits = without_underscores(digits, u8::is_ascii_alphanumeric).ok_or_else(invalid)?;
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(invalid());
    }
    if only_zero && digits.bytes().any(|digit| digit != b'0') {
        return Err(invalid());
    }
    if digits.len() > MAX_INT_DIGITS {
        // Python takes longer ones where each digit is a number of bits.
        if !base.is_power_of_two() {
            return Err(invalid());
        }
        return Err(Error::new(ErrorKind::Limit, format!("an integer of more than {MAX_INT_DIGITS} digits")));
    }
    memory.decimal(digits.len())?;
    let magnitude = BigInt::parse_bytes(digits.as_bytes(), base).ok_or_else(invalid)?;
    Ok(if negative { -magnitude } else { magnitude })
}

/// The base that a text is written in, its digits, and whether they may spell nothing but zero.
fn based(base: u32, text: &str) -> (u32, &str, bool) {
    let prefixed = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => 0,
    };
    if prefixed != 0 && (base == 0 || base == prefixed) {
        let digits = &text[2..];
        return (prefixed, digits.strip_prefix('_').unwrap_or(digits), false);
    }
    if base == 0 { (10, text, text.starts_with('0')) } else { (base, text, false) }
}

/// `float(text)`
pub fn float(text: &str) -> Result<f64> {
    let number = plain(text).and_then(|plain| without_underscores(&plain, u8::is_ascii_digit)?.parse().ok());
    number.ok_or_else(|| value_error("could not convert string to float"))
}

/// The text without the white space around it, its digits those of ASCII; `None` if it holds what no number does.
fn plain(text: &str) -> Option<Cow<'_, str>> {
    // Fewer characters are white space to numbers than to `strip`.
    let is_space = |c: char| matches!(c, '\t'..='\r' | ' ');
    if text.is_ascii() {
        return Some(Cow::Borrowed(text.trim_matches(is_space)));
    }
    let ascii = |c: char| match c {
        c if c.is_ascii() => Some(c),
        c if unicode::is_space(c) => Some(' '),
        c => unicode::decimal_value(c).and_then(|value| char::from_digit(value, 10)),
    };
    let text: String = text.chars().map(ascii).collect::<Option<_>>()?;
    Some(Cow::Owned(text.trim_matches(is_space).into()))
}

/// `None` for an underscore that is not between two digits.
fn without_underscores(text: &str, is_digit: fn(&u8) -> bool) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(is_digit);
    let mut underscores = (0..bytes.len()).filter(|at| bytes.get(*at) == Some(&b'_'));
    let fits = underscores.all(|at| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)));
    fits.then(|| Cow::Owned(text.replace('_', "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        let table = [
            (" 1_0\n", 10, Some(10)),
            ("\u{85}\u{ff11}2\u{a0}", 10, Some(12)),
            ("\u{1c}12", 10, None),
            ("1__0", 10, None),
            ("_1", 10, None),
            ("1_", 10, None),
            ("+-1", 10, None),
            ("-0x_1f", 0, Some(-31)),
            ("0x1F", 16, Some(31)),
            ("0b1", 16, Some(0xb1)),
            ("0x", 16, None),
            ("0_0", 0, Some(0)),
            ("010", 0, None),
            ("010", 10, Some(10)),
            ("z", 36, Some(35)),
            ("1", 37, None),
            ("1", 1, None),
            ("\u{b2}", 10, None),
            ("", 10, None),
        ];
        let arena = bumpalo::Bump::new();
        let mut memory = Memory::new(&arena, &crate::Limits::for_input(0));
        for (text, base, expected) in table {
            assert_eq!(int(&mut memory, text, base).ok(), expected.map(BigInt::from), "{text:?} {base}");
        }
        assert_eq!(int(&mut memory, &"1".repeat(4301), 10).unwrap_err().kind, ErrorKind::Value);
        assert_eq!(int(&mut memory, &"1".repeat(4301), 16).unwrap_err().kind, ErrorKind::Limit);
    }

    #[test]
    fn floats() {
        let table = [
            ("1_0.5_0", Some(10.5)),
            ("5.", Some(5.0)),
            ("+.5", Some(0.5)),
            ("1_0e1_0", Some(1e11)),
            ("-iNf", Some(f64::NEG_INFINITY)),
            ("\u{661}.\u{665}", Some(1.5)),
            ("1e400", Some(f64::INFINITY)),
            ("1_.5", None),
            ("1e_5", None),
            ("1_e5", None),
            ("i_nf", None),
            ("0x1p3", None),
            ("nan(1)", None),
            (".", None),
        ];
        for (text, expected) in table {
            assert_eq!(float(text).ok(), expected, "{text:?}");
        }
        assert!(float("-nan").unwrap().is_nan());
    }
}
