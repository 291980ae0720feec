//! Other names for the keys and roles of records, as the caller gives them.
//!
//! In: pairs of a name that is read here and the name that records have instead. Out: records and messages under the
//! names that are read here. What is not renamed is not touched, and not copied.

use std::borrow::Cow;
use std::sync::Arc;

use super::formats::{Declaration, Format};
use super::from_json_text;
use super::non_finite;
use super::options::NonFinite;
use super::role::Role;
use super::trees;
use super::{message_keys, record_keys};
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// A key that is read here, and the one that records have instead.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    ours: &'static str,
    theirs: Arc<str>,
}

/// Other names of keys and roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renames {
    of_records: Vec<Key>,
    of_messages: Vec<Key>,
    roles: Vec<(Arc<str>, Role)>,
}

impl Renames {
    /// Keys as (ours, theirs), roles as (theirs, ours).
    pub fn new(keys: &[(String, String)], roles: &[(String, String)]) -> Result<Self> {
        let mut renames = Self::default();
        for (ours, theirs) in keys {
            let key = |ours| Key { ours, theirs: theirs.as_str().into() };
            let record = record_keys::all().find(|name| name == ours);
            let message = message_keys::all().find(|name| name == ours);
            if record.is_none() && message.is_none() {
                return Err(unknown_key(ours));
            }
            renames.of_records.extend(record.map(key));
            renames.of_messages.extend(message.map(key));
        }
        for (theirs, ours) in roles {
            let role = Role::from_name(ours).ok_or_else(|| {
                let known = Role::ALL.map(Role::name).join(", ");
                let text = format!("roles: {} is not a role; expected one of {known}", excerpt(ours));
                Error::new(ErrorKind::Options, text)
            })?;
            renames.roles.push((theirs.as_str().into(), role));
        }
        Ok(renames)
    }

    /// The record that a line holds, under the names that are read here.
    pub fn opened(&self, line: Value, non_finite: NonFinite) -> Result<Value> {
        self.renamed(Self::held_by(line, non_finite, &mut Vec::new())?)
    }

    /// The record that a line holds: where it is the JSON text of an object or a list, what that says. Keys that an object
    /// of the text has twice are added to `repeated`.
    pub fn held_by(line: Value, non_finite: NonFinite, repeated: &mut Vec<Arc<str>>) -> Result<Value> {
        match &line {
            Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
                let record = from_json_text(&line, "the record", ErrorKind::Json, repeated)?;
                non_finite::check("", &record, non_finite)?;
                Ok(record)
            }
            _ => Ok(line),
        }
    }

    /// The record under the names that are read here.
    pub fn renamed(&self, record: Value) -> Result<Value> {
        Ok(match self.of_record(&record)? {
            Cow::Owned(renamed) => renamed,
            Cow::Borrowed(_) => record,
        })
    }

    /// The format of a record, as its keys or its messages show it.
    pub fn format_of(&self, record: &Value) -> Option<Format> {
        match record {
            Value::Object(_) => Format::detect(&*self.of_record(record).ok()?, self),
            Value::Array(items) => items.first().and_then(|item| self.format_of_message(item)),
            _ => None,
        }
    }

    /// Whether a value is a message by its keys, and not a record.
    pub fn is_message(&self, item: &Value) -> bool {
        self.format_of_message(item).is_some()
    }

    /// The format of lists that hold such a message; `None` if it is none.
    fn format_of_message(&self, item: &Value) -> Option<Format> {
        if self.format_of(item.as_object().map(|_| item)?).is_some() {
            return None;
        }
        // A message of a tree is one of several conversations.
        let item = item.as_object().filter(|item| !trees::is_row(item))?;
        let renamed = renamed(item, self.of_messages.iter()).ok()?;
        Format::of_message(renamed.as_ref().unwrap_or(item))
    }

    /// The name that is read here of a key of a record.
    pub fn of_record_key<'k>(&self, key: &'k str) -> &'k str {
        self.of_records.iter().find(|known| *known.theirs == *key).map_or(key, |known| known.ours)
    }

    /// The record under the names that are read here. Of a record that is not an object nothing is renamed.
    pub fn of_record<'r>(&self, record: &'r Value) -> Result<Cow<'r, Value>> {
        match record {
            Value::Object(object) => Ok(match renamed(object, self.of_records.iter())? {
                Some(object) => Cow::Owned(Value::Object(object)),
                None => Cow::Borrowed(record),
            }),
            _ => Ok(Cow::Borrowed(record)),
        }
    }

    /// A message of a format under the names that are read here; `None` if it has them already.
    pub(super) fn of_message(&self, message: &Object, format: &Declaration) -> Result<Option<Object>> {
        let is_read = |key: &&Key| message_keys::has(format.item_keys, key.ours);
        let mut new = renamed(message, self.of_messages.iter().filter(is_read))?;
        let seen = new.as_ref().unwrap_or(message);
        let key = (format.role_key)(seen);
        if let Some(name) = seen.get(key).and_then(Value::as_str)
            && let Some((_, role)) = self.roles.iter().find(|(theirs, _)| **theirs == *name)
        {
            new.get_or_insert_with(|| message.clone()).insert(key, (format.name_of_role)(key, *role).into());
        }
        Ok(new)
    }

    /// Whether a value, under the names that are read here, is what `test` says of an item of this format.
    pub(super) fn is_item_of(&self, item: &Value, format: &Declaration, test: fn(&Object) -> bool) -> bool {
        let Some(item) = item.as_object() else { return false };
        self.of_message(item, format).is_ok_and(|renamed| test(renamed.as_ref().unwrap_or(item)))
    }

    /// Whether nothing is renamed.
    pub fn is_empty(&self) -> bool {
        self.of_records.is_empty() && self.of_messages.is_empty() && self.roles.is_empty()
    }
}

