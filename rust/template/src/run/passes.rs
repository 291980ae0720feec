//! What is kept of the loops of one text, for the next text of the series to skip rounds as a whole.
//!
//! In: the rounds of a loop over the list that grows, each with what it rests on (`conditions`), what it sets and how
//! far it has printed. Out: how many rounds from the start are as before; or, of a loop from the last item to the first
//! that prints nothing, whether all that are left are. The conditions of rounds on one thing only get stricter from round
//! to round, so the first round that is not as before is found by bisection.

use std::sync::Arc;

use super::conditions::{Bound, Conditions, Leaf};
use super::known::Known;
use super::output::{Length, Output};
use super::replay::Sets;
use super::{Flow, Machine};
use crate::compile::program::Rounds;
use crate::error::Result;
use crate::value::{Object, Value};

/// A series of texts of one input: what its renderings differ in is how many items of the list there are.
#[derive(Debug, Default)]
pub struct Series {
    pub(super) output: Output,
    pub(super) passes: Passes,
}

#[derive(Debug, Default)]
pub(super) struct Passes {
    /// How many were rendered so far.
    pub texts: usize,
    /// By the number of the loop.
    loops: Vec<Pass>,
}

/// What is kept of a loop.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// The first item of the list that the loop is over, and whether it goes from the last one to that.
    way: (usize, bool),
    pub forward: Forward,
    pub rests: Rests,
}

impl Passes {
    /// What is kept of a loop; it is put back when the loop ends.
    pub fn take(&mut self, number: u32, way: (usize, bool)) -> Pass {
        let number = number as usize;
        if self.loops.len() <= number {
            self.loops.resize_with(number + 1, Pass::default);
        }
        let pass = std::mem::take(&mut self.loops[number]);
        if pass.way == way { pass } else { Pass { way, ..Pass::default() } }
    }

    pub fn put_back(&mut self, number: u32, pass: Pass) {
        if let Some(place) = self.loops.get_mut(number as usize) {
            *place = pass;
        }
    }
}

/// A round as it was run for the next text to be compared with.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    pub conditions: Conditions,
    pub sets: Sets,
}

/// The rounds of a loop from the first item on.
#[derive(Debug, Default)]
pub(super) struct Forward {
    /// Where the output was when the loop began.
    start: Length,
    /// The number of the text that the rounds were run for.
    pub text: usize,
    /// Of a round it was not known what it rests on: none after it is kept.
    is_closed: bool,
    rounds: Vec<KeptRound>,
    /// From the round with a number on something has to be so.
    bounds: Vec<(Leaf, Vec<(usize, Bound)>)>,
    /// What an attribute is after the round with a number.
    sets: Vec<(usize, Vec<(usize, Known)>)>,
}

#[derive(Debug, Clone, Copy)]
struct KeptRound {
    end: Length,
    /// Bytes that were printed since the loop began.
    printed: usize,
    /// A round before, or this one, came to its end.
    ran: bool,
    is_last: bool,
}

/// What rounds that were skipped leave behind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Skipped {
    pub rounds: usize,
    pub ran: bool,
    /// The last of them ended the loop.
    pub ended: bool,
    /// They have seen how many items there are.
    pub counted: bool,
}

impl Forward {
    fn cut(&mut self, rounds: usize) {
        self.rounds.truncate(rounds);
        for (_, bounds) in &mut self.bounds {
            bounds.truncate(bounds.partition_point(|(round, _)| *round < rounds));
        }
        for (_, sets) in &mut self.sets {
            sets.truncate(sets.partition_point(|(round, _)| *round < rounds));
        }
    }

    /// Adds the round that was just run, if it is known what it rests on.
    pub fn add(&mut self, made: Option<Arc<Made>>, flow: Flow, end: Length) {
        let Some(made) = made.filter(|_| !self.is_closed) else {
            self.is_closed = true;
            return;
        };
        let number = self.rounds.len();
        for (leaf, bound) in &made.conditions.0 {
            // What a round before has set is as it was if that round is.
            let is_set =
                |(known, sets): &(usize, Vec<_>)| *leaf == Leaf::Attribute(*known) && !sets.is_empty();
            if !self.sets.iter().any(is_set) && !self.bound(number, *leaf, bound) {
                self.is_closed = true;
                self.cut(number);
                return;
            }
        }
        for (attribute, known) in &made.sets {
            let set = (number, known.clone());
            match self.sets.iter_mut().find(|(known, _)| known == attribute) {
                Some((_, sets)) => sets.push(set),
                None => self.sets.push((*attribute, vec![set])),
            }
        }
        let before = self.rounds.last();
        let from = before.map_or(self.start, |before| before.end);
        let printed = before.map_or(0, |before| before.printed) + (end.text - from.text.min(end.text));
        let ran = flow == Flow::Next || before.is_some_and(|before| before.ran);
        self.rounds.push(KeptRound { end, printed, ran, is_last: flow == Flow::Break });
    }

