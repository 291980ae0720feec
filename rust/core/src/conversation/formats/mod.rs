//! The record formats, and how a file's format is recognised.

use std::str::FromStr;

use crate::json::{Object, Value};

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

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(())
    }
}

/// The keys that tell a format, for error texts.
pub fn telling_keys() -> String {
    Format::ALL.map(|format| format!("{:?}", format.telling_key())).join(", ")
}

/// The keys of a record, for error texts.
pub fn key_list(record: &Object) -> String {
    const SHOWN: usize = 8;
    if record.is_empty() {
        return "no keys".into();
    }
    let mut keys: Vec<String> =
        record.iter().take(SHOWN).map(|(key, _)| crate::error::excerpt(key)).collect();
    if record.len() > SHOWN {
        keys.push("..".into());
    }
    keys.join(", ")
}
