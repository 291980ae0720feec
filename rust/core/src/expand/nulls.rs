//! Nulls that are most likely not meant: in the arguments of calls, and in the parameters of tools.
//!
//! In: a conversation. Out: a warning for each call and each tool that has some. Tables of Arrow give every object the
//! keys of all others, with null where a row has none; written to JSON, these are what the model learns to write. A null
//! may be meant, so nothing is taken out.

use crate::conversation::{Conversation, function_of};
use crate::json::Value;
use crate::report::{Report, warning};

/// Keys of a JSON Schema under which null is a value of the parameter.
const VALUES: [&str; 4] = ["default", "const", "example", "examples"];

pub fn warn_of_nulls(conversation: &Conversation, report: &mut Report) {
    for (at, message) in conversation.messages.iter().enumerate() {
        let calls = message.fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
        for (number, call) in calls.iter().enumerate() {
            let arguments = function_of(call).and_then(|function| function.get("arguments"));
            if let Some(key) = arguments.and_then(|arguments| null_key(arguments, &[])) {
                report
                    .warn_at(warning::NULL_ARGUMENTS, at, || format!("tool call {number}: {key:?} is null"));
            }
        }
    }
    let tools = conversation.tools.as_ref().and_then(Value::as_array).unwrap_or_default();
    for (number, tool) in tools.iter().enumerate() {
        let parameters = function_of(tool).and_then(|function| function.get("parameters"));
        if let Some(key) = parameters.and_then(|parameters| null_key(parameters, &VALUES)) {
            report.warn_at(warning::NULL_ARGUMENTS, None, || format!("tool {number}: {key:?} is null"));
        }
    }
}

/// The first key in a value that holds null, except under some.
fn null_key<'v>(value: &'v Value, except: &[&str]) -> Option<&'v str> {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| !except.contains(&&***key))
            .find_map(|(key, value)| if value.is_null() { Some(&**key) } else { null_key(value, except) }),
        Value::Array(items) => items.iter().find_map(|item| null_key(item, except)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_strict;

    fn found(text: &str, except: &[&str]) -> Option<String> {
        null_key(&parse_strict(text.as_bytes()).unwrap(), except).map(str::to_owned)
    }

    #[test]
    fn nulls_under_keys_are_found_and_those_of_lists_are_values() {
        assert_eq!(found(r#"{"x": 0, "y": {"z": null}}"#, &[]).as_deref(), Some("z"));
        assert_eq!(found(r#"{"x": [{"y": null}]}"#, &[]).as_deref(), Some("y"));
        assert_eq!(found(r#"{"x": [null, 1]}"#, &[]), None);
        assert_eq!(found(r#"{"x": {"default": null}}"#, &VALUES), None);
    }
}
