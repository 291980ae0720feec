//! One record to one conversation.
//!
//! In: the JSON value of a record and its format. Out: messages in order with known roles, the tools, the template
//! arguments of the record, and per message whether the record itself says that it is to be trained. Keys that steer
//! training (`weight`, ..) are taken out of the messages: a server never sees them. Contents, tools and tool
//! arguments are passed on as they stand. What a template makes of a message is not decided here.

mod formats;
mod message;
mod parts;
mod weight;

use formats::each_message;
pub use formats::{Format, unknown_format};
pub use message::{Message, Role, as_message};
pub use parts::part_texts;

use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};
use message::from_json_text;

/// A record, understood.
#[derive(Debug, Clone)]
pub struct Conversation {
    pub messages: Vec<Message>,
    pub tools: Option<Value>,
    /// The record's own `chat_template_kwargs`.
    pub template_kwargs: Object,
}

/// Keys of `chat_template_kwargs` that are ours to set.
pub const RESERVED_KWARGS: [&str; 4] = ["messages", "tools", "documents", "add_generation_prompt"];

/// The most faults of one record that are named.
const MAX_FAULTS: usize = 1000;

impl Conversation {
    /// Reads a record of a known format.
    pub fn from_record(record: &Value, format: Format) -> Result<Self> {
        let record = as_record(record)?;
        let messages = each_message(record, format)?.collect::<Result<Vec<_>>>()?;
        if messages.is_empty() {
            return Err(no_messages());
        }
        Ok(Self {
            messages,
            tools: read_tools(record.get("tools"))?,
            template_kwargs: read_template_kwargs(record.get("chat_template_kwargs"))?,
        })
    }
}

/// Everything for which a record is refused: the first fault of each message, of its tools and of its template
/// arguments. The first of them is the error of [`Conversation::from_record`].
pub fn faults(record: &Value, format: Format) -> Vec<Error> {
    let record = match as_record(record) {
        Ok(record) => record,
        Err(error) => return vec![error],
    };
    let mut is_empty = true;
    let mut faults: Vec<Error> = match each_message(record, format) {
        Ok(messages) => {
            messages.inspect(|_| is_empty = false).filter_map(Result::err).take(MAX_FAULTS).collect()
        }
        Err(error) => {
            is_empty = false;
            vec![error]
        }
    };
    faults.extend(is_empty.then(no_messages));
    faults.extend(read_tools(record.get("tools")).err());
    faults.extend(read_template_kwargs(record.get("chat_template_kwargs")).err());
    faults
}

fn no_messages() -> Error {
    Error::new(ErrorKind::Shape, "the conversation has no messages")
}

/// The object that a record must be.
pub fn as_record(record: &Value) -> Result<&Object> {
    record.as_object().ok_or_else(|| {
        Error::new(
            ErrorKind::NotAnObject,
            format!("the record is {}, expected an object", record.type_name()),
        )
    })
}

fn read_tools(tools: Option<&Value>) -> Result<Option<Value>> {
    let tools = match tools {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(tools) => from_json_text(tools, "\"tools\"", ErrorKind::Tools)?,
    };
    let wrong = |found: String| Error::new(ErrorKind::Tools, format!("{found}, expected a list of objects"));
    match &tools {
        Value::Null => Ok(None),
        Value::Array(items) => {
            if let Some((i, item)) = items.iter().enumerate().find(|(_, item)| item.as_object().is_none()) {
                return Err(wrong(format!("\"tools\"[{i}] is {}", item.type_name())));
            }
            Ok(Some(tools))
        }
        other => Err(wrong(format!("\"tools\" is {}", other.type_name()))),
    }
}

fn read_template_kwargs(kwargs: Option<&Value>) -> Result<Object> {
    let error = |text: String| Error::new(ErrorKind::TemplateKwargs, text);
    match kwargs {
        None | Some(Value::Null) => Ok(Object::default()),
        Some(Value::Object(kwargs)) => {
            check_reserved(kwargs).map_err(error)?;
            Ok(kwargs.clone())
        }
        Some(other) => {
            Err(error(format!("\"chat_template_kwargs\" is {}, expected an object", other.type_name())))
        }
    }
}

/// Refuses template arguments that are ours to set.
pub fn check_reserved(kwargs: &Object) -> std::result::Result<(), String> {
    match RESERVED_KWARGS.iter().find(|key| kwargs.contains_key(key)) {
        Some(key) => Err(format!("the template argument {key:?} is set by everyturn and cannot be given")),
        None => Ok(()),
    }
}
