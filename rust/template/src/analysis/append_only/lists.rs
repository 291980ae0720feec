//! Items and slices of lists that grow: which of them are there in both renderings.

use super::loops::{Open, Over, Round};
use super::state::State;
use super::value::{Growing, Hint, Known, Offset, Value, Why};
use super::{Analysis, Result};
use crate::ast::{Const, Expr, ExprKind};

/// How far a number in a list is from the items that both renderings have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Both have it; it is the one that the loop is at.
    Current,
    Both,
    /// The first one that only the long rendering has.
    Next,
    Unknown,
}

impl<'e> Analysis<'e> {
    /// `list[loop.index0 + plus]`, in the loop with that number.
    fn reach(&self, state: &State<'e>, list: &Growing, at: usize, plus: i64) -> Reach {
        let (Some(open), Some(facts)) = (self.loops.get(at), state.loops.get(at)) else {
            return Reach::Unknown;
        };
        let Some(beyond) = beyond(open, list, plus) else { return Reach::Unknown };
        if facts.min_index.saturating_add(plus) < 0 {
            return Reach::Unknown;
        }
        let surely_more = open.round == Round::Inner && open.over_messages().is_some();
        match (beyond.low, beyond.high) {
            (0, 0) if !open.filtered => Reach::Current,
            (_, high) if high <= i64::from(surely_more) => Reach::Both,
            (1, 1) if open.round == Round::Seam && !open.filtered => Reach::Next,
            _ => Reach::Unknown,
        }
    }

    pub(super) fn growing_item(&self, state: &State<'e>, list: &Growing, index: &Value<'e>) -> Value<'e> {
        match *index {
            Value::Same(Known::Int(index)) if index < 0 => Value::differs(Why::Tail, self.place),
            Value::Same(Known::Int(index)) if index < i64::from(list.at_least) => Value::ANYTHING,
            Value::Same(Known::Int(_)) => self.differs(Why::Later, Hint::Absent),
            Value::Same(Known::Index(at, plus)) => match self.reach(state, list, at, plus) {
                Reach::Current if list.numbers.is_none() && self.loops_over_messages(at) => {
                    Value::Same(Known::Message(at))
                }
                Reach::Current | Reach::Both => Value::ANYTHING,
                Reach::Next if list.numbers.is_none() => self.differs(Why::Later, Hint::Next(at)),
                Reach::Next | Reach::Unknown if counts_from(state, at, plus) => {
                    self.differs(Why::Later, Hint::Absent)
                }
                Reach::Next | Reach::Unknown => Value::differs(Why::Later, self.place),
            },
            Value::Differs(ref reason, _) => Value::Differs(reason.clone(), Hint::Nothing),
            _ => Value::differs(Why::Later, self.place),
        }
    }

    pub(super) fn loops_over_messages(&self, at: usize) -> bool {
        self.loops.get(at).and_then(Open::over_messages).is_some()
    }

    /// `list[start:stop:step]`
    pub(super) fn growing_slice(
        &mut self,
        state: &mut State<'e>,
        list: Growing,
        bounds: [Option<&'e Expr>; 3],
    ) -> Result<Value<'e>> {
        let [from, to, by] = bounds.map(|bound| bound.filter(|bound| !is_none(bound)));
        if list.iterator.is_some() {
            return Ok(Value::opaque("a slice of an iterator", self.place));
        }
        let by = by.map(|by| self.eval(state, by)).transpose()?;
        if !matches!(by, None | Some(Value::Same(Known::Int(1)))) {
            return Ok(Value::differs(Why::Tail, self.place));
        }
        let from = from.map_or(Ok(Value::Same(Known::Int(0))), |from| self.eval(state, from))?;
        let to = to.map(|to| self.eval(state, to)).transpose()?;
        let from_there = slice_from(state, list, &from);
        Ok(match (from_there, to) {
            (Some(sliced), None) => Value::Growing(sliced),
            (Some(sliced), Some(to)) => self.slice_to(state, list, sliced, &from, &to),
            (None, _) => Value::differs(Why::Tail, self.place),
        })
    }

    fn slice_to(
        &self,
        state: &State<'e>,
        list: Growing,
        sliced: Growing,
        start: &Value<'e>,
        stop: &Value<'e>,
    ) -> Value<'e> {
        match *stop {
            Value::Same(Known::Int(stop)) if stop >= 0 && stop <= i64::from(list.at_least) => Value::ANYTHING,
            Value::Same(Known::Int(stop)) if stop >= 0 => {
                let start = if let Value::Same(Known::Int(start)) = start { *start } else { stop };
                let items = u32::try_from(stop.saturating_sub(start)).unwrap_or(0);
                Value::Growing(Growing { at_least: sliced.at_least.min(items), ..Growing::ANY })
            }
            Value::Same(Known::Index(at, plus)) => {
                let counts = counts_from(state, at, plus);
                let there = counts && self.within(list, at, plus.saturating_sub(1));
                match (there, counts) {
                    (true, _) => Value::ANYTHING,
                    (false, true) => Value::Growing(Growing::ANY),
                    (false, false) => Value::differs(Why::Tail, self.place),
                }
            }
            _ => Value::differs(Why::Tail, self.place),
        }
    }

    /// Whether a list has the item with the number `loop.index0 + plus`, or that number is negative.
    fn within(&self, list: Growing, at: usize, plus: i64) -> bool {
        let beyond = self.loops.get(at).and_then(|open| beyond(open, &list, plus));
        beyond.is_some_and(|beyond| beyond.high <= 0)
    }

    /// `range(..)`
    pub(super) fn range(&self, state: &mut State<'e>, arguments: &[Value<'e>]) -> Value<'e> {
        let (start, stop) = match arguments {
            [Value::Length(list, plus)] => (0, (list, plus)),
            [Value::Same(Known::Int(start)), Value::Length(list, plus)] => (*start, (list, plus)),
            [Value::Same(Known::Int(start)), Value::Length(list, plus), Value::Same(Known::Int(1))] => {
                (*start, (list, plus))
            }
            _ => return self.combine(state, arguments),
        };
        let (list, plus) = stop;
        let Some(dropped) = start.checked_sub(*plus).filter(|dropped| *dropped >= 0) else {
            return Value::differs(Why::Count, self.place);
        };
        Value::Growing(Growing {
            at_least: list.at_least.saturating_sub(u32::try_from(dropped).unwrap_or(u32::MAX)),
            offset: list.offset.and_then(|offset| offset.plus(dropped)),
            numbers: Some(start),
            identity: list.identity.filter(|_| dropped == 0),
            iterator: None,
        })
    }

    /// How `loop.index0 + plus` compares with `list|length + more`, in the short and in the long rendering; none if that
    /// is not known. `None` inside: the same in both, but not known.
    pub(super) fn compared_with_length(
        &self,
        at: usize,
        plus: i64,
        list: &Growing,
        more: i64,
    ) -> Option<[Option<std::cmp::Ordering>; 2]> {
        use std::cmp::Ordering::{Equal, Less};
        let open = self.loops.get(at)?;
        let Over::Growing(over) = &open.over else { return None };
        let distance = plus.checked_sub(more)?;
        let beyond = beyond(open, list, distance)?;
        let over_all = over.identity.is_some() && over.identity == list.identity && !open.filtered;
        match (beyond.low, beyond.high, open.round) {
            (_, ..=0, _) => Some([Some(Less), Some(Less)]),
            (_, ..=1, Round::Inner) if open.over_messages().is_some() => Some([Some(Less), Some(Less)]),
            (1, 1, Round::Inner) if over_all => Some([None, None]),
            (1, 1, Round::Seam) if over_all || open.over_messages().is_some() => {
                Some([Some(Equal), Some(Less)])
            }
            _ => None,
        }
    }
}

