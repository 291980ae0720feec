//! Calls of tools that are written as a name and arguments, to entries of `tool_calls`.

use std::sync::Arc;

use super::formats::is_nothing;
use super::from_json_text;
use super::message::{CLOSE_THINKING, OPEN_THINKING};
use super::under_names::under_one_of;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Object, Prefix, Value};

/// `{"name", "arguments"}`, also in `function` and with an id, a list of such, or JSON text of either, as a `tool_calls`
/// list.
pub(super) fn tool_calls_from(call: &Value, what: &str, repeated: &mut Vec<Arc<str>>) -> Result<Value> {
    let calls = match from_json_text(call, what, ErrorKind::Tools, repeated)? {
        Value::Array(calls) => calls,
        call => vec![call],
    };
    let without_name = |call: &Value| {
        let text = format!("{what} is {} without a name, expected an object with \"name\"", call.type_name());
        Error::new(ErrorKind::Tools, text)
    };
    let entries = calls.into_iter().map(|call| match function_of(&call) {
        Some(function) if function.contains_key("name") => Ok(Value::Object(entry_of(&call, function))),
        _ => Err(without_name(&call)),
    });
    entries.collect::<Result<Vec<_>>>().map(Value::Array)
}

/// The entry of `tool_calls` that a call is, whose function may stand by itself, with an id or without.
fn entry_of(call: &Value, function: &Object) -> Object {
    let is_bare = call.as_object().is_some_and(|call| std::ptr::eq(call, function));
    let entry = call.as_object().into_iter().flat_map(Object::iter);
    let entry = entry.filter(|(key, value)| !is_bare || is_of_entry(key) && !value.is_null());
    let mut entry: Object = entry.map(owned).collect();
    if !entry.contains_key("type") {
        entry.insert("type", "function".into());
    }
    if is_bare {
        let inner = function.iter().filter(|(key, _)| !is_of_entry(key)).map(owned);
        entry.insert("function", Value::Object(inner.collect()));
    }
    entry
}

/// Keys of a call that stand beside its function.
fn is_of_entry(key: &str) -> bool {
    matches!(key, "id" | "type" | "index")
}

/// An entry of `tool_calls`, of what there is of it.
fn function_call(id: Option<&Value>, name: Option<&Value>, arguments: Option<&Value>) -> Object {
    let there = |pairs: [(&str, Option<&Value>); 2]| -> Object {
        pairs.into_iter().filter_map(|(key, value)| Some((key.into(), value?.clone()))).collect()
    };
    let mut call = there([("id", id), ("type", Some(&"function".into()))]);
    call.insert("function", Value::Object(there([("name", name), ("arguments", arguments)])));
    call
}

/// The same of an object that is a call and has its arguments under one of these names; what it has under other names for
/// them goes into the function, where it is refused.
pub(super) fn function_call_of(object: &Object, id: &str, arguments: &[&str]) -> Result<Object> {
    let mut call = function_call(object.get(id), object.get("name"), under_one_of(object, arguments)?);
    let others = OTHER_NAMES.into_iter().filter(|name| !arguments.contains(name));
    let mut others = others.filter(|name| has_arguments(object, name)).peekable();
    if others.peek().is_some()
        && let Some(Value::Object(function)) = call.get("function")
    {
        let mut function = function.clone();
        others.for_each(|name| function.insert(name, object.get(name).cloned().unwrap_or(Value::Null)));
        call.insert("function", Value::Object(function));
    }
    Ok(call)
}

/// What an entry holds that is a call: some write the reasoning, or a text, before its JSON.
pub struct WrittenCall {
    pub reasoning: Option<String>,
    pub text: String,
    /// As it stands.
    pub call: Value,
    /// Keys that an object has twice of calls that were read.
    pub repeated_keys: Vec<Arc<str>>,
}

