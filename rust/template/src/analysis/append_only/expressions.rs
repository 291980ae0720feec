//! Expressions: what their values are in both renderings.

use super::loops::{Over, Round};
use super::state::State;
use super::value::{Growing, Hint, Known, Site, Truth, Value, Why};
use super::{Analysis, Control, Result};
use crate::ast::{BinaryOperator, Const, Expr, ExprKind};

impl<'e> Analysis<'e> {
    pub(super) fn eval(&mut self, state: &mut State<'e>, expr: &'e Expr) -> Result<Value<'e>> {
        self.nested(expr.place, |analysis| analysis.eval_inside(state, expr))
    }

    fn eval_inside(&mut self, state: &mut State<'e>, expr: &'e Expr) -> Result<Value<'e>> {
        match &expr.kind {
            ExprKind::Const(constant) => Ok(Value::Same(of_constant(constant))),
            ExprKind::Name(name) => {
                let value = state.get(name);
                self.check_iterator(&value)?;
                Ok(value)
            }
            ExprKind::Tuple(items) | ExprKind::List(items) if items.is_empty() => {
                Ok(Value::Same(Known::Truth(false)))
            }
            ExprKind::Attribute { object, name } => {
                let object = self.eval(state, object)?;
                self.attribute(state, &object, name)
            }
            ExprKind::Item { object, index } => self.item(state, object, index),
            ExprKind::Call { callee, arguments } => self.call(state, expr, callee, arguments),
            ExprKind::Filter { object, filter } => {
                let object = self.eval(state, object)?;
                self.filter(state, &object, filter)
            }
            ExprKind::Test { object, test } => self.test(state, object, test),
            ExprKind::Not(_) | ExprKind::Compare { .. } => {
                let truth = self.condition(state, expr)?;
                Ok(Self::truth_value(truth))
            }
            ExprKind::Negative(operand) => match self.eval(state, operand)? {
                Value::Same(Known::Int(int)) if int != i64::MIN => Ok(Value::Same(Known::Int(-int))),
                value => Ok(self.combine(state, [&value])),
            },
            ExprKind::Binary { operator, left, right } => {
                let (left, right) = (self.eval(state, left)?, self.eval(state, right)?);
                Ok(self.binary(state, *operator, &left, &right))
            }
            ExprKind::And(left, right) => self.either(state, left, right, true),
            ExprKind::Or(left, right) => self.either(state, left, right, false),
            ExprKind::Conditional { test, then, otherwise } => {
                self.conditional(state, test, then, otherwise.as_deref())
            }
            ExprKind::Tuple(_)
            | ExprKind::List(_)
            | ExprKind::Dict(_)
            | ExprKind::Slice { .. }
            | ExprKind::Positive(_)
            | ExprKind::Concat(_) => {
                let mut children = Vec::new();
                expr.children(&mut |child| children.push(child));
                let mut values = Vec::new();
                for child in children {
                    let value = self.eval(state, child)?;
                    values.push(self.lose(state, &value));
                }
                Ok(self.combine(state, &values))
            }
        }
    }

    /// An iterator is used up by whoever reads it: that must be done as often in both renderings.
    pub(super) fn check_iterator(&self, value: &Value<'e>) -> Result<()> {
        let (Value::Same(Known::Iterator(depth)) | Value::Growing(Growing { iterator: Some(depth), .. })) =
            value
        else {
            return Ok(());
        };
        let inner = self.loops.get(*depth..).unwrap_or_default();
        if self.control().is_some() || inner.iter().any(|open| !matches!(open.over, Over::Same)) {
            return Err(self.doubt("an iterator from outside of a loop over the messages is used up in it"));
        }
        Ok(())
    }

    fn attribute(&mut self, state: &mut State<'e>, object: &Value<'e>, name: &'e str) -> Result<Value<'e>> {
        Ok(match object {
            Value::Same(Known::Message(at)) if name == "role" => Value::Same(Known::Role(*at)),
            Value::Same(Known::Iterator(_)) | Value::Growing(_) | Value::Macro(..) => {
                Value::opaque("a method", self.place)
            }
            // What is undefined in the short rendering raises there.
            Value::Differs(_, Hint::Next(at)) if name == "role" => Value::Same(Known::NextRole(*at)),
            Value::Same(_) | Value::Differs(_, Hint::Next(_) | Hint::Absent) => Value::ANYTHING,
            Value::Namespace(site) => {
                let value = self.namespace_attribute(state, *site, name);
                self.check_iterator(&value)?;
                value
            }
            Value::Loop(at) => self.loop_attribute(state, *at, name),
            other => self.combine(state, [other]),
        })
    }

    fn namespace_attribute(&self, state: &State<'e>, site: Site, name: &'e str) -> Value<'e> {
        if state.lost.contains(&site) {
            return Value::opaque("a namespace that is passed on", self.place);
        }
        state.attributes.get(&(site, name)).cloned().unwrap_or(Value::ANYTHING)
    }

    fn loop_attribute(&self, state: &State<'e>, at: usize, name: &str) -> Value<'e> {
        let Some(open) = self.loops.get(at) else { return Value::opaque("a loop", self.place) };
        if matches!(name, "cycle" | "changed") || state.loops.len() <= at {
            return Value::opaque("a method of a loop", self.place);
        }
        match (&open.over, name) {
            (Over::Differs(reason), _) => Value::Differs(reason.clone(), Hint::Nothing),
            (Over::Growing(_), "index0") => Value::Same(Known::Index(at, 0)),
            (Over::Growing(_), "index") => Value::Same(Known::Index(at, 1)),
            (Over::Same, _) | (Over::Growing(_), "first" | "previtem" | "depth" | "depth0") => {
                Value::ANYTHING
            }
            (Over::Growing(_), "last") => match open.round {
                Round::Inner if open.over_messages().is_some() => Value::Same(Known::Truth(false)),
                Round::Inner => Value::ANYTHING,
                Round::Seam => self.differs(Why::Last, Hint::Truths(Some(true), Some(false))),
            },
            (Over::Growing(_), "nextitem") => match open.round {
                Round::Inner => Value::ANYTHING,
                Round::Seam => self.differs(Why::Later, Hint::Next(at)),
            },
            (Over::Growing(_), "length" | "revindex" | "revindex0") => Value::differs(Why::Count, self.place),
            (Over::Growing(_), _) => Value::opaque("a part of a loop", self.place),
        }
    }

    fn item(&mut self, state: &mut State<'e>, object: &'e Expr, index: &'e Expr) -> Result<Value<'e>> {
        let object = self.eval(state, object)?;
        if let (Value::Growing(list), ExprKind::Slice { start, stop, step }) = (&object, &index.kind) {
            return self.growing_slice(state, *list, [start.as_deref(), stop.as_deref(), step.as_deref()]);
        }
        if let (Value::Same(_) | Value::Namespace(_) | Value::Loop(_) | Value::Differs(..), Some(name)) =
            (&object, constant_text(index))
        {
            return self.attribute(state, &object, name);
        }
        let index = self.eval(state, index)?;
        Ok(match &object {
            Value::Growing(list) => self.growing_item(state, list, &index),
            _ => self.combine(state, [&object, &index]),
        })
    }

    fn binary(
        &self,
        state: &mut State<'e>,
        operator: BinaryOperator,
        left: &Value<'e>,
        right: &Value<'e>,
    ) -> Value<'e> {
        let sum = |a: i64, b: i64| match operator {
            BinaryOperator::Add => a.checked_add(b),
            BinaryOperator::Subtract => a.checked_sub(b),
            _ => None,
        };
        let commutes = operator == BinaryOperator::Add;
        match (left, right) {
            (Value::Same(Known::Int(a)), Value::Same(Known::Int(b))) => {
                sum(*a, *b).map(Known::Int).map(Value::Same)
            }
            (Value::Same(Known::Index(at, plus)), Value::Same(Known::Int(int))) => {
                sum(*plus, *int).map(|plus| Value::Same(Known::Index(*at, plus)))
            }
            (Value::Same(Known::Int(int)), Value::Same(Known::Index(at, plus))) if commutes => {
                sum(*plus, *int).map(|plus| Value::Same(Known::Index(*at, plus)))
            }
            (Value::Length(list, plus), Value::Same(Known::Int(int))) => {
                sum(*plus, *int).map(|plus| Value::Length(*list, plus))
            }
            (Value::Same(Known::Int(int)), Value::Length(list, plus)) if commutes => {
                sum(*plus, *int).map(|plus| Value::Length(*list, plus))
            }
            (Value::Same(known), Value::Growing(list))
                if commutes && list.iterator.is_none() && !matches!(known, Known::Iterator(_)) =>
            {
                Some(Value::Growing(Growing { at_least: list.at_least, ..Growing::ANY }))
            }
            _ => None,
        }
        .unwrap_or_else(|| self.combine(state, [left, right]))
    }

    /// `left and right`, or `left or right`
    fn either(
        &mut self,
        state: &mut State<'e>,
        left: &'e Expr,
        right: &'e Expr,
        and: bool,
    ) -> Result<Value<'e>> {
        let mut first = self.eval(state, left)?;
        let truth = self.truth(state, &first);
        match truth.settled() {
            Some(settled) if settled == and && truth.differs.is_none() => return self.eval(state, right),
            Some(settled) if settled != and => return Ok(first),
            _ => {}
        }
        let mut inner = self.copy(state)?;
        self.refine(&mut inner, left, and)?;
        let asked = if and { truth.clone() } else { truth.clone().not() };
        let second = self.under(Control::of(&asked), |analysis| analysis.eval(&mut inner, right))?;
        let second_truth = self.truth(&inner, &second);
        self.join(state, &inner)?;
        let known = if and { truth.clone().and(second_truth) } else { truth.clone().or(second_truth) };
        match truth.differs {
            None if !matches!((&first, &second), (Value::Differs(..), _) | (_, Value::Differs(..))) => {
                let mut lost = Vec::new();
                first.join(&second, &mut lost);
                state.lost.extend(lost);
                if let (Value::Same(Known::Anything), Some(known)) = (&first, known.settled()) {
                    return Ok(Value::Same(Known::Truth(known)));
                }
                Ok(first)
            }
            _ => {
                let differs = self.combine(state, [&first, &second]);
                Ok(match (differs, known.differs) {
                    (Value::Differs(reason, _), _) | (_, Some(reason)) => {
                        Value::Differs(reason, Hint::Truths(known.short, known.long))
                    }
                    (value, None) => value,
                })
            }
        }
    }

    fn conditional(
        &mut self,
        state: &mut State<'e>,
        test: &'e Expr,
        then: &'e Expr,
        otherwise: Option<&'e Expr>,
    ) -> Result<Value<'e>> {
        let truth = self.condition(state, test)?;
        let raises = otherwise.is_some_and(|otherwise| self.raises(otherwise));
        let (first_only, second_only) = match truth.settled() {
            Some(settled) => (settled, !settled),
            None => (raises, self.raises(then)),
        };
        let both = !first_only && !second_only;
        let control = truth.differs.clone().filter(|_| both);
        let controls = [&truth, &truth.clone().not()].map(|truth| Control::of(truth).filter(|_| both));
        let [of_first, of_second] = controls;
        let mut taken = self.copy(state)?;
        self.refine(&mut taken, test, true)?;
        self.refine(state, test, false)?;
        let first = if second_only {
            None
        } else {
            Some(self.under(of_first, |analysis| analysis.eval(&mut taken, then))?)
        };
        let second = match otherwise {
            _ if first_only => None,
            None => Some(Value::Same(Known::Empty)),
            Some(otherwise) => Some(self.under(of_second, |analysis| analysis.eval(state, otherwise))?),
        };
        match (first, second) {
            (Some(mut first), Some(second)) => {
                self.join(state, &taken)?;
                if let Some(reason) = control {
                    self.combine(state, [&first, &second]);
                    let (then, other) = (self.truth(state, &first), self.truth(state, &second));
                    let known = truth.clone().and(then).or(truth.not().and(other));
                    return Ok(Value::Differs(reason, Hint::Truths(known.short, known.long)));
                }
                let mut lost = Vec::new();
                first.join(&second, &mut lost);
                state.lost.extend(lost);
                Ok(first)
            }
            (Some(first), None) => {
                *state = taken;
                Ok(first)
            }
            (None, Some(second)) => Ok(second),
            (None, None) => Ok(Value::ANYTHING),
        }
    }

    /// The truth of a value.
    pub(super) fn truth(&self, state: &State<'e>, value: &Value<'e>) -> Truth {
        match value {
            Value::Same(Known::Truth(truth)) => Truth::known(*truth),
            Value::Same(Known::Empty) => Truth::known(false),
            Value::Same(Known::Int(int)) => Truth::known(*int != 0),
            Value::Same(_) => Truth::SAME,
            Value::Growing(list) | Value::Length(list, 0) if list.at_least > 0 => Truth::SAME,
            Value::Namespace(_) | Value::Macro(..) | Value::Loop(_) => Truth::known(true),
            Value::Growing(_) | Value::Length(..) => {
                let reason = super::value::Reason { why: Why::Count, place: self.place };
                Truth::pair(None, None, Some(reason))
            }
            Value::Differs(reason, Hint::Truths(short, long)) => {
                Truth::pair(*short, *long, Some(reason.clone()))
            }
            Value::Differs(reason, Hint::Next(at)) => {
                // An answer has a role, so it is not empty.
                let long = self.next_is_answer(state, *at).then_some(true);
                Truth::pair(Some(false), long, Some(reason.clone()))
            }
            Value::Differs(reason, Hint::Nothing | Hint::Absent) => {
                Truth::pair(None, None, Some(reason.clone()))
            }
        }
    }
}

fn of_constant(constant: &Const) -> Known {
    match constant {
        Const::None => Known::Truth(false),
        Const::Bool(truth) => Known::Truth(*truth),
        Const::Int(int) => Known::Int(*int),
        Const::BigInt(_) => Known::Anything,
        Const::Float(float) => Known::Truth(*float != 0.0),
        Const::Str(text) if text.is_empty() => Known::Empty,
        Const::Str(_) => Known::Truth(true),
    }
}

pub(super) fn constant_text(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Const(Const::Str(text)) => Some(text),
        _ => None,
    }
}
