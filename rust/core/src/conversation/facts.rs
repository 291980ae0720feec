//! What rules about messages look at: who speaks, which tools are called and answer, what weighs.
//!
//! In: a conversation. Out: a JSON value that samples carry along, an object for each message; and from such values what
//! most rules ask for, in columns. Texts are in it on request: they may be longer than all else.

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::called::Calls;
use super::{Conversation, Message, Role, part_texts};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Number, Object, Parser, Value, has_surrogate_escape, object};

impl Conversation {
    /// A list with an object for each message: `role`; `calls`, the names of the tools that it calls; `tool`, the name of
    /// the tool whose result it is; `caller`, the place of the message whose call that answers; `weight`, where the record gives it one; `is_weighted_in_part` where that is true; on
    /// request `text`, its content.
    pub fn facts(&self, with_texts: bool) -> Value {
        let mut calls = Calls::default();
        let facts = self.messages.iter().enumerate().map(|(at, message)| {
            let mut facts = vec![("role", Value::from(message.role.name()))];
            if message.role == Role::Tool {
                let call = calls.answer(message);
                let own = message.fields.get("name").and_then(Value::as_str);
                if let Some(name) = own.or(call.and_then(|call| call.name)) {
                    facts.push(("tool", name.into()));
                }
                if let Some(call) = call {
                    let caller = i64::try_from(call.message).unwrap_or(i64::MAX);
                    facts.push(("caller", Value::Number(Number::Int(caller))));
                }
            } else {
                let made = calls.make(at, message);
                if !made.is_empty() {
                    let names = made.iter().filter_map(|call| call.name).map(Value::from);
                    facts.push(("calls", Value::Array(names.collect())));
                }
            }
            if let Some(weight) = message.weight {
                facts.push(("weight", Value::Number(Number::Float(weight.0.into()))));
            }
            if !message.part_weights.is_empty() {
                facts.push(("is_weighted_in_part", Value::Bool(true)));
            }
            if let Some(text) = content(message).filter(|_| with_texts) {
                facts.push(("text", text.as_str().into()));
            }
            object(&facts)
        });
        Value::Array(facts.collect())
    }
}

/// What the facts of many records say about their messages, which stand one after the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MessageColumns {
    /// Where the messages of each record start, and where the last one's end.
    pub offsets: Vec<i64>,
    /// By their places in [`Role::ALL`].
    pub roles: Vec<u8>,
    pub is_weighted: Vec<bool>,
    pub is_weighted_in_part: Vec<bool>,
}

impl MessageColumns {
    /// Reads the facts of records as JSON texts; an empty text is a record without messages.
    pub fn read<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Result<Self> {
        let mut columns = Self { offsets: vec![0], ..Self::default() };
        let mut parser = Parser::default();
        for (record, text) in texts.enumerate() {
            let read = if text.is_empty() { Ok(()) } else { columns.read_record(&mut parser, text) };
            read.map_err(|error| {
                let text = format!("what is known of the messages of record {record} is damaged: {error}");
                Error::new(ErrorKind::Content, text)
            })?;
            columns.offsets.push(i64::try_from(columns.roles.len()).unwrap_or(i64::MAX));
        }
        Ok(columns)
    }

    fn read_record(&mut self, parser: &mut Parser, text: &[u8]) -> Result<()> {
        if let Some(facts) = Fact::read_all(text) {
            for fact in &facts {
                self.push(fact);
            }
            return Ok(());
        }
        // As they may be after a detour through other programs, or damaged.
        let facts = parser.parse(text)?;
        let damaged = || Error::new(ErrorKind::Content, "expected a list of objects with a role");
        for fact in facts.as_array().ok_or_else(damaged)? {
            let fact = fact.as_object().and_then(Fact::of_object).ok_or_else(damaged)?;
            self.push(&fact);
        }
        Ok(())
    }

    fn push(&mut self, fact: &Fact) {
        self.roles.push(fact.role.0);
        self.is_weighted.push(fact.weight.0);
        self.is_weighted_in_part.push(fact.is_weighted_in_part.0);
    }
}

/// What the columns have of a message. It is read without building values, as nearly all texts can be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    role: RoleNumber,
    #[serde(default)]
    weight: IsGiven,
    #[serde(default)]
    is_weighted_in_part: IsGiven,
    #[serde(default, rename = "calls")]
    _calls: IgnoredAny,
    #[serde(default, rename = "tool")]
    _tool: IgnoredAny,
    #[serde(default, rename = "caller")]
    _caller: IgnoredAny,
    #[serde(default, rename = "text")]
    _text: IgnoredAny,
}

impl Fact {
    /// The facts of a record; `None` where the parser of records has to be asked, or would find a fault.
    fn read_all(text: &[u8]) -> Option<Vec<Self>> {
        let text = std::str::from_utf8(text).ok()?;
        (!has_surrogate_escape(text.as_bytes())).then(|| serde_json::from_str(text).ok())?
    }

