//! Expressions.

use std::cmp::Ordering;

use super::Machine;
use crate::compile::program::{ExprCode, FilterCallCode, Slice, TestCall, Variable};
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::ast::{BinaryOperator, Comparison};
use crate::value::memory::Memory;
use crate::value::operators;
use crate::value::text::Text;
use crate::value::{Entry, Literal, Undefined, Value};

impl<'a> Machine<'a> {
    /// The kinds of expression that make up most of a template; the others are kept out of the way, so that this
    /// stays a short function.
    pub(super) fn eval(&mut self, expr: &'a ExprCode) -> Result<Value<'a>> {
        self.memory.step()?;
        match expr {
            ExprCode::Str(literal) => Ok(Value::Literal(literal)),
            ExprCode::Global(global) => self.global(*global),
            ExprCode::Outside(expr, number) => self.outside(expr, *number),
            ExprCode::Variable { variable, name } => self.variable(*variable, name),
            ExprCode::Attribute(attribute) => {
                let object = self.operand(&attribute.object)?;
                self.named(object, &attribute.name).map_err(|error| error.at(attribute.place))
            }
            ExprCode::Item(item) => {
                if self.growth.is_some()
                    && let Some(value) = self.growing_item(&item.object, &item.index)
                {
                    return Ok(value);
                }
                let object = self.operand(&item.object)?;
                let index = self.operand(&item.index)?;
                if let (Value::Dict(dict), Value::Literal(name)) = (object, index)
                    && let Some(value) = dict.find(&mut self.memory, &name.0)?
                {
                    return Ok(value);
                }
                self.item(object, index).map_err(|error| error.at(item.place))
            }
            ExprCode::Compare(compare) => self.eval_compare(&compare.0, &compare.1),
            ExprCode::And(operands) => {
                let left = self.operand(&operands.0)?;
                if operators::truth(left) { self.operand(&operands.1) } else { Ok(left) }
            }
            ExprCode::Or(operands) => {
                let left = self.operand(&operands.0)?;
                if operators::truth(left) { Ok(left) } else { self.operand(&operands.1) }
            }
            ExprCode::Not(operand) => {
                let operand = self.operand(operand)?;
                Ok(Value::Bool(!operators::truth(operand)))
            }
            ExprCode::Test(call) => self.eval_test(call),
            ExprCode::Filter(call) => self.eval_filter(call),
            ExprCode::MethodCall(_) | ExprCode::Call(_) => self.call_expr(expr, None),
            ExprCode::Sum(terms) => self.eval_sum(terms),
            ExprCode::Int(int) => Ok(Value::Int(*int)),
            expr => self.eval_other(expr),
        }
    }

    /// The same; constants and variables without the detour.
    #[inline]
    pub(super) fn operand(&mut self, expr: &'a ExprCode) -> Result<Value<'a>> {
        match expr {
            ExprCode::Str(literal) => Ok(Value::Literal(literal)),
            ExprCode::Variable { variable, name } => self.variable(*variable, name),
            expr => self.eval(expr),
        }
    }

    #[inline]
    fn variable(&mut self, variable: Variable, name: &'a Literal) -> Result<Value<'a>> {
        if variable.out > 0 && self.watch.is_some() {
            self.note_variable(variable);
        }
        match self.slots[self.index(variable)] {
            Value::Undefined(Undefined::Unset) => Ok(Value::Undefined(Undefined::Name(name))),
            Value::Growing(list) => {
                let at = self.index(variable);
                let list = list.settle(&mut self.memory)?;
                if self.is_settled() {
                    self.slots[at] = list;
                }
                Ok(list)
            }
            value => Ok(value),
        }
    }

    fn global(&mut self, global: u32) -> Result<Value<'a>> {
        if self.watch.is_some() {
            self.note_global(global);
        }
        match self.globals[global as usize] {
            Value::Undefined(Undefined::Unset) => {
                Ok(Value::Undefined(Undefined::Name(&self.program.globals[global as usize])))
            }
            Value::Growing(list) => {
                let list = list.settle(&mut self.memory)?;
                if self.is_settled() {
                    self.globals[global as usize] = list;
                }
                Ok(list)
            }
            value => Ok(value),
        }
    }

    fn eval_filter(&mut self, call: &'a FilterCallCode) -> Result<Value<'a>> {
        let object = self.operand(&call.object)?;
        let args = self.arguments(&call.arguments, None)?;
        (call.filter.apply)(self, object, args).map_err(|error| error.at(call.place))
    }

    fn eval_test(&mut self, call: &'a TestCall) -> Result<Value<'a>> {
        let object = self.operand(&call.object)?;
        let args = self.arguments(&call.arguments, None)?;
        (call.test.apply)(self, object, args).map(Value::Bool).map_err(|error| error.at(call.place))
    }

    #[inline(never)]
    fn eval_other(&mut self, expr: &'a ExprCode) -> Result<Value<'a>> {
        Ok(match expr {
            ExprCode::Bool(bool) => Value::Bool(*bool),
            ExprCode::BigInt(digits) => Value::BigInt(self.memory.alloc(&**digits)?),
            ExprCode::Float(float) => Value::Float(*float),
            ExprCode::Tuple(items) => self.eval_items(items, Memory::tuple)?,
            ExprCode::List(items) => self.eval_items(items, Memory::list)?,
            ExprCode::Dict(pairs) => self.eval_dict(pairs)?,
            ExprCode::Slice(slice) => self.eval_slice(slice)?,
            ExprCode::Negative(operand) => {
                let operand = self.operand(operand)?;
                operators::negative(&mut self.memory, operand)?
            }
            ExprCode::Positive(operand) => {
                let operand = self.operand(operand)?;
                operators::positive(operand)?
            }
            ExprCode::Binary(binary) => {
                let (operator, left, right) = &**binary;
                let left = self.operand(left)?;
                let right = self.operand(right)?;
                self.binary(*operator, left, right)?
            }
            ExprCode::Concat(parts) => self.eval_concat(parts)?,
            ExprCode::Conditional(conditional) => {
                let test = self.operand(&conditional.test)?;
                match (operators::truth(test), &conditional.otherwise) {
                    (true, _) => self.operand(&conditional.then)?,
                    (false, Some(otherwise)) => self.operand(otherwise)?,
                    (false, None) => Value::Undefined(Undefined::Plain),
                }
            }
            ExprCode::Unknown(message) => return Err(Error::new(ErrorKind::Type, message)),
            // The rest is `eval`'s own.
            _ => Value::None,
        })
    }

    pub(super) fn eval_onto_pending(&mut self, exprs: &'a [ExprCode]) -> Result<()> {
        for expr in exprs {
            let value = self.operand(expr)?;
            self.pending.push(value);
        }
        Ok(())
    }

    fn eval_items(
        &mut self,
        items: &'a [ExprCode],
        make: impl FnOnce(&mut Memory<'a>, &[Value<'a>]) -> Result<Value<'a>>,
    ) -> Result<Value<'a>> {
        let base = self.pending.len();
        let made = self.eval_onto_pending(items);
        let made = made.and_then(|()| make(&mut self.memory, &self.pending[base..]));
        self.pending.truncate(base);
        made
    }

    fn eval_dict(&mut self, pairs: &'a [(ExprCode, ExprCode)]) -> Result<Value<'a>> {
        let mut entries = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let (key, value) = (self.operand(key)?, self.operand(value)?);
            insert(&mut self.memory, &mut entries, key, value)?;
        }
        self.memory.dict(entries)
    }

    fn eval_slice(&mut self, slice: &'a Slice) -> Result<Value<'a>> {
        let object = self.operand(&slice.object)?;
        let mut parts = [Value::None; 3];
        for (part, expr) in parts.iter_mut().zip(&slice.parts) {
            if let Some(expr) = expr {
                *part = self.operand(expr)?;
            }
        }
        operators::slice(&mut self.memory, object, parts).map_err(|error| error.at(slice.place))
    }

    fn eval_sum(&mut self, terms: &'a [ExprCode]) -> Result<Value<'a>> {
        let base = self.pending.len();
        let sum = self.eval_onto_pending(terms).and_then(|()| self.sum_pending(base));
        self.pending.truncate(base);
        sum
    }

    /// Adds what is pending from `base` on, from the left; texts in one go.
    pub(super) fn sum_pending(&mut self, base: usize) -> Result<Value<'a>> {
        let texts = self.texts.len();
        for value in &self.pending[base..] {
            match value.as_text() {
                Some(text) if !text.markup => self.texts.push(text),
                _ => break,
            }
        }
        if self.texts.len() - texts == self.pending.len() - base {
            let text = self.memory.concat(&self.texts[texts..]);
            self.texts.truncate(texts);
            return self.memory.text(text?);
        }
        self.texts.truncate(texts);
        let mut sum = self.pending[base];
        for at in base + 1..self.pending.len() {
            sum = operators::add(&mut self.memory, sum, self.pending[at])?;
        }
        Ok(sum)
    }

    fn eval_concat(&mut self, parts: &'a [ExprCode]) -> Result<Value<'a>> {
        let base = self.texts.len();
        let mut done = Ok(());
        for part in parts {
            let text = self.operand(part).and_then(|value| self.str(value));
            match text {
                Ok(text) => self.texts.push(text),
                Err(error) => {
                    done = Err(error);
                    break;
                }
            }
        }
        let text = done.and_then(|()| self.memory.concat(&self.texts[base..]));
        self.texts.truncate(base);
        self.memory.text(text?)
    }

    fn eval_compare(&mut self, first: &'a ExprCode, rest: &'a [(Comparison, ExprCode)]) -> Result<Value<'a>> {
        let mut left = self.operand(first)?;
        for (comparison, right) in rest {
            let right = self.operand(right)?;
            if !self.compare(*comparison, left, right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        left: Value<'a>,
        right: Value<'a>,
    ) -> Result<bool> {
        let memory = &mut self.memory;
        let ordered = |memory: &mut Memory<'a>, symbol, holds: fn(Ordering) -> bool| {
            operators::order(memory, left, right, symbol).map(|order| order.is_some_and(holds))
        };
        match comparison {
            Comparison::Equal => operators::equal(memory, left, right),
            Comparison::NotEqual => operators::equal(memory, left, right).map(|equal| !equal),
            Comparison::Less => ordered(memory, "<", Ordering::is_lt),
            Comparison::LessOrEqual => ordered(memory, "<=", Ordering::is_le),
            Comparison::Greater => ordered(memory, ">", Ordering::is_gt),
            Comparison::GreaterOrEqual => ordered(memory, ">=", Ordering::is_ge),
            Comparison::In => self.contains(right, left),
            Comparison::NotIn => self.contains(right, left).map(|contains| !contains),
        }
    }

    fn binary(&mut self, operator: BinaryOperator, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>> {
        if operator == BinaryOperator::Remainder
            && let Some(format) = left.as_text()
        {
            let text = crate::value::format::percent(self, format, right)?;
            return self.memory.text(text);
        }
        let memory = &mut self.memory;
        memory.arithmetic(left, right)?;
        match operator {
            BinaryOperator::Add => operators::add(memory, left, right),
            BinaryOperator::Subtract => operators::subtract(memory, left, right),
            BinaryOperator::Multiply => operators::multiply(memory, left, right),
            BinaryOperator::Divide => operators::divide(memory, left, right),
            BinaryOperator::FloorDivide => operators::floor_divide(memory, left, right),
            BinaryOperator::Remainder => operators::remainder(memory, left, right),
            BinaryOperator::Power => operators::power(memory, left, right),
        }
    }

    /// `str(value)`, of the machine's own objects too.
    pub fn str(&mut self, value: Value<'a>) -> Result<Text<'a>> {
        match value {
            Value::Object(object) => {
                let text = self.object_text(object)?;
                let str = self.memory.str(&text)?;
                Ok(Text::derived(str, crate::value::text::Node::NONE))
            }
            value => operators::str(&mut self.memory, value),
        }
    }
}

/// Sets a key of a dict being made: an equal key keeps its place and its first spelling, as in Python.
pub fn insert<'a>(
    memory: &mut Memory<'a>,
    entries: &mut Vec<Entry<'a>>,
    key: Value<'a>,
    value: Value<'a>,
) -> Result<()> {
    operators::hashable(memory, key)?;
    for entry in &mut *entries {
        if operators::equal(memory, entry.key, key)? {
            entry.value = value;
            return Ok(());
        }
    }
    entries.push(Entry::new(key, value));
    Ok(())
}
