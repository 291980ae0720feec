//! One record to one conversation.
//!
//! In: the JSON value of a record and its format. Out: messages in order with known roles, the tools, the template
//! arguments of the record, and per message whether the record itself says that it is to be trained. Keys that steer
//! training (`weight`, ..) are taken out of the messages: a server never sees them. Contents, tools and tool
//! arguments are passed on as they stand. What a template makes of a message is not decided here.

mod alpaca;
mod format;
mod message;
mod parts;
mod prompt_completion;
mod sharegpt;
mod weight;

pub use format::Format;
pub use message::{Message, Role, as_message};
pub use parts::part_texts;

use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Object, Value};

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

/// The messages of a record, each read, or found at fault, by itself.
type EachMessage<'a> = Box<dyn Iterator<Item = Result<Message>> + 'a>;

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

fn each_message(record: &Object, format: Format) -> Result<EachMessage<'_>> {
    Ok(match format {
        Format::Messages => Box::new(message::each(list(record, "messages", format)?, 0)),
        Format::ShareGpt => Box::new(sharegpt::each(record)?),
        Format::Alpaca => Box::new(alpaca::read(record)?.into_iter().map(Ok)),
        Format::PromptCompletion => prompt_completion::each(record)?,
    })
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

/// The error for a record of which no format is known.
pub fn unknown_format(record: &Value) -> Error {
    let keys = record.as_object().map(format::key_list).unwrap_or_default();
    let text = format!(
        "no key tells the record's format: it has {keys}; expected one of {}",
        format::telling_keys()
    );
    Error::new(ErrorKind::UnknownFormat, text)
}

fn list<'a>(record: &'a Object, key: &str, format: Format) -> Result<&'a [Value]> {
    match record.get(key) {
        Some(Value::Array(items)) => Ok(items),
        Some(other) => {
            Err(Error::new(ErrorKind::Shape, format!("{key:?} is {}, expected a list", other.type_name())))
        }
        None => Err(missing(record, key, format)),
    }
}

/// The error for a record without the key that its format needs.
fn missing(record: &Object, key: &str, format: Format) -> Error {
    Error::new(
        ErrorKind::Shape,
        format!(
            "no key {key:?}, which the format {:?} needs; the record has {}",
            format.name(),
            format::key_list(record)
        ),
    )
}

fn optional_text<'a>(record: &'a Object, key: &str) -> Result<Option<&'a str>> {
    match record.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            Err(Error::new(ErrorKind::Shape, format!("{key:?} is {}, expected text", other.type_name())))
        }
    }
}

fn required_text<'a>(record: &'a Object, key: &str, format: Format) -> Result<&'a str> {
    optional_text(record, key)?.ok_or_else(|| missing(record, key, format))
}

/// JSON held in a text, or the value itself.
fn from_json_text(value: &Value, what: &str, kind: ErrorKind) -> Result<Value> {
    match value {
        Value::String(text) => json::parse_strict(text.as_bytes())
            .map_err(|error| Error::new(kind, format!("{what} is text that is not JSON: {error}"))),
        other => Ok(other.clone()),
    }
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
