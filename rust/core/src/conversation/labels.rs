//! What a record says of its answers as a whole: that they are undesired, or what they weigh.
//!
//! In: a record. Out: the weight of all its answers, if it gives one, or why it is refused: supervised training must not
//! teach an answer that its record calls a bad one.

use super::formats::{given, is_nothing};
use super::guess;
use super::message::Message;
use super::options::Undesired;
use super::spelled;
use super::weight::{self, Weight};
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// Keys that say whether the answers are desired, as trainers with KTO have them.
pub const LABELS: [&str; 3] = [LABEL, "kto_tag", "desirable"];

/// The one that data of other kinds have, too.
const LABEL: &str = "label";

/// Keys that begin so hold answers that were rejected.
const REJECTED: &str = "rejected";

/// So does this one, of OpenAI's pairs of preferences.
const NON_PREFERRED: &str = "non_preferred_output";

/// Texts that say of an answer that it is desired, and that it is not.
const GOOD: [&str; 4] = ["desired", "desirable", "chosen", "good"];
const BAD: [&str; 4] = ["undesired", "undesirable", "rejected", "bad"];

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
    let label = bad_label(record, undesired)?;
    let rejected = record.iter().find(|(key, value)| is_rejected(key) && !is_nothing(value));
    match (undesired, label, rejected) {
        (Undesired::Error, Some(key), _) => Err(teaches_undesired(key, "the answers are", "none of them")),
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

/// Takes the labels off an answer that has its own. True if they say that it is undesired: it is not trained.
pub(super) fn take_of_answer(answer: &mut Message, undesired: Undesired) -> Result<bool> {
    let label = bad_label(&answer.fields, undesired)?;
    match label {
        Some(key) if undesired == Undesired::Error => {
            return Err(teaches_undesired(key, "the answer is", "nothing of it"));
        }
        Some(_) => answer.weight = Some(Weight::ZERO),
        None => {}
    }
    if undesired != Undesired::Ignore {
        answer.fields.retain(|key, value| !(LABELS.contains(&key) && is_verdict(value)));
    }
    Ok(label.is_some())
}

/// The label of a record or of an answer that calls it undesired.
fn bad_label(object: &Object, undesired: Undesired) -> Result<Option<&'static str>> {
    if undesired != Undesired::Ignore {
        check_labels(object)?;
    }
    let is_bad = |key: &&str| given(object, key).is_some_and(|value| says_undesired(key, value));
    Ok(LABELS.into_iter().find(is_bad).filter(|_| undesired != Undesired::Ignore))
}

fn teaches_undesired(key: &str, answers: &str, none: &str) -> Error {
    let text = format!(
        "{key:?} says that {answers} undesired, and supervised training would teach it; undesired=\"skip\" trains {none}, \
         undesired=\"ignore\" does not look at such keys"
    );
    Error::new(ErrorKind::Undesired, text)
}

/// The keys of a record that give a weight.
fn of_weights(record: &Object) -> Object {
    let weights = record.iter().filter(|(key, _)| weight::KEYS.contains(&&***key));
    weights.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether a key is one of a rejected answer.
pub fn is_rejected(key: &str) -> bool {
    key.starts_with(REJECTED) || key == NON_PREFERRED
}

/// Refuses what should be a verdict and is not: it is not known whether the answers are to be trained.
fn check_labels(record: &Object) -> Result<()> {
    let is_none = |key: &&&str| **key != LABEL && given(record, key).is_some_and(|label| !is_verdict(label));
    let Some(key) = LABELS.iter().find(is_none) else { return Ok(()) };
    let found = match record.get(key) {
        Some(Value::String(text)) => excerpt(text),
        Some(Value::Number(number)) => number.to_string(),
        other => other.map_or("null", Value::type_name).into(),
    };
    let text = format!(
        "{key:?} is {found}, expected true or false, which say whether the answers are desired; undesired=\"ignore\" does \
         not look at such keys"
    );
    Err(Error::new(ErrorKind::Undesired, text))
}

/// Whether a value of a label is a verdict at all: other data have labels, too.
pub fn is_verdict(label: &Value) -> bool {
    is_desired(label).is_some()
}

/// Whether a key with that value calls an answer undesired.
pub(super) fn says_undesired(key: &str, value: &Value) -> bool {
    LABELS.contains(&key) && is_desired(value) == Some(false)
}

/// What a label says of the answers.
fn is_desired(label: &Value) -> Option<bool> {
    match &*spelled::read(label) {
        Value::Bool(desired) => Some(*desired),
        Value::Number(number) => {
            let number = number.as_f64();
            [0.0, 1.0].contains(&number).then_some(number > 0.0)
        }
        Value::String(text) => {
            let word = text.trim().to_lowercase();
            GOOD.contains(&&*word).then_some(true).or(BAD.contains(&&*word).then_some(false))
        }
        _ => None,
    }
}
