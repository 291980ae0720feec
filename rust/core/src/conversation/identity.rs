//! Which conversations are the same.
//!
//! In: a conversation as it was read. Out: 128 bits. What is rendered decides: messages, tools and template arguments,
//! whatever the bytes of the record, its other keys, the order of keys in objects, and its format. What is trained of
//! it (weights) does not. The first half is that of the opening, so a conversation that continues another has the same
//! one: both belong on one side of a split.

use std::sync::Arc;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::{Conversation, Message, Role};
use crate::json::{self, Number, Object, Value};

/// The id of what could not be read: its bytes.
pub fn id_of_bytes(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

impl Conversation {
    /// The hash of the opening, and that of the whole conversation.
    pub fn id(&self) -> u128 {
        let mut hash = Hash(Xxh3::new());
        hash.tools(self.tools.as_ref());
        hash.object(&self.template_kwargs);
        let opening = opening(&self.messages);
        self.messages[..opening].iter().for_each(|message| hash.message(message));
        let first = hash.0.digest();
        self.messages[opening..].iter().for_each(|message| hash.message(message));
        // The half of the 128 bits that a hash of 64 does not give: both halves say more than one, also where the
        // opening is the whole.
        let [whole, _] = halves(hash.0.digest128());
        u128::from(first) << 64 | u128::from(whole)
    }
}

/// How many messages open the conversation: up to the first answer to a user, or all.
fn opening(messages: &[Message]) -> usize {
    let is = |role: Role| move |message: &Message| message.role == role;
    let answer = messages.iter().position(is(Role::User)).and_then(|user| {
        let after = messages[user..].iter().position(is(Role::Assistant))?;
        Some(user + after + 1)
    });
    answer.unwrap_or(messages.len())
}

#[allow(clippy::cast_possible_truncation, reason = "each half is what is wanted")]
fn halves(hash: u128) -> [u64; 2] {
    [(hash >> 64) as u64, hash as u64]
}

/// Values fed to a hash, each with its type and extent, so that no two sequences of values are one.
struct Hash(Xxh3);

/// What comes before a value's bytes.
#[derive(Clone, Copy)]
enum Kind {
    Null,
    False,
    True,
    Int,
    BigInt,
    Float,
    Text,
    List,
    Object,
}

impl Hash {
    /// Servers show no empty list of tools.
    fn tools(&mut self, tools: Option<&Value>) {
        match tools.filter(|tools| tools.as_array().is_none_or(|tools| !tools.is_empty())) {
            Some(tools) => self.value(tools),
            None => self.mark(Kind::Null, 0),
        }
    }

    /// Servers show no empty list of calls.
    fn message(&mut self, message: &Message) {
        let is_shown = |key: &str, value: &Value| {
            key != "tool_calls" || value.as_array().is_none_or(|calls| !calls.is_empty())
        };
        let fields = message.fields.iter().filter(|(key, value)| is_shown(key, value));
        self.pairs(fields, |hash, key, value| match (key, value) {
            ("tool_calls", Value::Array(calls)) => {
                hash.mark(Kind::List, calls.len() as u64);
                for call in calls {
                    hash.call(call);
                }
            }
            _ => hash.value(value),
        });
    }

    /// A call with its arguments as an object, as servers read them, also where they are text.
    fn call(&mut self, call: &Value) {
        let Value::Object(call) = call else { return self.value(call) };
        self.pairs(call.iter(), |hash, key, value| match (key, value) {
            ("function", Value::Object(_)) => hash.call(value),
            ("arguments", Value::String(text)) => match json::parse_with_constants(text) {
                Ok(arguments @ Value::Object(_)) => hash.value(&arguments),
                _ => hash.value(value),
            },
            _ => hash.value(value),
        });
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.mark(Kind::Null, 0),
            Value::Bool(false) => self.mark(Kind::False, 0),
            Value::Bool(true) => self.mark(Kind::True, 0),
            // As they are printed: 1 is not 1.0.
            Value::Number(Number::Int(int)) => self.mark(Kind::Int, int.cast_unsigned()),
            Value::Number(Number::BigInt(digits)) => {
                self.mark(Kind::BigInt, digits.len() as u64);
                self.0.update(digits.as_bytes());
            }
            Value::Number(Number::Float(float)) => self.mark(Kind::Float, float.to_bits()),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.mark(Kind::List, items.len() as u64);
                for item in items {
                    self.value(item);
                }
            }
            Value::Object(object) => self.object(object),
        }
    }

    fn object(&mut self, object: &Object) {
        self.pairs(object.iter(), |hash, _, value| hash.value(value));
    }

    /// Keys in their order, each with what is written of its value.
    fn pairs<'v>(
        &mut self,
        pairs: impl Iterator<Item = (&'v Arc<str>, &'v Value)>,
        mut write: impl FnMut(&mut Self, &str, &Value),
    ) {
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_unstable_by(|one, other| one.0.cmp(other.0));
        self.mark(Kind::Object, pairs.len() as u64);
        for (key, value) in pairs {
            self.text(key);
            write(self, key, value);
        }
    }

    fn text(&mut self, text: &str) {
        self.mark(Kind::Text, text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn mark(&mut self, kind: Kind, number: u64) {
        let mut bytes = [kind as u8; 9];
        bytes[1..].copy_from_slice(&number.to_le_bytes());
        self.0.update(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Format, RecordOptions, Renames};

    fn id(record: &str) -> u128 {
        let value = json::parse_strict(record.as_bytes()).unwrap();
        Conversation::from_record(
            &value,
            Format::detect(&value, &Renames::default()).unwrap(),
            &RecordOptions::default(),
        )
        .unwrap()
        .id()
    }

    fn opening_of(id: u128) -> u128 {
        id >> 64
    }

    const CHAT: &str =
        r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]}"#;

    #[test]
    fn what_is_rendered_alike_is_the_same_conversation() {
        for same in [
            r#"{"id": 7, "messages":[{"content":"1+1?","role":"user"},{"role":"assistant","content":"\u0032"}]}"#,
            r#"{"conversations": [{"from": "human", "value": "1+1?"}, {"from": "gpt", "value": "2"}]}"#,
            r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2", "weight": 0}]}"#,
            r#"{"tools": [], "messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2", "tool_calls": []}]}"#,
        ] {
            assert_eq!(id(same), id(CHAT), "{same}");
        }
    }

    #[test]
    fn what_is_rendered_otherwise_is_another_conversation() {
        let ids = [
            CHAT,
            r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2 "}]}"#,
            r#"{"messages": [{"role": "user", "content": "1+1?2"}, {"role": "assistant", "content": ""}]}"#,
            r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "tools": [{"n": 1}]}"#,
            r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "tools": [{"n": 1.0}]}"#,
            r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "tools": [{"n": "1"}]}"#,
            r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "tools": [{"n": [1]}]}"#,
            r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "tools": [{"n": {"1": 1}}]}"#,
            r#"{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "chat_template_kwargs": {"n": 1}}"#,
        ]
        .map(id);
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn arguments_are_what_they_say_whether_as_text_or_as_an_object() {
        let with = |arguments: &str| {
            id(&format!(
                r#"{{"messages": [{{"role": "user", "content": "?"}}, {{"role": "assistant", "tool_calls": [
                {{"type": "function", "function": {{"name": "f", "arguments": {arguments}}}}}]}}]}}"#
            ))
        };
        assert_eq!(with(r#"{"a": 1, "b": [2]}"#), with(r#""{\"b\":[2],\"a\":1}""#));
        assert_ne!(with(r#"{"a": [1, 2]}"#), with(r#"{"a": [2, 1]}"#));
        assert_ne!(with(r#""not JSON""#), with(r#""not  JSON""#));
    }

    #[test]
    fn a_conversation_that_continues_another_has_its_opening() {
        let messages = [
            ("system", "s"),
            ("user", "u"),
            ("user", "v"),
            ("assistant", "a"),
            ("user", "w"),
            ("assistant", "b"),
        ];
        let of = |count: usize| {
            let written = messages[..count]
                .iter()
                .map(|(role, content)| format!(r#"{{"role": "{role}", "content": "{content}"}}"#));
            id(&format!(r#"{{"messages": [{}]}}"#, written.collect::<Vec<_>>().join(",")))
        };
        let ids: Vec<_> = (1..=messages.len()).map(of).collect();
        assert!(ids[3..].iter().all(|id| opening_of(*id) == opening_of(ids[3])));
        assert_ne!(opening_of(ids[2]), opening_of(ids[3]));
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
    }
}
