//! Loops over the list that grows.
//!
//! In: a loop that is in no other one. Out: what a loop over the items that are shown does. Rounds that are as they were
//! in the text before are skipped as a whole (`passes`). At the end of the list the text is handed out, and with more
//! items the loop continues, as far as nothing was seen that they change (`growing`).

use super::conditions::Place;
use super::growing::Growing;
use super::loops::LoopState;
use super::passes::{Forward, Pass};
use super::{Flow, Machine};
use crate::compile::program::{ForCode, Rounds};
use crate::error::Result;
use crate::run::iterate::Iter;
use crate::value::{Object, Value};

/// Of fewer items no rounds are skipped as a whole: to keep what they rest on takes longer than to run them.
pub(super) const MIN_ITEMS: usize = 6;

impl<'a> Machine<'a> {
    /// A loop within which no text can continue.
    pub(super) fn run_aside(&mut self, code: &'a ForCode, items: Value<'a>) -> Result<()> {
        let is_outermost = self.is_outermost();
        self.aside(|machine| machine.run_loop(code, items, None, is_outermost))
    }

    /// A loop over a list that grows.
    pub(super) fn run_growing(&mut self, code: &'a ForCode, list: &'a Growing<'a>) -> Result<Flow> {
        if !self.is_outermost() || code.filter.is_some() {
            let items = list.settle(&mut self.memory)?;
            return self.run_aside(code, items).map(|()| Flow::Next);
        }
        let mut pass = self.take_pass(code, (list.from(), false));
        let level = self.loops.len();
        let object =
            code.loop_slot.map(|_| self.push_loop(code, Value::Growing(list), Iter::Growing { list, at: 0 }));
        let mut forward = pass.as_mut().map(|(rounds, pass)| (*rounds, &mut pass.forward));
        let ran = self.growing_rounds(code, list, object, &mut forward);
        let texts = self.passes.as_ref().map_or(0, |passes| passes.texts);
        if let Some((rounds, mut pass)) = pass {
            // After the last text, which was handed out already.
            let is_done = matches!(ran, Ok(None));
            pass.forward.text = texts - usize::from(is_done && texts > 0);
            self.put_pass_back(rounds, pass);
        }
        let Some(ran) = ran? else { return Ok(Flow::Done) };
        self.loops.truncate(level);
        self.or_else(code, ran)?;
        Ok(Flow::Next)
    }

    /// Whether a round came to its end; `None` if all texts were handed out.
    fn growing_rounds(
        &mut self,
        code: &'a ForCode,
        list: &'a Growing<'a>,
        object: Option<Object>,
        forward: &mut Option<(&'a Rounds, &mut Forward)>,
    ) -> Result<Option<bool>> {
        let level = self.loops.len() - usize::from(object.is_some());
        let (mut at, mut ran) = (0, false);
        if let Some((rounds, forward)) = forward {
            let skipped = self.skip(rounds, forward, list.shown())?;
            (at, ran) = (skipped.rounds, skipped.ran);
            if skipped.counted {
                self.observe();
            }
            if object.is_some() {
                self.skip_to(level, list, at);
            }
            if skipped.ended {
                return Ok(Some(ran));
            }
        }
        loop {
            let ahead = self.loops.get(level).is_some_and(LoopState::looks_ahead);
            if !ahead && at >= list.shown() {
                if !self.can_return() || !self.may_continue() {
                    self.observe();
                }
                if self.is_observed() {
                    break;
                }
                if !self.hand_out_and_return(code, level, ran)? {
                    return Ok(None);
                }
                continue;
            }
            let Some(item) = self.begin_round(code, list, at, (level, object))? else { break };
            let place = Place { way: (list.from(), false), item: list.from() + at, object };
            let (flow, made) = self.placed_round(code, item, forward.as_ref().map(|_| place))?;
            at += 1;
            if let Some((_, forward)) = forward {
                forward.add(made, flow, self.output.length());
            }
            match flow {
                Flow::Break | Flow::Done => break,
                Flow::Continue => {}
                Flow::Next => ran = true,
            }
        }
        Ok(Some(ran))
    }

    /// Gives the names of the loop their values in the round of an item. `None`: there is none.
    fn begin_round(
        &mut self,
        code: &'a ForCode,
        list: &'a Growing<'a>,
        at: usize,
        (level, object): (usize, Option<Object>),
    ) -> Result<Option<Value<'a>>> {
        let item = if object.is_some() {
            self.advance(level)?
        } else {
            self.memory.step()?;
            list.get(at)
        };
        let Some(item) = item else { return Ok(None) };
        self.assign(&code.target, item)?;
        if let (Some(slot), Some(object)) = (code.loop_slot, object) {
            self.store(slot, Value::Object(object));
        }
        Ok(Some(item))
    }

