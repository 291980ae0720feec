//! What rules about messages look at: who speaks, which tools are called and answer, what weighs.
//!
//! In: a conversation. Out: a JSON value that samples carry along, an object for each message; and from such values what
//! most rules ask for, in columns. Texts are in it on request: they may be longer than all else.

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::{Conversation, Message, Role, part_texts};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Number, Object, Parser, Value, has_surrogate_escape, object};

impl Conversation {
    /// A list with an object for each message: `role`; `calls`, the names of the tools that it calls; `tool`, the name of
    /// the tool whose result it is; `weight`, where the record gives it one; `is_weighted_in_part` where that is true; on
    /// request `text`, its content.
    pub fn facts(&self, with_texts: bool) -> Value {
        // Of the last message with calls: their ids and names, and how many results came after it.
        let mut called: Vec<Call<'_>> = Vec::new();
        let mut results = 0;
        let facts = self.messages.iter().map(|message| {
            let mut facts = vec![("role", Value::from(message.role.name()))];
            if message.role == Role::Tool {
                let by_id = |id| called.iter().find(|call| call.id.is_some() && call.id == id);
                let text = |key: &str| message.fields.get(key).and_then(Value::as_str);
                let by_order = called.get(results);
                let call = text("tool_call_id").and_then(|id| by_id(Some(id))).or(by_order);
                if let Some(name) = text("name").or(call.and_then(|call| call.name)) {
                    facts.push(("tool", name.into()));
                }
                results += 1;
            } else {
                (called, results) = (calls_of(message), 0);
                let names: Vec<Value> = called.iter().filter_map(|call| call.name).map(Value::from).collect();
                if !called.is_empty() {
                    facts.push(("calls", Value::Array(names)));
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
            facts.iter().for_each(|fact| self.push(fact));
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

struct Call<'m> {
    id: Option<&'m str>,
    name: Option<&'m str>,
}

fn calls_of(message: &Message) -> Vec<Call<'_>> {
    let calls = message.fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
    calls.iter().filter_map(call_of).collect()
}

fn call_of(call: &Value) -> Option<Call<'_>> {
    let call = call.as_object()?;
    let function = call.get("function").and_then(Value::as_object).unwrap_or(call);
    Some(Call {
        id: call.get("id").and_then(Value::as_str),
        name: function.get("name").and_then(Value::as_str),
    })
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
        let expected = r#"[{"role": "user"}, {"role": "assistant", "calls": ["air", "rain"]}, {"role": "tool", "tool": "rain"}, {"role": "tool", "tool": "rain"}, {"role": "assistant", "weight": 0.5}]"#;
        assert_eq!(facts(CALLS, false), expected);
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
