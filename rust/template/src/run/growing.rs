//! One rendering for several: the texts of the first items of a list, of more of them, and so on, in one go.
//!
//! In: a program, its variables, which of them is the list, and how many of its items each text is of. Out: each text,
//! as a separate rendering would give it. The items are shown as far as the first text needs them. Where the loop
//! over them comes to their end, what is left of the template runs, and the text is handed out; then all is as it was
//! before that end, more items are shown, and the loop continues. That is exact as long as nothing was seen that would
//! be otherwise with more items: their number, their end, an item counted from the end. Whatever asks for one of those
//! is noted, and with it the rendering ends after the text that it is at.

use std::cell::Cell;
use std::mem;

use super::{Flow, Machine};
use crate::compile::program::{ExprCode, ForCode, StmtCode};
use crate::error::{ErrorKind, Result};
use crate::run::loops::LoopState;
use crate::run::objects::Namespace;
use crate::run::output::{Length, Output};
use crate::value::memory::Memory;
use crate::value::operators;
use crate::value::text::{Node, Span};
use crate::value::{Items, Value};

/// The list that grows, and how far.
#[derive(Debug, Clone, Copy)]
pub struct ListPrefixes<'p> {
    /// The variable that holds the list.
    pub variable: &'p str,
    /// Of how many items texts are wanted, in rising order.
    pub counts: &'p [usize],
}

/// A list whose items, from some item on, are shown step by step.
#[derive(Debug, Clone, Copy)]
pub struct Growing<'a> {
    list: &'a Shown<'a>,
    from: usize,
}

#[derive(Debug)]
struct Shown<'a> {
    items: &'a [Value<'a>],
    node: Node,
    count: Cell<usize>,
    /// Something was seen that more items would change.
    observed: Cell<bool>,
}

impl<'a> Growing<'a> {
    /// How many items are shown; whoever asks has seen their end.
    pub fn len(&self) -> usize {
        self.list.observed.set(true);
        self.shown()
    }

    fn shown(&self) -> usize {
        self.list.count.get().saturating_sub(self.from)
    }

    /// The item with this number, if it is shown; its absence is not noted.
    pub fn get(&self, at: usize) -> Option<Value<'a>> {
        self.list.items.get(..self.list.count.get())?.get(self.from + at).copied()
    }

    /// The same where the end of a walk is noted.
    pub fn next(&self, at: usize) -> Option<Value<'a>> {
        let item = self.get(at);
        if item.is_none() {
            self.list.observed.set(true);
        }
        item
    }

    /// As a list like any other.
    pub fn settle(&self, memory: &mut Memory<'a>) -> Result<Value<'a>> {
        self.list.observed.set(true);
        let shown = self.list.items.get(..self.list.count.get()).unwrap_or_default();
        let items = shown.get(self.from..).unwrap_or_default();
        let node = if self.from == 0 { self.list.node } else { Node::NONE };
        Ok(Value::List(memory.alloc(Items { items, node, is_group: false })?))
    }
}

/// A text that was asked for: this much of the rendering's output, then its own end.
#[derive(Debug)]
pub struct Grown {
    /// The bytes that it begins with as the text after it does.
    pub stable: usize,
    pub end: Result<(String, Vec<Span>)>,
}

/// A rendering that continues after a text.
pub(super) struct Growth<'a> {
    list: &'a Shown<'a>,
    /// See `ListPrefixes`.
    counts: &'a [usize],
    grown: Vec<Grown>,
    /// What is left of the blocks around the running statement of the root, from the outermost on.
    rest: Vec<&'a [StmtCode]>,
    /// The running statement is in no loop, macro or capture.
    following: bool,
    /// What runs now will be undone.
    undone: bool,
    whole: Value<'a>,
}

impl<'a> Growth<'a> {
    pub fn new(
        memory: &mut Memory<'a>,
        arena: &'a bumpalo::Bump,
        list: &Items<'a>,
        counts: &'a [usize],
    ) -> Result<Self> {
        memory.reserve(size_of::<Shown<'_>>())?;
        let list = &*arena.alloc(Shown {
            items: list.items,
            node: list.node,
            count: Cell::new(counts.first().copied().unwrap_or_default()),
            observed: Cell::new(false),
        });
        let whole = Value::Growing(memory.alloc(Growing { list, from: 0 })?);
        Ok(Self { list, counts, grown: Vec::new(), rest: Vec::new(), following: true, undone: false, whole })
    }

    pub fn list(&self) -> Value<'a> {
        self.whole
    }

