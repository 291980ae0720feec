//! Statements: what they print and set.

use std::collections::BTreeMap;

use super::expressions::constant_text;
use super::loops::Open;
use super::state::{Done, End, State};
use super::value::{Growing, Hint, Known, Reason, Site, Truth, Value, Why};
use super::{Analysis, Control, Result};
use crate::ast::{Expr, ExprKind, FilterCall, Function, Stmt, StmtKind, Target};

/// Text that goes into a value.
#[derive(Debug)]
pub(super) struct Capture {
    /// Why it may differ.
    differs: Option<Reason>,
    /// How many loops were open when it began.
    loops: usize,
}

impl<'e> Analysis<'e> {
    pub(super) fn block(&mut self, state: &mut State<'e>, body: &'e [Stmt]) -> Result<()> {
        for stmt in body {
            if state.end.is_some() {
                break;
            }
            self.nested(stmt.place, |analysis| analysis.stmt(state, stmt))?;
        }
        Ok(())
    }

    fn stmt(&mut self, state: &mut State<'e>, stmt: &'e Stmt) -> Result<()> {
        match &stmt.kind {
            StmtKind::Text(text) if text.is_empty() => Ok(()),
            StmtKind::Text(text) => self.emit(state, &Value::ANYTHING, Some(text)),
            StmtKind::Output(expr) => self.output(state, expr),
            StmtKind::If { branches, otherwise } => self.if_stmt(state, branches, otherwise),
            StmtKind::For(for_stmt) => self.for_stmt(state, for_stmt),
            StmtKind::Set { target, value } => {
                let value = self.eval(state, value)?;
                self.assign(state, target, value)
            }
            StmtKind::SetBlock { target, filters, body } => {
                let value = self.captured(state, filters, body)?;
                self.assign(state, target, value)
            }
            StmtKind::With { assignments, body } => self.with(state, assignments, body),
            StmtKind::FilterBlock { filters, body } => {
                let value = self.captured(state, filters, body)?;
                self.emit(state, &value, None)
            }
            StmtKind::Macro { name, function } => {
                let value = Value::Macro(function, state.scopes.len() - 1);
                let value = self.controlled(state, value);
                state.set(name, value);
                Ok(())
            }
            StmtKind::CallBlock { call, caller } => self.call_block(state, call, caller),
            StmtKind::Generation(body) => self.with(state, &[], body),
            StmtKind::Break => self.jump(state, |open| &mut open.breaks),
            StmtKind::Continue => self.jump(state, |open| &mut open.continues),
        }
    }

    fn output(&mut self, state: &mut State<'e>, expr: &'e Expr) -> Result<()> {
        if self.raises(expr) {
            state.end = Some(End::Raised);
            return Ok(());
        }
        if let ExprKind::Conditional { test, then, otherwise } = &expr.kind
            && let Truth { short: Some(short), long: Some(_), differs: Some(reason) } =
                self.condition(state, test)?
        {
            let (then, otherwise) = (Some(&**then), otherwise.as_deref());
            let (of_short, of_long) = if short { (then, otherwise) } else { (otherwise, then) };
            let is_empty = of_short.is_none_or(|of_short| constant_text(of_short) == Some(""));
            if let (true, Some(of_long)) = (is_empty, of_long) {
                let control = Control { reason, short: false, long: true };
                return self.under(Some(control), |analysis| analysis.output(state, of_long));
            }
        }
        let value = self.eval(state, expr)?;
        self.emit(state, &value, constant_text(expr))
    }

    /// Prints a value; `text` where it is a constant.
    pub(super) fn emit(
        &mut self,
        state: &mut State<'e>,
        value: &Value<'e>,
        text: Option<&'e str>,
    ) -> Result<()> {
        if state.end.is_some() || matches!(value, Value::Same(Known::Empty)) {
            return Ok(());
        }
        let first = self.captures.last().map_or(0, |capture| capture.loops);
        self.loops.iter_mut().skip(first).for_each(|open| open.printed = true);
        let value = self.lose(state, value);
        let (what, reason) = match (self.control(), &mut state.done, value) {
            // The long rendering alone is here, and has printed more now.
            (Some(Control { short: false, long: true, reason }), done, _) => {
                done.get_or_insert(Done { reason, lead: "" });
                return Ok(());
            }
            (Some(Control { short: false, long: false, .. }), ..) => return Ok(()),
            (Some(control), ..) => ("whether this is printed depends on", control.reason),
            (None, _, Value::Differs(reason, _)) => ("what is printed here depends on", reason),
            (None, None, _) => return Ok(()),
            (None, Some(done), _) => match text.and_then(|text| done.lead.strip_prefix(text)) {
                Some(rest) => {
                    done.lead = rest;
                    return Ok(());
                }
                None => ("this is printed behind", done.reason.clone()),
            },
        };
        match self.captures.last_mut() {
            Some(capture) => drop(capture.differs.get_or_insert(reason)),
            None => return Err(self.doubt(format!("{what} {}", reason.text()))),
        }
        Ok(())
    }

    /// The text that `print` prints, as a value.
    pub(super) fn capture(
        &mut self,
        state: &mut State<'e>,
        print: impl FnOnce(&mut Self, &mut State<'e>) -> Result<()>,
    ) -> Result<Value<'e>> {
        self.captures.push(Capture { differs: None, loops: self.loops.len() });
        let done = state.done.take();
        print(self, state)?;
        let grows = std::mem::replace(&mut state.done, done);
        let differs = self.captures.pop().and_then(|capture| capture.differs);
        Ok(differs
            .or(grows.map(|done| done.reason))
            .map_or(Value::ANYTHING, |reason| Value::Differs(reason, Hint::Nothing)))
    }

