//! One entry of a message list to a `Message`.

use super::parts;
use super::weight::{self, Weight};
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{self, Object, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// OpenAI's role names; `function` is the old name of `tool`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "system" => Self::System,
            "developer" => Self::Developer,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" | "function" => Self::Tool,
            _ => return None,
        })
    }
}

const ROLE_NAMES: &str = "system, developer, user, assistant, tool, function";

/// A message as the template is to see it, and what the record says of its training.
#[derive(Debug, Clone)]
pub struct Message {
    pub role: Role,
    /// Everything the template may read, `role` included; no nulls, no keys that steer training.
    pub fields: Object,
    /// The weight that the record gives: 0 is context only. `None`: it gives none.
    pub weight: Option<Weight>,
    /// False for an assistant message that the format declares to be context (the `prompt` of a pair).
    pub may_be_target: bool,
}

impl Message {
    pub fn calls_tools(&self) -> bool {
        self.fields.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty())
    }

    /// A message with a text.
    pub fn text(role: Role, text: &str) -> Self {
        let fields = [("role", role.name()), ("content", text)]
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        Self { role, fields, weight: None, may_be_target: true }
    }
}

/// The entries of a list, the first of which is message `first` of the conversation.
pub(super) fn read_each(items: &[Value], first: usize) -> impl Iterator<Item = Result<Message>> {
    items
        .iter()
        .enumerate()
        .map(move |(i, item)| read_message(item).map_err(|error| error.at_message(first + i)))
}

/// The object that a message must be.
pub fn as_message(item: &Value) -> Result<&Object> {
    item.as_object().ok_or_else(|| {
        Error::new(ErrorKind::Shape, format!("the message is {}, expected an object", item.type_name()))
    })
}

fn read_message(item: &Value) -> Result<Message> {
    let object = as_message(item)?;
    let role = match object.get("role") {
        Some(Value::String(name)) => Role::from_name(name).ok_or_else(|| unknown_role(name, ROLE_NAMES))?,
        Some(other) => {
            let text = format!("\"role\" is {}, expected text", other.type_name());
            return Err(Error::new(ErrorKind::Role, text));
        }
        None => return Err(Error::new(ErrorKind::Role, "no key \"role\"")),
    };
    finish_message(role, object.clone())
}

pub(super) fn unknown_role(name: &str, expected: &str) -> Error {
    Error::new(ErrorKind::Role, format!("role {} is unknown; expected one of {expected}", excerpt(name)))
}

/// What every format does with the keys of a message, once its role is known.
pub(super) fn finish_message(role: Role, mut fields: Object) -> Result<Message> {
    let weight = weight::take(&mut fields)?;
    fields.insert("role", role.name().into());
    fields.retain(|_, value| !value.is_null());
    take_function_call(&mut fields)?;
    match fields.get("content") {
        None if !speaks_without_content(role, &fields) => {
            let text = "no \"content\", and no tool calls or reasoning instead";
            return Err(Error::new(ErrorKind::Shape, text));
        }
        None | Some(Value::String(_)) => {}
        Some(Value::Array(_)) => parts::read(&mut fields)?,
        Some(other) => {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("\"content\" is {}, expected text, a list of parts or null", other.type_name()),
            ));
        }
    }
    check_tool_calls(fields.get("tool_calls"))?;
    Ok(Message { role, fields, weight, may_be_target: true })
}

/// Only an assistant can say something without a content.
fn speaks_without_content(role: Role, fields: &Object) -> bool {
    let says = |key: &&str| match fields.get(key) {
        None => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    role == Role::Assistant && ["tool_calls", "reasoning_content", "thinking", "reasoning"].iter().any(says)
}

fn check_tool_calls(calls: Option<&Value>) -> Result<()> {
    let wrong = match calls {
        None => return Ok(()),
        Some(Value::Array(calls)) => match calls.iter().find(|call| call.as_object().is_none()) {
            None => return Ok(()),
            Some(call) => format!("an entry of \"tool_calls\" is {}, expected an object", call.type_name()),
        },
        Some(other) => format!("\"tool_calls\" is {}, expected a list", other.type_name()),
    };
    Err(Error::new(ErrorKind::Tools, wrong))
}

/// The legacy `function_call` of a message becomes an entry of `tool_calls`.
fn take_function_call(fields: &mut Object) -> Result<()> {
    let Some(call) = fields.remove("function_call") else {
        return Ok(());
    };
    let calls = tool_calls_from(&call, "\"function_call\"")?;
    match fields.get("tool_calls") {
        None => fields.insert("tool_calls", calls),
        Some(Value::Array(old)) if old.is_empty() => fields.insert("tool_calls", calls),
        Some(_) => {
            let text = "the message has both \"function_call\" and \"tool_calls\"";
            return Err(Error::new(ErrorKind::Tools, text));
        }
    }
    Ok(())
}

/// `{"name", "arguments"}`, a list of such, or JSON text of either, as a `tool_calls` list.
pub(super) fn tool_calls_from(call: &Value, what: &str) -> Result<Value> {
    let calls = match from_json_text(call, what, ErrorKind::Tools)? {
        Value::Array(calls) => calls,
        call => vec![call],
    };
    calls
        .into_iter()
        .map(|call| {
            if call.as_object().is_none_or(|object| !object.contains_key("name")) {
                return Err(Error::new(
                    ErrorKind::Tools,
                    format!(
                        "{what} is {} without a name, expected an object with \"name\"",
                        call.type_name()
                    ),
                ));
            }
            let pairs = [("type".into(), "function".into()), ("function".into(), call)];
            Ok(Value::Object(pairs.into_iter().collect()))
        })
        .collect::<Result<Vec<_>>>()
        .map(Value::Array)
}

/// JSON held in a text, or the value itself.
pub(super) fn from_json_text(value: &Value, what: &str, kind: ErrorKind) -> Result<Value> {
    match value {
        Value::String(text) => json::parse_strict(text.as_bytes())
            .map_err(|error| Error::new(kind, format!("{what} is text that is not JSON: {error}"))),
        other => Ok(other.clone()),
    }
}
