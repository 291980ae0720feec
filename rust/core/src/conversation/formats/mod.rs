//! The record formats: how a record's is recognised, and the messages of each.
//!
//! In: a record and its format. Out: its messages, each read, or found at fault, by itself.

mod alpaca;
mod openai;
mod prompt_completion;
mod sharegpt;

use std::str::FromStr;

use super::message::Message;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// The messages of a record, each read, or found at fault, by itself.
type EachMessage<'a> = Box<dyn Iterator<Item = Result<Message>> + 'a>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenAI: `{"messages": [{"role", "content", ..}], "tools": ..}`.
    Messages,
    /// `{"conversations": [{"from", "value"}]}`, or with role and content.
    ShareGpt,
    /// `{"instruction", "input", "output"}`.
    Alpaca,
    /// `{"prompt", "completion"}`, texts or message lists.
    PromptCompletion,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Messages, Self::ShareGpt, Self::Alpaca, Self::PromptCompletion];

    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::ShareGpt => "sharegpt",
            Self::Alpaca => "alpaca",
            Self::PromptCompletion => "prompt_completion",
        }
    }

    /// The key whose presence tells the format.
    fn telling_key(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::ShareGpt => "conversations",
            Self::Alpaca => "instruction",
            Self::PromptCompletion => "completion",
        }
    }

    /// The format of a record, if its keys tell one.
    pub fn detect(record: &Value) -> Option<Self> {
        let record = record.as_object()?;
        Self::ALL
            .into_iter()
            .find(|format| record.get(format.telling_key()).is_some_and(|value| !value.is_null()))
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(name: &str) -> std::result::Result<Self, ()> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(())
    }
}

/// The keys that tell a format, for error texts.
fn telling_keys() -> String {
    Format::ALL.map(|format| format!("{:?}", format.telling_key())).join(", ")
}

/// The keys of a record, for error texts.
fn key_list(record: &Object) -> String {
    const SHOWN: usize = 8;
    if record.is_empty() {
        return "no keys".into();
    }
    let mut keys: Vec<String> = record.iter().take(SHOWN).map(|(key, _)| excerpt(key)).collect();
    if record.len() > SHOWN {
        keys.push("..".into());
    }
    keys.join(", ")
}

/// The messages of a record.
pub(super) fn each_message(record: &Object, format: Format) -> Result<EachMessage<'_>> {
    Ok(match format {
        Format::Messages => Box::new(openai::each(record)?),
        Format::ShareGpt => Box::new(sharegpt::each(record)?),
        Format::Alpaca => Box::new(alpaca::read(record)?.into_iter().map(Ok)),
        Format::PromptCompletion => prompt_completion::each(record)?,
    })
}

/// The error for a record of which no format is known.
pub fn unknown_format(record: &Value) -> Error {
    let keys = record.as_object().map(key_list).unwrap_or_default();
    let text = format!("no key tells the record's format: it has {keys}; expected one of {}", telling_keys());
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
            key_list(record)
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