    fn captured(
        &mut self,
        state: &mut State<'e>,
        filters: &'e [FilterCall],
        body: &'e [Stmt],
    ) -> Result<Value<'e>> {
        let scopes = state.scopes.len();
        state.scopes.push(BTreeMap::new());
        let mut value = self.capture(state, |analysis, state| analysis.block(state, body))?;
        for filter in filters {
            value = self.filter(state, &value, filter)?;
        }
        state.scopes.truncate(scopes);
        Ok(value)
    }

    fn with(
        &mut self,
        state: &mut State<'e>,
        assignments: &'e [(Target, Expr)],
        body: &'e [Stmt],
    ) -> Result<()> {
        let mut values = Vec::new();
        for (_, value) in assignments {
            values.push(self.eval(state, value)?);
        }
        let scopes = state.scopes.len();
        state.scopes.push(BTreeMap::new());
        for ((target, _), value) in assignments.iter().zip(values) {
            self.assign(state, target, value)?;
        }
        self.block(state, body)?;
        state.scopes.truncate(scopes);
        Ok(())
    }

    pub(super) fn raises(&self, expr: &Expr) -> bool {
        let ExprKind::Call { callee, .. } = &expr.kind else { return false };
        matches!(&callee.kind, ExprKind::Name(name) if name == "raise_exception" && !self.bound.contains("raise_exception"))
    }

    fn jump(
        &mut self,
        state: &mut State<'e>,
        list: for<'o> fn(&'o mut Open<'e>) -> &'o mut Option<State<'e>>,
    ) -> Result<()> {
        self.spend(state.size())?;
        let loops = self.loops.len();
        let control = self.control.clone().map(|control| control.reason);
        let Some(open) = self.loops.last_mut() else { return Ok(()) };
        let mut landed = state.clone();
        landed.scopes.truncate(open.scopes);
        landed.loops.truncate(loops);
        if !open.controlled && open.parted.is_none() {
            open.parted = control;
        }
        match list(open) {
            Some(known) => drop(known.join(&landed)),
            empty => *empty = Some(landed),
        }
        state.end = Some(End::Jumped);
        Ok(())
    }

    /// What a variable that is set here holds.
    fn controlled(&self, state: &mut State<'e>, value: Value<'e>) -> Value<'e> {
        let Some(control) = self.control() else { return value };
        self.lose(state, &value);
        match value {
            Value::Differs(..) => value,
            _ => Value::Differs(control.reason, Hint::Nothing),
        }
    }

    pub(super) fn assign(
        &mut self,
        state: &mut State<'e>,
        target: &'e Target,
        value: Value<'e>,
    ) -> Result<()> {
        match target {
            Target::Name(name) => {
                let value = self.controlled(state, value);
                state.set(name, self.named(value));
                Ok(())
            }
            Target::Tuple(targets) => {
                let part = self.combine(state, [&value]);
                targets.iter().try_for_each(|target| self.assign(state, target, part.clone()))
            }
            Target::Attribute { namespace, attribute, .. } => match state.get(namespace) {
                Value::Namespace(site) => self.write(state, site, attribute, value),
                _ => Ok(()),
            },
        }
    }

    /// Sets an attribute of a namespace.
    pub(super) fn write(
        &mut self,
        state: &mut State<'e>,
        site: Site,
        attribute: &'e str,
        value: Value<'e>,
    ) -> Result<()> {
        if self.in_filter {
            return Err(self.doubt("a loop's own condition sets an attribute of a namespace"));
        }
        let value = match self.controlled(state, value) {
            // What is said of a loop is said of its current round only.
            Value::Same(Known::Index(..) | Known::Message(_) | Known::Role(_) | Known::NextRole(_)) => {
                Value::ANYTHING
            }
            kept @ (Value::Same(_) | Value::Growing(_) | Value::Length(..)) => self.named(kept),
            followed => self.lose(state, &followed),
        };
        for (open, facts) in self.loops.iter_mut().zip(&state.loops) {
            if !open.reached_by_both(*facts) {
                open.writes.insert((site, attribute));
            }
        }
        state.attributes.insert((site, attribute), value);
        Ok(())
    }

    /// Tells lists of which nothing is known apart, where each place is passed once only.
    fn named(&mut self, value: Value<'e>) -> Value<'e> {
        match value {
            Value::Growing(list) if list.identity.is_none() && self.runs_once() => {
                self.lists += 1;
                Value::Growing(Growing { identity: Some(self.lists), ..list })
            }
            value => value,
        }
    }

    pub(super) fn name_lists(&mut self, state: &mut State<'e>) {
        if !self.runs_once() {
            return;
        }
        for value in state.scopes.iter_mut().flat_map(|scope| scope.values_mut()) {
            if let Value::Growing(list @ Growing { identity: None, .. }) = value {
                self.lists += 1;
                list.identity = Some(self.lists);
            }
        }
    }

    fn runs_once(&self) -> bool {
        self.loops.is_empty() && self.calls.is_empty() && self.control.is_none()
    }

    fn call_block(&mut self, state: &mut State<'e>, call: &'e Expr, caller: &'e Function) -> Result<()> {
        let value = self.eval_call_block(state, call, caller)?;
        self.emit(state, &value, None)
    }

    pub(super) fn truth_value(truth: Truth) -> Value<'e> {
        match (truth.settled(), truth.differs) {
            (Some(known), _) => Value::Same(Known::Truth(known)),
            (None, None) => Value::ANYTHING,
            (None, Some(reason)) => Value::Differs(reason, Hint::Truths(truth.short, truth.long)),
        }
    }

    pub(super) fn differs(&self, why: Why, hint: Hint) -> Value<'e> {
        Value::Differs(Reason { why, place: self.place }, hint)
    }
}
