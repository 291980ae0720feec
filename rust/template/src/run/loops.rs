//! `for` loops and the variable `loop`.

use super::growing::Growing;
use super::{Flow, Machine};
use crate::compile::program::{ForCode, LoopAttribute, LoopFilter};
use crate::error::{Error, ErrorKind, Result};
use crate::run::iterate::Iter;
use crate::value::operators;
use crate::value::text::small;
use crate::value::{Object, Value};

/// The state of a variable `loop`.
pub(super) struct LoopState<'a> {
    serial: u32,
    items: Value<'a>,
    iter: Iter<'a>,
    filter: Option<&'a LoopFilter>,
    index0: i64,
    previous: Option<Value<'a>>,
    current: Option<Value<'a>>,
    /// Looked at, not yet the current one.
    ahead: Option<Value<'a>>,
    length: Option<usize>,
    changed: Option<Value<'a>>,
    recursion: Option<Recursion>,
}

impl LoopState<'_> {
    /// The next item was looked at.
    pub(super) fn looks_ahead(&self) -> bool {
        self.ahead.is_some()
    }
}

/// What `loop(items)` of a recursive loop runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recursion {
    function: usize,
    parent: usize,
    depth: i64,
}

impl<'a> Machine<'a> {
    pub(super) fn run_loop(
        &mut self,
        code: &'a ForCode,
        items: Value<'a>,
        recursion: Option<Recursion>,
        is_outermost: bool,
    ) -> Result<()> {
        let mut ran = false;
        match code.loop_slot {
            Some(slot) => {
                let iter = Iter::new(items)?;
                let object = self.push_loop(code, items, iter);
                let at = self.loops.len() - 1;
                self.loops[at].recursion = recursion;
                let done = self.run_counted(code, (slot, object), at, &mut ran, is_outermost);
                self.loops.truncate(at);
                done?;
            }
            None => self.run_plain(code, items, &mut ran, is_outermost)?,
        }
        self.or_else(code, ran)
    }

    /// A loop over the list that grows, of which the first rounds are skipped.
    pub(super) fn skip_to(&mut self, at: usize, list: &'a Growing<'a>, rounds: usize) {
        if let (Some(state), Some(last)) = (self.loops.get_mut(at), rounds.checked_sub(1)) {
            state.index0 = i64::from(small(last));
            state.iter = Iter::Growing { list, at: rounds };
            state.current = list.get(last);
            state.previous = last.checked_sub(1).and_then(|before| list.get(before));
        }
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

    fn run_plain(
        &mut self,
        code: &'a ForCode,
        items: Value<'a>,
        ran: &mut bool,
        is_outermost: bool,
    ) -> Result<()> {
        let mut iter = Iter::new(items)?;
        while let Some(item) = self.next_kept(&mut iter, code.filter.as_ref())? {
            self.assign(&code.target, item)?;
            match self.round(code, item, is_outermost)? {
                Flow::Break | Flow::Done => break,
                Flow::Continue => {}
                // As Jinja2 has it: a body that always breaks or continues counts as never run.
                Flow::Next => *ran = true,
            }
        }
        Ok(())
    }

    fn run_counted(
        &mut self,
        code: &'a ForCode,
        (slot, object): (u32, Object),
        at: usize,
        ran: &mut bool,
        is_outermost: bool,
    ) -> Result<()> {
        while let Some(item) = self.advance(at)? {
            self.assign(&code.target, item)?;
            self.store(slot, Value::Object(object));
            match self.round(code, item, is_outermost)? {
                Flow::Break | Flow::Done => break,
                Flow::Continue => {}
                Flow::Next => *ran = true,
            }
        }
        Ok(())
    }

    pub(super) fn push_loop(&mut self, code: &'a ForCode, items: Value<'a>, iter: Iter<'a>) -> Object {
        self.loops_made += 1;
        self.loops.push(LoopState {
            serial: self.loops_made,
            items,
            iter,
            filter: code.filter.as_ref(),
            index0: -1,
            previous: None,
            current: None,
            ahead: None,
            length: None,
            changed: None,
            recursion: None,
        });
        Object::Loop(self.loops_made)
    }

    /// The next item that the loop's filter lets through.
    fn next_kept(
        &mut self,
        iter: &mut Iter<'a>,
        filter: Option<&'a LoopFilter>,
    ) -> Result<Option<Value<'a>>> {
        loop {
            self.memory.step()?;
            let Some(item) = iter.next(self)? else {
                return Ok(None);
            };
            let Some(filter) = filter else {
                return Ok(Some(item));
            };
            self.enter(&filter.entry);
            self.assign(&filter.target, item)?;
            let keep = self.eval(&filter.test)?;
            if operators::truth(keep) {
                return Ok(Some(item));
            }
        }
    }

