//! What becomes of each key of a record.
//!
//! In: a record that was read. Out: the keys that nothing has used or carries along: they are counted by name, so that nothing of a
//! record is lost silently. A key whose value is null is as good as absent.

use std::sync::Arc;

use super::formats::Format;
use super::options::{RecordOptions, Undesired};
use super::{labels, media, system, tools, weight};
use crate::json::{Object, Value};

/// The record's own arguments for the template.
pub const TEMPLATE_KWARGS: &str = "chat_template_kwargs";

/// The keys of a record that nothing has used.
pub fn unread<'r>(
    record: &'r Object,
    format: Format,
    options: &'r RecordOptions,
) -> impl Iterator<Item = &'r Arc<str>> {
    let is_used = move |key: &str, value: &Value| {
        format.has_key(key)
            || options.keep.iter().any(|kept| kept == key)
            || is_of_any_format(key)
            || (options.undesired != Undesired::Ignore
                && labels::LABELS.contains(&key)
                && labels::is_verdict(value))
    };
    record.iter().filter(move |(key, value)| !value.is_null() && !is_used(key, value)).map(|(key, _)| key)
}

/// Whether a key of an object is one that records have, of any format.
pub fn is_of_some_record(key: &str) -> bool {
    is_of_any_format(key)
        || labels::LABELS.contains(&key)
        || Format::ALL.iter().any(|format| format.has_key(key))
}

/// The keys that are looked at in records of whatever format. Those of formats come first.
pub fn all() -> impl Iterator<Item = &'static str> {
    let of_formats = Format::ALL.iter().flat_map(|format| format.keys());
    let beside = OF_ANY_FORMAT.into_iter().flatten().chain(&labels::LABELS).chain(&media::KEYS);
    of_formats.chain(beside).copied()
}

/// The keys that are read beside the messages, whatever the format.
const OF_ANY_FORMAT: [&[&str]; 4] = [&[TEMPLATE_KWARGS], &tools::KEYS, &system::KEYS, &weight::KEYS];

fn is_of_any_format(key: &str) -> bool {
    OF_ANY_FORMAT.iter().any(|keys| keys.contains(&key))
}
