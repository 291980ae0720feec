//! The record formats: how a record's is recognised, and where its messages are.
//!
//! In: a record and its format. Out: an outline of its messages. A format is declared once, in its own file; strict
//! and lenient reading are made from that declaration.

mod alpaca;
mod exchanges;
mod history;
pub(super) mod openai;
mod prompt_completion;
mod query_response;
mod responses;
mod sharegpt;

use std::borrow::Cow;
use std::sync::Arc;

pub use prompt_completion::repeats;

use super::from_json_text;
use super::guess;
use super::outline::{Outline, RoleKey, TurnRule};
use super::renames::Renames;
use super::role::{Role, RoleNames};
use super::system;
use super::trees;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// What a format is.
pub struct Declaration {
    /// The keys of a record that are the format's.
    keys: &'static [&'static str],
    /// The keys of the items of its lists, besides those that messages of every format have.
    pub(super) item_keys: &'static [&'static str],
    /// The keys that show it, if a record has them all.
    marks: &'static [&'static str],
    /// What else shows it, where other records have these keys, too.
    fits: Option<fn(&Object, &Renames) -> bool>,
    /// Finds the messages of a record. It finds what it can of a record that is refused, too.
    outline: fn(&Object) -> Outline<'_>,
    /// Puts messages in the place of items that are written in another way.
    rewrite: fn(&mut Outline<'_>),
    /// Which entries are one turn.
    turns: TurnRule,
    /// What it calls the roles of the items of its lists.
    role_names: &'static RoleNames,
    /// The key that an item of its lists has its role under.
    pub(super) role_key: RoleKey,
    /// What it calls a role itself under this key, where others have other names.
    pub(super) name_of_role: fn(key: &str, role: Role) -> &'static str,
}

/// The formats: what each is called, and its declaration.
macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident = $name:literal declared by $file:ident;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Format { $($(#[$doc])* $format),+ }

        impl Format {
            /// Every format; where a record's keys match several, the first counts.
            pub const ALL: &[Self] = &[$(Self::$format),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$format => $name),+ }
            }

            pub(super) const fn declaration(self) -> &'static Declaration {
                match self { $(Self::$format => &$file::DECLARATION),+ }
            }
        }
    };
}

formats! {
    /// OpenAI: `{"messages": [{"role", "content", ..}], "tools": ..}`.
    Messages = "messages" declared by openai;
    /// `{"conversations": [{"from", "value"}]}`, or with role and content.
    ShareGpt = "sharegpt" declared by sharegpt;
    /// `{"instruction", "input", "output"}`.
    Alpaca = "alpaca" declared by alpaca;
    /// `{"prompt", "completion"}`, texts or message lists.
    PromptCompletion = "prompt_completion" declared by prompt_completion;
    /// ms-swift: `{"query", "response", "history", "system"}`.
    QueryResponse = "query_response" declared by query_response;
    /// ms-swift: `{"conversation": [{"human", "assistant"}]}`; xtuner: with input and output.
    Exchanges = "exchanges" declared by exchanges;
    /// OpenAI's Responses: `{"input": text or [items], "output": [items]}`.
    Responses = "responses" declared by responses;
}

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// The format that a key shows by itself.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| {
            let declaration = format.declaration();
            declaration.fits.is_none() && declaration.marks == [key]
        })
    }

    /// The formats that the keys of a record show, whatever their values are.
    pub fn shown_by_keys(has_key: impl Fn(&str) -> bool) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |format| {
            let declaration = format.declaration();
            declaration.fits.is_none() && declaration.marks.iter().all(|key| has_key(key))
        })
    }

    /// The format of a record, if it shows one; only its items may have other names.
    pub fn detect(record: &Value, renames: &Renames) -> Option<Self> {
        let record = record.as_object()?;
        Self::ALL.iter().copied().find(|format| {
            let Declaration { marks, fits, .. } = format.declaration();
            marks.iter().all(|key| given(record, key).is_some())
                && fits.is_none_or(|fits| fits(record, renames))
        })
    }

    /// The format whose lists hold items with such keys.
    pub fn of_message(item: &Object) -> Option<Self> {
        if item.contains_key("role") {
            Some(Self::Messages)
        } else {
            item.contains_key("from").then_some(Self::ShareGpt)
        }
    }

    /// A record that is a list of messages, as the record of this format that holds it; other records as they are.
    pub fn with_key(self, record: Value) -> Value {
        match record {
            Value::Array(_) => {
                Value::Object(Object::from_pairs(vec![(self.declaration().keys[0].into(), record)]))
            }
            _ => record,
        }
    }

    /// The messages of a record where they are, under the names that are read here.
    pub fn outline<'r>(self, record: &'r Object, renames: &Renames) -> Outline<'r> {
        let declaration = self.declaration();
        let mut outline = (declaration.outline)(record);
        outline.rename(renames, declaration);
        outline.note_unread_keys();
        (declaration.rewrite)(&mut outline);
        outline.join_turns(declaration.turns, declaration.role_key);
        system::put_first(record, &mut outline);
        outline
    }

    /// Whether a key of a record is the format's.
    pub fn has_key(self, key: &str) -> bool {
        self.keys().contains(&key)
    }

    /// The keys of a record that are the format's.
    pub fn keys(self) -> &'static [&'static str] {
        self.declaration().keys
    }

    /// The keys of the items of its lists that are the format's.
    pub(super) fn item_keys(self) -> &'static [&'static str] {
        self.declaration().item_keys
    }

    /// The names of roles that the items of its lists can have.
    pub fn role_names(self) -> &'static [(&'static str, Role)] {
        self.declaration().role_names.0
    }

    /// The name to write for a role under a key of an item.
    pub fn name_of_role(self, key: &str, role: Role) -> &'static str {
        (self.declaration().name_of_role)(key, role)
    }
}