    fn hand_out(&mut self, stable: Length, done: &Result<()>, output: &Output) {
        let end = done.clone().map(|()| output.after(stable));
        self.grown.push(Grown { stable: stable.text, end });
    }

    fn all_handed_out(&self) -> bool {
        self.grown.len() >= self.counts.len()
    }

    /// Shows the items that the next text is of.
    fn show_more(&mut self) -> bool {
        match self.counts.get(self.grown.len()) {
            Some(count) => {
                self.list.count.set(*count);
                self.list.observed.set(false);
                true
            }
            None => false,
        }
    }
}

/// All that running to the end of the template may change.
struct Kept<'a> {
    slots: Vec<Value<'a>>,
    namespaces: Vec<Namespace<'a>>,
    state: Option<LoopState<'a>>,
    output: Length,
    macros: usize,
    lazy: usize,
}

impl<'a> Machine<'a> {
    /// Hands out what is left to hand out at the end of the template, and gives back all texts.
    pub(super) fn end_growth(&mut self, done: &Result<()>) -> Vec<Grown> {
        let Some(mut growth) = self.growth.take() else { return Vec::new() };
        let beyond_limits = done.as_ref().is_err_and(|error| error.kind == ErrorKind::Limit);
        // What the texts cost together is not an error of any one of them, except of the first.
        if !beyond_limits || growth.grown.is_empty() {
            let stable = self.output.length();
            while !growth.all_handed_out() {
                growth.hand_out(stable, done, &self.output);
                if beyond_limits || growth.list.observed.get() {
                    break;
                }
            }
        }
        growth.grown
    }

    /// A statement of a block, with what comes after it noted as long as a text may continue there.
    pub(super) fn follow(&mut self, rest: &'a [StmtCode]) -> bool {
        match &mut self.growth {
            Some(growth) if growth.following => {
                growth.rest.push(rest);
                true
            }
            _ => false,
        }
    }

    pub(super) fn followed(&mut self) {
        if let Some(growth) = &mut self.growth {
            growth.rest.pop();
        }
    }

