//! What has to hold outside of a round for it to be as it was.
//!
//! In: conditions on the few things that change from text to text: how many items there are, variables, attributes of
//! namespaces. Out: whether they hold, and the strictest of several. As long as the conditions of a round hold, it does
//! what it did in every rendering of the same input. How they are found is in `explain`.

use super::Machine;
use super::known::Known;
use crate::compile::program::{Rounds, Slot};
use crate::value::{Object, Value};

/// Something outside of a round that may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    /// How many items of the list there are.
    Count,
    Global(u32),
    Slot(Slot),
    /// One of `Rounds::attributes`.
    Attribute(usize),
}

/// What is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    /// An integer that is one of these, the last included.
    Between(i64, i64),
    Is(Known),
}

/// The strictest bound of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions(pub Vec<(Leaf, Bound)>);

/// The round that is looked at, of a loop over the list that grows, or over the last items of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The first item of the loop, of all, and whether it goes from the last one to that.
    pub way: (usize, bool),
    /// The item that the round is of.
    pub item: usize,
    /// The variable `loop`.
    pub object: Option<Object>,
}

impl Bound {
    /// What is asked by both; `None` if nothing is left.
    pub fn and(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Between(a, b), Self::Between(c, d)) => {
                let (least, most) = (*a.max(c), *b.min(d));
                (least <= most).then_some(Self::Between(least, most))
            }
            (a, b) => (a == b).then(|| a.clone()),
        }
    }

    /// Whether a number of items may be too large for it.
    pub fn has_most(&self) -> bool {
        !matches!(self, Self::Between(_, i64::MAX))
    }
}

impl Conditions {
    /// Adds a condition; false if it contradicts another.
    pub fn add(&mut self, leaf: Leaf, bound: Bound) -> bool {
        match self.0.iter_mut().find(|(known, _)| *known == leaf) {
            None => {
                self.0.push((leaf, bound));
                true
            }
            Some((_, known)) => match known.and(&bound) {
                Some(both) => {
                    *known = both;
                    true
                }
                None => false,
            },
        }
    }

    /// Whether more items may be too many.
    pub fn count_items(&self) -> bool {
        self.0.iter().any(|(leaf, bound)| *leaf == Leaf::Count && bound.has_most())
    }

    /// Adds that something has to be what it is; `None` if that contradicts another condition.
    pub fn add_known(&mut self, leaf: Leaf, known: &Known) -> Option<()> {
        let bound = match known {
            Known::Int(int) => Bound::Between(*int, *int),
            known => Bound::Is(known.clone()),
        };
        self.add(leaf, bound).then_some(())
    }
}

impl<'a> Machine<'a> {
    /// Whether all conditions of a round hold now.
    pub(super) fn all_hold(&self, rounds: &Rounds, conditions: &Conditions) -> bool {
        conditions.0.iter().all(|(leaf, bound)| self.holds(rounds, *leaf, bound))
    }

    pub(super) fn holds(&self, rounds: &Rounds, leaf: Leaf, bound: &Bound) -> bool {
        let Some(value) = self.leaf(rounds, leaf) else { return false };
        match (bound, value) {
            (Bound::Between(least, most), Value::Int(int)) => (*least..=*most).contains(&int),
            (Bound::Between(..), _) => false,
            (Bound::Is(known), value) => self.is_known(value, known),
        }
    }

    pub(super) fn leaf(&self, rounds: &Rounds, leaf: Leaf) -> Option<Value<'a>> {
        match leaf {
            Leaf::Count => self.shown_items().and_then(|count| i64::try_from(count).ok()).map(Value::Int),
            Leaf::Global(global) => self.globals.get(global as usize).copied(),
            Leaf::Slot(slot) => self.slots.get(slot as usize).copied(),
            Leaf::Attribute(number) => {
                let (slot, name) = rounds.attributes.get(number)?;
                match self.slots.get(*slot as usize)? {
                    Value::Object(Object::Namespace(number)) => self.namespace_item(*number, &name.0),
                    _ => None,
                }
            }
        }
    }
}