/// The keys that show a format by themselves, for error texts.
fn format_keys() -> String {
    let declarations = Format::ALL.iter().map(|format| format.declaration());
    let marks = declarations.filter(|format| format.fits.is_none()).map(|format| format.marks);
    let keys =
        marks.map(|marks| marks.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(" with "));
    keys.collect::<Vec<_>>().join(", ")
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

/// The error for a record of which no format is known; `columns_of` is what it is a row of.
pub fn unknown_format(record: &Value, columns_of: Option<&Arc<str>>) -> Error {
    if let Some(fault) = record.as_object().and_then(trees::fault) {
        return Error::new(ErrorKind::Shape, fault);
    }
    if record.as_object().is_some_and(|item| Format::of_message(item).is_some()) {
        let text = "this is a message, not a conversation: pass [{\"messages\": [..]}]";
        return Error::new(ErrorKind::UnknownFormat, text);
    }
    let keys = record.as_object().map(key_list).unwrap_or_default();
    let hint =
        record.as_object().and_then(guess::renames).map_or_else(String::new, |guess| format!("; {guess}"));
    let found = match columns_of {
        Some(what) => format!("no column of this {what} shows its format: the row has {keys}"),
        None => format!("no key of the record shows its format: it has {keys}"),
    };
    let text = format!("{found}; expected one of {}{hint}", format_keys());
    Error::new(ErrorKind::UnknownFormat, text)
}

/// A list of messages, which may be JSON text.
fn list<'a>(
    outline: &mut Outline<'a>,
    record: &'a Object,
    key: &str,
    format: Format,
) -> Option<Cow<'a, [Value]>> {
    let mut repeated = Vec::new();
    let items = outline.note(read_list(record, key, format, &mut repeated));
    outline.repeated_keys.append(&mut repeated);
    items
}

fn read_list<'a>(
    record: &'a Object,
    key: &str,
    format: Format,
    repeated: &mut Vec<Arc<str>>,
) -> Result<Cow<'a, [Value]>> {
    let wrong = |value: &Value| {
        Error::new(ErrorKind::Shape, format!("{key:?} is {}, expected a list", value.type_name()))
    };
    match record.get(key) {
        Some(Value::Array(items)) => Ok(Cow::Borrowed(items)),
        Some(text @ Value::String(_)) => {
            match from_json_text(text, &format!("{key:?}"), ErrorKind::Shape, repeated)? {
                Value::Array(items) => Ok(Cow::Owned(items)),
                other => Err(wrong(&other)),
            }
        }
        Some(other) => Err(wrong(other)),
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

/// A value that is not null.
pub(super) fn given<'a>(record: &'a Object, key: &str) -> Option<&'a Value> {
    record.get(key).filter(|value| !value.is_null())
}

/// Whether a value is as good as absent: null, an empty text, a list of nothing.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(Value::is_null),
        _ => false,
    }
}

fn optional_text<'a>(record: &'a Object, key: &str) -> Result<Option<&'a str>> {
    match given(record, key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            Err(Error::new(ErrorKind::Shape, format!("{key:?} is {}, expected text", other.type_name())))
        }
    }
}

fn required_text<'a>(record: &'a Object, key: &str, format: Format) -> Result<&'a str> {
    optional_text(record, key)?.ok_or_else(|| missing(record, key, format))
}