    /// Runs something within which no text can continue.
    pub(super) fn aside<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.growth.as_mut().map(|growth| mem::replace(&mut growth.following, false));
        let done = run(self);
        if let (Some(growth), Some(outer)) = (&mut self.growth, outer) {
            growth.following = outer;
        }
        done
    }

    /// The value of an expression that is stored or gone over: the list, or all of them from some number on, may be
    /// ones that grow.
    pub(super) fn maybe_growing(&mut self, expr: &'a ExprCode) -> Result<Value<'a>> {
        if self.growth.is_none() {
            return self.operand(expr);
        }
        if let Some(list) = self.growing(expr) {
            return Ok(Value::Growing(list));
        }
        match expr {
            ExprCode::Slice(slice) => {
                let from = match &slice.parts {
                    [None, None, None] => Some(0),
                    [Some(ExprCode::Int(from)), None, None] => usize::try_from(*from).ok(),
                    _ => None,
                };
                if let (Some(list), Some(from)) = (self.growing(&slice.object), from) {
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
                    (false, None) => Ok(Value::Undefined(crate::value::Undefined::Plain)),
                }
            }
            expr => self.operand(expr),
        }
    }

    /// The list that grows, if that is what a variable holds.
    pub(super) fn growing(&self, expr: &ExprCode) -> Option<&'a Growing<'a>> {
        let value = match expr {
            ExprCode::Variable { variable, .. } => self.slots[self.index(*variable)],
            ExprCode::Global(global) => self.globals[*global as usize],
            _ => return None,
        };
        if let Value::Growing(list) = value { Some(list) } else { None }
    }

    /// `list[0]`, and whether there are items, as far as more of them change nothing of it.
    pub(super) fn growing_item(&self, object: &ExprCode, index: &ExprCode) -> Option<Value<'a>> {
        let ExprCode::Int(index) = index else { return None };
        self.growing(object)?.get(usize::try_from(*index).ok()?)
    }

    pub(super) fn grows_and_holds(&self, expr: &ExprCode) -> bool {
        self.growing(expr).is_some_and(|list| list.shown() > 0)
    }

    /// A loop within which no text can continue.
    pub(super) fn run_aside(&mut self, code: &'a ForCode, items: Value<'a>) -> Result<()> {
        let is_outermost = self.follows();
        self.aside(|machine| machine.run_loop(code, items, None, is_outermost))
    }

    fn follows(&self) -> bool {
        self.growth.as_ref().is_some_and(|growth| growth.following && self.frames.len() == 1)
    }

    /// A loop over a list that grows.
    pub(super) fn run_growing(&mut self, code: &'a ForCode, list: &'a Growing<'a>) -> Result<Flow> {
        if !self.follows() || code.filter.is_some() {
            let items = list.settle(&mut self.memory)?;
            return self.run_aside(code, items).map(|()| Flow::Next);
        }
        let (slot, level) = (code.loop_slot, self.loops.len());
        let object = slot.map(|_| self.push_growing(code, list));
        let mut at = 0;
        let mut ran = false;
        loop {
            let ahead = self.loops.get(level).is_some_and(LoopState::looks_ahead);
            if !ahead && at >= list.shown() {
                if !self.can_return() {
                    list.list.observed.set(true);
                }
                if list.list.observed.get() {
                    break;
                }
                if !self.hand_out_and_return(code, level, ran)? {
                    return Ok(Flow::Done);
                }
                continue;
            }
            let item = if object.is_some() {
                self.advance(level)?
            } else {
                self.memory.step()?;
                list.get(at)
            };
            let Some(item) = item else { break };
            at += 1;
            self.assign(&code.target, item)?;
            if let (Some(slot), Some(object)) = (slot, object) {
                self.store(slot, Value::Object(object));
            }
            match self.round(code, item, true)? {
                Flow::Break | Flow::Done => break,
                Flow::Continue => {}
                Flow::Next => ran = true,
            }
        }
        self.loops.truncate(level);
        self.or_else(code, ran)?;
        Ok(Flow::Next)
    }

    fn set_undone(&mut self, undone: bool) {
        if let Some(growth) = &mut self.growth {
            growth.undone = undone;
        }
    }

    /// Whether a list that was taken for one like any other may stay one: no more of it is shown in what follows.
    pub(super) fn is_settled(&self) -> bool {
        self.growth.as_ref().is_some_and(|growth| !growth.undone)
    }

    /// Whether all that running to the end may change is what `Kept` keeps.
    fn can_return(&self) -> bool {
        self.lazy.is_empty() && self.cyclers.is_empty() && self.joiners.is_empty()
    }

    /// Runs what is left of the template, hands the text out, and undoes it. False if it was the last one.
    fn hand_out_and_return(&mut self, code: &'a ForCode, level: usize, ran: bool) -> Result<bool> {
        let slots = self.slots.len() * size_of::<Value<'_>>();
        self.memory.reserve(slots)?;
        let kept = Kept {
            slots: self.slots.clone(),
            namespaces: self.namespaces.iter().map(Namespace::copy).collect(),
            state: self.loops.pop_if(|_| code.loop_slot.is_some()),
            output: self.output.length(),
            macros: self.macros.len(),
            lazy: self.lazy.len(),
        };
        let rest: Vec<&'a [StmtCode]> =
            self.growth.as_ref().map(|growth| growth.rest.clone()).unwrap_or_default();
        self.set_undone(true);
        let done = self.aside(|machine| {
            machine.or_else(code, ran)?;
            rest.into_iter().rev().try_for_each(|rest| machine.block(rest).map(drop))
        });
        self.set_undone(false);
        if let Err(error) = &done
            && error.kind == ErrorKind::Limit
        {
            return Err(error.clone());
        }
        if let Some(growth) = &mut self.growth {
            growth.hand_out(kept.output, &done, &self.output);
            if !growth.show_more() {
                return Ok(false);
            }
        }
        self.frames.truncate(1);
        self.base = self.frames.first().map_or(0, |frame| frame.base);
        self.slots = kept.slots;
        self.namespaces = kept.namespaces;
        self.loops.truncate(level);
        self.loops.extend(kept.state);
        self.output.cut(kept.output);
        self.macros.truncate(kept.macros);
        self.lazy.truncate(kept.lazy);
        self.cyclers.clear();
        self.joiners.clear();
        self.pending.clear();
        self.texts.clear();
        Ok(true)
    }

    /// The `else` of a loop that made no round.
    pub(super) fn or_else(&mut self, code: &'a ForCode, ran: bool) -> Result<()> {
        match &code.otherwise {
            Some((entry, body)) if !ran => {
                self.enter(entry);
                self.block(body).map(drop)
            }
            _ => Ok(()),
        }
    }
}
