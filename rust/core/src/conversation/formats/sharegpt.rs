//! `{"conversations": [{"from", "value"}]}` and its variants.

use std::sync::Arc;

use super::{EachMessage, Format, list, optional_text};
use crate::conversation::message::{self, Message, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

const SPEAKERS: &str = "system, developer, human, user, gpt, chatgpt, model, assistant, tool, function, observation, \
                        function_call, function_response";

/// The role of an entry; a function call is the assistant's.
enum Speaker {
    Role(Role),
    FunctionCall,
}

impl Speaker {
    fn from_name(name: &str) -> Option<Self> {
        Some(Self::Role(match name {
            "system" => Role::System,
            "human" | "user" => Role::User,
            "gpt" | "chatgpt" | "model" | "assistant" => Role::Assistant,
            "tool" | "function" | "observation" | "function_response" => Role::Tool,
            "developer" => Role::Developer,
            "function_call" => return Some(Self::FunctionCall),
            _ => return None,
        }))
    }
}

pub(super) fn each_message(record: &Object) -> Result<EachMessage<'_>> {
    let system = optional_text(record, "system")?
        .filter(|text| !text.is_empty())
        .map(|text| Message::text(Role::System, text));
    let before = usize::from(system.is_some());
    let entries = list(record, "conversations", Format::ShareGpt)?
        .iter()
        .enumerate()
        .map(move |(i, item)| read_entry(item).map_err(|error| error.at_message(before + i)));
    Ok(Box::new(system.map(Ok).into_iter().chain(entries)))
}

fn read_entry(item: &Value) -> Result<Message> {
    let entry = message::as_message(item)?;
    let (speaker_key, content_key) =
        if entry.contains_key("from") { ("from", "value") } else { ("role", "content") };
    let speaker = match entry.get(speaker_key) {
        Some(Value::String(name)) => {
            Speaker::from_name(name).ok_or_else(|| message::unknown_role(name, SPEAKERS))?
        }
        Some(other) => {
            let text = format!("{speaker_key:?} is {}, expected text", other.type_name());
            return Err(Error::new(ErrorKind::Role, text));
        }
        None => return Err(Error::new(ErrorKind::Role, "no key \"from\" or \"role\"")),
    };
    let Some(content) = entry.get(content_key).cloned().or((content_key == "content").then_some(Value::Null))
    else {
        return Err(Error::new(ErrorKind::Shape, "no key \"value\""));
    };
    let (role, said) = match speaker {
        Speaker::Role(role) => (role, vec![("content", content)]),
        Speaker::FunctionCall => {
            let calls = message::tool_calls_from(&content, "the function call")?;
            (Role::Assistant, vec![("content", "".into()), ("tool_calls", calls)])
        }
    };
    let own = [("role", role.name().into())].into_iter().chain(said);
    let is_taken = |key: &str| matches!(key, "role" | "content") || key == speaker_key || key == content_key;
    let others = entry.iter().filter(|(key, _)| !is_taken(key));
    let fields = own
        .map(|(key, value)| (Arc::from(key), value))
        .chain(others.map(|(key, value)| (key.clone(), value.clone())));
    message::finish_message(role, fields.collect())
}
