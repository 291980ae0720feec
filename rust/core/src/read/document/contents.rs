//! What lists in a JSON document hold: messages of one conversation, records, or something else.
//!
//! In: the first item of a list. Out: what it tells of the list. Only content decides, never a key's name.

use crate::conversation::{Format, NonFinite, Renames};
use crate::json::{self, Value};

/// Whether a list that begins with this item is a list of records, where nothing is around it: anything but a list of
/// messages, which is one conversation, and of what cannot be a record.
pub fn may_be_record(first: &Value, renames: &Renames) -> bool {
    match first {
        Value::Object(_) => !renames.is_message(first),
        Value::Array(_) => true,
        Value::String(_) => {
            let opened = renames.opened(first.clone(), NonFinite::Read);
            opened.is_ok_and(|value| matches!(value, Value::Object(_) | Value::Array(_)))
        }
        _ => false,
    }
}

/// Whether an item shows by itself that it is a record: what a list within an object must begin with.
pub fn is_record(first: &Value, renames: &Renames) -> bool {
    renames.opened(first.clone(), NonFinite::Read).is_ok_and(|record| renames.format_of(&record).is_some())
}

/// The first item of the list that a text begins with, and whether the list is empty; `None` where that cannot be told.
pub fn first_item(list: &str) -> FirstItem {
    let items = list[1..].trim_start_matches(json::WHITE_SPACE);
    if items.starts_with(']') {
        return FirstItem::None { after: list.len() - items.len() + 1 };
    }
    match json::parse_prefix(items) {
        json::Prefix::Value { value, .. } => FirstItem::Is(value),
        _ => FirstItem::Unknown,
    }
}

/// What a list begins with.
pub enum FirstItem {
    Is(Value),
    /// The list is empty, and ends here.
    None {
        after: usize,
    },
    Unknown,
}

/// Whether an object's text shows a list of records under one of its keys, and no format of its own before it.
pub fn wraps_records(object: &str, renames: &Renames) -> bool {
    let mut rest = object[1..].trim_start_matches(json::WHITE_SPACE);
    loop {
        let json::Prefix::Value { value: Value::String(key), end, .. } = json::parse_prefix(rest) else {
            return false;
        };
        let after = rest[end..].trim_start_matches(json::WHITE_SPACE);
        let Some(member) = after.strip_prefix(':') else {
            return false;
        };
        let member = member.trim_start_matches(json::WHITE_SPACE);
        if member.starts_with('[')
            && let FirstItem::Is(first) = first_item(member)
            && is_record(&first, renames)
        {
            return true;
        }
        let json::Prefix::Value { end, .. } = json::parse_prefix(member) else {
            return false;
        };
        if Format::from_key(&key).is_some() {
            return false;
        }
        let Some(next) = member[end..].trim_start_matches(json::WHITE_SPACE).strip_prefix(',') else {
            return false;
        };
        rest = next.trim_start_matches(json::WHITE_SPACE);
    }
}
