//! What transformers 5.23 does to a message before the template sees it, and what we do to a list of text parts
//! that the template would print as a list.

use crate::conversation::part_texts;
use crate::json::{Object, Value};

/// The fields of a message of a record, ready for the template; true if parts were joined to one text.
pub(super) fn message_fields(fields: &Object, takes_parts: bool) -> (Object, bool) {
    let mut fields = as_transformers(fields);
    let joined = match fields.get("content") {
        // As servers do that feed such a template.
        Some(Value::Array(parts)) if !takes_parts => Some(part_texts(parts).join("\n")),
        _ => None,
    };
    match joined {
        Some(text) => {
            fields.insert("content", text.as_str().into());
            (fields, true)
        }
        None => (fields, false),
    }
}

/// Keys whose value is null are dropped; reasoning is given under each name that templates read. The order of the
/// keys matters to templates that print a whole message.
pub(super) fn as_transformers(fields: &Object) -> Object {
    let mut fields = fields.clone();
    fields.retain(|_, value| !value.is_null());
    let reasoning =
        ["reasoning_content", "thinking", "reasoning"].into_iter().find_map(|key| fields.get(key)).cloned();
    if let Some(reasoning) = reasoning {
        let thinking = fields.remove("thinking").unwrap_or_else(|| reasoning.clone());
        fields.insert_first("thinking", thinking);
        fields.insert("reasoning_content", reasoning);
    }
    fields
}
