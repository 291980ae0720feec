//! `{"instruction", "input", "output" or "response"}`, with an optional `system` and `history`.

use super::history::{self, HISTORY};
use super::{Declaration, Format, given, missing, openai, optional_text, required_text};
use crate::conversation::outline::Outline;
use crate::conversation::role::{Role, RoleNames};
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
    let answer = given(record, "output").or_else(|| given(record, "response"));
    outline.note(check_answer(record));
    outline.push_content(Role::Assistant, answer.cloned().unwrap_or(Value::Null));
    outline
}

fn question(record: &Object) -> Result<Value> {
    let instruction = required_text(record, "instruction", Format::Alpaca)?;
    Ok(match optional_text(record, "input")?.filter(|input| !input.is_empty()) {
        Some(input) => format!("{instruction}\n{input}").as_str().into(),
        None => instruction.into(),
    })
}

fn check_answer(record: &Object) -> Result<()> {
    if optional_text(record, "output")?.is_none() && optional_text(record, "response")?.is_none() {
        return Err(missing(record, "output", Format::Alpaca));
    }
    Ok(())
}