/// The object with other keys; `None` if it has none of these.
fn renamed<'k>(object: &Object, keys: impl Iterator<Item = &'k Key>) -> Result<Option<Object>> {
    let found: Vec<&Key> = keys.filter(|key| object.contains_key(&key.theirs)).collect();
    if found.is_empty() {
        return Ok(None);
    }
    let is_renamed = |name: &str| found.iter().any(|key| *key.theirs == *name);
    if let Some(key) = found.iter().find(|key| object.contains_key(key.ours) && !is_renamed(key.ours)) {
        let text = format!("there are both {:?} and {:?}, which is to be read as it", key.ours, key.theirs);
        return Err(Error::new(ErrorKind::Shape, text));
    }
    let ours = |name: &Arc<str>| {
        found.iter().find(|key| key.theirs == *name).map_or_else(|| name.clone(), |key| key.ours.into())
    };
    Ok(Some(object.iter().map(|(name, value)| (ours(name), value.clone())).collect()))
}

fn unknown_key(name: &str) -> Error {
    let mut known: Vec<&str> = record_keys::all().chain(message_keys::all()).collect();
    known.sort_unstable();
    known.dedup();
    let text =
        format!("map: {} is not a key that is read; expected one of {}", excerpt(name), known.join(", "));
    Error::new(ErrorKind::Options, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_strict;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(one, other)| ((*one).into(), (*other).into())).collect()
    }

    fn renames(keys: &[(&str, &str)], roles: &[(&str, &str)]) -> Renames {
        Renames::new(&pairs(keys), &pairs(roles)).unwrap()
    }

    fn message(text: &str, renames: &Renames) -> Option<Value> {
        let value = parse_strict(text.as_bytes()).unwrap();
        renames
            .of_message(value.as_object().unwrap(), Format::Messages.declaration())
            .unwrap()
            .map(Value::Object)
    }

    fn json(text: &str) -> Value {
        parse_strict(text.as_bytes()).unwrap()
    }

    #[test]
    fn keys_and_roles_get_the_names_that_are_read() {
        let names = renames(&[("role", "speaker"), ("content", "text")], &[("bot", "assistant")]);
        let read = message(r#"{"speaker": "bot", "text": "Hi", "id": 1}"#, &names);
        assert_eq!(read, Some(json(r#"{"role": "assistant", "content": "Hi", "id": 1}"#)));
        assert_eq!(message(r#"{"role": "user", "content": "Hi"}"#, &names), None);
    }

    #[test]
    fn names_can_be_exchanged() {
        let names = renames(&[("prompt", "completion"), ("completion", "prompt")], &[]);
        let record = json(r#"{"prompt": "b", "completion": "a"}"#);
        assert_eq!(*names.of_record(&record).unwrap(), json(r#"{"completion": "b", "prompt": "a"}"#));
    }

    #[test]
    fn two_keys_for_one_name_are_an_error() {
        let names = renames(&[("messages", "dialog")], &[]);
        let record = json(r#"{"messages": [], "dialog": []}"#);
        assert_eq!(names.of_record(&record).unwrap_err().kind, ErrorKind::Shape);
    }

    #[test]
    fn unknown_names_are_refused() {
        for (keys, roles) in [(&[("message", "dialog")][..], &[][..]), (&[], &[("bot", "robot")])] {
            assert_eq!(Renames::new(&pairs(keys), &pairs(roles)).unwrap_err().kind, ErrorKind::Options);
        }
    }
}
