//! `{"instruction", "input", "output" or "response"}`, with an optional `system` and `history`.

use super::{EachMessage, Format, missing, optional_text, required_text};
use crate::conversation::message::{Message, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

pub(super) fn each_message(record: &Object) -> Result<EachMessage<'_>> {
    let mut messages = Vec::new();
    if let Some(system) = optional_text(record, "system")?.filter(|text| !text.is_empty()) {
        messages.push(Message::text(Role::System, system));
    }
    for (question, answer) in history(record)? {
        messages.push(Message::text(Role::User, question));
        messages.push(Message::text(Role::Assistant, answer));
    }
    let mut question = required_text(record, "instruction", Format::Alpaca)?.to_owned();
    if let Some(input) = optional_text(record, "input")?.filter(|text| !text.is_empty()) {
        question.push('\n');
        question.push_str(input);
    }
    let answer = match optional_text(record, "output")? {
        Some(answer) => answer,
        None => {
            optional_text(record, "response")?.ok_or_else(|| missing(record, "output", Format::Alpaca))?
        }
    };
    messages.push(Message::text(Role::User, &question));
    messages.push(Message::text(Role::Assistant, answer));
    Ok(Box::new(messages.into_iter().map(Ok)))
}

fn history(record: &Object) -> Result<Vec<(&str, &str)>> {
    let wrong = || Error::new(ErrorKind::Shape, "\"history\" is not a list of pairs of texts");
    match record.get("history") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(exchanges)) => exchanges
            .iter()
            .map(|exchange| match exchange.as_array() {
                Some([Value::String(question), Value::String(answer)]) => Ok((&**question, &**answer)),
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}
