//! `{"prompt", "completion"}`: a text is a message of the user, or of the assistant; a list of messages stands for
//! itself. Targets are in the completion.

use std::borrow::Cow;

use super::{Declaration, Format, missing, openai};
use crate::conversation::outline::Outline;
use crate::conversation::role::Role;
use crate::error::{Error, ErrorKind};
use crate::json::{Object, Value};

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
    if repeats(prompt, completion) {
        let text = "\"completion\" begins with the prompt, so samples would have it twice: leave the prompt out of it, or \
                    give the whole conversation as \"messages\"";
        outline.refuse(Error::new(ErrorKind::Shape, text));
        return outline;
    }
    for (key, value, role) in [("prompt", prompt, Role::User), ("completion", completion, Role::Assistant)] {
        match value {
            Value::String(_) => outline.push_content(role, value.clone()),
            Value::Array(items) => {
                outline.push_list(key, Cow::Borrowed(items), openai::item, key == "completion");
            }
            other => {
                let text = format!("{key:?} is {}, expected text or a list of messages", other.type_name());
                outline.refuse(Error::new(ErrorKind::Shape, text));
            }
        }
    }
    outline
}
