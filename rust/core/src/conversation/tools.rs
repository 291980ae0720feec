//! The tools of a record.
//!
//! In: a record and its messages. Out: the list of tools, in OpenAI's form where it is written in another one, or why it
//! is refused. Tools stand under `tools`, under `functions`, which is the old name, or on the system message; each of
//! them may be JSON text.

use std::sync::Arc;

use super::formats::given;
use super::from_json_text;
use super::message::Message;
use super::role::Role;
use super::under_names::under_one_of;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// The keys that they stand under.
pub const KEYS: [&str; 2] = ["tools", "functions"];

/// The tools of a record; those on its system message are taken off it.
pub(super) fn read(
    record: &Object,
    messages: &mut [Message],
    repeated: &mut Vec<Arc<str>>,
) -> Result<Option<Value>> {
    let mut tools = of_object(record, repeated)?;
    if let Some(system) = messages.first_mut().filter(|message| message.role == Role::System) {
        let own = of_object(&system.fields, repeated).map_err(|error| error.at_message(0))?;
        system.fields.retain(|key, _| !KEYS.contains(&key));
        tools = one_of(tools, own, "the record and its system message have different tools; keep one list")?;
    }
    Ok(tools.map(Value::Array))
}

fn of_object(object: &Object, repeated: &mut Vec<Arc<str>>) -> Result<Option<Vec<Value>>> {
    let tools = list(object, KEYS[0], repeated)?;
    let functions = list(object, KEYS[1], repeated)?.map(|functions| functions.iter().map(wrapped).collect());
    let tools = one_of(tools, functions, "\"tools\" and \"functions\" are different")?;
    tools.map(|tools| tools.iter().map(in_openai_form).collect()).transpose()
}

/// The list that is given; twice only if it is the same, or one is empty.
fn one_of(one: Option<Vec<Value>>, other: Option<Vec<Value>>, conflict: &str) -> Result<Option<Vec<Value>>> {
    match (one, other) {
        (Some(one), Some(other)) if one.is_empty() => Ok(Some(other)),
        (Some(one), Some(other)) if one != other && !other.is_empty() => {
            Err(Error::new(ErrorKind::Tools, conflict))
        }
        (one, other) => Ok(one.or(other)),
    }
}

/// A list of objects, if there is one.
fn list(object: &Object, key: &str, repeated: &mut Vec<Arc<str>>) -> Result<Option<Vec<Value>>> {
    let tools = match given(object, key) {
        None => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(tools) => from_json_text(tools, &format!("{key:?}"), ErrorKind::Tools, repeated)?,
    };
    let wrong = |found: String| Error::new(ErrorKind::Tools, format!("{found}, expected a list of objects"));
    match tools {
        Value::Null => Ok(None),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let Some(tool) = item.as_object() else {
                    return Err(wrong(format!("{key:?}[{i}] is {}", item.type_name())));
                };
                if let Some(kind) = kind_of_server_tool(tool) {
                    let text = format!(
                        "{key:?}[{i}] is a tool of type {}, which is not a function: its API runs it, or knows its parameters \
                         without being told; expected functions",
                        excerpt(kind)
                    );
                    return Err(Error::new(ErrorKind::Tools, text));
                }
            }
            Ok(Some(items))
        }
        other => Err(wrong(format!("{key:?} is {}", other.type_name()))),
    }
}

/// The type of a tool that an API has itself, such as Anthropic's `web_search_20250305` and `web_search` of Responses:
/// nothing describes it.
fn kind_of_server_tool(tool: &Object) -> Option<&str> {
    let is_described = ["function", "parameters", INPUT_SCHEMA].iter().any(|key| tool.contains_key(key));
    let kind = tool.get("type").and_then(Value::as_str).filter(|kind| *kind != "function");
    kind.filter(|_| !is_described)
}

/// A function as the tool that it is.
fn wrapped(function: &Value) -> Value {
    if function.as_object().and_then(|object| object.get(FUNCTION)).is_some_and(|inner| !inner.is_null()) {
        return function.clone();
    }
    let pairs = [("type".into(), "function".into()), ("function".into(), function.clone())];
    Value::Object(pairs.into_iter().collect())
}

/// Anthropic's form has the parameters under `input_schema`, and nothing around; that of OpenAI's Responses has nothing
/// around the function.
fn in_openai_form(tool: &Value) -> Result<Value> {
    let is_bare = |tool: &&Object| tool.get(FUNCTION).is_none_or(Value::is_null);
    let Some(object) = tool.as_object().filter(is_bare) else {
        return Ok(tool.clone());
    };
    let parameters = under_one_of(object, &[INPUT_SCHEMA, PARAMETERS])
        .map_err(|error| Error::new(ErrorKind::Tools, error.text))?;
    let is_flat =
        object.get("type").and_then(Value::as_str) == Some("function") && object.contains_key("name");
    if !is_flat && !object.contains_key(INPUT_SCHEMA) {
        return Ok(tool.clone());
    }
    // The first of the two names keeps its place: templates print keys in their order.
    let mut parameters = Some(parameters.cloned().unwrap_or(Value::Null));
    let function = object.iter().filter_map(|(key, value)| match &**key {
        "type" | FUNCTION | "cache_control" => None,
        INPUT_SCHEMA | PARAMETERS => Some((PARAMETERS.into(), parameters.take()?)),
        _ => Some((key.clone(), value.clone())),
    });
    Ok(wrapped(&Value::Object(function.collect())))
}

const FUNCTION: &str = "function";
const INPUT_SCHEMA: &str = "input_schema";
const PARAMETERS: &str = "parameters";
