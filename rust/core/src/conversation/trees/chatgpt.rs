//! Conversations as ChatGPT exports them: `{"mapping": {id: {"message", "parent", "children"}}}`.
//!
//! In: a record. Out: its tree. Messages are text, and thoughts the reasoning of what comes after them; calls of the
//! site's own tools have no form that a model could be trained to write, and are refused.

use std::collections::{HashMap, HashSet};

use super::{NodeContent, Tree, is_answer, wrong};
use crate::conversation::message::REASONING_KEYS;
use crate::conversation::parts::text_part;
use crate::conversation::role::Role;
use crate::conversation::weight::{self, Weight};
use crate::error::{Result, excerpt};
use crate::json::{Object, Value};

const NODES: &str = "mapping";
const MESSAGE: &str = "message";
const PARENT: &str = "parent";
const CHILDREN: &str = "children";

pub(super) fn is_tree(record: &Object) -> bool {
    let nodes = record.get(NODES).and_then(Value::as_object);
    let is_node = |node: &Value| node.as_object().is_some_and(|node| node.contains_key(PARENT));
    nodes.is_some_and(|nodes| !nodes.is_empty() && nodes.iter().all(|(_, node)| is_node(node)))
}

/// The tree, and the keys of the record that it is made of.
pub(super) fn read(record: &Object) -> Result<(Tree, &'static [&'static str])> {
    let mut nodes = HashMap::new();
    let mut roots = Vec::new();
    for (id, node) in record.get(NODES).and_then(Value::as_object).into_iter().flat_map(Object::iter) {
        let Some(node) = node.as_object() else { continue };
        match node.get(PARENT) {
            None | Some(Value::Null) => roots.push((None, &**id)),
            Some(_) => {}
        }
        nodes.insert(&**id, node);
    }
    let mut tree = Tree::default();
    let mut reached = HashSet::new();
    let mut next: Vec<(Option<usize>, &str)> = roots.into_iter().rev().collect();
    while let Some((parent, id)) = next.pop() {
        let node = nodes.get(id).ok_or_else(|| wrong(format!("the message {} is missing", excerpt(id))))?;
        if !reached.insert(id) {
            return Err(wrong(format!("more than one message leads to {}", excerpt(id))));
        }
        let said = said(node).map_err(|error| wrong(format!("message {}: {}", excerpt(id), error.text)))?;
        let added = tree.add(parent, said);
        let children = node.get(CHILDREN).and_then(Value::as_array).unwrap_or_default();
        next.extend(children.iter().rev().filter_map(Value::as_str).map(|child| (Some(added), child)));
    }
    if let Some(id) = nodes.keys().filter(|id| !reached.contains(*id)).min() {
        return Err(wrong(format!("no first message leads to {}", excerpt(id))));
    }
    Ok((tree, &[NODES, "current_node"]))
}

fn said(node: &Object) -> Result<NodeContent> {
    let Some(message) = node.get(MESSAGE).and_then(Value::as_object) else { return Ok(NodeContent::Nothing) };
    let inner = |key: &str| message.get(key).and_then(Value::as_object);
    let role = inner("author").and_then(|author| author.get("role")).cloned().unwrap_or(Value::Null);
    let Some(content) = inner("content") else { return Err(wrong("it has no content")) };
    let kind = content.get("content_type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "text" | "multimodal_text" => {}
        "thoughts" => return Ok(before(REASONING_KEYS[0], thoughts(content))),
        // Shown to the reader, or a setting beside the conversation; nobody says it: kept under its own name, so that it is
        // counted.
        "reasoning_recap" | "user_editable_context" | "model_editable_context" => {
            return Ok(before(kind, Value::Object(content.clone())));
        }
        other => return Err(wrong(format!("a content of type {} is not read", excerpt(other)))),
    }
    let recipient = message.get("recipient").and_then(Value::as_str).filter(|recipient| *recipient != "all");
    if let (Some(recipient), Some("assistant")) = (recipient, role.as_str()) {
        return Err(wrong(format!(
            "it calls the tool {}, and such a call cannot be written as a message",
            excerpt(recipient)
        )));
    }
    let text = text(content);
    if text.as_str() == Some("") && role.as_str() != Some(Role::Assistant.name()) {
        return Ok(NodeContent::Nothing);
    }
    let mut new: Object = [("role".into(), role), ("content".into(), text)].into_iter().collect();
    let status =
        message.get("status").filter(|status| status.as_str() != Some("finished_successfully")).cloned();
    let weight = message.get(weight::KEYS[0]).filter(|weight| is_answer(&new) && !is_one(weight)).cloned();
    for (key, value) in [("status", status), (weight::KEYS[0], weight)] {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            new.insert(key, value);
        }
    }
    Ok(NodeContent::Message(new))
}

/// What most messages weigh.
fn is_one(weight: &Value) -> bool {
    weight::read(weight::KEYS[0], weight).is_ok_and(|weight| weight == Weight::ONE)
}

fn before(key: &str, value: Value) -> NodeContent {
    NodeContent::Before([(key.into(), value)].into_iter().collect())
}

/// The parts as one text, or as they are if there is more than text.
fn text(content: &Object) -> Value {
    let parts = content.get("parts").and_then(Value::as_array).unwrap_or_default();
    match parts.iter().map(Value::as_str).collect::<Option<Vec<_>>>() {
        Some(texts) => texts.join("\n").as_str().into(),
        None => Value::Array(parts.iter().map(part).collect()),
    }
}

/// What is not text says what it is by its type.
fn part(part: &Value) -> Value {
    let Some(object) = part.as_object() else {
        return part.as_str().map_or_else(|| part.clone(), text_part);
    };
    let mut typed = object.clone();
    typed.insert("type", object.get("content_type").cloned().unwrap_or(Value::Null));
    Value::Object(typed)
}

fn thoughts(content: &Object) -> Value {
    let thoughts = content.get("thoughts").and_then(Value::as_array).unwrap_or_default();
    let texts = thoughts.iter().filter_map(|thought| thought.as_object()?.get("content")?.as_str());
    texts.collect::<Vec<_>>().join("\n").as_str().into()
}
