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

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    let mut get = |key| {
        let value = record.get(key).ok_or_else(|| missing(record, key, Format::PromptCompletion));
        outline.note(value)
    };
    let (Some(prompt), Some(completion)) = (get("prompt"), get("completion")) else {
        return outline;
    };
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
