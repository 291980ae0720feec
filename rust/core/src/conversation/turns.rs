//! One turn that a format writes as several entries: its reasoning, its text and its tool calls, each one of its own.
//!
//! In: the parts of a turn, read. Out: one message that has all of them. Weights that differ become weights of parts.

use std::ops::Range;

use super::labels;
use super::message::{Message, REASONING_KEYS, SEPARATOR};
use super::order::Order;
use super::outline::LenientMessage;
use super::part_weights::{PartWeight, WeightedPart};
use super::role::Role;
use super::weight::Weight;
use crate::json::{self, Object, Value};

/// The message that the parts of a turn are.
pub fn joined(parts: &[Message]) -> Message {
    let weight = common_weight(parts);
    let mut turn = Message { weight, ..Message::saying(Role::Assistant, "".into()) };
    let mut order = Order::default();
    for part in parts {
        order.add_reasoning(reasoning(&part.fields));
        order.add_text(text(&part.fields, "content"));
        if part.calls_tools() {
            order.add_calls();
        }
        let new = grow(&mut turn.fields, &part.fields);
        if part.weight != weight {
            turn.part_weights.extend(new.weighted(part.weight));
        }
        turn.part_weights.extend(part.part_weights.iter().map(|weight| new.moved(weight)));
    }
    turn.unread_keys = parts.iter().flat_map(|part| part.unread_keys.iter().cloned()).collect();
    turn.repeated_keys = parts.iter().flat_map(|part| part.repeated_keys.iter().cloned()).collect();
    turn.is_reordered = order.is_reordered || parts.iter().any(|part| part.is_reordered);
    if !parts.iter().any(|part| part.fields.contains_key("content")) {
        turn.fields.remove("content");
    }
    turn
}

/// The same of messages that nobody has checked.
pub fn joined_leniently(parts: Vec<LenientMessage>) -> LenientMessage {
    let mut turn = LenientMessage {
        role: Some(Role::Assistant),
        fields: Message::saying(Role::Assistant, "".into()).fields,
        may_be_target: parts.iter().any(|part| part.may_be_target),
        ..LenientMessage::default()
    };
    if !parts.iter().any(|part| part.fields.contains_key("content")) {
        turn.fields.remove("content");
    }
    let mut calls = Vec::new();
    for part in parts {
        grow(&mut turn.fields, &part.fields);
        calls.extend(part.call.into_iter().flat_map(listed));
    }
    turn.call = (!calls.is_empty()).then_some(Value::Array(calls));
    turn
}

/// The calls of an entry, which may be JSON text, a list or both.
fn listed(call: Value) -> Vec<Value> {
    let parsed = call.as_str().and_then(|text| json::parse_with_constants(text).ok());
    match parsed.unwrap_or(call) {
        Value::Array(calls) => calls,
        call => vec![call],
    }
}

/// What the turn as a whole weighs: the most that a part of it does, and nothing if one part says nothing.
fn common_weight(parts: &[Message]) -> Option<Weight> {
    let weights: Option<Vec<Weight>> = parts.iter().map(|part| part.weight).collect();
    weights?.into_iter().reduce(|one, other| if other > one { other } else { one })
}

/// What a part has added to a turn.
#[derive(Default)]
struct Grown {
    content: Range<usize>,
    reasoning: Range<usize>,
    calls: Range<usize>,
}

impl Grown {
    /// Everything that was added has this weight.
    fn weighted(&self, weight: Option<Weight>) -> Vec<PartWeight> {
        let Some(weight) = weight else { return Vec::new() };
        let texts =
            [WeightedPart::Content(self.content.clone()), WeightedPart::Reasoning(self.reasoning.clone())];
        let is_there = |part: &WeightedPart| match part {
            WeightedPart::Content(bytes) | WeightedPart::Reasoning(bytes) => !bytes.is_empty(),
            WeightedPart::ContentItem(_) | WeightedPart::Call(_) => true,
        };
        let parts = texts.into_iter().filter(is_there).chain(self.calls.clone().map(WeightedPart::Call));
        parts.map(|part| PartWeight::new(part, weight)).collect()
    }

    /// A weight of the part, as one of the turn.
    fn moved(&self, of_part: &PartWeight) -> PartWeight {
        let shift = |bytes: &Range<usize>, by: usize| bytes.start + by..bytes.end + by;
        let part = match &of_part.part {
            WeightedPart::Content(bytes) => WeightedPart::Content(shift(bytes, self.content.start)),
            WeightedPart::Reasoning(bytes) => WeightedPart::Reasoning(shift(bytes, self.reasoning.start)),
            WeightedPart::Call(at) => WeightedPart::Call(at + self.calls.start),
            WeightedPart::ContentItem(item) => WeightedPart::ContentItem(*item),
        };
        PartWeight::new(part, of_part.weight)
    }
}

/// Adds the text, the reasoning and the calls of a part.
fn grow(turn: &mut Object, part: &Object) -> Grown {
    let content = add_text(turn, "content", text(part, "content"));
    let key = REASONING_KEYS.iter().copied().find(|key| turn.contains_key(key)).unwrap_or(REASONING_KEYS[0]);
    let reasoning = add_text(turn, key, reasoning(part));
    let all_reasoning = turn.get(key).cloned().unwrap_or_else(|| "".into());
    let is_name_of_it = |name: &&str| turn.contains_key(name) || part.contains_key(name);
    let names: Vec<&str> = REASONING_KEYS.into_iter().filter(is_name_of_it).collect();
    for name in names {
        turn.insert(name, all_reasoning.clone());
    }
    let mut all = calls(turn).to_vec();
    let before = all.len();
    all.extend_from_slice(calls(part));
    let calls = before..all.len();
    if !calls.is_empty() {
        turn.insert("tool_calls", Value::Array(all));
    }
    for (key, value) in part.iter() {
        // Of two values of one key that is none of these the first one stays, as in any object; one part that is
        // called undesired makes the turn so.
        if !turn.contains_key(key) || labels::says_undesired(key, value) {
            turn.insert(key, value.clone());
        }
    }
    Grown { content, reasoning, calls }
}

fn add_text(turn: &mut Object, key: &str, new: &str) -> Range<usize> {
    let old = text(turn, key);
    if new.is_empty() {
        return old.len()..old.len();
    }
    let separator = if old.is_empty() { "" } else { SEPARATOR };
    let start = old.len() + separator.len();
    let all = format!("{old}{separator}{new}");
    let end = all.len();
    turn.insert(key, all.as_str().into());
    start..end
}

fn text<'o>(fields: &'o Object, key: &str) -> &'o str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn reasoning(fields: &Object) -> &str {
    REASONING_KEYS.iter().find_map(|key| fields.get(key)).and_then(Value::as_str).unwrap_or_default()
}

fn calls(fields: &Object) -> &[Value] {
    fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default()
}
