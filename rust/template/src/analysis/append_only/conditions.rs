//! Conditions: whether they hold in both renderings, and what is known where they do.

use std::cmp::Ordering;

use super::expressions::constant_text;
use super::state::State;
use super::value::{Growing, Hint, Known, Reason, Truth, Value, Why};
use super::{Analysis, Control, Cuts, Result};
use crate::ast::{Comparison, Expr, ExprKind, FilterCall};

const ANSWER: &str = "assistant";

impl<'e> Analysis<'e> {
    pub(super) fn condition(&mut self, state: &mut State<'e>, expr: &'e Expr) -> Result<Truth> {
        self.nested(expr.place, |analysis| analysis.condition_inside(state, expr))
    }

    fn condition_inside(&mut self, state: &mut State<'e>, expr: &'e Expr) -> Result<Truth> {
        match &expr.kind {
            ExprKind::Not(operand) => Ok(self.condition(state, operand)?.not()),
            ExprKind::And(left, right) => {
                let (first, second) = self.conditions(state, left, right, true)?;
                Ok(first.and(second))
            }
            ExprKind::Or(left, right) => {
                let (first, second) = self.conditions(state, left, right, false)?;
                Ok(first.or(second))
            }
            ExprKind::Compare { first, rest } => {
                if let [(comparison, second)] = rest.as_slice() {
                    return self.compare(state, *comparison, first, second);
                }
                let mut values = vec![self.eval(state, first)?];
                for (_, operand) in rest {
                    values.push(self.eval(state, operand)?);
                }
                let value = self.combine(state, &values);
                Ok(self.truth(state, &value))
            }
            _ => {
                let value = self.eval(state, expr)?;
                Ok(self.truth(state, &value))
            }
        }
    }

    /// Two conditions, the second of which is asked only if the first is `asked`.
    fn conditions(
        &mut self,
        state: &mut State<'e>,
        left: &'e Expr,
        right: &'e Expr,
        asked: bool,
    ) -> Result<(Truth, Truth)> {
        let first = self.condition(state, left)?;
        if first.settled() == Some(!asked) {
            return Ok((first, Truth::known(asked)));
        }
        let mut inner = self.copy(state)?;
        self.refine(&mut inner, left, asked)?;
        let reached = if asked { first.clone() } else { first.clone().not() };
        let second = self.under(Control::of(&reached), |analysis| analysis.condition(&mut inner, right))?;
        self.join(state, &inner)?;
        Ok((first, second))
    }

    fn compare(
        &mut self,
        state: &mut State<'e>,
        comparison: Comparison,
        first: &'e Expr,
        second: &'e Expr,
    ) -> Result<Truth> {
        let (left, right) = (self.eval(state, first)?, self.eval(state, second)?);
        let known = match (&left, &right) {
            (Value::Length(list, plus), Value::Same(Known::Int(int))) => {
                length_compared(comparison, *list, *plus, *int)
            }
            (Value::Same(Known::Int(int)), Value::Length(list, plus)) => {
                mirrored(comparison).and_then(|comparison| length_compared(comparison, *list, *plus, *int))
            }
            (Value::Same(Known::Index(at, plus)), Value::Length(list, more)) => {
                self.index_compared(comparison, (*at, *plus), (*list, *more))
            }
            (Value::Length(list, more), Value::Same(Known::Index(at, plus))) => mirrored(comparison)
                .and_then(|comparison| self.index_compared(comparison, (*at, *plus), (*list, *more))),
            (Value::Same(Known::NextRole(at)), _) if self.next_is_answer(state, *at) => {
                role_compared(comparison, second).map(Truth::known)
            }
            _ => None,
        };
        Ok(known.unwrap_or_else(|| {
            let value = self.combine(state, [&left, &right]);
            self.truth(state, &value)
        }))
    }

    fn index_compared(
        &self,
        comparison: Comparison,
        (at, plus): (usize, i64),
        (list, more): (Growing, i64),
    ) -> Option<Truth> {
        let [short, long] = self.compared_with_length(at, plus, &list, more)?;
        let holds = |ordering: Option<Ordering>| match ordering {
            Some(ordering) => ordered(comparison, ordering).map(Some),
            None => Some(None),
        };
        let (short, long) = (holds(short)?, holds(long)?);
        let differs = short.is_some().then_some(Reason { why: Why::Last, place: self.place });
        Some(Truth::pair(short, long, differs))
    }

