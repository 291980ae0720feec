//! Messages whose contents are Anthropic's blocks, as the messages of OpenAI's API that they are.
//!
//! In: messages. Out: the results of tools that a message of the user holds, each a message of its own before the rest of
//! it; calls and reasoning of the assistant beside its text. Blocks that are not known stay where they are, for the
//! reader of parts to refuse.

use super::calls::function_call_of;
use super::formats::is_nothing;
use super::message::{REASONING_KEYS, SEPARATOR};
use super::order::Order;
use super::outline::Outline;
use super::parts::{CALL_INPUT, RESULT_CONTENT, text_of_part};
use super::reasoning;
use super::role::Role;
use super::under_names::under_one_of;
use super::weight;
use crate::error::Result;
use crate::json::{Object, Value};

const CALL: &str = "tool_use";
const RESULT: &str = "tool_result";
const REASONING: &str = "thinking";
/// Not Anthropic's own: a part that is read likewise.
const OTHER_REASONING: &str = "reasoning";
/// Encrypted reasoning: no text that could be shown or trained.
const REDACTED: &str = "redacted_thinking";

pub(super) fn rewrite(outline: &mut Outline<'_>) {
    outline.rewrite(messages_of, is_reordered);
}

/// Whether blocks stand in another order than what the messages of them say.
fn is_reordered(message: &Object) -> bool {
    let blocks = message.get("content").and_then(Value::as_array).unwrap_or_default();
    let mut order = Order::default();
    for block in blocks.iter().filter_map(Value::as_object) {
        match kind(block) {
            Some(CALL) => order.add_calls(),
            Some(RESULT) => order.add_result(),
            Some(REASONING | OTHER_REASONING) => order.add_reasoning(thought_of(block).unwrap_or_default()),
            _ => order.add_text(text_of_part(block).unwrap_or_default()),
        }
    }
    order.is_reordered
}

/// The messages that a message is; `None` if it has no blocks that only Anthropic's have.
fn messages_of(message: &Object) -> Option<Vec<Value>> {
    let blocks = message.get("content")?.as_array()?;
    let has = |is_own: fn(&Object) -> bool| blocks.iter().filter_map(Value::as_object).any(is_own);
    match message.get("role")?.as_str()? {
        "user" | "human" if has(is_result) => Some(of_user(message, blocks)),
        "assistant" | "gpt" if has(is_of_assistant) => Some(vec![of_assistant(message, blocks)]),
        _ => None,
    }
}

fn kind(block: &Object) -> Option<&str> {
    block.get("type").and_then(Value::as_str)
}

fn is_result(block: &Object) -> bool {
    kind(block) == Some(RESULT) && under_one_of(block, &RESULT_CONTENT).is_ok()
}

fn is_of_assistant(block: &Object) -> bool {
    match kind(block) {
        Some(CALL | REDACTED) => true,
        Some(REASONING) => block.contains_key("signature"),
        _ => false,
    }
}

fn of_user(message: &Object, blocks: &[Value]) -> Vec<Value> {
    let (results, rest): (Vec<&Value>, Vec<&Value>) =
        blocks.iter().partition(|block| block.as_object().is_some_and(is_result));
    let mut messages: Vec<Object> = results.into_iter().filter_map(Value::as_object).map(of_result).collect();
    if !rest.is_empty() {
        let rest: Vec<Value> = rest.into_iter().cloned().collect();
        let role = message.get("role").cloned().unwrap_or(Value::Null);
        messages.push([("role".into(), role), ("content".into(), only_text(&rest))].into_iter().collect());
    }
    // What the message weighs, each of the messages that it is does; its other keys are those of one of them.
    let (weights, others): (Vec<_>, Vec<_>) = message
        .iter()
        .filter(|(key, _)| !matches!(&***key, "role" | "content"))
        .partition(|(key, _)| weight::KEYS.contains(&&***key));
    for message in messages.iter_mut().filter(|message| !is_weighted(message)) {
        for (key, weight) in &weights {
            message.insert(key, (*weight).clone());
        }
    }
    if let Some(last) = messages.last_mut() {
        *last = last.iter().chain(others).map(|(key, value)| (key.clone(), value.clone())).collect();
    }
    messages.into_iter().map(Value::Object).collect()
}

