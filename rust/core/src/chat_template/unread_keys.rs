//! Keys of messages and tools that reach no sample.
//!
//! In: a conversation after all its renderings. Out: the keys that the template has never looked at, of those that say
//! something, and those that the server leaves out. Keys of calls and tools are those of `inner_keys`.

use everyturn_template::Arena;

use super::prepared::Prepared;
use crate::conversation::REASONING_KEYS;
use crate::json::{Object, Value};
use crate::serving::{Sent, SentMessage};

impl<'a> Prepared<'a> {
    /// Of each rendered message the keys that the template has never looked at, of those that say something, and those
    /// that a server leaves out.
    pub fn unread_keys(&self) -> impl Iterator<Item = (usize, Vec<&'a str>)> {
        let items = self.messages.items().get(..self.seen.get()).unwrap_or_default();
        items.iter().enumerate().map(|(index, message)| {
            let number = self.number(index);
            // Where a message is another one at the end, it may be rendered there alone.
            let at_end = [true, false].map(|is_prompt| self.end(number + 1, is_prompt));
            let forms = || at_end.iter().flatten().chain([message]);
            let mut keys: Vec<_> =
                message.unread().filter(|key| !forms().any(|form| form.has_read(key))).collect();
            let reasoning = |key: &&str| REASONING_KEYS.contains(key);
            let reads_reasoning =
                keys.iter().filter(|key| reasoning(key)).count() < message.keys().filter(reasoning).count();
            keys.retain(|key| !(reads_reasoning && reasoning(key)));
            keys.extend(self.unsent.get(number).into_iter().flatten());
            let first = self.call_keys.partition_point(|key| key.message < number);
            let calls = self.call_keys.iter().skip(first).take_while(|key| key.message == number);
            keys.extend(calls.filter(|key| key.is_unread_in(forms())).map(|key| key.name));
            (number, keys)
        })
    }

    /// The keys of tools that the template has never looked at, and those that a server leaves out; `None`: it has looked at
    /// no tool.
    pub fn unread_tool_keys(&self) -> Option<Vec<&'a str>> {
        let given = self.variables.iter().find(|(name, _)| *name == "tools").map(|(_, tools)| *tools);
        let forms = || given.iter().chain(&self.second_tools);
        forms().flat_map(|tools| tools.items()).any(|tool| tool.is_read()).then(|| {
            self.tool_keys.iter().filter(|key| key.is_unread_in(forms())).map(|key| key.name).collect()
        })
    }
}

/// The keys of each message of which a server passes nothing on, of those that say something.
pub(super) fn unsent_keys<'a>(arena: &'a Arena, sent: &Sent<'_>, of: &[&Object]) -> Vec<Vec<&'a str>> {
    let mut unsent = vec![Vec::new(); of.len()];
    for form in &sent.messages {
        let as_answer = sent.as_answer.binary_search_by_key(&form.message, |other| other.message);
        let as_answer = as_answer.ok().and_then(|at| sent.as_answer.get(at));
        let is_sent = |key: &str| {
            let is_in = |form: &SentMessage<'_>| {
                form.fields.iter().any(|(known, _)| *known == key || both_are_reasoning(known, key))
            };
            is_in(form) || as_answer.is_some_and(is_in)
        };
        // A merged message has the keys of all that it was made of.
        let others = sent
            .merged
            .iter()
            .filter(|at| sent.merged.first() == Some(&form.message) && **at != form.message);
        for at in others.chain([&form.message]) {
            if let (Some(fields), Some(unsent)) = (of.get(*at), unsent.get_mut(form.message)) {
                let left = fields.iter().filter(|(key, value)| !is_sent(key) && !is_empty(value));
                unsent.extend(left.map(|(key, _)| &*arena.alloc_str(key)));
            }
        }
    }
    unsent
}

fn both_are_reasoning(one: &str, other: &str) -> bool {
    REASONING_KEYS.contains(&one) && REASONING_KEYS.contains(&other)
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}
