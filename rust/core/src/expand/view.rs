//! The part of a conversation that targets are shown.
//!
//! In: which messages are left. Out: where each lies among them, and which keys of messages no rendering has read.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::chat_template::Prepared;

/// The messages that a target is shown.
pub struct View<'v, 'a> {
    pub prepared: &'v Prepared<'a>,
    /// Their places in the conversation; `None`: it is shown whole.
    pub kept: Option<Vec<usize>>,
}

impl<'v, 'a> View<'v, 'a> {
    pub fn whole(prepared: &'v Prepared<'a>) -> Self {
        Self { prepared, kept: None }
    }

    /// Where a message of the conversation lies in the view.
    pub fn place_of(&self, message: usize) -> usize {
        self.kept.as_ref().and_then(|kept| kept.binary_search(&message).ok()).unwrap_or(message)
    }

    /// Which message of the conversation lies there.
    pub fn message_at(&self, place: usize) -> usize {
        self.kept.as_ref().and_then(|kept| kept.get(place).copied()).unwrap_or(place)
    }
}

/// The keys that no rendering of a message has looked at.
#[derive(Default)]
pub struct Unread(BTreeMap<usize, BTreeSet<Arc<str>>>);

impl Unread {
    /// Takes in what a view has rendered.
    pub fn look(&mut self, view: &View<'_, '_>) {
        for (place, keys) in view.prepared.unread_keys() {
            let keys = keys.into_iter().map(Arc::from).collect();
            match self.0.entry(view.message_at(place)) {
                Entry::Vacant(entry) => {
                    entry.insert(keys);
                }
                Entry::Occupied(mut entry) => entry.get_mut().retain(|key| keys.contains(key)),
            }
        }
    }

    /// A key for each message in which it is.
    pub fn keys(mut self, whole: &Prepared<'_>) -> Vec<Arc<str>> {
        self.look(&View::whole(whole));
        self.0.into_values().flatten().collect()
    }
}
