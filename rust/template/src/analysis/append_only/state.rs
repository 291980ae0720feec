//! What is known at a point of the template: variables, namespaces, open loops.

use std::collections::{BTreeMap, BTreeSet};

use super::super::unset::CHANCE;
use super::value::{Growing, Known, Reason, Site, Value};

#[derive(Debug, Clone, Default)]
pub(super) struct State<'e> {
    /// From the outermost on. The first one is that of the rendering's own variables, as far as more is known of them.
    pub scopes: Vec<BTreeMap<&'e str, Value<'e>>>,
    pub attributes: BTreeMap<(Site, &'e str), Value<'e>>,
    /// Namespaces whose attributes may be anything.
    pub lost: BTreeSet<Site>,
    /// The open loops, from the outermost on.
    pub loops: Vec<Facts>,
    /// Why the short rendering may not print any more: the long one has printed what it has not.
    pub done: Option<Done<'e>>,
    /// This point is not reached.
    pub end: Option<End>,
}

#[derive(Debug, Clone)]
pub(super) struct Done<'e> {
    pub reason: Reason,
    /// What the long rendering prints next in any case, so that the short one may print it, too.
    pub lead: &'e str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Raised,
    /// By `break` or `continue`.
    Jumped,
}

/// What the conditions around a point say about an open loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Facts {
    pub min_index: i64,
    pub max_index: Option<i64>,
    /// Whether the message that it is at is an assistant's.
    pub answer: Option<bool>,
}

impl<'e> State<'e> {
    pub fn new() -> Self {
        Self { scopes: vec![BTreeMap::new(), BTreeMap::new()], ..Self::default() }
    }

    /// How much a copy costs.
    pub fn size(&self) -> usize {
        self.scopes.iter().map(|scope| 1 + scope.len()).sum::<usize>() + self.attributes.len()
    }

    pub fn get(&self, name: &str) -> Value<'e> {
        get(&self.scopes, name)
    }

    /// What a name means in a scope and those around it.
    pub fn get_in(&self, scope: usize, name: &str) -> Value<'e> {
        get(self.scopes.get(..=scope).unwrap_or_default(), name)
    }

    pub fn is_bound(&self, name: &str) -> bool {
        self.scopes.iter().skip(1).any(|scope| scope.contains_key(name))
    }

    pub fn set(&mut self, name: &'e str, value: Value<'e>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, value);
        }
    }

    /// Adds what is known of a list, wherever its variable is.
    pub fn at_least(&mut self, name: &'e str, items: u32) {
        let home = self.scopes.iter().rposition(|scope| scope.contains_key(name)).unwrap_or(0);
        let Value::Growing(list @ Growing { iterator: None, .. }) = self.get(name) else { return };
        let list = Growing { at_least: list.at_least.max(items), ..list };
        if let Some(scope) = self.scopes.get_mut(home) {
            scope.insert(name, Value::Growing(list));
        }
    }

    /// Joins with a state that both renderings reach alike; says whether this one changed.
    pub fn join(&mut self, other: &Self) -> bool {
        match (self.end, other.end) {
            (None, Some(_)) | (Some(_), Some(End::Raised)) => return false,
            (Some(_), None) => {
                *self = other.clone();
                return true;
            }
            (Some(_), Some(End::Jumped)) => {
                self.end = Some(End::Jumped);
                return false;
            }
            (None, None) => {}
        }
        let mut lost = Vec::new();
        let mut changed = self.join_scopes(other, &mut lost);
        let missing = other.attributes.keys().filter(|key| !self.attributes.contains_key(*key));
        let missing: Vec<_> = missing.copied().collect();
        self.attributes.extend(missing.into_iter().map(|key| (key, Value::ANYTHING)));
        for (key, value) in &mut self.attributes {
            changed |= value.join(other.attributes.get(key).unwrap_or(&Value::ANYTHING), &mut lost);
        }
        for site in other.lost.iter().copied().chain(lost) {
            changed |= self.lost.insert(site);
        }
        for (facts, other) in self.loops.iter_mut().zip(&other.loops) {
            changed |= facts.join(*other);
        }
        match (&mut self.done, &other.done) {
            (None, Some(_)) => {
                self.done.clone_from(&other.done);
                changed = true;
            }
            (Some(done), Some(other)) if done.lead != other.lead => {
                changed |= !done.lead.is_empty();
                done.lead = "";
            }
            (_, None) | (Some(_), Some(_)) => {}
        }
        changed
    }

    fn join_scopes(&mut self, other: &Self, lost: &mut Vec<Site>) -> bool {
        let mut changed = false;
        for at in 0..self.scopes.len() {
            let (outer, inner) = self.scopes.split_at_mut(at);
            let (Some(scope), Some(other_scope)) = (inner.first_mut(), other.scopes.get(at)) else {
                continue;
            };
            for name in
                other_scope.keys().filter(|name| !scope.contains_key(*name)).copied().collect::<Vec<_>>()
            {
                scope.insert(name, get(outer, name));
                changed = true;
            }
            for (name, value) in scope.iter_mut() {
                let from_other = match other_scope.get(name) {
                    Some(value) => value.clone(),
                    None => get(other.scopes.get(..at).unwrap_or_default(), name),
                };
                changed |= value.join(&from_other, lost);
            }
        }
        changed
    }
}

/// What a name means in these scopes. A variable of the rendering is the same in both renderings, but for the messages;
/// `add_generation_prompt` is false.
fn get<'e>(scopes: &[BTreeMap<&'e str, Value<'e>>], name: &str) -> Value<'e> {
    let found = scopes.iter().rev().find_map(|scope| scope.get(name));
    found.cloned().unwrap_or_else(|| match name {
        "messages" => Value::Growing(Growing::MESSAGES),
        "add_generation_prompt" => Value::Same(Known::Truth(false)),
        CHANCE => Value::opaque("a random text", crate::ast::Place::default()),
        _ => Value::ANYTHING,
    })
}

impl Facts {
    fn join(&mut self, other: Self) -> bool {
        let joined = Self {
            min_index: self.min_index.min(other.min_index),
            max_index: self.max_index.zip(other.max_index).map(|(a, b)| a.max(b)),
            answer: self.answer.filter(|_| self.answer == other.answer),
        };
        let changed = *self != joined;
        *self = joined;
        changed
    }
}
