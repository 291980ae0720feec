//! Prompts and completions by what they begin with in common.
//!
//! In: prompt and completion ids of target after target, and how much of each is as in the one before. Out: a tree whose
//! paths from the root are the targets. A prompt goes along the longest path that there is, whatever that is part of; a
//! completion has nodes of its own, and the position that predicts its first token predicts no other: where one does
//! already, the position is repeated. Ids are compared from where a target parts from the one before, and each distinct
//! id is kept once.

use std::ops::Range;

use crate::prompt_text::common_items;
use crate::target::{Encoded, Provenance, Target};

/// The node before the first tokens; it has no ids.
pub(super) const ROOT: usize = 0;

/// Neighbouring tokens of a path.
pub(super) struct Node {
    /// Where its ids are.
    ids: Range<usize>,
    /// How many ids come before it on its path.
    pub depth: usize,
    pub parent: usize,
    /// In the order of the targets.
    pub children: Vec<usize>,
    /// Some of them begin alike.
    has_twins: bool,
    /// Which of its ids is the first that belongs to a completion; all after it do, too.
    pub completed_from: usize,
    /// What begins at that id.
    pub begins: Option<Completion>,
}

/// The completion of a target: its ids go on in first children.
#[derive(Clone, Copy)]
pub(super) struct Completion {
    pub target: Target,
    pub length: usize,
}

/// A path from the root.
#[derive(Clone)]
struct Path {
    nodes: Vec<usize>,
    /// How many ids it has; the last node may have more.
    length: usize,
}

pub(super) struct PrefixTree {
    /// Of all nodes.
    ids: Vec<i32>,
    /// What wrote each of them; empty where nobody asks.
    provenance: Vec<Provenance>,
    nodes: Vec<Node>,
    /// Some node has children that begin alike.
    has_twins: bool,
    /// What the target compared last begins with.
    path: Path,
    /// How many positions are repeated.
    pub repeated: u64,
}

impl Default for PrefixTree {
    fn default() -> Self {
        let root = Node {
            ids: 0..0,
            depth: 0,
            parent: ROOT,
            children: Vec::new(),
            has_twins: false,
            completed_from: 0,
            begins: None,
        };
        let path = Path { nodes: vec![ROOT], length: 0 };
        Self {
            ids: Vec::new(),
            provenance: Vec::new(),
            nodes: vec![root],
            has_twins: false,
            path,
            repeated: 0,
        }
    }
}

impl Node {
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn end(&self) -> usize {
        self.depth + self.len()
    }
}

impl PrefixTree {
    pub fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub fn token_count(&self) -> usize {
        self.ids.len()
    }

    pub fn ids_of(&self, node: usize) -> &[i32] {
        &self.ids[self.nodes[node].ids.clone()]
    }

    pub fn provenance_of(&self, node: usize) -> &[Provenance] {
        self.provenance.get(self.nodes[node].ids.clone()).unwrap_or_default()
    }

    /// Finds the longest path that a prompt begins with; its first `same` ids are those of what was compared before.
    pub fn compare(&mut self, prompt: &[i32], same: usize) {
        // Where two paths begin alike, what goes on along one may go further along the other.
        let mut path = self.path.nodes.iter().map(|node| &self.nodes[*node]).filter(|_| self.has_twins);
        let unique = path.find(|node| node.has_twins).map_or(usize::MAX, Node::end);
        self.go_back_to(same.min(prompt.len()).min(unique));
        let mut others = Vec::new();
        let mut longest: Option<Path> = None;
        loop {
            self.go_along(prompt, &mut others);
            if self.path.length == prompt.len() && self.predicts_nothing() {
                return;
            }
            if others.is_empty() && longest.is_none() {
                return;
            }
            if longest.as_ref().is_none_or(|longest| longest.length < self.path.length) {
                longest = Some(self.path.clone());
            }
            let Some((kept, node)) = others.pop() else {
                break;
            };
            self.path.nodes.truncate(kept);
            self.path.nodes.push(node);
            self.path.length = self.nodes[node].depth;
        }
        self.path = longest.unwrap_or_else(|| self.path.clone());
    }

