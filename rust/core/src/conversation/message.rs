//! One entry of a message list to a `Message`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::calls::{check_tool_calls, take_function_call, tool_calls_from};
use super::formats::is_nothing;
use super::guess;
use super::item::Item;
use super::part_weights::{self, PartWeight};
use super::parts;
use super::reasoning;
use super::role::Role;
use super::weight::{self, Weight};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

/// The names under which a message's reasoning is given, the first that is there before the others.
pub const REASONING_KEYS: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// The names under which a message's calls are given.
pub(super) const CALL_KEYS: [&str; 2] = ["tool_calls", "function_call"];

/// The tags of reasoning that is written within a text.
pub const OPEN_THINKING: &str = "<think>";
pub const CLOSE_THINKING: &str = "</think>";

/// Between several parts of reasoning, and between the texts of a turn that is written in parts.
pub const SEPARATOR: &str = "\n";

/// A message as the template is to see it, and what the record says of its training.
#[derive(Debug, Clone)]
pub struct Message {
    pub role: Role,
    /// Everything the template may read, `role` included; no nulls, no keys that steer training.
    pub fields: Object,
    /// The weight that the record gives: 0 is context only. `None`: it gives none.
    pub weight: Option<Weight>,
    /// Parts that have weights of their own.
    pub part_weights: Vec<PartWeight>,
    /// False for an assistant message that the format declares to be context (the `prompt` of a pair).
    pub may_be_target: bool,
    /// What it says stood in another order: a message has its reasoning, its text, then its calls.
    pub is_reordered: bool,
    /// Keys of its parts that nothing reads.
    pub unread_keys: BTreeSet<Arc<str>>,
    /// Keys that an object has twice in what is JSON text of it, but for arguments.
    pub repeated_keys: Vec<Arc<str>>,
}

impl Message {
    pub fn calls_tools(&self) -> bool {
        self.fields.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty())
    }

    /// A message with a content alone.
    pub fn saying(role: Role, content: Value) -> Self {
        let fields = [("role".into(), role.name().into()), ("content".into(), content)];
        Self {
            role,
            fields: fields.into_iter().collect(),
            weight: None,
            part_weights: Vec::new(),
            may_be_target: true,
            is_reordered: false,
            unread_keys: BTreeSet::new(),
            repeated_keys: Vec::new(),
        }
    }

    /// An answer that may be trained.
    pub fn is_answer(&self) -> bool {
        self.role == Role::Assistant && self.may_be_target
    }

    /// Multiplies what it weighs, and what its parts do.
    pub fn scale(&mut self, by: Weight) -> Result<()> {
        self.weight = Some(self.weight.map_or(Ok(by), |own| own.times(by))?);
        for part in &mut self.part_weights {
            part.weight = part.weight.times(by)?;
        }
        Ok(())
    }

    /// Whether it, or a part of it, is to be trained, as far as its own weights say.
    pub fn has_positive_weight(&self) -> bool {
        let parts = self.part_weights.iter().map(|part| part.weight);
        self.weight.into_iter().chain(parts).any(|weight| weight > Weight::ZERO)
    }
}

/// The object that a message must be.
pub fn as_message(item: &Value) -> Result<&Object> {
    item.as_object().ok_or_else(|| {
        Error::new(ErrorKind::Shape, format!("the message is {}, expected an object", item.type_name()))
    })
}

/// What every format does with an item of a list of messages, which may say nothing by itself: a part of a turn.
pub(super) fn part_of_item(item: Item) -> Result<Message> {
    let role = item.role?;
    if let Some(fault) = item.fault {
        return Err(fault);
    }
    let (mut fields, mut repeated_keys) = (item.fields, item.repeated_keys);
    if let Some(call) = &item.call {
        fields = with_tool_calls(&fields, tool_calls_from(call, "the function call", &mut repeated_keys)?)?;
    }
    let weight = weight::take(&mut fields)?;
    fields.insert("role", role.name().into());
    fields.retain(|_, value| !value.is_null());
    take_function_call(&mut fields, &mut repeated_keys)?;
    if role == Role::Assistant {
        reasoning::settle(&mut fields)?;
    }
    let (mut part_weights, mut is_reordered) = (Vec::new(), false);
    match fields.get("content") {
        None | Some(Value::String(_)) => {}
        Some(Value::Array(_)) => {
            is_reordered = parts::read(&mut fields, &mut part_weights, &mut repeated_keys)?;
        }
        Some(other) => {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("\"content\" is {}, expected text, a list of parts or null", other.type_name()),
            ));
        }
    }
    part_weights::take(&mut fields, &mut part_weights)?;
    check_tool_calls(fields.get("tool_calls"))?;
    let message = Message::saying(role, Value::Null);
    Ok(Message { fields, weight, part_weights, is_reordered, repeated_keys, ..message })
}

/// The message, if it says anything.
pub(super) fn speaking(message: Message) -> Result<Message> {
    if message.fields.contains_key("content") || speaks_without_content(message.role, &message.fields) {
        return Ok(message);
    }
    let hint = guess::message_keys(&message.fields);
    let text = format!("no \"content\", and no tool calls or reasoning instead{hint}");
    Err(Error::new(ErrorKind::Shape, text))
}

/// Puts the calls of an entry that is a call after role and content.
fn with_tool_calls(fields: &Object, calls: Value) -> Result<Object> {
    if fields.get("tool_calls").is_some_and(|own| !is_nothing(own) && *own != calls) {
        let text = "the message has tool calls both in its content and in \"tool_calls\"; keep one";
        return Err(Error::new(ErrorKind::Tools, text));
    }
    let pairs = || fields.iter().filter(|(key, _)| &***key != "tool_calls");
    let pairs = || pairs().map(|(key, value)| (key.clone(), value.clone()));
    Ok(pairs().take(2).chain([("tool_calls".into(), calls)]).chain(pairs().skip(2)).collect())
}

/// Only an assistant can say something without a content.
fn speaks_without_content(role: Role, fields: &Object) -> bool {
    let says = |key: &&str| match fields.get(key) {
        None => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    role == Role::Assistant && REASONING_KEYS.iter().chain(&["tool_calls"]).any(says)
}
