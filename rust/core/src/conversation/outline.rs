//! The messages of a record where they stand: what each format makes of a record.
//!
//! In: what a format finds in a record. Out: entries, which are read in two ways: strictly, to messages or a fault of
//! each, and leniently, to whatever can be seen of a message however much of it is wrong. Both see the same keys, under
//! the names that are read here, and a turn that is written as several entries as one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::formats::Declaration;
use super::item::{ReadItem, is_call_role};
use super::message::{self, CALL_KEYS, Message, as_message};
use super::part_keys;
use super::renames::Renames;
use super::role::Role;
use super::turns;
use crate::error::{Error, Result};
use crate::json::{Object, Value};

/// The messages of a record, none of them read yet.
#[derive(Default)]
pub struct Outline<'a> {
    pub entries: Vec<Entry<'a>>,
    /// Why the record as a whole is refused. Entries that are found nevertheless are for lenient reading.
    pub fault: Option<Error>,
    /// Keys that an object has twice in a list that is JSON text.
    pub repeated_keys: Vec<Arc<str>>,
}

/// One message where it stands.
pub struct Entry<'a> {
    source: Source<'a>,
    /// False where the format declares the entry to be context.
    may_be_target: bool,
    /// What it says stood in another order.
    is_reordered: bool,
    /// Keys of its parts that nothing reads.
    unread_keys: BTreeSet<Arc<str>>,
}

enum Source<'a> {
    /// A content by itself: where it stands says whose it is.
    Content { role: Role, content: Value },
    /// An object in a list; without a place it stands for one that the record writes in another way.
    Item { place: Option<Place>, value: Cow<'a, Value>, read: ReadItem },
    /// Several entries that are one turn of the assistant.
    Turn(Vec<Entry<'a>>),
}

/// The key that an item has its role under.
pub type RoleKey = fn(item: &Object) -> &'static str;

/// Which entries are one turn of the assistant.
#[derive(Debug, Clone, Copy)]
pub enum TurnRule {
    /// Tool calls that are entries of their own, and a text directly before them.
    Calls,
    /// All that the assistant says before somebody else does.
    Neighbours,
}

/// Where an item stands in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub list: &'static str,
    pub index: usize,
}

/// What can be seen of a message, however much of it is wrong.
#[derive(Default)]
pub struct LenientMessage {
    pub role: Option<Role>,
    /// Under the names that the other stages know; empty if the message is not an object.
    pub fields: Object,
    /// The tool calls of an entry that is nothing else, as they stand.
    pub call: Option<Value>,
    pub may_be_target: bool,
    /// Where the object is, and the key of its role; `None` if it is not an object, or not one alone.
    pub place: Option<(Place, &'static str)>,
}

impl<'a> Outline<'a> {
    /// Notes why the record is refused; the first reason is kept.
    pub(super) fn refuse(&mut self, fault: Error) {
        self.fault.get_or_insert(fault);
    }

    /// The value, or a note of its fault.
    pub(super) fn note<T>(&mut self, value: Result<T>) -> Option<T> {
        value.map_err(|fault| self.refuse(fault)).ok()
    }

    pub(super) fn push_content(&mut self, role: Role, content: Value) {
        self.entries.push(Entry::content(role, content));
    }

    pub(super) fn push_list(
        &mut self,
        list: &'static str,
        items: Cow<'a, [Value]>,
        read: ReadItem,
        may_be_target: bool,
    ) {
        let values: Vec<Cow<'a, Value>> = match items {
            Cow::Borrowed(items) => items.iter().map(Cow::Borrowed).collect(),
            Cow::Owned(items) => items.into_iter().map(Cow::Owned).collect(),
        };
        self.entries.extend(values.into_iter().enumerate().map(|(index, value)| Entry {
            source: Source::Item { place: Some(Place { list, index }), value, read },
            may_be_target,
            is_reordered: false,
            unread_keys: BTreeSet::new(),
        }));
    }

    /// Puts the message first that stands beside the others.
    pub(super) fn begin_with(&mut self, message: Value, read: ReadItem, unread_keys: BTreeSet<Arc<str>>) {
        let source = Source::Item { place: None, value: Cow::Owned(message), read };
        self.entries.insert(0, Entry { source, may_be_target: true, is_reordered: false, unread_keys });
    }

    /// Gives messages the names that are read here.
    pub(super) fn rename(&mut self, renames: &Renames, format: &Declaration) {
        if renames.is_empty() {
            return;
        }
        for entry in &mut self.entries {
            let Source::Item { value, .. } = &mut entry.source else { continue };
            let Some(object) = value.as_object() else { continue };
            match renames.of_message(object, format) {
                Ok(None) => {}
                Ok(Some(renamed)) => *value = Cow::Owned(Value::Object(renamed)),
                Err(fault) => _ = self.fault.get_or_insert(fault),
            }
        }
    }

    /// Notes what nothing reads of the parts of messages, before they are made anew.
    pub(super) fn note_unread_keys(&mut self) {
        for entry in &mut self.entries {
            if let Some(unread) = entry.object().map(part_keys::unread) {
                entry.unread_keys = unread;
            }
        }
    }

