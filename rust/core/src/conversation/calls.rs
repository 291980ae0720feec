//! Calls of tools that are written as a name and arguments, to entries of `tool_calls`.

use super::from_json_text;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

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
            None => return Ok(()),
            Some(call) => format!("an entry of \"tool_calls\" is {}, expected an object", call.type_name()),
        },
        Some(other) => format!("\"tool_calls\" is {}, expected a list", other.type_name()),
    };
    Err(Error::new(ErrorKind::Tools, wrong))
}
