//! The JSON values that the other stages read.

use std::collections::HashMap;
use std::sync::Arc;

use super::Number;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    Array(Vec<Value>),
    Object(Object),
}

impl Value {
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The name of the type in error texts.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "text",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

/// An object in insertion order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object(Vec<(Arc<str>, Value)>);

/// Above this many keys, duplicates are found by hash instead of comparing all pairs.
const MANY_KEYS: usize = 16;

impl Object {
    /// Keeps the first position and the last value of a key that comes twice, as a Python dict does.
    pub fn from_pairs(pairs: Vec<(Arc<str>, Value)>) -> Self {
        Self::from_pairs_noting(pairs, &mut Vec::new())
    }

    /// The same; adds the keys that come twice to `repeated`.
    pub(super) fn from_pairs_noting(pairs: Vec<(Arc<str>, Value)>, repeated: &mut Vec<Arc<str>>) -> Self {
        let has_duplicates = if pairs.len() > MANY_KEYS {
            let mut seen = std::collections::HashSet::with_capacity(pairs.len());
            !pairs.iter().all(|(key, _)| seen.insert(key))
        } else {
            (1..pairs.len()).any(|i| pairs[..i].iter().any(|(key, _)| *key == pairs[i].0))
        };
        if !has_duplicates {
            return Self(pairs);
        }
        let mut positions: HashMap<Arc<str>, usize> = HashMap::with_capacity(pairs.len());
        let mut unique: Vec<(Arc<str>, Value)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            if let Some(&position) = positions.get(&key) {
                unique[position].1 = value;
                repeated.push(key);
            } else {
                positions.insert(key.clone(), unique.len());
                unique.push((key, value));
            }
        }
        Self(unique)
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| &**k == key).map(|(_, v)| v)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Replaces the value of a key in place, or puts the pair last.
    pub fn insert(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(k, _)| &**k == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.into(), value)),
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let position = self.0.iter().position(|(k, _)| &**k == key)?;
        Some(self.0.remove(position).1)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Value) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Arc<str>, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(pairs: I) -> Self {
        Self::from_pairs(pairs.into_iter().collect())
    }
}

/// An object with these pairs.
pub fn object(pairs: &[(&str, Value)]) -> Value {
    Value::Object(pairs.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
}