/// The message of a tool. That it failed is a key of it, which a template may read, and which is counted if none does.
fn of_result(block: &Object) -> Object {
    let content = match under_one_of(block, &RESULT_CONTENT).ok().flatten() {
        None | Some(Value::Null) => "".into(),
        Some(Value::Array(blocks)) if blocks.is_empty() => "".into(),
        Some(Value::Array(blocks)) => only_text(blocks),
        Some(other) => other.clone(),
    };
    let id = block.get("tool_use_id").cloned().unwrap_or(Value::Null);
    let pairs = [("role", Role::Tool.name().into()), ("tool_call_id", id), ("content", content)];
    let mut message: Object = pairs.into_iter().map(|(key, value)| (key.into(), value)).collect();
    let is_failure = |key: &str, value: &Value| key == "is_error" && *value != Value::Bool(false);
    let others =
        block.iter().filter(|(key, value)| weight::KEYS.contains(&&***key) || is_failure(key, value));
    others.for_each(|(key, value)| message.insert(key, value.clone()));
    message
}

fn of_assistant(message: &Object, blocks: &[Value]) -> Value {
    let mut new = message.clone();
    let has_calls = message.get("tool_calls").is_some_and(|calls| match calls {
        Value::String(text) => !matches!(text.trim(), "" | "[]"),
        other => !is_nothing(other),
    });
    let has_reasoning = reasoning::is_given(message);
    let (mut calls, mut thoughts, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for value in blocks {
        let block = value.as_object();
        match block.and_then(kind).zip(block) {
            Some((CALL, block)) if !has_calls => match call_of(block) {
                Ok(call) => calls.push(Value::Object(call)),
                Err(_) => rest.push(value.clone()),
            },
            Some((REASONING, block)) if !has_reasoning && !is_weighted(block) => match thought_of(block) {
                Some(thought) => thoughts.push(thought),
                None => rest.push(value.clone()),
            },
            // Counted as what no template reads.
            Some((REDACTED, block)) => new.insert(REDACTED, Value::Object(block.clone())),
            _ => rest.push(value.clone()),
        }
    }
    if rest.is_empty() {
        new.remove("content");
    } else {
        new.insert("content", only_text(&rest));
    }
    if !thoughts.is_empty() {
        new.insert(REASONING_KEYS[0], thoughts.join(SEPARATOR).as_str().into());
    }
    if !calls.is_empty() {
        new.insert("tool_calls", Value::Array(calls));
    }
    Value::Object(new)
}

/// The text of a block of reasoning, if it has one text.
fn thought_of(block: &Object) -> Option<&str> {
    under_one_of(block, &["value", "text", kind(block)?]).ok().flatten()?.as_str()
}

fn call_of(block: &Object) -> Result<Object> {
    let mut call = function_call_of(block, "id", &CALL_INPUT)?;
    let weights = block.iter().filter(|(key, _)| weight::KEYS.contains(&&***key));
    weights.for_each(|(key, value)| call.insert(key, value.clone()));
    Ok(call)
}

/// Blocks as a content: one that is a text alone is that text.
pub(super) fn only_text(blocks: &[Value]) -> Value {
    match blocks {
        [Value::Object(block)] if !is_weighted(block) => {
            text_of_part(block).map_or_else(|| Value::Array(blocks.to_vec()), Value::from)
        }
        _ => Value::Array(blocks.to_vec()),
    }
}

/// Whether a block says what it weighs.
pub(super) fn is_weighted(block: &Object) -> bool {
    weight::KEYS.iter().any(|key| block.get(key).is_some_and(|weight| !weight.is_null()))
}
