//! The keys by which a record says what is trained: `weight` (OpenAI, Together, Mistral), `trainable` (tinker),
//! `train` (axolotl), `loss` (ms-swift), `loss_weight` (LLaMA-Factory), `output_with_loss` (xtuner).

use std::fmt;

use super::spelled;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// What a token, or each token of a message, weighs in the loss; 0 is not trained.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Weight(pub f32);

impl Weight {
    pub const ZERO: Self = Self(0.0);
    pub const ONE: Self = Self(1.0);

    /// Both together. An error where it is not finite, or 0 though neither is.
    pub fn times(self, other: Self) -> Result<Self> {
        let product = self.0 * other.0;
        let is_lost = product == 0.0 && self.0 != 0.0 && other.0 != 0.0;
        if is_lost || !product.is_finite() {
            let text =
                format!("the product of the weights {self} and {other} is out of range: weights {RANGE}");
            return Err(Error::new(ErrorKind::Weight, text));
        }
        Ok(Self(product))
    }
}

const RANGE: &str = "are floats of 32 bits: 0, or 1.4e-45 to 3.4e38";

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub const KEYS: [&str; 6] = ["weight", "trainable", "train", "loss", "loss_weight", "output_with_loss"];

/// Takes the keys out of a message, a part of a content or a tool call. Keys that disagree are an error; null is
/// ignored.
pub(super) fn take(fields: &mut Object) -> Result<Option<Weight>> {
    let mut found: Option<(&str, Weight)> = None;
    for key in KEYS {
        let weight = match fields.remove(key) {
            None | Some(Value::Null) => continue,
            Some(value) => read(key, &value)?,
        };
        match found {
            Some((other, before)) if before != weight => {
                return Err(Error::new(
                    ErrorKind::Weight,
                    format!("{other:?} is {before} and {key:?} is {weight}, but a message has one weight"),
                ));
            }
            _ => found = Some((key, weight)),
        }
    }
    Ok(found.map(|(_, weight)| weight))
}

pub(super) fn read(key: &str, value: &Value) -> Result<Weight> {
    let error = |found: &str| {
        Error::new(
            ErrorKind::Weight,
            format!("{key:?} is {found}, expected true, false or a number of at least 0"),
        )
    };
    match &*spelled::read(value) {
        Value::Bool(true) => Ok(Weight::ONE),
        Value::Bool(false) => Ok(Weight::ZERO),
        Value::Number(number) => {
            #[allow(clippy::cast_possible_truncation, reason = "weights are 32-bit floats")]
            let (given, weight) = (number.as_f64(), number.as_f64() as f32);
            if !given.is_finite() || given < 0.0 {
                return Err(error(&excerpt(&number.to_string())));
            }
            if !weight.is_finite() || (weight == 0.0 && given != 0.0) {
                let found = excerpt(&number.to_string());
                return Err(Error::new(
                    ErrorKind::Weight,
                    format!("{key:?} is {found}, and weights {RANGE}"),
                ));
            }
            Ok(Weight(weight))
        }
        Value::String(text) => Err(error(&excerpt(text))),
        other => Err(error(other.type_name())),
    }
}
