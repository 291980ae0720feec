//! `{"instruction", "input", "output" or "response"}`, with an optional `system` and `history`.

use super::history::{self, HISTORY};
use super::{Declaration, Format, missing, openai, optional_text, required_text};
use crate::conversation::outline::Outline;
use crate::conversation::role::{Role, RoleNames};
use crate::conversation::under_names::under_one_of;
use crate::error::Result;
use crate::json::{Object, Value};

pub(super) const DECLARATION: Declaration = Declaration {
    keys: &["instruction", "input", "output", "response", HISTORY],
    marks: &["instruction"],
    outline,
    role_names: &RoleNames(&[]),
    ..openai::DECLARATION
};

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    history::push(&mut outline, record);
    let instruction = || record.get("instruction").cloned().unwrap_or(Value::Null);
    let question = outline.note(question(record)).unwrap_or_else(instruction);
    outline.push_content(Role::User, question);
    let answer = outline.note(answer(record)).unwrap_or(Value::Null);
    outline.push_content(Role::Assistant, answer);
    outline
}

fn question(record: &Object) -> Result<Value> {
    let instruction = required_text(record, "instruction", Format::Alpaca)?;
    Ok(match optional_text(record, "input")?.filter(|input| !input.is_empty()) {
        Some(input) if instruction.is_empty() => input.into(),
        Some(input) => format!("{instruction}\n{input}").as_str().into(),
        None => instruction.into(),
    })
}

fn answer(record: &Object) -> Result<Value> {
    for key in ANSWERS {
        optional_text(record, key)?;
    }
    let answer = under_one_of(record, &ANSWERS)?.filter(|answer| !answer.is_null());
    answer.cloned().ok_or_else(|| missing(record, ANSWERS[0], Format::Alpaca))
}

const ANSWERS: [&str; 2] = ["output", "response"];
