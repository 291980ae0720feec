//! Which values are the list that grows, or what is left of it from some item on.

use super::Machine;
use super::growing::Growing;
use crate::compile::program::ExprCode;
use crate::error::Result;
use crate::value::operators;
use crate::value::{Undefined, Value};

impl<'a> Machine<'a> {
    /// The value of an expression that is stored or gone over: the list, or all of them from some number on, may be
    /// ones that grow.
    pub(super) fn maybe_growing(&mut self, expr: &'a ExprCode) -> Result<Value<'a>> {
        if self.growth.is_none() {
            return self.operand(expr);
        }
        if let Some(list) = self.named_growing(expr)? {
            return Ok(Value::Growing(list));
        }
        match expr {
            ExprCode::Slice(slice) => {
                let from = match &slice.parts {
                    [None, None, None] => Some(0),
                    [Some(ExprCode::Int(from)), None, None] => usize::try_from(*from).ok(),
                    _ => None,
                };
                if let (Some(list), Some(from)) = (self.named_growing(&slice.object)?, from) {
                    let list = Growing { from: list.from.saturating_add(from), ..*list };
                    return Ok(Value::Growing(self.memory.alloc(list)?));
                }
                self.operand(expr)
            }
            ExprCode::Conditional(conditional) => {
                let test = self.operand(&conditional.test)?;
                match (operators::truth(test), &conditional.otherwise) {
                    (true, _) => self.maybe_growing(&conditional.then),
                    (false, Some(otherwise)) => self.maybe_growing(otherwise),
                    (false, None) => Ok(Value::Undefined(Undefined::Plain)),
                }
            }
            expr => self.operand(expr),
        }
    }

    fn variable_named(&self, expr: &ExprCode) -> Option<Value<'a>> {
        match expr {
            ExprCode::Variable { variable, .. } => Some(self.slots[self.index(*variable)]),
            ExprCode::Global(global) => Some(self.globals[*global as usize]),
            _ => None,
        }
    }

    /// The list that grows, if that is what a variable holds.
    pub(super) fn growing(&self, expr: &ExprCode) -> Option<&'a Growing<'a>> {
        match self.variable_named(expr) {
            Some(Value::Growing(list)) => Some(list),
            _ => None,
        }
    }

    /// The same, also where it was taken for a list like any other.
    pub(super) fn named_growing(&mut self, expr: &ExprCode) -> Result<Option<&'a Growing<'a>>> {
        self.variable_named(expr).map_or(Ok(None), |value| self.as_growing(value))
    }

    /// The list of which an expression is the items from the last one on.
    pub(super) fn growing_reversed(&mut self, expr: &ExprCode) -> Result<Option<&'a Growing<'a>>> {
        let ExprCode::Slice(slice) = expr else { return Ok(None) };
        let is_reversed = match &slice.parts {
            [None, None, Some(ExprCode::Negative(step))] => matches!(**step, ExprCode::Int(1)),
            _ => false,
        };
        if is_reversed { self.named_growing(&slice.object) } else { Ok(None) }
    }

    /// Which item of the list that grows a list starts with, if it is that list from there on.
    pub(super) fn grows_from(&self, value: Value<'a>) -> Option<usize> {
        let items = match value {
            Value::Growing(list) => return Some(list.from),
            Value::List(items) => items.items.as_ptr_range(),
            _ => return None,
        };
        let shown = self.growth.as_ref()?.list.shown_items().as_ptr_range();
        let from = (items.start as usize).checked_sub(shown.start as usize)? / size_of::<Value<'_>>();
        (items.end == shown.end && items.start < items.end).then_some(from)
    }

    /// The list that grows, or what is left of it from some item on, also where it was taken for one like any other.
    pub(super) fn as_growing(&mut self, value: Value<'a>) -> Result<Option<&'a Growing<'a>>> {
        if let Value::Growing(list) = value {
            return Ok(Some(list));
        }
        match (self.grows_from(value), &self.growth) {
            (Some(from), Some(growth)) => {
                let list = growth.list;
                self.memory.alloc(Growing { list, from }).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// How many items of the list that grows are shown.
    pub(super) fn shown_items(&self) -> Option<usize> {
        self.growth.as_ref().map(|growth| growth.list.shown_items().len())
    }

    /// `list[0]`, and whether there are items, as far as more of them change nothing of it.
    pub(super) fn growing_item(&self, object: &ExprCode, index: &ExprCode) -> Option<Value<'a>> {
        let ExprCode::Int(index) = index else { return None };
        self.growing(object)?.get(usize::try_from(*index).ok()?)
    }

    pub(super) fn grows_and_holds(&self, expr: &ExprCode) -> bool {
        self.growing(expr).is_some_and(|list| list.shown() > 0)
    }
}
