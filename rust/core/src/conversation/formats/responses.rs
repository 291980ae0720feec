//! `{"input": text or [items], "output": [items]}`, as OpenAI's Responses API takes and gives them.
//!
//! Items are messages, reasoning, calls of functions and their outputs; what the assistant says before somebody else does
//! is one turn. Targets are in the output; without one, the input is a whole conversation.

use std::borrow::Cow;

use super::{Declaration, Format, given, missing, openai};
use crate::conversation::blocks::{is_weighted, only_text};
use crate::conversation::calls::{OTHER_NAMES, function_call_of};
use crate::conversation::item::Item;
use crate::conversation::message::SEPARATOR;
use crate::conversation::outline::{Outline, TurnRule};
use crate::conversation::parts::text_of_part;
use crate::conversation::renames::Renames;
use crate::conversation::role::Role;
use crate::conversation::under_names::under_one_of;
use crate::conversation::weight;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

pub(super) const DECLARATION: Declaration = Declaration {
    keys: &[INPUT, OUTPUT],
    item_keys: &["type", "summary", "call_id", "arguments", "output"],
    marks: &[INPUT],
    fits: Some(fits),
    outline,
    rewrite: |outline| outline.rewrite(message_of, |_| false),
    turns: TurnRule::Neighbours,
    ..openai::DECLARATION
};

const INPUT: &str = "input";
const OUTPUT: &str = "output";

const MESSAGE: &str = "message";
const REASONING: &str = "reasoning";
const CALL: &str = "function_call";
const CALL_OUTPUT: &str = "function_call_output";
const ITEMS: [&str; 4] = [MESSAGE, REASONING, CALL, CALL_OUTPUT];

fn fits(record: &Object, renames: &Renames) -> bool {
    let is_list_of_items = |value: &Value| {
        let items = value.as_array().unwrap_or_default();
        !items.is_empty() && items.iter().all(|item| renames.is_item_of(item, &DECLARATION, is_item))
    };
    let input = given(record, INPUT);
    match given(record, OUTPUT) {
        Some(output) => is_list_of_items(output),
        None => input.is_some_and(is_list_of_items),
    }
}

fn is_item(item: &Object) -> bool {
    item.contains_key("role")
        || kind(item).is_some_and(|kind| ITEMS.contains(&kind) || kind.ends_with("_call"))
}

fn kind(item: &Object) -> Option<&str> {
    item.get("type").and_then(Value::as_str)
}

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    let output = given(record, OUTPUT);
    match given(record, INPUT) {
        Some(Value::String(text)) => outline.push_content(Role::User, Value::String(text.clone())),
        Some(Value::Array(items)) => {
            outline.push_list(INPUT, Cow::Borrowed(items), item, output.is_none());
        }
        Some(other) => outline.refuse(wrong(INPUT, other, "text or a list of items")),
        None => outline.refuse(missing(record, INPUT, Format::Responses)),
    }
    match output {
        Some(Value::Array(items)) => outline.push_list(OUTPUT, Cow::Borrowed(items), item, true),
        Some(other) => outline.refuse(wrong(OUTPUT, other, "a list of items")),
        None => {}
    }
    outline
}

fn wrong(key: &str, value: &Value, expected: &str) -> Error {
    Error::new(ErrorKind::Shape, format!("{key:?} is {}, expected {expected}", value.type_name()))
}

fn item(object: &Object) -> Item {
    let mut item = openai::item(object);
    if kind(object) == Some(REASONING) {
        item.role = reasoning(object).and(item.role);
    } else if let Some(kind) = kind(object).filter(|kind| *kind != MESSAGE) {
        let text =
            format!("an item of type {} is not read; expected one of {}", excerpt(kind), ITEMS.join(", "));
        item.role = Err(Error::new(ErrorKind::Shape, text));
    }
    item
}

/// The messages that an item is, or is a part of; one that is not known, or cannot be read, stands as it is.
fn message_of(item: &Object) -> Option<Vec<Value>> {
    let message = match kind(item) {
        None if !item.contains_key("role") => return None,
        None | Some(MESSAGE) => message(item),
        Some(REASONING) => {
            return Some(reasoning(item).ok()?.into_iter().map(Value::Object).collect());
        }
        Some(CALL) => call(item).ok()?,
        Some(CALL_OUTPUT) => call_output(item),
        Some(_) => return None,
    };
    Some(vec![Value::Object(message)])
}

/// A message with these keys, and all of the item but for `used` and what the API says of each item.
fn made(pairs: Vec<(&str, Value)>, item: &Object, used: &[&str]) -> Object {
    let is_of_api = |key: &str, value: &Value| match key {
        "type" | "id" => true,
        "status" => value.as_str() == Some("completed"),
        _ => false,
    };
    let others = item.iter().filter(|(key, value)| !used.contains(&&***key) && !is_of_api(key, value));
    let others = others.map(|(key, value)| (key.clone(), value.clone()));
    pairs.into_iter().map(|(key, value)| (key.into(), value)).chain(others).collect()
}

