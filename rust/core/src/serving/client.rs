//! What a client sends: the body of a request for a chat completion.
//!
//! In: messages and tools as records hold them. Out: the same as a client library would send them: reasoning under
//! the server's name, tool calls as functions with an id and arguments as text, no empty lists.

use std::borrow::Cow;
use std::sync::Arc;

use super::rules::{ArgumentsRule, Preset};
use crate::conversation::REASONING_KEYS;
use crate::json::{self, Object, Value};

/// The keys of a message that a client sends.
const KEYS: [&str; 4] = ["role", "content", "name", "tool_call_id"];

/// The reasoning of a message, under the first of these names that has one.
pub(super) fn reasoning<'m>(fields: &'m Object, names: &[&str]) -> Option<&'m Value> {
    names.iter().find_map(|name| fields.get(name).filter(|value| !value.is_null()))
}

/// Tools that are given; an empty list is none.
pub(super) fn tools(tools: Option<&Value>) -> Option<&Value> {
    tools.filter(|tools| !tools.is_null() && tools.as_array().is_none_or(|tools| !tools.is_empty()))
}

/// The tool calls of a message; an empty list is none.
pub(super) fn calls(fields: &Object) -> Option<&[Value]> {
    fields.get("tool_calls").and_then(Value::as_array).filter(|calls| !calls.is_empty())
}

/// A call with its type, and its name and arguments in `function`, where a record may have them beside its id.
pub(super) fn call(call: &Value) -> Cow<'_, Value> {
    if let Some(untyped) =
        call.as_object().filter(|call| call.contains_key("function") && !call.contains_key("type"))
    {
        let mut typed = untyped.clone();
        typed.insert("type", "function".into());
        return Cow::Owned(Value::Object(typed));
    }
    let flat = call.as_object().filter(|call| call.contains_key("name") && !call.contains_key("function"));
    let Some(flat) = flat else { return Cow::Borrowed(call) };
    let mut outer: Vec<_> = vec![("type".into(), "function".into())];
    let is_outer = |key: &str| matches!(key, "id" | "type" | "index");
    outer.extend(
        flat.iter().filter(|(key, _)| is_outer(key)).map(|(key, value)| (key.clone(), value.clone())),
    );
    let inner =
        flat.iter().filter(|(key, _)| !is_outer(key)).map(|(key, value)| (key.clone(), value.clone()));
    outer.push(("function".into(), Value::Object(inner.collect())));
    Cow::Owned(Value::Object(outer.into_iter().collect()))
}

/// The same call with an id, if it has none: the first number that was not given out.
pub(super) fn with_id(call: &Object, given_out: &mut u64) -> Option<Object> {
    if call.get("id").is_some_and(|id| !id.is_null()) {
        return None;
    }
    *given_out += 1;
    let mut with_id = call.clone();
    with_id.insert("id", format!("call_{given_out}").as_str().into());
    Some(with_id)
}

/// A tool with its function in `function`, where a record may have the function alone.
pub(super) fn tool(tool: &Value) -> Cow<'_, Value> {
    match tool.as_object() {
        Some(object) if object.contains_key("name") && !object.contains_key("function") => {
            let mut function = object.clone();
            // Some write the type of the tool beside the name of its function.
            if function.get("type").and_then(Value::as_str) == Some("function") {
                function.remove("type");
            }
            let pairs = [("type".into(), "function".into()), ("function".into(), Value::Object(function))];
            Cow::Owned(Value::Object(pairs.into_iter().collect()))
        }
        _ => Cow::Borrowed(tool),
    }
}

/// The body of a request for an answer to these messages.
pub fn request(
    preset: Option<&Preset>,
    messages: &[&Object],
    tools: Option<&Value>,
    template_kwargs: &Object,
) -> Value {
    let mut made_up_ids = 0;
    let messages = messages.iter().map(|fields| message(preset, fields, &mut made_up_ids)).collect();
    let mut body = vec![("messages".into(), Value::Array(messages))];
    body.extend(posted_tools(preset, tools));
    if !template_kwargs.is_empty() {
        body.push(("chat_template_kwargs".into(), Value::Object(template_kwargs.clone())));
    }
    Value::Object(body.into_iter().collect())
}

/// Tools as they are posted, with their key.
fn posted_tools(preset: Option<&Preset>, given: Option<&Value>) -> Option<(Arc<str>, Value)> {
    let completes = preset.is_none_or(|preset| preset.tools.is_some());
    let posted = |each: &Value| if completes { tool(each).into_owned() } else { each.clone() };
    let posted = tools(given)?.as_array()?.iter().map(posted);
    Some(("tools".into(), Value::Array(posted.collect())))
}

fn message(preset: Option<&Preset>, fields: &Object, made_up_ids: &mut u64) -> Value {
    let mut pairs: Vec<_> = Vec::with_capacity(fields.len());
    for key in KEYS {
        // Only a content may be null.
        let value = fields.get(key).filter(|value| key == "content" || !value.is_null());
        pairs.extend(value.map(|value| (key.into(), value.clone())));
    }
    let (names, name) = preset.map_or((&REASONING_KEYS[..], REASONING_KEYS[0]), |preset| {
        (preset.reasoning.read_from, preset.reasoning.sent_as)
    });
    if let Some(reasoning) = reasoning(fields, names) {
        pairs.push((name.into(), reasoning.clone()));
    }
    if let Some(calls) = calls(fields) {
        let calls = calls.iter().map(|each| match preset {
            Some(preset) if !preset.calls.is_completed() => with_arguments_as_text(each),
            _ => posted_call(preset, &call(each), made_up_ids),
        });
        pairs.push(("tool_calls".into(), Value::Array(calls.collect())));
    }
    let role = fields.get("role").and_then(Value::as_str).unwrap_or_default();
    if preset.is_none_or(|preset| preset.keys.of(role).contains(&"tools")) {
        pairs.extend(posted_tools(preset, fields.get("tools")));
    }
    Value::Object(pairs.into_iter().collect())
}

/// A call with what the server asks for: an id, arguments. Its other keys stay.
fn posted_call(preset: Option<&Preset>, call: &Value, made_up_ids: &mut u64) -> Value {
    let Some(object) = call.as_object() else { return call.clone() };
    let rule = preset.map(|preset| &preset.calls);
    let needs_id = rule.is_none_or(|rule| rule.needs_id);
    let with_id = needs_id.then(|| with_id(object, made_up_ids)).flatten();
    let mut posted = with_id.unwrap_or_else(|| object.clone());
    let needs_arguments = rule.is_none_or(|rule| rule.arguments == ArgumentsRule::ObjectOrEmpty);
    if needs_arguments && let Some(Value::Object(function)) = object.get("function") {
        let mut function = function.clone();
        if function.get("arguments").is_none_or(Value::is_null) {
            function.insert("arguments", "{}".into());
        }
        posted.insert("function", Value::Object(function));
    }
    with_arguments_as_text(&Value::Object(posted))
}

/// The same call; arguments that are JSON and not text yet are written out.
fn with_arguments_as_text(call: &Value) -> Value {
    let Some(object) = call.as_object() else { return call.clone() };
    let pairs = object.iter().map(|(key, value)| {
        let value = match (&**key, value) {
            ("function", function) => with_arguments_as_text(function),
            ("arguments", Value::Object(_) | Value::Array(_)) => json::write(value).as_str().into(),
            _ => value.clone(),
        };
        (key.clone(), value)
    });
    Value::Object(pairs.collect())
}
