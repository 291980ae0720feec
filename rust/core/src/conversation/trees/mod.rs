//! Trees of messages: one record, or one file, that holds several conversations.
//!
//! In: records of trees, as OpenAssistant publishes them (nested, or one message a record) and ChatGPT exports them. Out:
//! a record of messages for each path from a first message to a last one, in the order of the tree. Each answer is
//! trained once, on its first path that can be read; on later ones it is context. What a message means is not decided
//! here.

mod chatgpt;
mod replies;
mod rows;

pub use rows::{MessageRows, is_row};

use std::sync::Arc;

use super::role::Role;
use super::weight;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Number, Object, Value};

/// The most bytes that the paths of one tree may have, each message counted as often as a path goes through it.
const MAX_BYTES: usize = 256 << 20;

/// Why a tree is not read that could be: another reader has it.
const NOT_OF_TREES: &str = "trees are read where the first record of a file, or of an iterable, is one";

/// The messages of a tree. Those that begin conversations are its roots.
#[derive(Default)]
struct Tree {
    nodes: Vec<TreeNode>,
    roots: Vec<usize>,
}

struct TreeNode {
    content: NodeContent,
    /// In order.
    children: Vec<usize>,
}

/// What a node adds to the paths through it.
enum NodeContent {
    Nothing,
    /// Keys of the message after it.
    Before(Object),
    Message(Object),
}

/// One path of a tree.
struct Path {
    /// The node that it ends with.
    leaf: usize,
    record: Value,
}

/// Whether a record can be read as a conversation: what cannot trains nothing.
pub type IsReadable<'o> = &'o dyn Fn(&Value) -> bool;

/// Whether a record is a tree.
pub fn is_tree(record: &Object) -> bool {
    replies::is_tree(record) || chatgpt::is_tree(record)
}

/// The records that the paths of a tree are.
pub fn records(record: &Object, is_readable: IsReadable<'_>) -> Result<Vec<Value>> {
    let (tree, own) = if replies::is_tree(record) { replies::read(record)? } else { chatgpt::read(record)? };
    let others = record.iter().filter(|(key, _)| !own.contains(&&***key));
    let others: Vec<_> = others.map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(tree.paths(&others, is_readable)?.into_iter().map(|path| path.record).collect())
}

/// What to say of a record that no path could be made of; `None` if it is not of a tree.
pub(super) fn fault(record: &Object) -> Option<String> {
    if is_tree(record) {
        let reason = records(record, &|_| true).map_or_else(|error| error.text, |_| NOT_OF_TREES.into());
        return Some(format!("it is a tree of messages: {reason}"));
    }
    is_row(record).then(|| rows::fault(record))
}

impl TreeNode {
    /// About how many bytes it adds to each path.
    fn size(&self) -> usize {
        match &self.content {
            NodeContent::Nothing => 1,
            NodeContent::Before(object) | NodeContent::Message(object) => {
                json::write(&Value::Object(object.clone())).len()
            }
        }
    }
}

impl Tree {
    fn add(&mut self, parent: Option<usize>, content: NodeContent) -> usize {
        let added = self.nodes.len();
        self.nodes.push(TreeNode { content, children: Vec::new() });
        match parent {
            Some(parent) => self.nodes[parent].children.push(added),
            None => self.roots.push(added),
        }
        added
    }

    /// Every path with these keys beside its messages, each answer with a weight of 0 on all but the first that can be
    /// read.
    fn paths(&self, others: &[(Arc<str>, Value)], is_readable: IsReadable<'_>) -> Result<Vec<Path>> {
        let mut paths = Vec::new();
        let mut is_trained = vec![false; self.nodes.len()];
        let mut trail: Vec<usize> = Vec::new();
        let mut next: Vec<(usize, usize)> = self.roots.iter().rev().map(|root| (*root, 0)).collect();
        let sizes: Vec<usize> = self.nodes.iter().map(TreeNode::size).collect();
        let mut bytes = 0;
        while let Some((node, depth)) = next.pop() {
            trail.truncate(depth);
            trail.push(node);
            let children = &self.nodes[node].children;
            next.extend(children.iter().rev().map(|child| (*child, depth + 1)));
            if !children.is_empty() {
                continue;
            }
            bytes += trail.iter().map(|node| sizes[*node]).sum::<usize>();
            if bytes > MAX_BYTES {
                return Err(wrong(format!("its paths have more than {MAX_BYTES} bytes together")));
            }
            let messages = ("messages".into(), Value::Array(self.messages(&trail, &is_trained)));
            let pairs = std::iter::once(messages).chain(others.iter().cloned());
            let record = Value::Object(pairs.collect());
            if is_readable(&record) {
                for node in &trail {
                    is_trained[*node] = true;
                }
            }
            paths.push(Path { leaf: node, record });
        }
        Ok(paths)
    }

    fn messages(&self, trail: &[usize], is_trained: &[bool]) -> Vec<Value> {
        let mut messages: Vec<Object> = Vec::new();
        let mut before = Object::default();
        for node in trail {
            match &self.nodes[*node].content {
                NodeContent::Nothing => {}
                NodeContent::Before(keys) => add(&mut before, keys),
                NodeContent::Message(message) => {
                    let mut message = message.clone();
                    add(&mut message, &std::mem::take(&mut before));
                    if is_trained[*node] && is_answer(&message) {
                        message.retain(|key, _| !weight::KEYS.contains(&key));
                        message.insert(weight::KEYS[0], Value::Number(Number::Int(0)));
                    }
                    messages.push(message);
                }
            }
        }
        // Nothing comes after it: it is not lost, but counted as what no template reads.
        if let Some(last) = messages.last_mut() {
            before.iter().for_each(|(_, value)| last.insert("unfinished", value.clone()));
        }
        messages.into_iter().map(Value::Object).collect()
    }
}

/// Adds keys, texts after those that are there.
fn add(message: &mut Object, keys: &Object) {
    for (key, value) in keys.iter() {
        let joined = match (message.get(key).and_then(Value::as_str), value.as_str()) {
            (Some(old), Some(new)) => format!("{old}\n{new}").as_str().into(),
            _ => value.clone(),
        };
        message.insert(key, joined);
    }
}

fn is_answer(message: &Object) -> bool {
    message.get("role").and_then(Value::as_str) == Some(Role::Assistant.name())
}

fn wrong(text: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::Shape, text.as_ref().to_owned())
}
