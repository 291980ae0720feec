//! `{"conversations": [{"from", "value"}]}` and its variants.

use super::{Declaration, Format, list, system_text};
use crate::conversation::item::Item;
use crate::conversation::outline::Outline;
use crate::conversation::role::{Role, RoleNames};
use crate::error::{Error, ErrorKind};
use crate::json::{Object, Value};

pub(super) const DECLARATION: Declaration =
    Declaration { keys: &["conversations", "system"], outline, role_names: &SPEAKERS, name_of_role };

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
    (FUNCTION_CALL, Role::Assistant),
    ("function_response", Role::Tool),
]);

const FUNCTION_CALL: &str = "function_call";

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
    let system = outline.note(system_text(record)).flatten();
    if let Some(items) = outline.note(list(record, "conversations", Format::ShareGpt)) {
        if let Some(text) = system {
            outline.push_content(Role::System, text.into());
        }
        outline.push_list("conversations", items, item, true);
    }
    outline
}

fn item(object: &Object) -> Item {
    let (role_key, content_key) =
        if object.contains_key("from") { ("from", "value") } else { ("role", "content") };
    let role = SPEAKERS.read(object, role_key, "\"from\" or \"role\"");
    let is_call = object.get(role_key).and_then(Value::as_str) == Some(FUNCTION_CALL);
    let mut content = object.get(content_key).cloned();
    let mut fault = None;
    if content.is_none() && content_key == "value" {
        fault = Some(Error::new(ErrorKind::Shape, "no key \"value\""));
        content = Some(Value::Null);
    }
    let mut call = None;
    if is_call {
        call = content.replace("".into()).or(Some(Value::Null));
    }
    let own_role = role.as_ref().map_or(Value::Null, |role| role.name().into());
    let own = [("role", Some(own_role)), ("content", content)];
    let is_taken = |key: &str| matches!(key, "role" | "content") || key == role_key || key == content_key;
    let others = object.iter().filter(|(key, _)| !is_taken(key));
    let fields = own
        .into_iter()
        .filter_map(|(key, value)| Some((key.into(), value?)))
        .chain(others.map(|(key, value)| (key.clone(), value.clone())))
        .collect();
    Item { role, role_key, fields, call, fault }
}