    /// Notes a condition of a round; false if it contradicts those before it.
    fn bound(&mut self, number: usize, leaf: Leaf, bound: &Bound) -> bool {
        let Some((_, bounds)) = self.bounds.iter_mut().find(|(known, _)| *known == leaf) else {
            self.bounds.push((leaf, vec![(number, bound.clone())]));
            return true;
        };
        let both = match bounds.last() {
            Some((_, known)) if known == bound => return true,
            Some((_, known)) => known.and(bound),
            None => Some(bound.clone()),
        };
        let Some(both) = both else { return false };
        if bounds.last().is_none_or(|(_, known)| *known != both) {
            bounds.push((number, both));
        }
        true
    }
}

/// What the rounds from an item down to the first one rest on, and what they set, where they print nothing.
#[derive(Debug, Default)]
pub(super) struct Rests(Vec<Option<Arc<Rest>>>);

#[derive(Debug, Default)]
struct Rest {
    made: Made,
    ran: bool,
}

impl Rests {
    /// Notes rounds that were run one after the other, each with its item, before those of the items from `skipped` on.
    pub fn add(&mut self, made: &[(usize, Option<Arc<Made>>, Flow)], skipped: Option<usize>) {
        let mut rest = match skipped {
            Some(item) => self.0.get(item).cloned().flatten(),
            None => Some(Arc::default()),
        };
        for (item, made, flow) in made.iter().rev() {
            let both = rest.as_deref().zip(made.as_deref());
            rest = both.and_then(|(rest, made)| rest.after(made, *flow)).map(Arc::new);
            if self.0.len() <= *item {
                self.0.resize(item + 1, None);
            }
            self.0[*item].clone_from(&rest);
        }
    }
}

impl Rest {
    /// The same with a round before it; `None` if what they rest on contradicts each other.
    fn after(&self, made: &Made, flow: Flow) -> Option<Self> {
        let Made { mut conditions, mut sets } = made.clone();
        if flow == Flow::Break {
            return Some(Self { made: Made { conditions, sets }, ran: false });
        }
        for (leaf, bound) in &self.made.conditions.0 {
            let is_set = sets.iter().any(|(set, _)| *leaf == Leaf::Attribute(*set));
            if !is_set && !conditions.add(*leaf, bound.clone()) {
                return None;
            }
        }
        for (attribute, known) in &self.made.sets {
            match sets.iter_mut().find(|(set, _)| set == attribute) {
                Some((_, before)) => before.clone_from(known),
                None => sets.push((*attribute, known.clone())),
            }
        }
        Some(Self { made: Made { conditions, sets }, ran: self.ran || flow == Flow::Next })
    }
}

impl<'a> Machine<'a> {
    /// Skips the rounds of a loop that are as they were in the text before, at most so many; the others are forgotten.
    pub(super) fn skip(&mut self, rounds: &'a Rounds, forward: &mut Forward, most: usize) -> Result<Skipped> {
        let mut count = forward.rounds.len().min(most);
        for (leaf, bounds) in &forward.bounds {
            let holds = |bound: &Bound| self.holds(rounds, *leaf, bound);
            if bounds.last().is_none_or(|(_, strictest)| holds(strictest)) {
                continue;
            }
            let first = bounds.partition_point(|(_, bound)| holds(bound));
            count = count.min(bounds[first].0);
        }
        let start = self.output.length();
        let texts = self.passes.as_ref().map_or(0, |passes| passes.texts);
        if let Some(last) = count.checked_sub(1).map(|last| forward.rounds[last])
            && last.printed > 0
        {
            if self.output.follows() && start.text == forward.start.text && forward.text + 1 == texts {
                self.output.follow_to(last.end);
            } else {
                // What they printed is no longer there.
                count = 0;
            }
        }
        forward.cut(count);
        forward.start = start;
        forward.is_closed = false;
        for (attribute, sets) in &forward.sets {
            if let Some((_, known)) = sets.last() {
                self.set_again(rounds, *attribute, known)?;
            }
        }
        let counted = forward.bounds.iter().any(|(leaf, bounds)| {
            *leaf == Leaf::Count && bounds.last().is_some_and(|(_, bound)| bound.has_most())
        });
        let last = forward.rounds.last();
        let (ran, ended) = (last.is_some_and(|last| last.ran), last.is_some_and(|last| last.is_last));
        Ok(Skipped { rounds: count, ran, ended, counted })
    }

    /// Does what the rounds from an item down to the first one do, if that is known. Returns whether one came to its end.
    pub(super) fn skip_rest(
        &mut self,
        rounds: &'a Rounds,
        rests: &Rests,
        item: usize,
    ) -> Result<Option<bool>> {
        let Some(Some(rest)) = rests.0.get(item) else { return Ok(None) };
        if !self.all_hold(rounds, &rest.made.conditions) {
            return Ok(None);
        }
        for (attribute, known) in &rest.made.sets {
            self.set_again(rounds, *attribute, known)?;
        }
        Ok(Some(rest.ran))
    }

    /// Sets an attribute of a namespace to what a round has set it to before.
    pub(super) fn set_again(&mut self, rounds: &'a Rounds, attribute: usize, known: &Known) -> Result<()> {
        let Some((slot, name)) = rounds.attributes.get(attribute) else { return Ok(()) };
        let value = self.made_again(known)?;
        match self.slots[*slot as usize] {
            Value::Object(Object::Namespace(number)) => {
                self.set_namespace(number, Value::Literal(name), value)
            }
            _ => Ok(()),
        }
    }
}
