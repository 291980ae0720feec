//! What rules look at: the messages of a record, however much of it is wrong, and its keys, as JSON text.
//!
//! In: a record and its format. Out: what Python's `everyturn.checks.records` reads.

use crate::conversation::{Format, LenientMessage, RecordOptions, unread_keys};
use crate::json::{Number, Object, Value, write};

/// The messages of a record, its keys that nothing reads, and those that are not the format's.
pub fn outline_json(record: &Object, format: Format, options: &RecordOptions) -> String {
    let entries = format.outline(record, &options.renames).entries;
    let messages = entries.iter().map(|entry| message(entry.read_leniently())).collect();
    let others = record.iter().filter(|(key, _)| !format.has_key(key));
    write(&object([
        ("format", format.name().into()),
        ("messages", Value::Array(messages)),
        (
            "unread",
            Value::Array(unread_keys(record, format, options).map(|key| Value::from(&**key)).collect()),
        ),
        ("others", Value::Object(others.map(|(key, value)| (key.clone(), value.clone())).collect())),
    ]))
}

fn message(message: LenientMessage) -> Value {
    let mut pairs = vec![
        ("role", message.role.map_or(Value::Null, |role| role.name().into())),
        ("fields", Value::Object(message.fields)),
    ];
    if let Some(call) = message.call {
        pairs.push(("call", call));
    }
    if !message.may_be_target {
        pairs.push(("is_context", Value::Bool(true)));
    }
    if let Some((place, role_key)) = message.place {
        pairs.push(("place", Value::Array(vec![place.list.into(), number(place.index), role_key.into()])));
    }
    object(pairs)
}

fn object(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn number(number: usize) -> Value {
    i64::try_from(number).map_or(Value::Null, |number| Value::Number(Number::Int(number)))
}
