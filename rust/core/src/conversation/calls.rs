//! Calls of tools that are written as a name and arguments, to entries of `tool_calls`.

use super::formats::is_nothing;
use super::from_json_text;
use super::message::{CLOSE_THINKING, OPEN_THINKING};
use super::under_names::under_one_of;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Object, Prefix, Value};

/// `{"name", "arguments"}`, a list of such, or JSON text of either, as a `tool_calls` list.
pub(super) fn tool_calls_from(call: &Value, what: &str) -> Result<Value> {
    let calls = match from_json_text(call, what, ErrorKind::Tools)? {
        Value::Array(calls) => calls,
        call => vec![call],
    };
    calls
        .into_iter()
        .map(|call| {
            if call.as_object().is_none_or(|object| !object.contains_key("name")) {
                return Err(Error::new(
                    ErrorKind::Tools,
                    format!(
                        "{what} is {} without a name, expected an object with \"name\"",
                        call.type_name()
                    ),
                ));
            }
            let pairs = [("type".into(), "function".into()), ("function".into(), call)];
            Ok(Value::Object(pairs.into_iter().collect()))
        })
        .collect::<Result<Vec<_>>>()
        .map(Value::Array)
}

/// An entry of `tool_calls`, of what there is of it.
pub(super) fn function_call(id: Option<&Value>, name: Option<&Value>, arguments: Option<&Value>) -> Object {
    let there = |pairs: [(&str, Option<&Value>); 2]| -> Object {
        pairs.into_iter().filter_map(|(key, value)| Some((key.into(), value?.clone()))).collect()
    };
    let mut call = there([("id", id), ("type", Some(&"function".into()))]);
    call.insert("function", Value::Object(there([("name", name), ("arguments", arguments)])));
    call
}

/// What an entry holds that is a call: some write the reasoning, or a text, before its JSON.
pub struct WrittenCall {
    pub reasoning: Option<String>,
    pub text: String,
    /// As it stands.
    pub call: Value,
}

/// Takes the JSON of a call from what is written before it. A content without such JSON is handed over as it stands.
pub(super) fn written_call(content: &Value) -> WrittenCall {
    let as_it_stands = || WrittenCall { reasoning: None, text: String::new(), call: content.clone() };
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
        Some((at, call)) => WrittenCall { reasoning, text: rest[..at].trim().to_owned(), call },
        None => as_it_stands(),
    }
}

/// Where the JSON starts that a text ends with, and what it is: several values one after the other are a list. JSON that
/// is broken or cut off is handed over as text, for the error to say what is wrong with it: it is no text of an answer.
fn find_call(text: &str) -> Option<(usize, Value)> {
    let mut from = 0;
    for _ in 0..MOST_STARTS {
        let at = from + text[from..].find(['{', '['])?;
        match json::parse_prefix(&text[at..]) {
            Prefix::Value { value, end } if is_call(&value) || text[at + end..].trim().is_empty() => {
                return Some((at, sequence(&text[at..]).unwrap_or_else(|| text[at..].into())));
            }
            Prefix::Value { end, .. } => from = at + end,
            Prefix::Open | Prefix::Broken { .. } if begins_an_object(&text[at..]) => {
                return Some((at, text[at..].into()));
            }
            Prefix::Open | Prefix::Broken { .. } => from = at + 1,
        }
    }
    None
}

/// Brackets that are tried as the start of a call's JSON: more in a text are no call with a sentence before it.
const MOST_STARTS: usize = 100;

/// Values with nothing but white space between them, if there are several.
fn sequence(text: &str) -> Option<Value> {
    let (mut rest, mut all) = (text.trim_end(), Vec::new());
    while !rest.is_empty() {
        let Prefix::Value { value, end } = json::parse_prefix(rest) else { return None };
        match value {
            Value::Array(calls) => all.extend(calls),
            call => all.push(call),
        }
        rest = rest[end..].trim_start();
    }
    (all.len() > 1).then_some(Value::Array(all))
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
pub(super) fn take_function_call(fields: &mut Object) -> Result<()> {
    let Some(call) = fields.remove("function_call") else {
        return Ok(());
    };
    let calls = tool_calls_from(&call, "\"function_call\"")?;
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

/// Refuses a call that says one thing twice, and differently.
fn check_names(call: &Object) -> Result<()> {
    let Some(function) = call.get("function").and_then(Value::as_object) else {
        return check_arguments(call);
    };
    for name in ["name", ARGUMENTS[0]] {
        let [beside, inner] =
            [call, function].map(|object| object.get(name).filter(|value| !value.is_null()));
        if beside.is_some() && inner.is_some() && beside != inner {
            let text = format!("{name:?} of a call differs beside \"function\" and in it; keep one");
            return Err(Error::new(ErrorKind::Tools, text));
        }
    }
    check_arguments(function)
}

fn check_arguments(function: &Object) -> Result<()> {
    let found = under_one_of(function, &ARGUMENTS);
    found.map_err(|error| Error::new(ErrorKind::Tools, format!("of a call, {}", error.text)))?;
    let says_something =
        |name: &str| function.get(name).is_some_and(|value| !value.is_null() && !is_nothing(value));
    match OTHER_NAMES.iter().find(|name| says_something(name)) {
        Some(name) if !says_something(ARGUMENTS[0]) => Err(Error::new(
            ErrorKind::Tools,
            format!(
                "a call has its arguments under {name:?}: rename the key to {:?}, which templates read",
                ARGUMENTS[0]
            ),
        )),
        _ => Ok(()),
    }
}

/// What arguments are called.
const ARGUMENTS: [&str; 2] = ["arguments", "parameters"];

/// Other names that records have for them, which templates and servers do not read.
const OTHER_NAMES: [&str; 4] = [ARGUMENTS[1], "input", "args", "kwargs"];

/// The function of a call or a tool, which may be written without anything around it.
pub fn function_of(entry: &Value) -> Option<&Object> {
    entry.as_object().map(|entry| entry.get("function").and_then(Value::as_object).unwrap_or(entry))
}

/// Whether a call has arguments that are an object, or JSON text of one.
pub fn arguments_are_object(call: &Value) -> bool {
    match function_of(call).and_then(|function| function.get("arguments")) {
        Some(Value::Object(_)) => true,
        Some(Value::String(text)) => {
            matches!(json::parse_with_constants(text), Ok(Value::Object(_)))
        }
        _ => false,
    }
}
