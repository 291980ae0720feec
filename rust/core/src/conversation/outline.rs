//! The messages of a record where they stand: what each format makes of a record.
//!
//! In: what a format finds in a record. Out: entries, which are read in two ways: strictly, to messages or a fault of
//! each, and leniently, to whatever can be seen of a message however much of it is wrong. Both see the same keys.

use super::item::ReadItem;
use super::message::{self, Message, as_message};
use super::role::Role;
use crate::error::{Error, Result};
use crate::json::{Object, Value};

/// The messages of a record, none of them read yet.
#[derive(Default)]
pub struct Outline<'a> {
    pub entries: Vec<Entry<'a>>,
    /// Why the record as a whole is refused. Entries that are found nevertheless are for lenient reading.
    pub fault: Option<Error>,
}

/// One message where it stands.
pub struct Entry<'a> {
    source: Source<'a>,
    /// False where the format declares the entry to be context.
    may_be_target: bool,
}

enum Source<'a> {
    /// A content by itself: where it stands says whose it is.
    Content { role: Role, content: Value },
    /// An object in a list.
    Item { place: Place, value: &'a Value, read: ReadItem },
}

/// Where an item stands in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub list: &'static str,
    pub index: usize,
}

/// What can be seen of a message, however much of it is wrong.
pub struct LenientMessage {
    pub role: Option<Role>,
    /// Under the names that the other stages know; empty if the message is not an object.
    pub fields: Object,
    /// The tool calls of an entry that is nothing else, as they stand.
    pub call: Option<Value>,
    pub may_be_target: bool,
    /// Where the object is, and the key of its role; `None` if it is not an object.
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
        self.entries.push(Entry { source: Source::Content { role, content }, may_be_target: true });
    }

    pub(super) fn push_list(
        &mut self,
        list: &'static str,
        items: &'a [Value],
        read: ReadItem,
        may_be_target: bool,
    ) {
        self.entries.extend(items.iter().enumerate().map(|(index, value)| Entry {
            source: Source::Item { place: Place { list, index }, value, read },
            may_be_target,
        }));
    }
}

impl Entry<'_> {
    pub fn read(&self) -> Result<Message> {
        let message = match &self.source {
            Source::Content { role, content } => Message::saying(*role, content.clone()),
            Source::Item { value, read, .. } => message::from_item(read(as_message(value)?))?,
        };
        Ok(Message { may_be_target: self.may_be_target, ..message })
    }

    pub fn read_leniently(&self) -> LenientMessage {
        let may_be_target = self.may_be_target;
        match &self.source {
            Source::Content { role, content } => LenientMessage {
                role: Some(*role),
                fields: Message::saying(*role, content.clone()).fields,
                call: None,
                may_be_target,
                place: None,
            },
            Source::Item { place, value, read } => match value.as_object().map(read) {
                Some(item) => LenientMessage {
                    role: item.role.ok(),
                    fields: item.fields,
                    call: item.call,
                    may_be_target,
                    place: Some((*place, item.role_key)),
                },
                None => LenientMessage {
                    role: None,
                    fields: Object::default(),
                    call: None,
                    may_be_target,
                    place: None,
                },
            },
        }
    }
}