    /// A loop over a list that grows, from its last item on. False if it is to be run as one over any list.
    pub(super) fn run_reversed(&mut self, code: &'a ForCode, list: &'a Growing<'a>) -> Result<bool> {
        if !self.is_outermost() || code.filter.is_some() {
            return Ok(false);
        }
        let Some((rounds, mut pass)) = self.take_pass(code, (list.from(), true)) else { return Ok(false) };
        let level = self.loops.len();
        let Value::List(items) = list.settle(&mut self.memory)? else { return Ok(false) };
        let iter = Iter::Reversed { items: items.items, left: items.items.len() };
        let object = code.loop_slot.map(|_| self.push_loop(code, Value::List(items), iter));
        let done = self.reversed_rounds(code, list, object, (rounds, &mut pass));
        self.put_pass_back(rounds, pass);
        let ran = done?;
        self.loops.truncate(level);
        self.or_else(code, ran)?;
        Ok(true)
    }

    fn reversed_rounds(
        &mut self,
        code: &'a ForCode,
        list: &'a Growing<'a>,
        object: Option<Object>,
        (rounds, pass): (&'a Rounds, &mut Pass),
    ) -> Result<bool> {
        let level = self.loops.len() - usize::from(object.is_some());
        let mut made = Vec::new();
        let (mut ran, mut skipped) = (false, None);
        for at in (0..list.shown()).rev() {
            let number = list.from() + at;
            if let Some(rest_ran) = self.skip_rest(rounds, &pass.rests, number)? {
                ran |= rest_ran;
                skipped = Some(number);
                break;
            }
            let Some(item) = self.begin_round(code, list, at, (level, object))? else { break };
            let place = Place { way: (list.from(), true), item: number, object };
            let start = self.output.length().text;
            let (flow, round) = self.placed_round(code, item, Some(place))?;
            let is_silent = self.output.length().text == start;
            made.push((number, round.filter(|_| is_silent), flow));
            match flow {
                Flow::Break | Flow::Done => break,
                Flow::Continue => {}
                Flow::Next => ran = true,
            }
        }
        pass.rests.add(&made, skipped);
        Ok(ran)
    }

    /// What is kept of a loop; `None` where its rounds cannot be told apart from what is around them.
    fn take_pass(&mut self, code: &'a ForCode, way: (usize, bool)) -> Option<(&'a Rounds, Pass)> {
        let rounds = code.rounds.as_ref().filter(|_| self.replays.is_some())?;
        let items = self.growth.as_ref().map_or(0, |growth| growth.list.item_count());
        if items < MIN_ITEMS || self.has_aliases(rounds) {
            return None;
        }
        Some((rounds, self.passes.as_mut()?.take(rounds.number, way)))
    }

    fn put_pass_back(&mut self, rounds: &Rounds, pass: Pass) {
        if let Some(passes) = &mut self.passes {
            passes.put_back(rounds.number, pass);
        }
    }

    /// Whether a namespace has two names: what is set under one is read under the other.
    fn has_aliases(&self, rounds: &Rounds) -> bool {
        let namespace = |slot: u32| match self.slots.get(slot as usize) {
            Some(Value::Object(Object::Namespace(number))) => Some(*number),
            _ => None,
        };
        rounds.attributes.iter().enumerate().any(|(at, (slot, _))| {
            let others = &rounds.attributes[..at];
            others.iter().any(|(other, _)| {
                other != slot && namespace(*other).is_some() && namespace(*other) == namespace(*slot)
            })
        })
    }
}