    fn of_object(fact: &Object) -> Option<Self> {
        Some(Self {
            role: RoleNumber::of_name(fact.get("role")?.as_str()?)?,
            weight: IsGiven(fact.contains_key("weight")),
            is_weighted_in_part: IsGiven(fact.contains_key("is_weighted_in_part")),
            _calls: IgnoredAny,
            _tool: IgnoredAny,
            _caller: IgnoredAny,
            _text: IgnoredAny,
        })
    }
}

/// The place of a role in [`Role::ALL`].
struct RoleNumber(u8);

impl RoleNumber {
    fn of_name(name: &str) -> Option<Self> {
        let place = Role::ALL.iter().position(|role| role.name() == name)?;
        u8::try_from(place).ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for RoleNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = <&str>::deserialize(deserializer)?;
        Self::of_name(name).ok_or_else(|| D::Error::custom("unknown role"))
    }
}

/// Whether there is a value, whatever it is.
#[derive(Default)]
struct IsGiven(bool);

impl<'de> Deserialize<'de> for IsGiven {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

fn content(message: &Message) -> Option<String> {
    match message.fields.get("content")? {
        Value::String(text) => Some(text.to_string()),
        Value::Array(parts) => Some(part_texts(parts).concat()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]

    use super::*;
    use crate::conversation::{Format, RecordOptions};
    use crate::json::{parse_strict, write};

    fn facts(messages: &str, with_texts: bool) -> String {
        let record = parse_strict(format!("{{\"messages\": {messages}}}").as_bytes()).unwrap();
        let read = Conversation::from_record(&record, Format::Messages, &RecordOptions::default());
        write(&read.unwrap().facts(with_texts))
    }

    const CALLS: &str = r#"[
        {"role": "user", "content": "Air?"},
        {"role": "assistant", "reasoning_content": "Two calls.", "tool_calls": [
            {"id": "1", "function": {"name": "air", "arguments": {}}},
            {"id": "2", "function": {"name": "rain", "arguments": {}}}]},
        {"role": "tool", "tool_call_id": "2", "content": "none"},
        {"role": "tool", "content": "fine"},
        {"role": "assistant", "content": "Good.", "weight": 0.5}]"#;

    #[test]
    fn results_are_those_of_calls_by_id_and_by_order() {
        let expected = r#"[{"role": "user"}, {"role": "assistant", "calls": ["air", "rain"]}, {"role": "tool", "tool": "rain", "caller": 1}, {"role": "tool", "tool": "air", "caller": 1}, {"role": "assistant", "weight": 0.5}]"#;
        assert_eq!(facts(CALLS, false), expected);
    }

    #[test]
    fn an_id_is_looked_for_in_the_whole_conversation() {
        let text = r#"[
            {"role": "user", "content": "Air?"},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "x", "function": {"name": "air"}}]},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "y", "function": {"name": "rain"}}]},
            {"role": "user", "content": "Well?"},
            {"role": "tool", "tool_call_id": "x", "content": "bad"},
            {"role": "tool", "tool_call_id": "z", "content": "whose?"},
            {"role": "tool", "content": "whose?"},
            {"role": "assistant", "content": "", "tool_calls": [
                {"function": {"name": "air"}}, {"function": {"name": "rain"}}, {"id": "x", "function": {"name": "sun"}}]},
            {"role": "tool", "name": "rain", "content": "wet"},
            {"role": "tool", "tool_call_id": "z", "content": "dry"},
            {"role": "tool", "tool_call_id": "x", "content": "bright"},
            {"role": "tool", "content": "whose?"}]"#;
        let found = parse_strict(facts(text, false).as_bytes()).unwrap();
        let of = |fact: &Value| {
            let fact = fact.as_object()?;
            (fact.get("role")?.as_str()? == "tool")
                .then(|| (fact.get("caller").map(write), fact.get("tool").map(write)))
        };
        let found: Vec<_> = found.as_array().unwrap().iter().filter_map(of).collect();
        let answer = |caller: &str, tool: &str| (Some(caller.to_owned()), Some(format!("{tool:?}")));
        let unknown = (None, None);
        let expected = [
            answer("1", "air"),
            unknown.clone(),
            unknown.clone(),
            answer("7", "rain"),
            answer("7", "air"),
            answer("7", "sun"),
            unknown,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn columns_are_what_facts_say() {
        let text = facts(CALLS, true);
        let columns = MessageColumns::read([text.as_bytes(), b"", text.as_bytes()].into_iter()).unwrap();
        assert_eq!(columns.offsets, [0, 5, 5, 10]);
        assert_eq!(columns.roles[5..], [2, 3, 4, 4, 3]);
        assert_eq!(columns.is_weighted[..5], [false, false, false, false, true]);
        let damaged = MessageColumns::read([&b"[]"[..], b"[{}]"].into_iter()).unwrap_err();
        assert!(damaged.text.contains("of record 1 is damaged"), "{}", damaged.text);
    }

    #[test]
    fn texts_are_there_on_request() {
        let found = facts(CALLS, true);
        for text in [r#""text": "Air?""#, r#""text": "fine""#] {
            assert!(found.contains(text), "{found}");
        }
    }
}
