//! `{"prompt", "completion"}`: two texts are one exchange, two message lists one conversation whose targets are in
//! the completion.

use super::{EachMessage, Format, missing};
use crate::conversation::message::{self, Message, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

pub(super) fn each_message(record: &Object) -> Result<EachMessage<'_>> {
    let get = |key: &str| record.get(key).ok_or_else(|| missing(record, key, Format::PromptCompletion));
    match (get("prompt")?, get("completion")?) {
        (Value::String(prompt), Value::String(completion)) => {
            let exchange = [Message::text(Role::User, prompt), Message::text(Role::Assistant, completion)];
            Ok(Box::new(exchange.into_iter().map(Ok)))
        }
        (Value::Array(prompt), Value::Array(completion)) => {
            let context = message::read_each(prompt, 0)
                .map(|message| message.map(|message| Message { may_be_target: false, ..message }));
            Ok(Box::new(context.chain(message::read_each(completion, prompt.len()))))
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
