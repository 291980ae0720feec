//! `{"prompt", "completion"}`: two texts are one exchange, two message lists one conversation whose targets are in
//! the completion.

use super::{Declaration, Format, missing, openai};
use crate::conversation::outline::Outline;
use crate::conversation::role::Role;
use crate::error::{Error, ErrorKind};
use crate::json::{Object, Value};

pub(super) const DECLARATION: Declaration =
    Declaration { keys: &["prompt", "completion"], outline, ..openai::DECLARATION };

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    let mut get = |key| {
        let value = record.get(key).ok_or_else(|| missing(record, key, Format::PromptCompletion));
        outline.note(value)
    };
    let (Some(prompt), Some(completion)) = (get("prompt"), get("completion")) else {
        return outline;
    };
    match (prompt, completion) {
        (Value::String(_), Value::String(_)) => {
            outline.push_content(Role::User, prompt.clone());
            outline.push_content(Role::Assistant, completion.clone());
        }
        (Value::Array(prompt), Value::Array(completion)) => {
            outline.push_list("prompt", prompt, openai::item, false);
            outline.push_list("completion", completion, openai::item, true);
        }
        _ => outline.refuse(Error::new(
            ErrorKind::Shape,
            format!(
                "\"prompt\" is {} and \"completion\" is {}, expected two texts or two lists of messages",
                prompt.type_name(),
                completion.type_name()
            ),
        )),
    }
    outline
}
