//! What is known where a condition has come out one way.

use std::cmp::Ordering;

use super::conditions::{mirrored, role_compared};
use super::state::{End, Facts, State};
use super::value::{Growing, Known, Value};
use super::{Analysis, Result};
use crate::ast::{Comparison, Expr, ExprKind};

impl<'e> Analysis<'e> {
    /// Adds what is known where a condition has come out so.
    pub(super) fn refine(&mut self, state: &mut State<'e>, expr: &'e Expr, truth: bool) -> Result<()> {
        if state.end.is_some() {
            return Ok(());
        }
        self.nested(expr.place, |analysis| analysis.refine_inside(state, expr, truth))
    }

    fn refine_inside(&mut self, state: &mut State<'e>, expr: &'e Expr, truth: bool) -> Result<()> {
        match (&expr.kind, truth) {
            (ExprKind::Not(operand), _) => self.refine(state, operand, !truth),
            (ExprKind::And(left, right), true) | (ExprKind::Or(left, right), false) => {
                self.refine(state, left, truth)?;
                self.refine(state, right, truth)
            }
            (ExprKind::And(..), false) | (ExprKind::Or(..), true) => self.refine_any(state, expr, truth),
            (ExprKind::Compare { first, rest }, _) => match rest.as_slice() {
                [(comparison, second)] => self.refine_compared(state, *comparison, first, second, truth),
                _ => Ok(()),
            },
            _ if has_calls(expr) => Ok(()),
            _ => self.refine_truth(state, expr, truth),
        }
    }

    /// Adds what is known where one operand of a chain of `and` has come out false, or one of `or` true.
    fn refine_any(&mut self, state: &mut State<'e>, chain: &'e Expr, truth: bool) -> Result<()> {
        let mut operands = Vec::new();
        let mut rest = chain;
        while let (ExprKind::And(left, right), false) | (ExprKind::Or(left, right), true) =
            (&rest.kind, truth)
        {
            operands.push(&**right);
            rest = left;
        }
        operands.push(rest);
        let mut joined = State { end: Some(End::Raised), ..State::default() };
        for operand in operands.into_iter().rev() {
            let mut this = self.copy(state)?;
            self.refine(&mut this, operand, truth)?;
            self.join(&mut joined, &this)?;
            self.refine(state, operand, !truth)?;
        }
        *state = joined;
        Ok(())
    }

    fn refine_truth(&mut self, state: &mut State<'e>, expr: &'e Expr, truth: bool) -> Result<()> {
        if let ExprKind::Attribute { object, name } = &expr.kind
            && let Value::Loop(at) = self.eval(state, object)?
            && let Some(facts) = state.loops.get_mut(at)
        {
            match (name.as_str(), truth) {
                ("first", true) => facts.compared(Ordering::Equal, 0),
                ("first", false) | ("previtem", true) => facts.compared(Ordering::Greater, 0),
                _ => {}
            }
        }
        match self.eval(state, expr)? {
            Value::Same(Known::Index(at, plus)) => {
                if let Some(facts) = state.loops.get_mut(at) {
                    facts.equals(plus.checked_neg(), !truth);
                }
            }
            Value::Growing(Growing { iterator: None, .. }) | Value::Length(_, 0) if truth => {
                refine_length(state, expr, 1);
            }
            _ => {}
        }
        Ok(())
    }

    fn refine_compared(
        &mut self,
        state: &mut State<'e>,
        comparison: Comparison,
        first: &'e Expr,
        second: &'e Expr,
        truth: bool,
    ) -> Result<()> {
        if has_calls(first) || has_calls(second) {
            return Ok(());
        }
        let comparison = if truth { comparison } else { opposite(comparison) };
        let (left, right) = (self.eval(state, first)?, self.eval(state, second)?);
        match (&left, &right) {
            (Value::Same(Known::Index(at, plus)), Value::Same(Known::Int(int))) => {
                if let (Some(facts), Some(int)) = (state.loops.get_mut(*at), int.checked_sub(*plus)) {
                    facts.holds(comparison, int);
                }
            }
            (Value::Same(Known::Int(int)), Value::Same(Known::Index(at, plus))) => {
                if let (Some(facts), Some(int)) = (state.loops.get_mut(*at), int.checked_sub(*plus))
                    && let Some(comparison) = mirrored(comparison)
                {
                    facts.holds(comparison, int);
                }
            }
            (Value::Length(_, plus), Value::Same(Known::Int(int))) => {
                if let Some(items) = least_length(comparison, int.saturating_sub(*plus)) {
                    refine_length(state, first, items);
                }
            }
            (Value::Same(Known::Role(at)), _) => {
                let of_answer = role_compared(comparison, second);
                if let Some(facts) = state.loops.get_mut(*at) {
                    facts.answer = match of_answer {
                        Some(false) => Some(false),
                        Some(true) if comparison == Comparison::Equal => Some(true),
                        _ => facts.answer,
                    };
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The list that an expression names, or whose length it asks for, has so many items.
fn refine_length<'e>(state: &mut State<'e>, expr: &'e Expr, items: i64) {
    let named = match &expr.kind {
        ExprKind::Filter { object, filter }
            if matches!(filter.name.as_str(), "length" | "count" | "list") =>
        {
            object
        }
        _ => expr,
    };
    if let (ExprKind::Name(name), Ok(items)) = (&named.kind, u32::try_from(items)) {
        state.at_least(name, items);
    }
}

impl Facts {
    fn compared(&mut self, ordering: Ordering, index: i64) {
        match ordering {
            Ordering::Less => {
                self.max_index = Some(self.max_index.map_or(index - 1, |max| max.min(index - 1)));
            }
            Ordering::Equal => {
                self.min_index = self.min_index.max(index);
                self.max_index = Some(self.max_index.map_or(index, |max| max.min(index)));
            }
            Ordering::Greater => self.min_index = self.min_index.max(index.saturating_add(1)),
        }
    }

    fn equals(&mut self, index: Option<i64>, equal: bool) {
        match index {
            Some(index) if equal => self.compared(Ordering::Equal, index),
            Some(index) if index == self.min_index => self.compared(Ordering::Greater, index),
            _ => {}
        }
    }

    fn holds(&mut self, comparison: Comparison, int: i64) {
        match comparison {
            Comparison::Equal => self.equals(Some(int), true),
            Comparison::NotEqual => self.equals(Some(int), false),
            Comparison::Less => self.compared(Ordering::Less, int.max(i64::MIN + 1)),
            Comparison::LessOrEqual => self.compared(Ordering::Less, int.saturating_add(1)),
            Comparison::Greater => self.compared(Ordering::Greater, int),
            Comparison::GreaterOrEqual => self.compared(Ordering::Greater, int.saturating_sub(1)),
            Comparison::In | Comparison::NotIn => {}
        }
    }
}

/// How many items a list has at least whose length compares so with a number.
fn least_length(comparison: Comparison, int: i64) -> Option<i64> {
    match comparison {
        Comparison::Equal | Comparison::GreaterOrEqual => Some(int),
        Comparison::Greater => int.checked_add(1),
        // It is not empty.
        Comparison::NotEqual if int == 0 => Some(1),
        _ => None,
    }
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
        Comparison::In => Comparison::NotIn,
        Comparison::NotIn => Comparison::In,
    }
}

/// Whether anything is called, which may have effects.
pub(super) fn has_calls(expr: &Expr) -> bool {
    let mut found = matches!(&expr.kind, ExprKind::Call { callee, .. }
        if !matches!(&callee.kind, ExprKind::Attribute { name, .. } if name == "get"));
    expr.children(&mut |child| found |= has_calls(child));
    found
}