/// `list[start:]`, if both renderings start at one item.
fn slice_from(state: &State<'_>, list: Growing, start: &Value<'_>) -> Option<Growing> {
    match *start {
        Value::Same(Known::Int(0)) => Some(list),
        Value::Same(Known::Int(start)) if start > 0 => {
            let dropped = u32::try_from(start).unwrap_or(u32::MAX);
            Some(Growing {
                at_least: list.at_least.saturating_sub(dropped),
                offset: list.offset.and_then(|offset| offset.plus(start)),
                numbers: list.numbers.and_then(|first| first.checked_add(start)),
                identity: None,
                ..list
            })
            .filter(|sliced| sliced.numbers.is_some() == list.numbers.is_some())
        }
        Value::Same(Known::Index(at, plus)) if counts_from(state, at, plus) => Some(Growing::ANY),
        _ => None,
    }
}

/// Whether `loop.index0 + plus` is not negative, and so counts from the start of a list.
fn counts_from(state: &State<'_>, at: usize, plus: i64) -> bool {
    state.loops.get(at).is_some_and(|facts| facts.min_index.saturating_add(plus) >= 0)
}

/// How far `list[loop.index0 + plus]` is beyond the item that the loop is at, counted in the messages: 0 is that item.
fn beyond(open: &Open<'_>, list: &Growing, plus: i64) -> Option<Offset> {
    let Over::Growing(over) = &open.over else { return None };
    if over.identity.is_some() && over.identity == list.identity {
        return Some(Offset { low: plus, high: plus });
    }
    let (mine, its) = (list.offset?, over.offset?);
    Some(Offset {
        low: mine.low.checked_add(plus)?.checked_sub(its.high)?,
        high: mine.high.checked_add(plus)?.checked_sub(its.low)?,
    })
}

impl Offset {
    fn plus(self, dropped: i64) -> Option<Self> {
        Some(Self { low: self.low.checked_add(dropped)?, high: self.high.checked_add(dropped)? })
    }
}

fn is_none(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Const(Const::None))
}
