//! A round is watched while it runs, for it to be handed back later.
//!
//! In: what the round reads from outside of itself and what it sets. Out: notes of that, with what the round rests on; or
//! that it cannot be told.

use super::Machine;
use super::conditions::{Conditions, Leaf, Place};
use super::known::Known;
use super::replay::{Read, Sets};
use crate::compile::program::{Entry, ExprCode, Load, Rounds, Variable};
use crate::error::Result;
use crate::value::{Literal, Value};

/// A round that is being watched.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    rounds: &'a Rounds,
    /// Where it is, of a loop over the list that grows.
    place: Option<Place>,
    /// What it rests on, as long as that can be said.
    pub conditions: Option<Conditions>,
    pub reads: Vec<(Read, Known)>,
    pub sets: Sets,
    /// An outside expression is being evaluated: what it reads is not looked at.
    paused: bool,
    failed: bool,
}

impl<'a> Watch<'a> {
    pub fn new(rounds: &'a Rounds, place: Option<Place>) -> Self {
        let conditions = place.map(|_| Conditions::default());
        Self { rounds, place, conditions, reads: Vec::new(), sets: Vec::new(), paused: false, failed: false }
    }

    /// Whether it cannot be told how the round was.
    pub fn has_failed(&self) -> bool {
        self.failed
    }
}

impl<'a> Machine<'a> {
    /// An expression that reads from outside of a round.
    #[inline]
    pub(super) fn outside(&mut self, expr: &'a ExprCode, number: u32) -> Result<Value<'a>> {
        match &mut self.watch {
            Some(watch) if !watch.paused => {
                watch.paused = true;
                let value = self.watched(expr);
                if let Some(watch) = &mut self.watch {
                    watch.paused = false;
                }
                let value = value?;
                self.note(Read::Expr(number), value);
                Ok(value)
            }
            _ => self.eval(expr),
        }
    }

    /// The value of an outside expression, and what it rests on is noted.
    fn watched(&mut self, expr: &'a ExprCode) -> Result<Value<'a>> {
        let Some(watch) = &mut self.watch else { return self.eval(expr) };
        let (rounds, place, has_set) = (watch.rounds, watch.place, !watch.sets.is_empty());
        if let (Some(place), Some(mut conditions)) = (place, watch.conditions.take()) {
            let value = self.explained(expr, rounds, place, &mut conditions)?;
            if let Some(value) = value {
                if let Some(watch) = &mut self.watch {
                    watch.conditions = Some(conditions);
                }
                return Ok(value);
            }
        }
        // It may read what the round itself has set, which is not there to be compared before the round.
        if has_set {
            self.untold();
        }
        self.eval(expr)
    }

    /// Notes a variable that is read in a macro, which may be one around the loop.
    pub(super) fn note_variable(&mut self, variable: Variable) {
        if self.watch.as_ref().is_none_or(|watch| watch.paused) || variable.out == 0 {
            return;
        }
        let at = self.index(variable);
        let of_root = self.frames.get(1).is_none_or(|frame| at < frame.base);
        match u32::try_from(at) {
            Ok(slot) if of_root => self.note(Read::Slot(slot), self.slots[at]),
            // A variable of another macro is set by what was noted already.
            Ok(_) => {}
            Err(_) => self.untold(),
        }
    }

    pub(super) fn note_global(&mut self, global: u32) {
        if self.watch.as_ref().is_some_and(|watch| !watch.paused) {
            self.note(Read::Global(global), self.globals[global as usize]);
        }
    }

    /// Notes what the slots of a scope are set to from outside.
    pub(super) fn note_entry(&mut self, entry: &Entry) {
        for (_, load) in entry {
            match *load {
                Load::Unset => {}
                Load::Global(global) => self.note_global(global),
                Load::Variable(variable) if self.frames.len() == 1 => {
                    let at = self.index(variable);
                    let slot = u32::try_from(at).unwrap_or(u32::MAX);
                    let is_inside = |watch: &Watch<'_>| watch.rounds.inside.contains(&slot);
                    if !self.watch.as_ref().is_some_and(is_inside) {
                        self.note(Read::Slot(slot), self.slots[at]);
                    }
                }
                Load::Variable(variable) => self.note_variable(variable),
            }
        }
    }

    /// The round does what cannot be handed back.
    pub(super) fn untold(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.failed = true;
        }
    }

    /// The round sets an attribute of a namespace.
    pub(super) fn note_set(&mut self, namespace: &ExprCode, name: &Literal, value: Value<'a>) {
        if self.watch.is_none() {
            return;
        }
        let known = self.known_to_make(value).filter(|_| self.frames.len() == 1);
        let Some(watch) = &mut self.watch else { return };
        let number = match namespace {
            ExprCode::Variable { variable, .. } if variable.out == 0 && watch.place.is_some() => {
                let mut attributes = watch.rounds.attributes.iter();
                attributes.position(|(slot, known)| *slot == variable.slot && known == name)
            }
            _ => None,
        };
        match (number, known) {
            (Some(number), Some(known)) => match watch.sets.iter_mut().find(|(set, _)| *set == number) {
                Some((_, set)) => *set = known,
                None => watch.sets.push((number, known)),
            },
            _ => watch.failed = true,
        }
    }

    /// Whether the round that is watched has set an attribute.
    pub(super) fn has_set(&self, attribute: usize) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.sets.iter().any(|(set, _)| *set == attribute))
    }

    fn note(&mut self, read: Read, value: Value<'a>) {
        let known = self.known(value);
        let Some(watch) = &mut self.watch else { return };
        if watch.failed || watch.paused {
            return;
        }
        let Some(known) = known else {
            watch.failed = true;
            return;
        };
        let leaf = match read {
            Read::Expr(_) => None,
            Read::Global(global) => Some(Leaf::Global(global)),
            Read::Slot(slot) => Some(Leaf::Slot(slot)),
        };
        if let (Some(leaf), Some(conditions)) = (leaf, &mut watch.conditions)
            && conditions.add_known(leaf, &known).is_none()
        {
            watch.conditions = None;
        }
        // What is read twice is compared once, unless it has changed meanwhile.
        match watch.reads.iter().find(|(earlier, _)| *earlier == read) {
            None => watch.reads.push((read, known)),
            Some((_, before)) => watch.failed = *before != known,
        }
    }
}
