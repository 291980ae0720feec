//! What becomes of each key of a record.
//!
//! In: a record that was read. Out: the keys that nothing has used or carries along: they are counted by name, so that nothing of a
//! record is lost silently. A key whose value is null is as good as absent.

use std::sync::Arc;

use super::formats::Format;
use super::{RecordOptions, labels, system, tools, weight};
use crate::json::{Object, Value};
use crate::options::Undesired;

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
            || key == TEMPLATE_KWARGS
            || tools::KEYS.contains(&key)
            || system::KEYS.contains(&key)
            || weight::KEYS.contains(&key)
            || (options.undesired != Undesired::Ignore
                && labels::LABELS.contains(&key)
                && labels::is_verdict(value))
    };
    record.iter().filter(move |(key, value)| !value.is_null() && !is_used(key, value)).map(|(key, _)| key)
}
