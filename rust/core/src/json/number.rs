//! JSON numbers as Python reads and prints them.

use std::fmt;
use std::sync::Arc;

use everyturn_template::float_repr;

/// An integer of any size, exact, or a float: a finite one, unless the constants of Python's `json` were asked for.
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
