//! A number or the inside of a string literal in, its value out, by Jinja2's rules and Python's.
//!
//! Errors come without a place: the lexer knows it.

use std::borrow::Cow;

use num_bigint::BigUint;

use super::TokenKind;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::MAX_INT_DIGITS;
use crate::syntax::ast::Const;
use crate::value::unicode::{decimal_value, is_decimal};

/// The number that `rest` starts with, and its length in bytes. After a dot (`a.1.2`) there are no floats.
pub fn number(rest: &str, after_dot: bool) -> Result<(TokenKind<'static>, usize)> {
    if !after_dot && let Some(length) = float_length(rest) {
        return Ok((TokenKind::Float(float(head(rest, length))?), length));
    }
    let (digits, radix, length) = integer_digits(rest)?;
    Ok((TokenKind::Integer(integer(&digits, radix)?), length))
}

fn head(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or_default()
}

fn tail(text: &str, from: usize) -> &str {
    text.get(from..).unwrap_or_default()
}

/// The length of the longest start of `text` that is digits, each with at most one underscore before it.
fn run_length(text: &str, is_digit: impl Fn(char) -> bool) -> usize {
    let mut end = 0;
    for (at, char) in text.char_indices() {
        if is_digit(char) {
            end = at + char.len_utf8();
        } else if char != '_' || at != end {
            break;
        }
    }
    end
}

fn decimal_length(text: &str) -> Option<usize> {
    text.starts_with(is_decimal).then(|| run_length(text, is_decimal))
}

/// Digits with a fraction, an exponent or both.
fn float_length(text: &str) -> Option<usize> {
    let whole = decimal_length(text)?;
    let fraction =
        tail(text, whole).strip_prefix('.').and_then(decimal_length).map(|length| whole + 1 + length);
    exponent_end(text, fraction.unwrap_or(whole)).or(fraction)
}

fn exponent_end(text: &str, at: usize) -> Option<usize> {
    let after_letter = tail(text, at).strip_prefix(['e', 'E'])?;
    let digits = after_letter.strip_prefix(['+', '-']).unwrap_or(after_letter);
    Some(text.len() - digits.len() + decimal_length(digits)?)
}

fn float(literal: &str) -> Result<f64> {
    let invalid = |_| Error::new(ErrorKind::Syntax, "a float has digits other than 0 to 9");
    literal.replace('_', "").parse().map_err(invalid)
}

/// The digits (0 to 9, a to f) of the integer that `rest` starts with, their radix, and the literal's length.
fn integer_digits(rest: &str) -> Result<(String, u32, usize)> {
    for (prefixes, radix) in [(["0b", "0B"], 2), (["0o", "0O"], 8), (["0x", "0X"], 16)] {
        let Some(digits) = prefixes.iter().find_map(|prefix| rest.strip_prefix(prefix)) else { continue };
        let length = run_length(digits, |char| char.is_digit(radix) || (radix == 16 && is_decimal(char)));
        if length > 0 {
            return Ok((plain_digits(head(digits, length)), radix, length + 2));
        }
    }
    let length = match rest.chars().next() {
        // `01` is two integers, and no expression.
        Some('0') => run_length(rest, |char| char == '0'),
        Some('1'..='9') => run_length(rest, is_decimal),
        _ => return Err(Error::new(ErrorKind::Syntax, "an integer starts with a digit other than 0 to 9")),
    };
    Ok((plain_digits(head(rest, length)), 10, length))
}

fn plain_digits(literal: &str) -> String {
    let plain = |char| match decimal_value(char) {
        Some(value) => char::from_digit(value, 10),
        None => (char != '_').then_some(char),
    };
    literal.chars().filter_map(plain).collect()
}