/// Takes the JSON of a call from what is written before it. A content without such JSON is handed over as it stands.
pub(super) fn written_call(content: &Value) -> WrittenCall {
    let as_it_stands = || WrittenCall {
        reasoning: None,
        text: String::new(),
        call: content.clone(),
        repeated_keys: Vec::new(),
    };
    let Value::String(written) = content else { return as_it_stands() };
    let written: &str = written;
    let (reasoning, rest) = match written
        .trim_start()
        .strip_prefix(OPEN_THINKING)
        .and_then(|text| text.split_once(CLOSE_THINKING))
    {
        Some((reasoning, rest)) => (Some(reasoning.trim_matches('\n').to_owned()), rest),
        None => (None, written),
    };
    match find_call(rest) {
        Some((at, call)) => {
            let text = rest[..at].trim().to_owned();
            let (call, repeated_keys) = match call {
                Some((calls, repeated)) => (calls, repeated),
                None => (rest[at..].into(), Vec::new()),
            };
            WrittenCall { reasoning, text, call, repeated_keys }
        }
        None => as_it_stands(),
    }
}

/// Where the JSON starts that a text ends with, and, if it is several values one after the other, the list of them. JSON
/// that is broken or cut off is taken for a call, for the error to say what is wrong with it: it is no text of an answer.
fn find_call(text: &str) -> Option<(usize, Option<Sequence>)> {
    let mut from = 0;
    for _ in 0..MOST_STARTS {
        let at = from + text[from..].find(['{', '['])?;
        match json::parse_prefix(&text[at..]) {
            Prefix::Value { value, end, .. } if is_call(&value) || text[at + end..].trim().is_empty() => {
                return Some((at, sequence(&text[at..])));
            }
            Prefix::Value { end, .. } => from = at + end,
            Prefix::Open | Prefix::Broken { .. } if begins_an_object(&text[at..]) => {
                return Some((at, None));
            }
            Prefix::Open | Prefix::Broken { .. } => from = at + 1,
        }
    }
    None
}

/// Brackets that are tried as the start of a call's JSON: more in a text are no call with a sentence before it.
const MOST_STARTS: usize = 100;

/// A list of values, and the keys that an object of them has twice.
type Sequence = (Value, Vec<Arc<str>>);

/// Values with nothing but white space between them, if there are several.
fn sequence(text: &str) -> Option<Sequence> {
    let (mut rest, mut all, mut all_repeated) = (text.trim_end(), Vec::new(), Vec::new());
    while !rest.is_empty() {
        let Prefix::Value { value, end, repeated } = json::parse_prefix(rest) else { return None };
        all_repeated.extend(repeated);
        match value {
            Value::Array(calls) => all.extend(calls),
            call => all.push(call),
        }
        rest = rest[end..].trim_start();
    }
    (all.len() > 1).then_some((Value::Array(all), all_repeated))
}

fn is_call(value: &Value) -> bool {
    match value {
        Value::Array(calls) => calls.first().is_some_and(|call| function_of(call).is_some()),
        call => function_of(call).is_some_and(|call| call.contains_key("name")),
    }
}

/// Whether a text begins as an object of JSON does, or a list of such.
fn begins_an_object(text: &str) -> bool {
    let inner = text.trim_start_matches(|char: char| char == '[' || char.is_whitespace());
    inner.strip_prefix('{').is_some_and(|inner| inner.trim_start().starts_with('"'))
}

/// The legacy `function_call` of a message becomes an entry of `tool_calls`.
pub(super) fn take_function_call(fields: &mut Object, repeated: &mut Vec<Arc<str>>) -> Result<()> {
    let Some(call) = fields.remove("function_call") else {
        return Ok(());
    };
    let calls = tool_calls_from(&call, "\"function_call\"", repeated)?;
    match fields.get("tool_calls") {
        None => fields.insert("tool_calls", calls),
        Some(Value::Array(old)) if old.is_empty() => fields.insert("tool_calls", calls),
        Some(_) => {
            let text = "the message has both \"function_call\" and \"tool_calls\"";
            return Err(Error::new(ErrorKind::Tools, text));
        }
    }
    Ok(())
}

