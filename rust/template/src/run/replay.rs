//! Rounds of a loop that print what they printed before.
//!
//! In: a round that is to run, and what is kept of earlier ones, of this rendering and of others with the same input.
//! Out: its text, handed back, or printed and kept. A round is as before if its item is, and all that it read from
//! outside is (`compile::outside` says what that may be). Of a loop over the list that grows it is known what a round
//! rests on (`conditions`), and that is looked at first; otherwise the reads are compared in their order, so that nothing
//! is asked that the round itself would not ask. Rounds that read what cannot be compared, or change something else than
//! attributes of namespaces, run each time.

use std::sync::Arc;

use super::conditions::{Conditions, Leaf, Place};
use super::known::Known;
use super::passes::Made;
use super::watch::Watch;
use super::{Flow, Machine};
use crate::compile::program::{ForCode, Rounds};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;
use crate::value::text::{Node, Span};

/// Ways in which the round of one item may be printed.
const MAX_REPLAYS: usize = 6;
/// Rounds of an item that are watched in vain before it is left alone.
const MAX_UNTOLD: u8 = 3;
/// Texts that are kept for one input; further ones run each time.
const MAX_KEPT_BYTES: usize = 16 << 20;
/// A longer text of one round is printed again: to copy it takes as long.
const MAX_KEPT_ROUND: usize = 1 << 20;

/// What is kept of the rounds of all renderings of one input by one template.
#[derive(Debug, Default)]
pub struct Replays {
    /// By loop and by the item's place in the input: small numbers both.
    rounds: Vec<Vec<RoundReplays>>,
    bytes: usize,
}

impl Replays {
    fn kept_of_round(&mut self, number: u32, item: Node) -> &mut RoundReplays {
        let (number, item) = (number as usize, item.0 as usize);
        if self.rounds.len() <= number {
            self.rounds.resize_with(number + 1, Vec::new);
        }
        let items = &mut self.rounds[number];
        if items.len() <= item {
            items.resize_with(item + 1, RoundReplays::default);
        }
        &mut items[item]
    }
}

#[derive(Debug, Default)]
struct RoundReplays {
    replays: Vec<Replay>,
    /// How often it was not known in advance what such a round prints.
    untold: u8,
}

/// A round as it was once.
#[derive(Debug)]
struct Replay {
    /// What it rests on and does, where that is known, of a loop over these items.
    made: Option<((usize, bool), Arc<Made>)>,
    reads: Vec<(Read, Known)>,
    sets: Sets,
    text: String,
    spans: Vec<Span>,
    flow: Flow,
}

/// Attributes of namespaces, by their number in `Rounds::attributes`, and what they are set to.
pub(super) type Sets = Vec<(usize, Known)>;

/// Where a round read from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// An expression of the loop, by its number.
    Expr(u32),
    Global(u32),
    /// A slot of the root.
    Slot(u32),
}

/// How a round was, and what of it is known where it was placed.
type Told = (Replay, Option<Arc<Made>>);

impl<'a> Machine<'a> {
    /// Runs a round whose target is set.
    pub(super) fn round(&mut self, code: &'a ForCode, item: Value<'a>, is_outermost: bool) -> Result<Flow> {
        let rounds = code.rounds.as_ref().filter(|_| is_outermost && self.replays.is_some());
        if let (Some(rounds), Value::Dict(item)) = (rounds, item)
            && item.node != Node::NONE
        {
            return self.round_of(code, rounds, item.node, None).map(|(flow, _)| flow);
        }
        self.run_round(code)
    }

    /// Runs a round of a loop over the list that grows. Returns also what it rests on, where that can be said.
    pub(super) fn placed_round(
        &mut self,
        code: &'a ForCode,
        item: Value<'a>,
        place: Option<Place>,
    ) -> Result<(Flow, Option<Arc<Made>>)> {
        match (&code.rounds, item) {
            (Some(rounds), Value::Dict(item)) if item.node != Node::NONE => {
                self.round_of(code, rounds, item.node, place)
            }
            _ => self.run_round(code).map(|flow| (flow, None)),
        }
    }

    fn run_round(&mut self, code: &'a ForCode) -> Result<Flow> {
        self.enter(&code.entry);
        self.aside(|machine| machine.block(&code.body))
    }

