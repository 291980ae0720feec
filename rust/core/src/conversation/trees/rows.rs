//! OpenAssistant's trees as rows: `{"message_id", "parent_id", "text", "role"}`, one message a record.
//!
//! In: the rows of a whole file, in any order. Out: a record for each path, at the line of the row that it ends with. Rows
//! that no first message leads to stand as they are, for the reader of records to refuse.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::replies::{ID, PARENT, PROMPTER, ROLE, TEXT, is_deleted, message};
use super::{IsReadable, NodeContent, Tree};
use crate::error::excerpt;
use crate::json::{Number, Object, Value};

/// The key of all rows of a tree.
const TREE_ID: &str = "message_tree_id";

/// The rows of a file, with their lines.
#[derive(Default)]
pub struct MessageRows(Vec<(u64, Object)>);

/// Tables drop what is null: the first message of a tree may lack its parent.
pub fn is_row(record: &Object) -> bool {
    let is_first = text(record, ROLE) == Some(PROMPTER);
    text(record, ID).is_some()
        && (record.contains_key(PARENT) || is_first)
        && [TEXT, ROLE].iter().all(|key| record.contains_key(key))
}

impl MessageRows {
    pub fn push(&mut self, line: u64, row: Object) {
        self.0.push((line, row));
    }

    /// The records that they make, by their lines.
    pub fn records(self, is_readable: IsReadable<'_>) -> Vec<(u64, Value)> {
        let mut records = Vec::new();
        let mut is_used = vec![false; self.0.len()];
        let (roots, children) = self.by_parent();
        for root in roots {
            let (tree, rows) = self.tree(root, &children);
            let tree_id = self.0[root].1.get(TREE_ID);
            let others: Vec<(Arc<str>, Value)> =
                tree_id.map(|id| (TREE_ID.into(), id.clone())).into_iter().collect();
            let Ok(paths) = tree.paths(&others, is_readable) else { continue };
            for row in &rows {
                is_used[*row] = true;
            }
            let line = |leaf: usize| self.0[rows[leaf]].0;
            records.extend(paths.into_iter().map(|path| (line(path.leaf), path.record)));
        }
        let unused = self.0.into_iter().zip(is_used).filter(|(_, is_used)| !is_used);
        records.extend(unused.map(|((line, row), _)| (line, Value::Object(row))));
        records.sort_by_key(|(line, _)| *line);
        records
    }

    /// The first messages, and the rows that answer each row, in an order that is not that of the file. Of rows with one
    /// id the first is the message; what was deleted is none.
    fn by_parent(&self) -> (Vec<usize>, HashMap<&str, Vec<usize>>) {
        let mut seen = HashSet::new();
        let mut messages: Vec<(usize, &Object)> = self.0.iter().map(|(_, row)| row).enumerate().collect();
        messages.retain(|(_, row)| !is_deleted(row) && text(row, ID).is_some_and(|id| seen.insert(id)));
        messages.sort_by(|(_, one), (_, other)| order(one).cmp(&order(other)));
        let mut roots = Vec::new();
        let mut children: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, row) in messages {
            match row.get(PARENT) {
                None | Some(Value::Null) => roots.push(at),
                Some(Value::String(parent)) => children.entry(parent).or_default().push(at),
                Some(_) => {}
            }
        }
        (roots, children)
    }

    /// The tree of a first message, and the row of each of its nodes.
    fn tree(&self, root: usize, children: &HashMap<&str, Vec<usize>>) -> (Tree, Vec<usize>) {
        let (mut tree, mut rows) = (Tree::default(), Vec::new());
        let mut next = vec![(None, root)];
        while let Some((parent, row)) = next.pop() {
            let object = &self.0[row].1;
            let node = tree.add(parent, NodeContent::Message(message(object)));
            rows.push(row);
            let answers =
                text(object, ID).and_then(|id| children.get(id)).map(Vec::as_slice).unwrap_or_default();
            next.extend(answers.iter().rev().map(|answer| (Some(node), *answer)));
        }
        (tree, rows)
    }
}

/// Where a row stands among those that answer the same one: the best first, then the oldest.
fn order(row: &Object) -> (i64, &str, &str) {
    let rank = match row.get("rank") {
        Some(Value::Number(Number::Int(rank))) => *rank,
        _ => i64::MAX,
    };
    (rank, text(row, "created_date").unwrap_or_default(), text(row, ID).unwrap_or_default())
}

fn text<'r>(row: &'r Object, key: &str) -> Option<&'r str> {
    row.get(key).and_then(Value::as_str)
}

/// What to say of a row that stands as it is.
pub(super) fn fault(row: &Object) -> String {
    let id = text(row, ID).map(excerpt).unwrap_or_default();
    match text(row, PARENT) {
        _ if is_deleted(row) => format!("it is the message {id} of a tree, which is deleted"),
        Some(parent) => format!(
            "it is the message {id} of a tree, and no first message leads to it by way of its parent {}: a message of the \
             file is missing or deleted, has an id twice, or answers itself",
            excerpt(parent)
        ),
        None => format!(
            "it is the message {id} of a tree, and an earlier row has the same id, or the tree is too large"
        ),
    }
}
