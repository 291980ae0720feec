//! The record formats: how a record's is recognised, and the messages of each.
//!
//! In: a record and its format. Out: its messages, each read, or at fault, independently of the others.

mod alpaca;
mod openai;
mod prompt_completion;
mod sharegpt;

use super::message::Message;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// The messages of a record, each read, or at fault, independently of the others.
type EachMessage<'a> = Box<dyn Iterator<Item = Result<Message>> + 'a>;

/// The formats: what each is called, the key whose presence shows it, and what reads its messages.
macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident = $name:literal with key $key:literal, read by $reader:path;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Format { $($(#[$doc])* $format),+ }

        impl Format {
            /// Every format; where a record's keys match several, the first counts.
            pub const ALL: &[Self] = &[$(Self::$format),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$format => $name),+ }
            }

            fn key(self) -> &'static str {
                match self { $(Self::$format => $key),+ }
            }

            /// The messages of a record.
            pub(super) fn each_message(self, record: &Object) -> Result<EachMessage<'_>> {
                match self { $(Self::$format => $reader(record)),+ }
            }
        }
    };
}

formats! {
    /// OpenAI: `{"messages": [{"role", "content", ..}], "tools": ..}`.
    Messages = "messages" with key "messages", read by openai::each_message;
    /// `{"conversations": [{"from", "value"}]}`, or with role and content.
    ShareGpt = "sharegpt" with key "conversations", read by sharegpt::each_message;
    /// `{"instruction", "input", "output"}`.
    Alpaca = "alpaca" with key "instruction", read by alpaca::each_message;
    /// `{"prompt", "completion"}`, texts or message lists.
    PromptCompletion = "prompt_completion" with key "completion", read by prompt_completion::each_message;
}

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// The format that the presence of a key shows.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.key() == key)
    }

    /// The format of a record, if its keys show one.
    pub fn detect(record: &Value) -> Option<Self> {
        let record = record.as_object()?;
        Self::ALL
            .iter()
            .copied()
            .find(|format| record.get(format.key()).is_some_and(|value| !value.is_null()))
    }
}

/// The keys that show a format, for error texts.
fn format_keys() -> String {
    let keys: Vec<String> = Format::ALL.iter().map(|format| format!("{:?}", format.key())).collect();
    keys.join(", ")
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

/// The error for a record of which no format is known.
pub fn unknown_format(record: &Value) -> Error {
    let keys = record.as_object().map(key_list).unwrap_or_default();
    let text =
        format!("no key of the record shows its format: it has {keys}; expected one of {}", format_keys());
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
