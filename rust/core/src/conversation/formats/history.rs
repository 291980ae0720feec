//! The exchanges before the last one, as pairs of a question and an answer.
//!
//! In: a record. Out: their messages.

use super::given;
use crate::conversation::outline::Outline;
use crate::conversation::role::Role;
use crate::error::{Error, ErrorKind};
use crate::json::{Object, Value};

pub(super) const HISTORY: &str = "history";

pub(super) fn push(outline: &mut Outline<'_>, record: &Object) {
    let wrong = || Error::new(ErrorKind::Shape, format!("{HISTORY:?} is not a list of pairs of texts"));
    let exchanges = match given(record, HISTORY) {
        None => return,
        Some(Value::Array(exchanges)) => exchanges,
        Some(_) => return outline.refuse(wrong()),
    };
    for exchange in exchanges {
        let Some([question, answer]) = exchange.as_array() else {
            outline.refuse(wrong());
            continue;
        };
        if question.as_str().is_none() || answer.as_str().is_none() {
            outline.refuse(wrong());
        }
        outline.push_content(Role::User, question.clone());
        outline.push_content(Role::Assistant, answer.clone());
    }
}
