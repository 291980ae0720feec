//! `{"conversations": [{"from", "value"}]}` and its variants.

use super::{Declaration, Format, list, openai};
use crate::conversation::guess;
use crate::conversation::item::Item;
use crate::conversation::outline::Outline;
use crate::conversation::role::{CALL_ROLES, Role, RoleNames};
use crate::conversation::under_names::under_one_of;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

pub(super) const DECLARATION: Declaration = Declaration {
    keys: &["conversations"],
    item_keys: &["from", "value"],
    marks: &["conversations"],
    outline,
    role_names: &SPEAKERS,
    role_key,
    name_of_role,
    ..openai::DECLARATION
};

/// A function call is the assistant's.
const SPEAKERS: RoleNames = RoleNames(&[
    ("system", Role::System),
    ("developer", Role::Developer),
    ("human", Role::User),
    ("user", Role::User),
    ("gpt", Role::Assistant),
    ("chatgpt", Role::Assistant),
    ("model", Role::Assistant),
    ("assistant", Role::Assistant),
    ("tool", Role::Tool),
    ("function", Role::Tool),
    ("observation", Role::Tool),
    (CALL_ROLES[0], Role::Assistant),
    ("function_response", Role::Tool),
    (CALL_ROLES[1], Role::Assistant),
    ("tool_response", Role::Tool),
]);

fn role_key(item: &Object) -> &'static str {
    let has = |key: &str| item.get(key).is_some_and(|value| !value.is_null());
    if has("from") || item.contains_key("from") && !has("role") { "from" } else { "role" }
}

fn name_of_role(key: &str, role: Role) -> &'static str {
    match role {
        Role::User if key == "from" => "human",
        Role::Assistant if key == "from" => "gpt",
        Role::Tool if key == "from" => "observation",
        other => other.name(),
    }
}

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    if let Some(items) = list(&mut outline, record, "conversations", Format::ShareGpt) {
        outline.push_list("conversations", items, item, true);
    }
    outline
}

/// Refuses an item that names two different speakers.
fn one_speaker(object: &Object) -> Result<()> {
    let named = |key: &str| object.get(key).and_then(Value::as_str);
    match (named("from"), named("role")) {
        (Some(from), Some(role)) if from != role && SPEAKERS.find(from) != SPEAKERS.find(role) => {
            Err(Error::new(ErrorKind::Role, "\"from\" and \"role\" are different; keep one"))
        }
        _ => Ok(()),
    }
}

fn item(object: &Object) -> Item {
    let role_key = role_key(object);
    let (content_key, other_key) =
        if role_key == "from" { ("value", "content") } else { ("content", "value") };
    let role = one_speaker(object).and_then(|()| SPEAKERS.read(object, role_key, "\"from\" or \"role\""));
    let mut fault = None;
    let content = under_one_of(object, &[content_key, other_key]).map_err(|error| fault = Some(error));
    let mut content = content.unwrap_or_default().or_else(|| object.get(content_key)).cloned();
    if content.is_none() && content_key == "value" {
        fault =
            Some(Error::new(ErrorKind::Shape, format!("no key \"value\"{}", guess::message_keys(object))));
        content = Some(Value::Null);
    }
    let own_role = role.as_ref().map_or(Value::Null, |role| role.name().into());
    let own = [("role", Some(own_role)), ("content", content)];
    let own_keys = ["role", "content", role_key, content_key, other_key];
    let is_taken = |key: &str| own_keys.contains(&key);
    let others = object.iter().filter(|(key, _)| !is_taken(key));
    let fields = own
        .into_iter()
        .filter_map(|(key, value)| Some((key.into(), value?)))
        .chain(others.map(|(key, value)| (key.clone(), value.clone())))
        .collect();
    let item = Item { role, role_key, fields, call: None, repeated_keys: Vec::new(), fault };
    item.with_call_of_content(object.get(role_key).and_then(Value::as_str)).with_calls_parsed()
}
