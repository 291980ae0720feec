//! The part of a conversation that targets are shown.
//!
//! In: which messages are left. Out: the index of each among them, and which keys of messages no rendering has read.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::chat_template::Prepared;

/// The messages that a target is shown.
pub struct View<'v, 'a> {
    pub prepared: &'v Prepared<'a>,
    /// Their indices in the conversation; `None`: all are shown.
    pub kept: Option<Vec<usize>>,
}

impl<'v, 'a> View<'v, 'a> {
    pub fn whole(prepared: &'v Prepared<'a>) -> Self {
        Self { prepared, kept: None }
    }

    /// The index of a message of the conversation in the view.
    pub fn index_of(&self, message: usize) -> usize {
        self.kept.as_ref().and_then(|kept| kept.binary_search(&message).ok()).unwrap_or(message)
    }

    /// The message of the conversation at this index.
    pub fn message_at(&self, index: usize) -> usize {
        self.kept.as_ref().and_then(|kept| kept.get(index).copied()).unwrap_or(index)
    }
}

/// The keys of messages, and of tools, that no rendering has looked at.
#[derive(Default)]
pub struct Unread {
    of_messages: BTreeMap<usize, BTreeSet<Arc<str>>>,
    /// `None`: no rendering has looked at a tool.
    of_tools: Option<BTreeSet<Arc<str>>>,
}

impl Unread {
    /// Keeps the keys that a view's renderings have not read either.
    pub fn keep_unread_in(&mut self, view: &View<'_, '_>) {
        for (index, keys) in view.prepared.unread_keys() {
            let keys = keys.into_iter().map(Arc::from).collect();
            match self.of_messages.entry(view.message_at(index)) {
                Entry::Vacant(entry) => {
                    entry.insert(keys);
                }
                Entry::Occupied(mut entry) => entry.get_mut().retain(|key| keys.contains(key)),
            }
        }
        if let Some(keys) = view.prepared.unread_tool_keys() {
            let keys: BTreeSet<Arc<str>> = keys.into_iter().map(Arc::from).collect();
            match &mut self.of_tools {
                Some(known) => known.retain(|key| keys.contains(key)),
                None => self.of_tools = Some(keys),
            }
        }
    }

    /// The keys of tools.
    pub fn of_tools(&self) -> impl Iterator<Item = &Arc<str>> {
        self.of_tools.iter().flatten()
    }

    /// A key for each message in which it is.
    pub fn of_messages(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        self.of_messages.iter().flat_map(|(message, keys)| keys.iter().map(|key| (*message, key)))
    }
}