    fn round_of(
        &mut self,
        code: &'a ForCode,
        rounds: &'a Rounds,
        item: Node,
        place: Option<Place>,
    ) -> Result<(Flow, Option<Arc<Made>>)> {
        let Some(mut replays) = self.replays.take() else {
            return self.run_round(code).map(|flow| (flow, None));
        };
        let is_full = replays.bytes > MAX_KEPT_BYTES;
        let kept = replays.kept_of_round(rounds.number, item);
        let mut bytes = 0;
        let done = match self.known_round(rounds, &mut kept.replays, place) {
            Some(at) => self.print_again(rounds, &kept.replays[at], place.is_some()),
            None if kept.untold >= MAX_UNTOLD => self.run_round(code).map(|flow| (flow, None)),
            None => {
                let is_kept = kept.replays.len() < MAX_REPLAYS && !is_full;
                match self.watched_round(code, rounds, place) {
                    Err(error) => Err(error),
                    Ok((flow, None)) => {
                        kept.untold += 1;
                        Ok((flow, None))
                    }
                    Ok((flow, Some((replay, made)))) => {
                        if is_kept {
                            bytes = replay.text.len() + size_of::<Replay>();
                            kept.replays.push(replay);
                        }
                        Ok((flow, made))
                    }
                }
            }
        };
        replays.bytes += bytes;
        self.replays = Some(replays);
        done
    }

    /// Runs a round; how it was is returned where it can be told.
    fn watched_round(
        &mut self,
        code: &'a ForCode,
        rounds: &'a Rounds,
        place: Option<Place>,
    ) -> Result<(Flow, Option<Told>)> {
        let start = self.output.length();
        self.watch = Some(Watch::new(rounds, place));
        let flow = self.run_round(code);
        let watch = self.watch.take();
        let flow = flow?;
        let is_short = self.output.length().text.saturating_sub(start.text) <= MAX_KEPT_ROUND;
        let told = watch.filter(|watch| is_short && !watch.has_failed()).map(|watch| {
            let Watch { conditions, reads, sets, .. } = watch;
            let made = conditions.map(|conditions| Arc::new(Made { conditions, sets: sets.clone() }));
            let (text, spans) = self.output.after(start);
            let placed = place.map(|place| place.way).zip(made.clone());
            (Replay { made: placed, reads, sets, text, spans, flow }, made)
        });
        Ok((flow, told))
    }

    /// The number of a round that is as this one will be.
    fn known_round(
        &mut self,
        rounds: &'a Rounds,
        replays: &mut [Replay],
        place: Option<Place>,
    ) -> Option<usize> {
        if let Some(place) = place {
            let holds = |replay: &Replay| {
                let made = replay.made.as_ref().filter(|(way, _)| *way == place.way);
                made.is_some_and(|(_, made)| self.all_hold(rounds, &made.conditions))
            };
            if let Some(at) = replays.iter().position(holds) {
                return Some(at);
            }
        }
        // What it sets is told from what it reads only where it was placed.
        let is_known = |replay: &Replay| place.is_some() || replay.sets.is_empty();
        let at = replays.iter().position(|replay| is_known(replay) && self.reads_again(rounds, replay))?;
        if let Some(place) = place {
            let sets = replays[at].sets.clone();
            replays[at].made = self
                .rests_on(rounds, &replays[at], place)
                .map(|conditions| (place.way, Arc::new(Made { conditions, sets })));
        }
        Some(at)
    }

    /// What a round that is as before rests on where it is now.
    fn rests_on(&mut self, rounds: &'a Rounds, replay: &Replay, place: Place) -> Option<Conditions> {
        let mut conditions = Conditions::default();
        for (read, known) in &replay.reads {
            match *read {
                Read::Expr(number) => {
                    let expr = rounds.outside.get(number as usize)?;
                    self.explained(expr, rounds, place, &mut conditions).ok()??;
                }
                Read::Global(global) => {
                    conditions.add_known(Leaf::Global(global), known)?;
                }
                Read::Slot(slot) => conditions.add_known(Leaf::Slot(slot), known)?,
            }
        }
        Some(conditions)
    }

    /// Whether all that a round read is as it was.
    fn reads_again(&mut self, rounds: &'a Rounds, replay: &Replay) -> bool {
        replay.reads.iter().all(|(read, known)| {
            let value = match *read {
                Read::Expr(number) => match rounds.outside.get(number as usize) {
                    // An error is one of the round, which is then run to say so.
                    Some(expr) => self.eval(expr).ok(),
                    None => None,
                },
                Read::Global(global) => self.globals.get(global as usize).copied(),
                Read::Slot(slot) => self.slots.get(slot as usize).copied(),
            };
            value.is_some_and(|value| self.is_known(value, known))
        })
    }

    fn print_again(
        &mut self,
        rounds: &'a Rounds,
        replay: &Replay,
        is_placed: bool,
    ) -> Result<(Flow, Option<Arc<Made>>)> {
        if self.output.length().text + replay.text.len() > self.limits.output_bytes {
            return Err(Error::new(ErrorKind::Budget, "the template writes more text than a rendering may"));
        }
        self.memory.work(replay.text.len())?;
        self.output.push_spans(&replay.text, &replay.spans);
        for (attribute, known) in &replay.sets {
            self.set_again(rounds, *attribute, known)?;
        }
        let made = replay.made.as_ref().filter(|_| is_placed).map(|(_, made)| made.clone());
        if made.as_ref().is_some_and(|made| made.conditions.count_items()) {
            self.observe();
        }
        Ok((replay.flow, made))
    }
}
