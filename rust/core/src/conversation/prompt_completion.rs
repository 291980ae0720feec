//! `{"prompt", "completion"}`: two texts are one exchange, two message lists one conversation whose targets lie in
//! the completion.

use super::message::{self, Message, Role};
use super::{Format, missing};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

pub(super) fn read(record: &Object) -> Result<Vec<Message>> {
    let get = |key: &str| record.get(key).ok_or_else(|| missing(record, key, Format::PromptCompletion));
    match (get("prompt")?, get("completion")?) {
        (Value::String(prompt), Value::String(completion)) => {
            Ok(vec![Message::text(Role::User, prompt), Message::text(Role::Assistant, completion)])
        }
        (Value::Array(prompt), Value::Array(completion)) => {
            let mut messages = message::read_messages(prompt)?;
            for message in &mut messages {
                message.may_be_target = false;
            }
            let completion = message::read_messages(completion).map_err(|mut error| {
                error.place.message = error.place.message.map(|i| i + prompt.len());
                error
            })?;
            messages.extend(completion);
            Ok(messages)
        }
        (prompt, completion) => Err(Error::new(
            ErrorKind::Shape,
            format!(
                "\"prompt\" is {} and \"completion\" is {}, expected two texts or two lists of messages",
                prompt.type_name(),
                completion.type_name()
            ),
        )),
    }
}
