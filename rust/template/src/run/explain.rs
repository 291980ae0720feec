//! What the value of an expression rests on.
//!
//! In: an expression that a round reads from outside, and the round. Out: its value, and the conditions under which it
//! stays that. An integer that is only compared has to stay on its side, so that `loop.index0 > ns.last` holds for a
//! range of `ns.last`; an item of the list asks for that many items. Of what is not understood each part has to stay what
//! it is. Where that cannot be said there is no value: the expression is then evaluated like any other.

use super::Machine;
use super::conditions::{Bound, Conditions, Leaf, Place};
use super::growing::Growing;
use super::known::Known;
use crate::compile::children::children;
use crate::compile::program::{Attribute, ExprCode, Item, LoopAttribute, Rounds, Slot};
use crate::error::Result;
use crate::syntax::ast::{BinaryOperator, Comparison};
use crate::value::operators;
use crate::value::{Object, Value};

/// What an expression is, as far as the conditions hold.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Value(Value<'a>),
    /// An integer: that of the leaf, negated perhaps, and this more.
    Linear {
        value: i64,
        leaf: Leaf,
        is_negated: bool,
    },
    List(&'a Growing<'a>),
    Loop(Object),
    Namespace(u32, Slot),
}

impl<'a> Machine<'a> {
    /// The value of an outside expression of a round, and what it rests on; `None` where that cannot be said.
    pub(super) fn explained(
        &mut self,
        expr: &'a ExprCode,
        rounds: &'a Rounds,
        place: Place,
        conditions: &mut Conditions,
    ) -> Result<Option<Value<'a>>> {
        let mut look = Look { machine: self, rounds, place, conditions };
        match look.see(expr)? {
            Some(seen) => look.value(seen),
            None => Ok(None),
        }
    }
}

struct Look<'m, 'a> {
    machine: &'m mut Machine<'a>,
    rounds: &'a Rounds,
    place: Place,
    conditions: &'m mut Conditions,
}