fn message(item: &Object) -> Object {
    let role = item.get("role").cloned().unwrap_or(Value::Null);
    let content = match item.get("content") {
        // As the API's clients do: the parts of an answer are one text.
        Some(Value::Array(parts)) if role.as_str() == Some(Role::Assistant.name()) => texts_of(parts)
            .map_or_else(|| Value::Array(parts.clone()), |texts| texts.concat().as_str().into()),
        Some(Value::Array(parts)) => only_text(parts),
        other => other.cloned().unwrap_or(Value::Null),
    };
    made(vec![("role", role), ("content", content)], item, &["role", "content"])
}

/// The texts of parts that are nothing else, and have no weights.
fn texts_of(parts: &[Value]) -> Option<Vec<&str>> {
    parts
        .iter()
        .map(|part| part.as_object().filter(|part| !is_weighted(part)).and_then(text_of_part))
        .collect()
}

/// A text of reasoning, and the part that has it.
struct Thought<'i> {
    text: &'i str,
    part: Option<&'i Object>,
}

/// The reasoning itself, or else its summary. What is encrypted is neither, and is not used. Parts that have weights are
/// messages of their own, which one turn is made of.
fn reasoning<'i>(item: &'i Object) -> Result<Vec<Object>> {
    let mut used = vec!["role"];
    let mut thoughts = Vec::new();
    for key in ["content", "summary"] {
        let found = thoughts_under(item, key)?;
        let is_empty = found.iter().all(|thought| thought.text.is_empty());
        if is_empty || thoughts.is_empty() {
            used.push(key);
        }
        if !is_empty && thoughts.is_empty() {
            thoughts = found;
        }
    }
    if !thoughts.is_empty() {
        used.push("encrypted_content");
    }
    let weighted = |thought: &Thought<'i>| thought.part.filter(|part| is_weighted(part));
    if thoughts.iter().any(|thought| weighted(thought).is_some()) {
        let message = |thought: &Thought<'i>| {
            let mut message = thinking(thought.text, item, &used);
            if let Some(part) = weighted(thought) {
                message.retain(|key, _| !weight::KEYS.contains(&key));
                let weights = part.iter().filter(|(key, _)| weight::KEYS.contains(&&***key));
                weights.for_each(|(key, weight)| message.insert(key, weight.clone()));
            }
            message
        };
        return Ok(thoughts.iter().map(message).collect());
    }
    let texts: Vec<&str> = thoughts.iter().map(|thought| thought.text).collect();
    Ok(vec![thinking(&texts.join(SEPARATOR), item, &used)])
}

fn thinking(text: &str, item: &Object, used: &[&str]) -> Object {
    let mut pairs = vec![("role", Role::Assistant.name().into())];
    if !text.is_empty() {
        pairs.push(("reasoning_content", text.into()));
    }
    made(pairs, item, used)
}

/// What stands under a key of an item of reasoning: a text, or parts that are texts.
fn thoughts_under<'i>(item: &'i Object, key: &str) -> Result<Vec<Thought<'i>>> {
    let wrong = |text: String| Error::new(ErrorKind::Shape, format!("{key:?} of the reasoning {text}"));
    let parts = match given(item, key) {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => return Ok(vec![Thought { text, part: None }]),
        Some(Value::Array(parts)) => parts,
        Some(other) => return Err(wrong(format!("is {}, expected parts", other.type_name()))),
    };
    let thought = |(at, part): (usize, &'i Value)| {
        let part = part
            .as_object()
            .ok_or_else(|| wrong(format!("has {} as part {at}, expected an object", part.type_name())))?;
        let keys = ["text", "value", kind(part).unwrap_or_default()];
        let text =
            under_one_of(part, &keys).map_err(|error| wrong(format!("in part {at}: {}", error.text)))?;
        let text = text.and_then(Value::as_str).ok_or_else(|| wrong(format!("has no text in part {at}")))?;
        Ok(Thought { text, part: Some(part) })
    };
    parts.iter().enumerate().map(thought).collect()
}

fn call(item: &Object) -> Result<Object> {
    let call = function_call_of(item, "call_id", &["arguments"])?;
    let calls = Value::Array(vec![Value::Object(call)]);
    let pairs = vec![("role", Role::Assistant.name().into()), ("tool_calls", calls)];
    let used = [&["role", "call_id", "name", "arguments"][..], &OTHER_NAMES].concat();
    Ok(made(pairs, item, &used))
}

fn call_output(item: &Object) -> Object {
    let output = match item.get("output") {
        Some(Value::Array(parts)) => only_text(parts),
        other => other.cloned().unwrap_or(Value::Null),
    };
    let id = item.get("call_id").cloned().unwrap_or(Value::Null);
    let pairs = vec![("role", Role::Tool.name().into()), ("tool_call_id", id), ("content", output)];
    made(pairs, item, &["role", "call_id", "output"])
}
