//! `{"prompt", "completion"}`: a text is a message of the user, or of the assistant; a list of messages stands for
//! itself. Targets are in the completion.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Declaration, Format, missing, openai};
use crate::conversation::outline::Outline;
use crate::conversation::role::Role;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Object, Value};

pub(super) const DECLARATION: Declaration =
    Declaration { keys: &["prompt", "completion"], marks: &["completion"], outline, ..openai::DECLARATION };

/// Whether the messages of an answer begin with all those of its prompt.
pub fn repeats(prompt: &Value, answer: &Value) -> bool {
    let Value::Array(answer) = answer else { return false };
    match prompt {
        Value::String(text) => answer.first().and_then(Value::as_object).is_some_and(|first| {
            let says = |key: &str, said: &str| first.get(key).and_then(Value::as_str) == Some(said);
            says("role", Role::User.name()) && says("content", text)
        }),
        Value::Array(prompt) => !prompt.is_empty() && answer.starts_with(prompt),
        _ => false,
    }
}

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    let mut get = |key| {
        let value = record.get(key).ok_or_else(|| missing(record, key, Format::PromptCompletion));
        outline.note(value)
    };
    let (Some(prompt), Some(completion)) = (get("prompt"), get("completion")) else {
        return outline;
    };
    let repeated = &mut outline.repeated_keys;
    let (prompt, completion) = (spelled_out(prompt, repeated), spelled_out(completion, repeated));
    if repeats(&prompt, &completion) {
        let text = "\"completion\" begins with the prompt, so samples would have it twice: leave the prompt out of it, or \
                    give the whole conversation as \"messages\"";
        outline.refuse(Error::new(ErrorKind::Shape, text));
        return outline;
    }
    for (key, value, role) in [("prompt", prompt, Role::User), ("completion", completion, Role::Assistant)] {
        let is_answer = key == "completion";
        match value {
            Cow::Borrowed(Value::Array(items)) => {
                outline.push_list(key, Cow::Borrowed(items), openai::item, is_answer);
            }
            Cow::Owned(Value::Array(items)) => {
                outline.push_list(key, Cow::Owned(items), openai::item, is_answer);
            }
            text if text.as_str().is_some() => outline.push_content(role, text.into_owned()),
            other => {
                let text = format!("{key:?} is {}, expected text or a list of messages", other.type_name());
                outline.refuse(Error::new(ErrorKind::Shape, text));
            }
        }
    }
    outline
}

/// The messages that a text is the JSON of, as a cell of CSV is; any other text is text.
fn spelled_out<'v>(value: &'v Value, repeated: &mut Vec<Arc<str>>) -> Cow<'v, Value> {
    let is_message = |item: &Value| {
        item.as_object().is_some_and(|item| item.contains_key("role") && item.contains_key("content"))
    };
    let text = value.as_str().filter(|text| text.trim_start().starts_with('['));
    let mut found = Vec::new();
    let parsed = text.and_then(|text| json::parse_with_constants_noting(text, &mut found).ok());
    let is_list = |parsed: &Value| {
        parsed.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(is_message))
    };
    match parsed.filter(is_list) {
        Some(list) => {
            repeated.append(&mut found);
            Cow::Owned(list)
        }
        None => Cow::Borrowed(value),
    }
}
