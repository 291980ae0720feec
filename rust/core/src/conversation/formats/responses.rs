//! `{"input": text or [items], "output": [items]}`, as OpenAI's Responses API takes and gives them.
//!
//! Items are messages, reasoning, calls of functions and their outputs; what the assistant says before somebody else does
//! is one turn. Targets are in the output; without one, the input is a whole conversation.

use std::borrow::Cow;

use super::{Declaration, Format, given, missing, openai};
use crate::conversation::blocks::{is_weighted, only_text};
use crate::conversation::calls::function_call;
use crate::conversation::item::Item;
use crate::conversation::message::SEPARATOR;
use crate::conversation::outline::{Outline, TurnRule};
use crate::conversation::parts::text_of_part;
use crate::conversation::renames::Renames;
use crate::conversation::role::Role;
use crate::error::{Error, ErrorKind, excerpt};
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
    if let Some(kind) = kind(object).filter(|kind| *kind != MESSAGE) {
        let text =
            format!("an item of type {} is not read; expected one of {}", excerpt(kind), ITEMS.join(", "));
        item.role = Err(Error::new(ErrorKind::Shape, text));
    }
    item
}

/// The message that an item is, or is a part of; an item that is not known stands as it is.
fn message_of(item: &Object) -> Option<Vec<Value>> {
    let message = match kind(item) {
        None if !item.contains_key("role") => return None,
        None | Some(MESSAGE) => message(item),
        Some(REASONING) => reasoning(item),
        Some(CALL) => call(item),
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

/// The reasoning itself, or else its summary. What is encrypted is neither, and is not used.
fn reasoning(item: &Object) -> Object {
    let texts = |key: &str| {
        let parts = item.get(key).and_then(Value::as_array).unwrap_or_default();
        let texts = parts.iter().filter_map(|part| part.as_object()?.get("text")?.as_str());
        Some(texts.collect::<Vec<_>>().join(SEPARATOR)).filter(|text| !text.is_empty())
    };
    let found = [("content", texts("content")), ("summary", texts("summary"))];
    let found = found.into_iter().find_map(|(key, text)| Some((key, text?)));
    let mut pairs = vec![("role", Role::Assistant.name().into())];
    let mut used = vec!["role", "content"];
    if let Some((key, text)) = &found {
        pairs.push(("reasoning_content", text.as_str().into()));
        used.extend([*key, "encrypted_content"]);
    }
    let is_empty = |value: &Value| value.as_array().is_some_and(<[Value]>::is_empty);
    used.extend(item.get("summary").is_some_and(is_empty).then_some("summary"));
    made(pairs, item, &used)
}

fn call(item: &Object) -> Object {
    let call = function_call(item.get("call_id"), item.get("name"), item.get("arguments"));
    let calls = Value::Array(vec![Value::Object(call)]);
    let pairs = vec![("role", Role::Assistant.name().into()), ("tool_calls", calls)];
    made(pairs, item, &["role", "call_id", "name", "arguments"])
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