fn integer(digits: &str, radix: u32) -> Result<Const> {
    let too_long =
        || Error::new(ErrorKind::Limit, format!("an integer of more than {MAX_INT_DIGITS} digits"));
    if radix == 10 && digits.len() > MAX_INT_DIGITS {
        return Err(too_long());
    }
    if let Ok(small) = i64::from_str_radix(digits, radix) {
        return Ok(Const::Int(small));
    }
    let big = BigUint::parse_bytes(digits.as_bytes(), radix).unwrap_or_default();
    // A digit has less than four bits: what is refused here need not be converted, which takes quadratic time.
    if big.bits() > 4 * MAX_INT_DIGITS as u64 {
        return Err(too_long());
    }
    let decimal = big.to_string();
    if decimal.len() > MAX_INT_DIGITS { Err(too_long()) } else { Ok(Const::BigInt(decimal)) }
}

/// What the escapes in a string literal stand for.
pub fn unescape(literal: &str) -> Result<Cow<'_, str>> {
    let Some((plain, escaped)) = literal.split_once('\\') else { return Ok(Cow::Borrowed(literal)) };
    let mut text = String::with_capacity(literal.len());
    text.push_str(plain);
    let mut rest = escape(escaped, &mut text)?;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        rest = escape(escaped, &mut text)?;
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

/// Writes what the escape at the start of `rest`, its backslash gone, stands for; returns what follows it.
fn escape<'s>(rest: &'s str, text: &mut String) -> Result<&'s str> {
    let mut chars = rest.chars();
    let Some(char) = chars.next() else {
        return Err(Error::new(ErrorKind::Syntax, "'\\' at the end of a string"));
    };
    match char {
        '\n' => {}
        '\\' | '\'' | '"' => text.push(char),
        'a' => text.push('\x07'),
        'b' => text.push('\x08'),
        'f' => text.push('\x0c'),
        'n' => text.push('\n'),
        'r' => text.push('\r'),
        't' => text.push('\t'),
        'v' => text.push('\x0b'),
        '0'..='7' => return octal_escape(rest, text),
        'x' => return hex_escape(rest, 2, text),
        'u' => return hex_escape(rest, 4, text),
        'U' => return hex_escape(rest, 8, text),
        'N' => return Err(Error::new(ErrorKind::Syntax, "escapes by name, '\\N{..}', are not supported")),
        _ => unknown_escape(char, text),
    }
    Ok(chars.as_str())
}

fn octal_escape<'s>(rest: &'s str, text: &mut String) -> Result<&'s str> {
    let length = rest.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    text.push(code_point(head(rest, length), 8)?);
    Ok(tail(rest, length))
}

fn hex_escape<'s>(rest: &'s str, digits: usize, text: &mut String) -> Result<&'s str> {
    let length = rest.bytes().skip(1).take(digits).take_while(u8::is_ascii_hexdigit).count() + 1;
    if length <= digits {
        let escape = head(rest, length);
        return Err(Error::new(ErrorKind::Syntax, format!("the escape '\\{escape}' needs {digits} digits")));
    }
    text.push(code_point(tail(head(rest, length), 1), 16)?);
    Ok(tail(rest, length))
}

fn code_point(digits: &str, radix: u32) -> Result<char> {
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).ok_or_else(|| {
        let why = match u32::from_str_radix(digits, radix) {
            Ok(0xD800..=0xDFFF) => "a lone surrogate, which is not supported",
            _ => "beyond Unicode",
        };
        Error::new(ErrorKind::Syntax, format!("the escape of {digits} is {why}"))
    })
}

/// An unknown escape keeps its backslash. Jinja2 escapes all beyond ASCII before it reads escapes, so a backslash
/// before such a character turns it into the text of its escape.
fn unknown_escape(char: char, text: &mut String) {
    text.push('\\');
    let (letter, digits) = match u32::from(char) {
        0..=0x7F => return text.push(char),
        0x80..=0xFF => ('x', 2),
        0x100..=0xFFFF => ('u', 4),
        _ => ('U', 8),
    };
    text.push(letter);
    text.extend(
        (0..digits).rev().filter_map(|digit| char::from_digit(u32::from(char) >> (4 * digit) & 0xF, 16)),
    );
}