impl<'a> Look<'_, 'a> {
    fn see(&mut self, expr: &'a ExprCode) -> Result<Option<Seen<'a>>> {
        self.machine.memory.step()?;
        Ok(match expr {
            ExprCode::Global(global) => {
                self.variable(self.machine.globals[*global as usize], Leaf::Global(*global), expr)?
            }
            ExprCode::Variable { variable, .. } if variable.out == 0 => {
                let value = self.machine.slots[variable.slot as usize];
                match value {
                    Value::Object(Object::Namespace(number)) => Some(Seen::Namespace(number, variable.slot)),
                    Value::Object(object) if self.place.object == Some(object) => Some(Seen::Loop(object)),
                    value => self.variable(value, Leaf::Slot(variable.slot), expr)?,
                }
            }
            ExprCode::Attribute(attribute) => self.attribute(attribute)?,
            ExprCode::Item(item) => self.item(expr, item)?,
            ExprCode::Compare(compare) => match &**compare {
                (left, rest) if rest.len() == 1 => self.compare(left, rest[0].0, &rest[0].1)?,
                // What comes after the first that does not hold is not looked at.
                _ => None,
            },
            ExprCode::And(operands) => self.either(&operands.0, &operands.1, true)?,
            ExprCode::Or(operands) => self.either(&operands.0, &operands.1, false)?,
            ExprCode::Not(operand) => {
                let value = self.see_value(operand)?;
                value.map(|value| Seen::Value(Value::Bool(!operators::truth(value))))
            }
            ExprCode::Conditional(conditional) => {
                match (self.see_value(&conditional.test)?, &conditional.otherwise) {
                    (None, _) => None,
                    (Some(test), _) if operators::truth(test) => self.see(&conditional.then)?,
                    (Some(_), Some(otherwise)) => self.see(otherwise)?,
                    (Some(_), None) => Some(Seen::Value(Value::Undefined(crate::value::Undefined::Plain))),
                }
            }
            ExprCode::Sum(terms) => self.sum(expr, terms.iter().map(|term| (false, term)))?,
            ExprCode::Binary(binary) if binary.0 == BinaryOperator::Subtract => {
                self.sum(expr, [(false, &binary.1), (true, &binary.2)].into_iter())?
            }
            ExprCode::Filter(call) if matches!(call.filter.name, "length" | "count") => {
                match self.see(&call.object)? {
                    Some(Seen::List(list)) => self.count(list),
                    Some(seen) => {
                        self.value(seen)?.map(|_| self.machine.eval(expr)).transpose()?.map(Seen::Value)
                    }
                    None => None,
                }
            }
            _ => self.parts(expr)?,
        })
    }

    /// An expression of which nothing is understood but its parts.
    fn parts(&mut self, expr: &'a ExprCode) -> Result<Option<Seen<'a>>> {
        let mut parts = Vec::new();
        children(expr, &mut |part| parts.push(part));
        for part in parts {
            if self.see_value(part)?.is_none() {
                return Ok(None);
            }
        }
        self.machine.eval(expr).map(|value| Some(Seen::Value(value)))
    }

    fn see_value(&mut self, expr: &'a ExprCode) -> Result<Option<Value<'a>>> {
        match self.see(expr)? {
            Some(seen) => self.value(seen),
            None => Ok(None),
        }
    }

    /// What was seen, where it has to stay just that.
    fn value(&mut self, seen: Seen<'a>) -> Result<Option<Value<'a>>> {
        Ok(match seen {
            Seen::Value(value) => Some(value),
            Seen::Linear { value, leaf, .. } => self.stays(leaf).then_some(Value::Int(value)),
            Seen::List(list) => {
                let list = list.settle(&mut self.machine.memory)?;
                self.stays(Leaf::Count).then_some(list)
            }
            Seen::Loop(_) | Seen::Namespace(..) => None,
        })
    }

    fn stays(&mut self, leaf: Leaf) -> bool {
        match self.machine.leaf(self.rounds, leaf) {
            Some(Value::Int(int)) => self.conditions.add(leaf, Bound::Between(int, int)),
            _ => false,
        }
    }

    /// What a leaf holds, which the expression is the name of.
    fn variable(&mut self, value: Value<'a>, leaf: Leaf, expr: &'a ExprCode) -> Result<Option<Seen<'a>>> {
        if let Value::Int(value) = value {
            return Ok(Some(Seen::Linear { value, leaf, is_negated: false }));
        }
        if let Some(list) = self.machine.as_growing(value)? {
            let is = Bound::Is(Known::Growing(list.from()));
            return Ok(self.conditions.add(leaf, is).then_some(Seen::List(list)));
        }
        let Some(known) = self.machine.known(value) else { return Ok(None) };
        let is_added = self.conditions.add(leaf, Bound::Is(known));
        Ok(if is_added { Some(Seen::Value(self.machine.eval(expr)?)) } else { None })
    }

    fn attribute(&mut self, attribute: &'a Attribute) -> Result<Option<Seen<'a>>> {
        Ok(match self.see(&attribute.object)? {
            Some(Seen::Namespace(namespace, slot)) => {
                let name = &attribute.name.text;
                let mut names = self.rounds.attributes.iter();
                let number = names.position(|(of, known)| *of == slot && known == name);
                match (number, self.machine.namespace_item(namespace, &name.0)) {
                    // What the round itself has set is no longer as it was before the round.
                    (Some(number), Some(value)) if !self.machine.has_set(number) => {
                        let leaf = Leaf::Attribute(number);
                        match (value, self.machine.known(value)) {
                            (Value::Int(value), _) => Some(Seen::Linear { value, leaf, is_negated: false }),
                            (value, Some(known)) => {
                                self.conditions.add(leaf, Bound::Is(known)).then_some(Seen::Value(value))
                            }
                            (_, None) => None,
                        }
                    }
                    _ => None,
                }
            }
            Some(Seen::Loop(object)) => match attribute.name.of_loop {
                Some(of_loop) => self.of_loop(object, of_loop)?,
                None => None,
            },
            Some(Seen::Value(value)) => {
                let value = self.machine.named(value, &attribute.name);
                Some(Seen::Value(value.map_err(|error| error.at(attribute.place))?))
            }
            _ => None,
        })
    }

    fn of_loop(&mut self, object: Object, attribute: LoopAttribute) -> Result<Option<Seen<'a>>> {
        let Object::Loop(serial) = object else { return Ok(None) };
        let value = self.machine.loop_attribute(serial, attribute)?;
        let Place { way: (_, is_reversed), item, .. } = self.place;
        let count = self.machine.shown_items().unwrap_or_default();
        // How many items there have to be, for there to be one after this one.
        let is_newest = item + 1 >= count;
        let newest = if is_newest {
            Bound::Between(0, small(item + 1))
        } else {
            Bound::Between(small(item + 2), i64::MAX)
        };
        let depends_on_newest = match attribute {
            LoopAttribute::First | LoopAttribute::Previtem => is_reversed,
            LoopAttribute::Last | LoopAttribute::Nextitem => !is_reversed,
            _ => false,
        };
        if depends_on_newest && !self.conditions.add(Leaf::Count, newest) {
            return Ok(None);
        }
        let counts = match attribute {
            LoopAttribute::Length => true,
            LoopAttribute::Index0 | LoopAttribute::Index => is_reversed,
            LoopAttribute::Revindex0 | LoopAttribute::Revindex => !is_reversed,
            _ => false,
        };
        Ok(Some(match (value, counts) {
            (Value::Int(value), true) => Seen::Linear { value, leaf: Leaf::Count, is_negated: false },
            (value, _) => Seen::Value(value),
        }))
    }

    fn item(&mut self, expr: &'a ExprCode, item: &'a Item) -> Result<Option<Seen<'a>>> {
        let object = match self.see(&item.object)? {
            Some(Seen::List(list)) => Ok(list),
            Some(Seen::Value(object)) => Err(object),
            _ => return Ok(None),
        };
        let Some(index) = self.see_value(&item.index)? else { return Ok(None) };
        if let (Ok(list), Some(index)) =
            (object, index.as_index().and_then(|index| usize::try_from(index).ok()))
        {
            let needed = small(list.from().saturating_add(index));
            let found = list.get(index);
            let bound = match found {
                Some(_) => Bound::Between(needed + 1, i64::MAX),
                None => Bound::Between(0, needed),
            };
            if !self.conditions.add(Leaf::Count, bound) {
                return Ok(None);
            }
        } else if object.is_ok() && !self.stays(Leaf::Count) {
            return Ok(None);
        }
        self.machine.eval(expr).map(|value| Some(Seen::Value(value)))
    }

    fn compare(
        &mut self,
        left: &'a ExprCode,
        comparison: Comparison,
        right: &'a ExprCode,
    ) -> Result<Option<Seen<'a>>> {
        let (Some(left), Some(right)) = (self.see(left)?, self.see(right)?) else { return Ok(None) };
        let int = |seen: Seen<'_>| match seen {
            Seen::Linear { value, .. } | Seen::Value(Value::Int(value)) => Some(value),
            _ => None,
        };
        if let (Some(one), Some(other)) = (int(left), int(right)) {
            let (linear, other, mirrored, fixed) = match (left, right) {
                (Seen::Linear { .. }, _) => (left, other, comparison, right),
                _ => (right, one, comparison.mirrored(), left),
            };
            if let Seen::Linear { value, leaf, is_negated } = linear
                && let Some((least, most)) = side(value, mirrored, other)
            {
                if self.value(fixed)?.is_none() || !self.is_within(leaf, is_negated, value, (least, most)) {
                    return Ok(None);
                }
                let holds = self.machine.compare(mirrored, Value::Int(value), Value::Int(other))?;
                return Ok(Some(Seen::Value(Value::Bool(holds))));
            }
        }
        let (Some(left), Some(right)) = (self.value(left)?, self.value(right)?) else { return Ok(None) };
        self.machine.compare(comparison, left, right).map(|holds| Some(Seen::Value(Value::Bool(holds))))
    }

    /// Adds that a linear expression, which is `value` now, stays between these.
    fn is_within(&mut self, leaf: Leaf, is_negated: bool, value: i64, (least, most): (i64, i64)) -> bool {
        let Some(Value::Int(now)) = self.machine.leaf(self.rounds, leaf) else { return false };
        // How far it may go down and up from here, if there is an end to that.
        let down = (least != i64::MIN).then(|| i128::from(value) - i128::from(least));
        let up = (most != i64::MAX).then(|| i128::from(most) - i128::from(value));
        let (down, up) = if is_negated { (up, down) } else { (down, up) };
        let from = |by: Option<i128>| by.and_then(|by| i64::try_from(i128::from(now) + by).ok());
        let least = from(down.map(|by| -by)).unwrap_or(i64::MIN);
        let most = from(up).unwrap_or(i64::MAX);
        self.conditions.add(leaf, Bound::Between(least, most))
    }

    /// `and` and `or`
    fn either(&mut self, left: &'a ExprCode, right: &'a ExprCode, is_and: bool) -> Result<Option<Seen<'a>>> {
        Ok(match self.see_value(left)? {
            None => None,
            Some(value) if operators::truth(value) == is_and => self.see(right)?,
            Some(value) => Some(Seen::Value(value)),
        })
    }

    /// Terms that are added, or subtracted.
    fn sum(
        &mut self,
        expr: &'a ExprCode,
        terms: impl Iterator<Item = (bool, &'a ExprCode)>,
    ) -> Result<Option<Seen<'a>>> {
        let (mut sum, mut linear, mut is_linear) = (Some(0i64), None::<(Leaf, bool)>, true);
        let mut others = Vec::new();
        for (is_subtracted, term) in terms {
            let Some(seen) = self.see(term)? else { return Ok(None) };
            others.push(seen);
            let value = match seen {
                Seen::Value(Value::Int(value)) => Some(value),
                Seen::Linear { value, leaf, is_negated } => {
                    let is_negated = is_negated != is_subtracted;
                    linear = match linear {
                        None => Some((leaf, is_negated)),
                        // What is added and subtracted again does not matter.
                        Some((of, sign)) if of == leaf && sign != is_negated => None,
                        Some(linear) => {
                            is_linear = false;
                            Some(linear)
                        }
                    };
                    Some(value)
                }
                _ => None,
            };
            let value = value.and_then(|value| if is_subtracted { value.checked_neg() } else { Some(value) });
            sum = sum.and_then(|sum| sum.checked_add(value?));
        }
        match (sum, linear) {
            (Some(value), Some((leaf, is_negated))) if is_linear => {
                return Ok(Some(Seen::Linear { value, leaf, is_negated }));
            }
            (Some(value), None) if is_linear => return Ok(Some(Seen::Value(Value::Int(value)))),
            _ => {}
        }
        for seen in others {
            if self.value(seen)?.is_none() {
                return Ok(None);
            }
        }
        self.machine.eval(expr).map(|value| Some(Seen::Value(value)))
    }

    /// How many items a list has: those of the whole list but for the first ones, as long as it has these.
    fn count(&mut self, list: &'a Growing<'a>) -> Option<Seen<'a>> {
        let shown = self.machine.shown_items()?;
        let (value, leaf) = (small(list.len()), Leaf::Count);
        let has_first = if shown >= list.from() {
            Bound::Between(small(list.from()), i64::MAX)
        } else {
            Bound::Between(small(shown), small(shown))
        };
        self.conditions.add(leaf, has_first).then_some(Seen::Linear { value, leaf, is_negated: false })
    }
}

/// The integers that compare with another one as this one does; `None` where they are not one range.
fn side(value: i64, comparison: Comparison, other: i64) -> Option<(i64, i64)> {
    let below = (i64::MIN, other.checked_sub(1)?);
    let above = (other.checked_add(1)?, i64::MAX);
    Some(match comparison {
        Comparison::Equal | Comparison::NotEqual => match value.cmp(&other) {
            std::cmp::Ordering::Less => below,
            std::cmp::Ordering::Equal => (other, other),
            std::cmp::Ordering::Greater => above,
        },
        Comparison::Less | Comparison::GreaterOrEqual => {
            if value < other {
                below
            } else {
                (other, i64::MAX)
            }
        }
        Comparison::LessOrEqual | Comparison::Greater => {
            if value > other {
                above
            } else {
                (i64::MIN, other)
            }
        }
        Comparison::In | Comparison::NotIn => return None,
    })
}

fn small(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX / 2)
}