    /// Adds the target whose prompt was compared last, without its first `cut` ids.
    pub fn add(&mut self, target: Target, encoded: &Encoded<'_>, cut: usize) {
        let (ids, prompt) = (&encoded.ids[cut..], encoded.prompt - cut);
        if self.path.length == prompt && !self.predicts_nothing() {
            self.go_back_to(prompt - 1);
            self.repeated += 1;
        }
        self.split();
        let parent = self.path.nodes[self.path.nodes.len() - 1];
        let depth = self.path.length;
        let begins_alike = |child: &usize| self.ids_of(*child).first() == ids.get(depth);
        let is_twin = self.nodes[parent].children.iter().any(begins_alike);
        self.nodes[parent].has_twins |= is_twin;
        self.has_twins |= is_twin;
        let start = self.ids.len();
        self.ids.extend_from_slice(&ids[depth..]);
        self.provenance.extend_from_slice(encoded.provenance.get(cut + depth..).unwrap_or_default());
        let begins = Some(Completion { target, length: ids.len() - prompt });
        let node = self.push(Node {
            ids: start..self.ids.len(),
            depth,
            parent,
            children: Vec::new(),
            has_twins: false,
            completed_from: prompt - depth,
            begins,
        });
        self.nodes[parent].children.push(node);
        self.path.nodes.push(node);
        self.path.length = ids.len();
    }

    /// What is compared next has nothing in common with what was compared last.
    pub fn forget_compared(&mut self) {
        self.go_back_to(0);
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn go_back_to(&mut self, length: usize) {
        let length = length.min(self.path.length);
        let kept = self.path.nodes.partition_point(|node| *node == ROOT || self.nodes[*node].depth < length);
        self.path.nodes.truncate(kept);
        self.path.length = length;
    }

    /// Goes on as far as the ids do; the children that could have been taken instead are added to `others`.
    fn go_along(&mut self, ids: &[i32], others: &mut Vec<(usize, usize)>) {
        loop {
            let last = self.path.nodes[self.path.nodes.len() - 1];
            let rest = &self.ids_of(last)[self.path.length - self.nodes[last].depth..];
            let (common, until) = (common_items(rest, &ids[self.path.length..]), rest.len());
            self.path.length += common;
            let Some(next) = ids.get(self.path.length).filter(|_| common == until) else {
                return;
            };
            let begins_so = |child: &&usize| self.ids_of(**child).first() == Some(next);
            let mut fitting = self.nodes[last].children.iter().filter(begins_so);
            let Some(first) = fitting.next() else {
                return;
            };
            let kept = self.path.nodes.len();
            let before = others.len();
            others.extend(fitting.map(|child| (kept, *child)));
            // The earliest is taken first.
            others[before..].reverse();
            self.path.nodes.push(*first);
        }
    }

    /// Whether no completion has its token after the path's last one. Nothing predicts the first token of all.
    fn predicts_nothing(&self) -> bool {
        let last = self.path.nodes[self.path.nodes.len() - 1];
        let node = &self.nodes[last];
        let next = self.path.length - node.depth;
        if last == ROOT {
            return true;
        }
        if next < node.len() {
            return next < node.completed_from;
        }
        let is_completion = |child: &usize| {
            let child = &self.nodes[*child];
            child.len() > 0 && child.completed_from == 0
        };
        !node.children.iter().any(is_completion)
    }

    /// Lets the last node of the path end where the path does.
    fn split(&mut self) {
        let head = self.path.nodes[self.path.nodes.len() - 1];
        let at = self.path.length - self.nodes[head].depth;
        if at == self.nodes[head].len() {
            return;
        }
        let node = &mut self.nodes[head];
        let begins_later = node.completed_from >= at;
        let tail = Node {
            ids: node.ids.start + at..node.ids.end,
            depth: self.path.length,
            parent: head,
            children: std::mem::take(&mut node.children),
            has_twins: std::mem::take(&mut node.has_twins),
            completed_from: node.completed_from.saturating_sub(at),
            begins: node.begins.take_if(|_| begins_later),
        };
        node.ids.end = node.ids.start + at;
        node.completed_from = node.completed_from.min(at);
        let tail = self.push(tail);
        self.nodes[head].children.push(tail);
        for child in self.nodes[tail].children.clone() {
            self.nodes[child].parent = tail;
        }
    }
}
