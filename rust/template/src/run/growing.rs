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

use super::Machine;
use crate::compile::program::{ForCode, StmtCode};
use crate::error::Result;
use crate::run::loops::LoopState;
use crate::run::objects::Namespace;
use crate::run::output::{Length, Rest};
use crate::value::memory::Memory;
use crate::value::text::Node;
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
    pub(super) list: &'a Shown<'a>,
    pub(super) from: usize,
}

#[derive(Debug)]
pub(super) struct Shown<'a> {
    items: &'a [Value<'a>],
    node: Node,
    count: Cell<usize>,
    /// Something was seen that more items would change.
    observed: Cell<bool>,
}

impl<'a> Shown<'a> {
    /// How many items there are, shown or not.
    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    pub fn shown_items(&self) -> &'a [Value<'a>] {
        self.items.get(..self.count.get()).unwrap_or_default()
    }
}

impl<'a> Growing<'a> {
    /// How many items are shown; whoever asks has seen their end.
    pub fn len(&self) -> usize {
        self.list.observed.set(true);
        self.shown()
    }

    /// The first item of the whole list that it has.
    pub fn from(&self) -> usize {
        self.from
    }

    pub(super) fn shown(&self) -> usize {
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
        let items = self.list.shown_items().get(self.from..).unwrap_or_default();
        let node = if self.from == 0 { self.list.node } else { Node::NONE };
        Ok(Value::List(memory.alloc(Items { items, node, is_group: false })?))
    }
}

/// A text that was asked for.
#[derive(Debug)]
pub struct Grown {
    /// What it has after the first bytes, which are those of the text before in its series.
    pub rest: Rest,
    /// Whether the text is complete.
    pub done: Result<()>,
}

/// A rendering that continues after a text.
pub(super) struct Growth<'a> {
    pub list: &'a Shown<'a>,
    /// See `ListPrefixes`.
    counts: &'a [usize],
    grown: Vec<Grown>,
    /// What is left of the blocks around the running statement of the root, from the outermost on.
    rest: Vec<&'a [StmtCode]>,
    /// The running statement is in no loop, macro or capture, and will not be undone.
    following: bool,
    /// The running statement is in a loop, macro or capture.
    nested: bool,
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
        Ok(Self {
            list,
            counts,
            grown: Vec::new(),
            rest: Vec::new(),
            following: true,
            nested: false,
            undone: false,
            whole,
        })
    }

    pub fn whole(&self) -> Value<'a> {
        self.whole
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
        let beyond_limits = done.as_ref().is_err_and(|error| error.kind.is_limit());
        // What the texts cost together is not an error of any one of them, except of the first.
        if beyond_limits && !growth.grown.is_empty() {
            self.output.give_up();
            self.next_text();
        } else {
            while !growth.all_handed_out() {
                growth.grown.push(self.hand_out(done));
                self.output.go_back(self.output.length());
                if beyond_limits || growth.list.observed.get() {
                    break;
                }
            }
        }
        growth.grown
    }

    /// Ends a text.
    fn hand_out(&mut self, done: &Result<()>) -> Grown {
        self.next_text();
        Grown { rest: self.output.end(), done: done.clone() }
    }

    fn next_text(&mut self) {
        if let Some(passes) = &mut self.passes {
            passes.texts += 1;
        }
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
        let outer = self.growth.as_mut().map(|growth| {
            (mem::replace(&mut growth.following, false), mem::replace(&mut growth.nested, true))
        });
        let done = run(self);
        if let (Some(growth), Some(outer)) = (&mut self.growth, outer) {
            (growth.following, growth.nested) = outer;
        }
        done
    }

    /// Whether what runs is in no loop, macro or capture.
    pub(super) fn is_outermost(&self) -> bool {
        self.growth.as_ref().is_some_and(|growth| !growth.nested && self.frames.len() == 1)
    }

    /// Whether a text may continue with what runs.
    pub(super) fn may_continue(&self) -> bool {
        self.growth.as_ref().is_some_and(|growth| growth.following && self.frames.len() == 1)
    }

    /// Whether something was seen of the text that runs that more items would change.
    pub(super) fn is_observed(&self) -> bool {
        self.growth.as_ref().is_some_and(|growth| growth.list.observed.get())
    }

    pub(super) fn observe(&self) {
        if let Some(growth) = &self.growth {
            growth.list.observed.set(true);
        }
    }

    /// What runs now will be undone, or no longer.
    fn set_undone(&mut self, undone: bool) {
        if let Some(growth) = &mut self.growth {
            (growth.undone, growth.following, growth.nested) = (undone, !undone, false);
        }
    }

    /// Whether a list that was taken for one like any other may stay one: no more of it is shown in what follows.
    pub(super) fn is_settled(&self) -> bool {
        self.growth.as_ref().is_some_and(|growth| !growth.undone)
    }

    /// Whether all that running to the end may change is what `Kept` keeps.
    pub(super) fn can_return(&self) -> bool {
        self.lazy.is_empty() && self.cyclers.is_empty() && self.joiners.is_empty()
    }

    /// Runs what is left of the template, hands the text out, and undoes it. False if it was the last one.
    pub(super) fn hand_out_and_return(&mut self, code: &'a ForCode, level: usize, ran: bool) -> Result<bool> {
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
        let done = self
            .or_else(code, ran)
            .and_then(|()| rest.into_iter().rev().try_for_each(|rest| self.block(rest).map(drop)));
        self.set_undone(false);
        if let Err(error) = &done
            && error.kind.is_limit()
        {
            return Err(error.clone());
        }
        let grown = self.hand_out(&done);
        if let Some(growth) = &mut self.growth {
            growth.grown.push(grown);
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
        self.output.go_back(kept.output);
        self.macros.truncate(kept.macros);
        self.lazy.truncate(kept.lazy);
        self.cyclers.clear();
        self.joiners.clear();
        self.pending.clear();
        self.texts.clear();
        Ok(true)
    }
}