    /// Puts messages in the place of items that are written in another way; `None` leaves an item as it stands.
    pub(super) fn rewrite(
        &mut self,
        messages_of: fn(&Object) -> Option<Vec<Value>>,
        is_reordered: fn(&Object) -> bool,
    ) {
        // Most records have none of these, and are not copied.
        if !self.entries.iter().any(|entry| entry.object().and_then(messages_of).is_some()) {
            return;
        }
        for entry in std::mem::take(&mut self.entries) {
            match (entry.object().and_then(messages_of), &entry.source) {
                (Some(messages), Source::Item { read, .. }) => {
                    let is_reordered = entry.object().is_some_and(is_reordered);
                    self.entries.extend(messages.into_iter().enumerate().map(|(at, message)| Entry {
                        source: Source::Item { place: None, value: Cow::Owned(message), read: *read },
                        may_be_target: entry.may_be_target,
                        // Said once of an item.
                        is_reordered: is_reordered && at == 0,
                        unread_keys: if at == 0 { entry.unread_keys.clone() } else { BTreeSet::new() },
                    }));
                }
                _ => self.entries.push(entry),
            }
        }
    }

    /// Makes one message of the entries that are one turn of the assistant.
    pub(super) fn join_turns(&mut self, turns: TurnRule, role_key: RoleKey) {
        let continues = |before: &Entry<'_>, entry: &Entry<'_>| match turns {
            TurnRule::Calls => entry.is_call(role_key) && before.can_be_continued(role_key),
            TurnRule::Neighbours => {
                before.may_be_target == entry.may_be_target
                    && before.is_part_of_assistant()
                    && entry.is_part_of_assistant()
            }
        };
        if !self.entries.windows(2).any(|pair| continues(&pair[0], &pair[1])) {
            return;
        }
        let mut joined: Vec<Entry<'a>> = Vec::with_capacity(self.entries.len());
        for entry in std::mem::take(&mut self.entries) {
            match joined.last_mut() {
                Some(before) if continues(before, &entry) => before.append(entry),
                _ => joined.push(entry),
            }
        }
        self.entries = joined;
    }
}

impl Entry<'_> {
    fn content(role: Role, content: Value) -> Self {
        Self {
            source: Source::Content { role, content },
            may_be_target: true,
            is_reordered: false,
            unread_keys: BTreeSet::new(),
        }
    }

    pub fn read(&self) -> Result<Message> {
        message::speaking(self.read_part()?)
    }

    /// The same of what may say nothing by itself.
    fn read_part(&self) -> Result<Message> {
        let message = match &self.source {
            Source::Content { role, content } => Message::saying(*role, content.clone()),
            Source::Item { value, read, .. } => message::part_of_item(read(as_message(value)?))?,
            Source::Turn(parts) => {
                turns::joined(&parts.iter().map(Self::read_part).collect::<Result<Vec<_>>>()?)
            }
        };
        let is_reordered = message.is_reordered || self.is_reordered;
        let unread_keys = message.unread_keys.union(&self.unread_keys).cloned().collect();
        Ok(Message { may_be_target: self.may_be_target, is_reordered, unread_keys, ..message })
    }

    pub fn read_leniently(&self) -> LenientMessage {
        let may_be_target = self.may_be_target;
        match &self.source {
            Source::Content { role, content } => LenientMessage {
                role: Some(*role),
                fields: Message::saying(*role, content.clone()).fields,
                may_be_target,
                ..LenientMessage::default()
            },
            Source::Item { place, value, read } => match value.as_object().map(read) {
                Some(item) => LenientMessage {
                    role: item.role.ok(),
                    fields: item.fields,
                    call: item.call,
                    may_be_target,
                    place: place.map(|place| (place, item.role_key)),
                },
                None => LenientMessage { may_be_target, ..LenientMessage::default() },
            },
            Source::Turn(parts) => {
                turns::joined_leniently(parts.iter().map(Self::read_leniently).collect::<Vec<_>>())
            }
        }
    }

    /// The object of an entry that is one alone.
    fn object(&self) -> Option<&Object> {
        match &self.source {
            Source::Item { value, .. } => value.as_object(),
            Source::Content { .. } | Source::Turn(_) => None,
        }
    }

    /// Whether it is the assistant's, and can be joined with others: a list of parts cannot.
    fn is_part_of_assistant(&self) -> bool {
        let message = self.read_leniently();
        let is_text = |content: &Value| content.is_null() || content.as_str().is_some();
        message.role == Some(Role::Assistant) && message.fields.get("content").is_none_or(is_text)
    }

    fn is_call(&self, role_key: RoleKey) -> bool {
        let name = self.object().and_then(|object| object.get(role_key(object))).and_then(Value::as_str);
        name.is_some_and(is_call_role)
    }

    /// Whether a call that follows belongs to the same turn: this one is a call, or a text of the assistant.
    fn can_be_continued(&self, role_key: RoleKey) -> bool {
        if matches!(self.source, Source::Turn(_)) || self.is_call(role_key) {
            return true;
        }
        let is_text = |fields: &Object| {
            fields.get("content").is_some_and(|content| content.as_str().is_some())
                && CALL_KEYS.iter().all(|key| fields.get(key).is_none_or(Value::is_null))
        };
        self.object().is_some() && {
            let message = self.read_leniently();
            message.role == Some(Role::Assistant) && is_text(&message.fields)
        }
    }

    fn append(&mut self, entry: Self) {
        if let Source::Turn(parts) = &mut self.source {
            parts.push(entry);
            return;
        }
        let turn = Self {
            source: Source::Turn(Vec::new()),
            may_be_target: self.may_be_target,
            is_reordered: self.is_reordered,
            unread_keys: BTreeSet::new(),
        };
        let first = std::mem::replace(self, turn);
        self.source = Source::Turn(vec![first, entry]);
    }
}