    pub(super) fn test(
        &mut self,
        state: &mut State<'e>,
        object: &'e Expr,
        test: &'e FilterCall,
    ) -> Result<Value<'e>> {
        let object = self.eval(state, object)?;
        let mut arguments = Vec::new();
        test.arguments.walk(&mut |argument| arguments.push(argument));
        let arguments: Vec<_> =
            arguments.into_iter().map(|argument| self.eval(state, argument)).collect::<Result<_>>()?;
        let of_kind = arguments.is_empty() && KINDS.contains(&test.name.as_str());
        Ok(match (&object, test.name.as_str()) {
            (Value::Growing(_) | Value::Namespace(_) | Value::Macro(..) | Value::Loop(_), _) if of_kind => {
                Value::ANYTHING
            }
            (Value::Differs(reason, Hint::Next(_)), "defined") => {
                Value::Differs(reason.clone(), Hint::Truths(Some(false), Some(true)))
            }
            (Value::Differs(reason, Hint::Next(_)), "undefined") => {
                Value::Differs(reason.clone(), Hint::Truths(Some(true), Some(false)))
            }
            _ => self.combine(state, arguments.iter().chain([&object])),
        })
    }

    /// Whether the message after the one that a loop is at is an assistant's, if there is one in the long rendering
    /// only: one of the two is, where cuts are around answers.
    pub(super) fn next_is_answer(&self, state: &State<'e>, at: usize) -> bool {
        let facts = state.loops.get(at).copied().unwrap_or_default();
        self.cuts == Cuts::AroundAnswers && facts.answer == Some(false) && self.loops_over_messages(at)
    }
}

/// Tests that look at nothing but the kind of a value.
const KINDS: [&str; 14] = [
    "boolean",
    "callable",
    "defined",
    "false",
    "float",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "sequence",
    "string",
    "true",
    "undefined",
];

/// Whether a comparison of a list's length with a number comes out alike however long the list is. It is not said how:
/// the list may be undefined in both renderings.
fn length_compared(comparison: Comparison, list: Growing, plus: i64, int: i64) -> Option<Truth> {
    let least = i64::from(list.at_least).checked_add(plus)?;
    let settled = match comparison {
        Comparison::Equal | Comparison::NotEqual | Comparison::Greater | Comparison::LessOrEqual => {
            least > int
        }
        Comparison::Less | Comparison::GreaterOrEqual => least >= int,
        Comparison::In | Comparison::NotIn => false,
    };
    settled.then_some(Truth::SAME)
}

fn ordered(comparison: Comparison, ordering: Ordering) -> Option<bool> {
    match comparison {
        Comparison::Equal => Some(ordering.is_eq()),
        Comparison::NotEqual => Some(ordering.is_ne()),
        Comparison::Less => Some(ordering.is_lt()),
        Comparison::LessOrEqual => Some(ordering.is_le()),
        Comparison::Greater => Some(ordering.is_gt()),
        Comparison::GreaterOrEqual => Some(ordering.is_ge()),
        Comparison::In | Comparison::NotIn => None,
    }
}

/// The comparison with its sides exchanged.
pub(super) fn mirrored(comparison: Comparison) -> Option<Comparison> {
    match comparison {
        Comparison::Equal | Comparison::NotEqual => Some(comparison),
        Comparison::Less => Some(Comparison::Greater),
        Comparison::LessOrEqual => Some(Comparison::GreaterOrEqual),
        Comparison::Greater => Some(Comparison::Less),
        Comparison::GreaterOrEqual => Some(Comparison::LessOrEqual),
        Comparison::In | Comparison::NotIn => None,
    }
}

/// How the role of an answer compares with what is written here, if that is all constant.
pub(super) fn role_compared(comparison: Comparison, with: &Expr) -> Option<bool> {
    match comparison {
        Comparison::Equal => Some(constant_text(with)? == ANSWER),
        Comparison::NotEqual => Some(constant_text(with)? != ANSWER),
        Comparison::In | Comparison::NotIn => {
            let (ExprKind::List(items) | ExprKind::Tuple(items)) = &with.kind else { return None };
            let items: Vec<_> = items.iter().map(constant_text).collect::<Option<_>>()?;
            Some(items.contains(&ANSWER) == (comparison == Comparison::In))
        }
        _ => None,
    }
}
