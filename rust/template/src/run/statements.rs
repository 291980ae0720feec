//! Statements.

use super::{Flow, Machine};
use crate::compile::program::{ExprCode, StmtCode, StmtCodeKind, TargetCode};
use crate::error::{Error, ErrorKind, Result};
use crate::run::iterate::Iter;
use crate::value::operators;
use crate::value::text::Text;
use crate::value::{Object, Value};

impl<'a> Machine<'a> {
    pub(super) fn block(&mut self, block: &'a [StmtCode]) -> Result<Flow> {
        for (at, stmt) in block.iter().enumerate() {
            let follows = self.growth.is_some() && self.follow(&block[at + 1..]);
            let flow = self.stmt(stmt).map_err(|error| error.at(stmt.place))?;
            if follows {
                self.followed();
            }
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn stmt(&mut self, stmt: &'a StmtCode) -> Result<Flow> {
        self.memory.step()?;
        match &stmt.kind {
            StmtCodeKind::Text(text) => self.print(&Text::template(&text.0))?,
            StmtCodeKind::Output(expr) => self.output(expr)?,
            StmtCodeKind::OutputText(expr) => {
                let value = self.operand(expr)?;
                self.print_text(value)?;
            }
            StmtCodeKind::If { branches, otherwise } => {
                for (test, body) in branches {
                    if self.growth.is_some() && self.grows_and_holds(test) {
                        return self.block(body);
                    }
                    let test = self.operand(test)?;
                    if operators::truth(test) {
                        return self.block(body);
                    }
                }
                return self.block(otherwise);
            }
            StmtCodeKind::For(code) => {
                if let Some(list) = self.growing_reversed(&code.iter)?
                    && self.run_reversed(code, list)?
                {
                    return Ok(Flow::Next);
                }
                let items = self.maybe_growing(&code.iter)?;
                if let Value::Growing(list) = items {
                    return self.run_growing(code, list);
                }
                self.run_aside(code, items)?;
            }
            StmtCodeKind::RecursiveFor { iter, function } => {
                let items = self.operand(iter)?;
                let parent = self.frames.len() - 1;
                self.aside(|machine| machine.recursive_loop(*function, parent, items, 0))?;
            }
            StmtCodeKind::Set { target, value } => {
                let value = match target {
                    TargetCode::Slot(_) => self.maybe_growing(value)?,
                    _ => self.operand(value)?,
                };
                self.assign(target, value)?;
            }
            StmtCodeKind::Capture { entry, body, slot, then } => {
                self.enter(entry);
                let mut flow = Flow::Next;
                let text = self.captured(|machine| {
                    flow = machine.block(body)?;
                    Ok(())
                })?;
                if flow != Flow::Next {
                    return Ok(flow);
                }
                let text = self.memory.text(text)?;
                self.store(*slot, text);
                return self.stmt(then);
            }
            StmtCodeKind::Scope { entry, assignments, body } => {
                self.enter(entry);
                for (target, value) in assignments {
                    let value = self.operand(value)?;
                    self.assign(target, value)?;
                }
                return self.block(body);
            }
            StmtCodeKind::Generation { entry, body } => {
                self.enter(entry);
                self.untold();
                let start = self.output.length().text;
                let flow = self.aside(|machine| machine.block(body))?;
                self.output.mark_generation(start);
                return Ok(flow);
            }
            StmtCodeKind::Macro { slot, function } => {
                let value = self.make_macro(*function)?;
                let at = self.index(*slot);
                self.slots[at] = value;
            }
            StmtCodeKind::CallBlock { call, function } => {
                let caller = self.make_macro(*function)?;
                let value = self.call_expr(call, Some(caller))?;
                self.print_text(value)?;
            }
            StmtCodeKind::Break => return Ok(Flow::Break),
            StmtCodeKind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    /// Prints `str(value)` of an expression; its parts directly where they are texts.
    fn output(&mut self, expr: &'a ExprCode) -> Result<()> {
        match expr {
            ExprCode::Sum(terms) => self.output_sum(terms),
            ExprCode::Conditional(conditional) => {
                let test = self.operand(&conditional.test)?;
                match (operators::truth(test), &conditional.otherwise) {
                    (true, _) => self.output(&conditional.then),
                    (false, Some(otherwise)) => self.output(otherwise),
                    (false, None) => Ok(()),
                }
            }
            ExprCode::Call(call) => match self.operand(&call.callee)? {
                Value::Object(Object::Macro(number)) => self
                    .arguments(&call.arguments, None)
                    .and_then(|args| self.run_macro(number, args))
                    .map_err(|error| error.at(call.place)),
                callee => {
                    let value = self.call_with(callee, call, None)?;
                    self.print_value(value)
                }
            },
            expr => {
                let value = self.operand(expr)?;
                self.print_value(value)
            }
        }
    }

    /// What `{{ a + b + c }}` prints: no joined text is made where all are texts.
    fn output_sum(&mut self, terms: &'a [ExprCode]) -> Result<()> {
        let base = self.pending.len();
        let done = self.eval_onto_pending(terms).and_then(|()| {
            let plain = |value: &Value<'_>| value.as_text().is_some_and(|text| !text.markup);
            if self.pending[base..].iter().all(plain) {
                for at in base..self.pending.len() {
                    if let Some(text) = self.pending[at].as_text() {
                        self.print(&text)?;
                    }
                }
                return Ok(());
            }
            let sum = self.sum_pending(base)?;
            self.print_value(sum)
        });
        self.pending.truncate(base);
        done
    }

    pub(super) fn print_value(&mut self, value: Value<'a>) -> Result<()> {
        let text = match value.as_text() {
            Some(text) => text,
            None => self.str(value)?,
        };
        self.print(&text)
    }

    fn print_text(&mut self, value: Value<'a>) -> Result<()> {
        let text = value.as_text().ok_or_else(|| {
            operators::type_error(format!("expected str instance, {} found", value.type_name()))
        })?;
        self.print(&text)
    }

    pub(super) fn assign(&mut self, target: &'a TargetCode, value: Value<'a>) -> Result<()> {
        match target {
            TargetCode::Slot(slot) => self.store(*slot, value),
            TargetCode::Attribute { namespace, attribute } => {
                let Value::Object(Object::Namespace(number)) = self.operand(namespace)? else {
                    return Err(Error::new(
                        ErrorKind::Type,
                        "cannot assign attribute on non-namespace object",
                    ));
                };
                self.note_set(namespace, attribute, value);
                self.set_namespace(number, Value::Literal(attribute), value)?;
            }
            TargetCode::Tuple(targets) => match value {
                Value::Tuple(items) | Value::List(items) if items.items.len() == targets.len() => {
                    self.assign_all(targets, items.items)?;
                }
                _ => {
                    let items = self.unpacked(value, targets.len())?;
                    self.assign_all(targets, &items)?;
                }
            },
        }
        Ok(())
    }

    fn assign_all(&mut self, targets: &'a [TargetCode], items: &[Value<'a>]) -> Result<()> {
        targets.iter().zip(items).try_for_each(|(target, item)| self.assign(target, *item))
    }

    /// As Python unpacks: exactly `count` items, and one more is asked for to be sure.
    fn unpacked(&mut self, value: Value<'a>, count: usize) -> Result<Vec<Value<'a>>> {
        let mut iter = Iter::new(value).map_err(|error| match error.kind {
            ErrorKind::Type => {
                operators::type_error(format!("cannot unpack non-iterable {} object", value.type_name()))
            }
            _ => error,
        })?;
        let mut items = Vec::new();
        while let Some(item) = self.next(&mut iter)? {
            if items.len() == count {
                return Err(operators::value_error(format!("too many values to unpack (expected {count})")));
            }
            items.push(item);
        }
        if items.len() < count {
            let got = items.len();
            return Err(operators::value_error(format!(
                "not enough values to unpack (expected {count}, got {got})"
            )));
        }
        Ok(items)
    }
}
