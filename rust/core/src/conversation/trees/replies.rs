//! OpenAssistant's trees, nested: `{"prompt": {"text", "role", "replies": [..]}}`.
//!
//! In: a record. Out: its tree. A message of it is read here for rows, too.

use super::{NodeContent, Tree, wrong};
use crate::conversation::role::Role;
use crate::error::{Result, excerpt};
use crate::json::{Object, Value};

const ROOT: &str = "prompt";
const REPLIES: &str = "replies";
pub(super) const ID: &str = "message_id";
pub(super) const PARENT: &str = "parent_id";
pub(super) const TEXT: &str = "text";
pub(super) const ROLE: &str = "role";
/// What a user is called.
pub(super) const PROMPTER: &str = "prompter";

pub(super) fn is_tree(record: &Object) -> bool {
    let root = record.get(ROOT).and_then(Value::as_object);
    root.is_some_and(|root| root.get(REPLIES).and_then(Value::as_array).is_some())
}

/// The tree, and the keys of the record that it is made of.
pub(super) fn read(record: &Object) -> Result<(Tree, &'static [&'static str])> {
    let mut tree = Tree::default();
    let mut next: Vec<(Option<usize>, &Value)> =
        record.get(ROOT).map(|root| (None, root)).into_iter().collect();
    while let Some((parent, value)) = next.pop() {
        let object = value.as_object().ok_or_else(|| wrong(format!("a message is {}", value.type_name())))?;
        if is_deleted(object) {
            return Err(wrong(format!("the message {} is deleted", name(object))));
        }
        let node = tree.add(parent, NodeContent::Message(message(object)));
        match object.get(REPLIES) {
            None | Some(Value::Null) => {}
            Some(Value::Array(replies)) => next.extend(replies.iter().rev().map(|reply| (Some(node), reply))),
            Some(other) => {
                let text = format!("{REPLIES:?} of the message {} is {}", name(object), other.type_name());
                return Err(wrong(text));
            }
        }
    }
    Ok((tree, &[ROOT]))
}

/// A message under the names of OpenAI's API; what places it in its tree is used.
pub(super) fn message(object: &Object) -> Object {
    let named = |key: &str, value: &Value| match (key, value.as_str()) {
        (TEXT, _) => ("content".into(), value.clone()),
        (ROLE, Some(PROMPTER)) => (ROLE.into(), Role::User.name().into()),
        _ => (key.into(), value.clone()),
    };
    let used = [ID, PARENT, REPLIES];
    let others = object.iter().filter(|(key, _)| !used.contains(&&***key));
    others.map(|(key, value)| named(key, value)).collect()
}

/// What was deleted is not to be trained, and what answers it has lost what it answers.
pub(super) fn is_deleted(object: &Object) -> bool {
    object.get("deleted") == Some(&Value::Bool(true))
}

fn name(object: &Object) -> String {
    object.get(ID).and_then(Value::as_str).map_or_else(|| "without an id".into(), excerpt)
}
