//! What a record says of its answers as a whole: that they are undesired, or what they weigh.
//!
//! In: a record. Out: the weight of all its answers, if it gives one, or why it is refused: supervised training must not
//! teach an answer that its record calls a bad one.

use super::formats::{given, is_nothing};
use super::guess;
use super::options::Undesired;
use super::weight::{self, Weight};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

/// Keys that say whether the answers are desired, as trainers with KTO have them.
pub const LABELS: [&str; 3] = ["label", "kto_tag", "desirable"];

/// Keys that begin so hold answers that were rejected.
const REJECTED: &str = "rejected";

/// Texts that say of an answer that it is undesired.
const BAD: [&str; 5] = ["false", "undesired", "undesirable", "rejected", "bad"];

/// What is said of all answers of a record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verdict {
    /// What each answer's own weight is multiplied by.
    pub weight: Option<Weight>,
    /// Their label says that they are undesired, and they are not trained.
    pub is_skipped: bool,
}

pub(super) fn read(record: &Object, undesired: Undesired) -> Result<Verdict> {
    let weight = weight::take(&mut of_weights(record))?;
    let label = LABELS.iter().find(|key| given(record, key).is_some_and(is_bad));
    let rejected = record.iter().find(|(key, value)| is_rejected(key) && !is_nothing(value));
    match (undesired, label, rejected) {
        (Undesired::Error, Some(key), _) => Err(Error::new(
            ErrorKind::Undesired,
            format!(
                "{key:?} says that the answers are undesired, and supervised training would teach them; \
                 undesired=\"skip\" trains none of them, undesired=\"ignore\" does not look at such keys"
            ),
        )),
        (Undesired::Error, None, Some((key, _))) => Err(Error::new(
            ErrorKind::Undesired,
            guess::preference(record).unwrap_or_else(|| {
                format!(
                    "{key:?} holds a rejected answer, which supervised training cannot use; undesired=\"skip\" \
                     trains the others alone"
                )
            }),
        )),
        (Undesired::Skip, Some(_), _) => Ok(Verdict { weight: Some(Weight::ZERO), is_skipped: true }),
        (Undesired::Error | Undesired::Skip | Undesired::Ignore, _, _) => {
            Ok(Verdict { weight, is_skipped: false })
        }
    }
}

/// The keys of a record that give a weight.
fn of_weights(record: &Object) -> Object {
    let weights = record.iter().filter(|(key, _)| weight::KEYS.contains(&&***key));
    weights.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether a key is one of a rejected answer.
pub fn is_rejected(key: &str) -> bool {
    key.starts_with(REJECTED)
}

/// Whether a value of a label is a verdict at all: other data have labels, too.
pub fn is_verdict(label: &Value) -> bool {
    match label {
        Value::Bool(_) => true,
        Value::Number(number) => [0.0, 1.0].contains(&number.as_f64()),
        other => is_bad(other),
    }
}

fn is_bad(label: &Value) -> bool {
    match label {
        Value::Bool(desired) => !desired,
        Value::Number(number) => number.as_f64() == 0.0,
        Value::String(text) => BAD.contains(&text.trim().to_lowercase().as_str()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}
