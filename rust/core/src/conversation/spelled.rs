//! Truth values and numbers that are written as text, as every cell of CSV is.
//!
//! In: a value. Out: what it spells, for keys that hold nothing but truth values and numbers.

use std::borrow::Cow;

use crate::json::{Number, Value};

const TRUE: [&str; 5] = ["true", "yes", "on", "t", "y"];
const FALSE: [&str; 5] = ["false", "no", "off", "f", "n"];

/// The truth value or the number that a text spells; any other value as it is.
pub(super) fn read(value: &Value) -> Cow<'_, Value> {
    let Value::String(text) = value else { return Cow::Borrowed(value) };
    let word = text.trim().to_lowercase();
    if TRUE.contains(&&*word) || FALSE.contains(&&*word) {
        return Cow::Owned(Value::Bool(TRUE.contains(&&*word)));
    }
    // Names such as "inf" and "nan" are numbers to Rust.
    let is_number = word.ends_with(|last: char| last.is_ascii_digit() || last == '.');
    match word.parse().ok().filter(|_| is_number) {
        Some(number) => Cow::Owned(Value::Number(Number::Float(number))),
        None => Cow::Borrowed(value),
    }
}