pub(super) fn check_tool_calls(calls: Option<&Value>) -> Result<()> {
    let wrong = match calls {
        None => return Ok(()),
        Some(Value::Array(calls)) => match calls.iter().find(|call| call.as_object().is_none()) {
            None => return calls.iter().filter_map(Value::as_object).try_for_each(check_names),
            Some(call) => format!("an entry of \"tool_calls\" is {}, expected an object", call.type_name()),
        },
        Some(other) => format!("\"tool_calls\" is {}, expected a list", other.type_name()),
    };
    Err(Error::new(ErrorKind::Tools, wrong))
}

/// Refuses a call that says one thing twice, and differently, or where nothing reads it.
fn check_names(call: &Object) -> Result<()> {
    let Some(function) = call.get("function").and_then(Value::as_object) else {
        return check_arguments(call);
    };
    let error = |text: String| Err(Error::new(ErrorKind::Tools, text));
    for name in ["name", ARGUMENTS[0]] {
        let [beside, inner] =
            [call, function].map(|object| object.get(name).filter(|value| !value.is_null()));
        match (beside, inner) {
            (Some(beside), Some(inner)) if beside != inner => {
                return error(format!("{name:?} of a call differs beside \"function\" and in it; keep one"));
            }
            (Some(_), None) => {
                return error(format!("{name:?} of a call stands beside \"function\": put it into it"));
            }
            _ => {}
        }
    }
    if let Some(name) = OTHER_NAMES.into_iter().find(|name| has_arguments(call, name)) {
        return error(format!(
            "a call has arguments under {name:?} beside \"function\": put them into it, as {:?}",
            ARGUMENTS[0]
        ));
    }
    check_arguments(function)
}

fn check_arguments(function: &Object) -> Result<()> {
    let found = under_one_of(function, &ARGUMENTS);
    found.map_err(|error| Error::new(ErrorKind::Tools, format!("of a call, {}", error.text)))?;
    let is_other = |name: &&str| has_arguments(function, name) && !are_same(function, name);
    let Some(name) = OTHER_NAMES.into_iter().find(is_other) else { return Ok(()) };
    let text = if has_arguments(function, ARGUMENTS[0]) {
        format!("a call has different arguments under {:?} and {name:?}; keep one", ARGUMENTS[0])
    } else {
        format!(
            "a call has its arguments under {name:?}: rename the key to {:?}, which templates read",
            ARGUMENTS[0]
        )
    };
    Err(Error::new(ErrorKind::Tools, text))
}

/// Whether something is given to a function under that name.
fn has_arguments(function: &Object, name: &str) -> bool {
    function.get(name).is_some_and(|value| match value {
        Value::Object(arguments) => !arguments.is_empty(),
        Value::String(text) => !matches!(text.trim(), "" | "{}"),
        other => !is_nothing(other),
    })
}

/// Whether what stands under that name are the arguments, written as JSON text or not.
fn are_same(function: &Object, name: &str) -> bool {
    let value = |name: &str| match function.get(name)? {
        Value::String(text) => json::parse_with_constants(text).ok(),
        other => Some(other.clone()),
    };
    value(name).is_some_and(|other| value(ARGUMENTS[0]) == Some(other))
}

/// What arguments are called.
const ARGUMENTS: [&str; 2] = ["arguments", "parameters"];

/// Other names that records have for them, which templates and servers do not read.
pub(super) const OTHER_NAMES: [&str; 4] = [ARGUMENTS[1], "input", "args", "kwargs"];

fn owned((key, value): (&Arc<str>, &Value)) -> (Arc<str>, Value) {
    (key.clone(), value.clone())
}

/// The function of a call or a tool, which may be written without anything around it.
pub fn function_of(entry: &Value) -> Option<&Object> {
    entry.as_object().map(|entry| entry.get("function").and_then(Value::as_object).unwrap_or(entry))
}

/// Whether a call has arguments that are an object, or JSON text of one; keys that an object of such a text has twice
/// are added to `repeated`.
pub fn arguments_are_object(call: &Value, repeated: &mut Vec<Arc<str>>) -> bool {
    match function_of(call).and_then(|function| function.get("arguments")) {
        Some(Value::Object(_)) => true,
        Some(Value::String(text)) => {
            matches!(json::parse_with_constants_noting(text, repeated), Ok(Value::Object(_)))
        }
        _ => false,
    }
}