    fn pull(&mut self, at: usize) -> Result<Option<Value<'a>>> {
        let state = &self.loops[at];
        let (mut iter, filter) = (state.iter, state.filter);
        let item = self.next_kept(&mut iter, filter);
        self.loops[at].iter = iter;
        item
    }

    pub(super) fn advance(&mut self, at: usize) -> Result<Option<Value<'a>>> {
        let next = match self.loops[at].ahead.take() {
            Some(next) => Some(next),
            None => self.pull(at)?,
        };
        let Some(next) = next else { return Ok(None) };
        let state = &mut self.loops[at];
        state.index0 += 1;
        state.previous = state.current;
        state.current = Some(next);
        Ok(Some(next))
    }

    fn peek(&mut self, at: usize) -> Result<Option<Value<'a>>> {
        if self.loops[at].ahead.is_none() {
            self.loops[at].ahead = self.pull(at)?;
        }
        Ok(self.loops[at].ahead)
    }

    /// Where the state of this loop is.
    fn loop_at(&self, serial: u32) -> Result<usize> {
        self.loops
            .iter()
            .rposition(|state| state.serial == serial)
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "`loop` is used after its loop has ended"))
    }

    pub(super) fn loop_length(&mut self, serial: u32) -> Result<usize> {
        let at = self.loop_at(serial)?;
        let state = &self.loops[at];
        if let Some(length) = state.length {
            return Ok(length);
        }
        let length = match operators::length(state.items) {
            Ok(length) if state.filter.is_none() => length,
            _ => self.exhaust(at)?,
        };
        self.loops[at].length = Some(length);
        Ok(length)
    }

    /// What has no length is read to its end into a list, and iterated from there.
    fn exhaust(&mut self, at: usize) -> Result<usize> {
        let mut rest = Vec::new();
        while let Some(item) = self.pull(at)? {
            self.memory.reserve(size_of::<Value<'_>>())?;
            rest.push(item);
        }
        let items = self.memory.slice(&rest)?;
        let state = &mut self.loops[at];
        state.iter = Iter::Items { items, at: 0 };
        state.filter = None;
        let seen = usize::try_from(state.index0 + 1).unwrap_or(0);
        Ok(seen + usize::from(state.ahead.is_some()) + items.len())
    }

    /// `loop.index0` and its kin.
    pub(super) fn loop_attribute(&mut self, serial: u32, attribute: LoopAttribute) -> Result<Value<'a>> {
        let at = self.loop_at(serial)?;
        let state = &self.loops[at];
        let index0 = state.index0;
        let depth0 = state.recursion.map_or(0, |recursion| recursion.depth);
        Ok(match attribute {
            LoopAttribute::Index0 => Value::Int(index0),
            LoopAttribute::Index => Value::Int(index0 + 1),
            LoopAttribute::First => Value::Bool(index0 == 0),
            LoopAttribute::Last => Value::Bool(self.peek(at)?.is_none()),
            LoopAttribute::Length => self.length_value(serial)?,
            LoopAttribute::Revindex0 => self.after(serial, index0 + 1)?,
            LoopAttribute::Revindex => self.after(serial, index0)?,
            LoopAttribute::Depth0 => Value::Int(depth0),
            LoopAttribute::Depth => Value::Int(depth0 + 1),
            LoopAttribute::Previtem => match state.previous {
                Some(previous) => previous,
                None => self.memory.undefined("there is no previous item")?,
            },
            LoopAttribute::Nextitem => match self.peek(at)? {
                Some(next) => next,
                None => self.memory.undefined("there is no next item")?,
            },
        })
    }

    fn length_value(&mut self, serial: u32) -> Result<Value<'a>> {
        let length = self.loop_length(serial)?;
        Ok(Value::Int(i64::from(small(length))))
    }

    fn after(&mut self, serial: u32, seen: i64) -> Result<Value<'a>> {
        let length = self.loop_length(serial)?;
        Ok(Value::Int(i64::from(small(length)) - seen))
    }

    /// `loop.cycle(a, b)`
    pub(super) fn loop_cycle(&mut self, serial: u32, items: &[Value<'a>]) -> Result<Value<'a>> {
        let at = self.loop_at(serial)?;
        let index = usize::try_from(self.loops[at].index0).unwrap_or(0);
        let item = index.checked_rem(items.len()).and_then(|index| items.get(index));
        item.copied().ok_or_else(|| operators::type_error("no items for cycling given"))
    }

    /// `loop.changed(value)`
    pub(super) fn loop_changed(&mut self, serial: u32, values: &[Value<'a>]) -> Result<Value<'a>> {
        let at = self.loop_at(serial)?;
        let values = self.memory.tuple(values)?;
        let same = match self.loops[at].changed {
            Some(last) => operators::equal(&mut self.memory, last, values)?,
            None => false,
        };
        if !same {
            self.loops[at].changed = Some(values);
        }
        Ok(Value::Bool(!same))
    }

    /// `loop(items)`: the loop again, one level deeper, as text.
    pub(super) fn loop_call(&mut self, serial: u32, items: Value<'a>) -> Result<Value<'a>> {
        let at = self.loop_at(serial)?;
        let Some(recursion) = self.loops[at].recursion else {
            return Err(operators::type_error("the loop must have the 'recursive' marker to be called"));
        };
        let text = self.captured(|machine| {
            machine.recursive_loop(recursion.function, recursion.parent, items, recursion.depth + 1)
        })?;
        self.memory.text(text)
    }

    pub(super) fn recursive_loop(
        &mut self,
        function: usize,
        parent: usize,
        items: Value<'a>,
        depth: i64,
    ) -> Result<()> {
        let code = &self.program.functions[function];
        let Some(loop_code) = &code.recursive_loop else {
            return Ok(());
        };
        self.push_frame(code.slots, parent)?;
        let done = self.run_loop(loop_code, items, Some(Recursion { function, parent, depth }), false);
        self.pop_frame();
        done
    }
}
