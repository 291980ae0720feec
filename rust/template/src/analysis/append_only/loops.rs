//! Loops: how often each rendering goes round, and what is left of that behind them.

use std::collections::{BTreeMap, BTreeSet};

use super::expressions::constant_text;
use super::state::{Done, End, Facts, State};
use super::value::{Growing, Hint, Known, Reason, Site, Value, Why};
use super::{Analysis, Control, Result};
use crate::ast::{For, Stmt, StmtKind};

/// An open loop.
#[derive(Debug)]
pub(super) struct Open<'e> {
    pub over: Over,
    pub round: Round,
    /// It leaves items out.
    pub filtered: bool,
    /// Something is printed in it.
    pub printed: bool,
    /// The attributes of namespaces that it sets, but for those that it sets in rounds which both renderings make.
    pub writes: BTreeSet<(Site, &'e str)>,
    /// Why the two renderings may not be in step in it.
    pub parted: Option<Reason>,
    /// Only one of them may have come to it.
    pub controlled: bool,
    /// How many scopes there are around it.
    pub scopes: usize,
    /// What is known where it is left by `break`, or goes round by `continue`.
    pub breaks: Option<State<'e>>,
    pub continues: Option<State<'e>>,
}

#[derive(Debug, Clone)]
pub(super) enum Over {
    Same,
    Growing(Growing),
    Differs(Reason),
}

/// Which rounds of a loop over a growing list are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// Those which both renderings make, with another to follow in both; or, where the list may be the same in both,
    /// with none to follow in either.
    Inner,
    /// The last one of the short rendering, with another to follow in the long one.
    Seam,
}

/// More rounds of reasoning than any loop needs until no more is learnt.
const MAX_PASSES: usize = 12;

impl Open<'_> {
    /// Whether a round with this number is one that both renderings make.
    pub fn reached_by_both(&self, facts: Facts) -> bool {
        match &self.over {
            Over::Growing(list) => {
                !self.filtered && facts.max_index.is_some_and(|max| max < i64::from(list.at_least))
            }
            Over::Same | Over::Differs(_) => true,
        }
    }

    /// Whether it goes over all of `messages[offset..]`, so that the long rendering certainly makes more rounds.
    pub fn over_messages(&self) -> Option<Growing> {
        match self.over {
            Over::Growing(list) if list.offset.is_some() && !self.filtered => Some(list),
            _ => None,
        }
    }
}

impl<'e> Analysis<'e> {
    pub(super) fn for_stmt(&mut self, state: &mut State<'e>, stmt: &'e For) -> Result<()> {
        if stmt.recursive {
            return Err(self.doubt("a recursive loop is not followed"));
        }
        let iter = self.eval(state, &stmt.iter)?;
        let over = match iter {
            Value::Same(_) => Over::Same,
            Value::Growing(list) => Over::Growing(list),
            other => match self.lose(state, &other) {
                Value::Differs(reason, _) => Over::Differs(reason),
                _ => Over::Same,
            },
        };
        let otherwise = self.copy(state)?;
        let entry = self.copy(state)?;
        if let Some(reason) = self.go_round(state, stmt, &over)? {
            *state = entry;
            self.go_round(state, stmt, &Over::Differs(reason))?;
            return self.or_else(state, otherwise, stmt, &Over::Differs(self.reason(Why::Count)));
        }
        self.or_else(state, otherwise, stmt, &over)
    }

    /// The `else` of a loop, for when it makes no round.
    fn or_else(
        &mut self,
        state: &mut State<'e>,
        mut otherwise: State<'e>,
        stmt: &'e For,
        over: &Over,
    ) -> Result<()> {
        let control = match over {
            Over::Same => None,
            Over::Growing(list) if list.at_least > 0 && stmt.filter.is_none() => None,
            Over::Growing(_) => Some(self.reason(Why::Count)),
            Over::Differs(reason) => Some(reason.clone()),
        };
        let scopes = otherwise.scopes.len();
        otherwise.scopes.push(BTreeMap::new());
        self.under(control.map(Control::either), |analysis| analysis.block(&mut otherwise, &stmt.otherwise))?;
        otherwise.scopes.truncate(scopes);
        self.join(state, &otherwise)?;
        Ok(())
    }

    fn reason(&self, why: Why) -> Reason {
        Reason { why, place: self.place }
    }

    /// Follows a loop until no more is learnt. If its own condition may differ, says why, and is to be asked again.
    fn go_round(&mut self, state: &mut State<'e>, stmt: &'e For, over: &Over) -> Result<Option<Reason>> {
        let outer = self.control.clone();
        self.loops.push(Open {
            over: over.clone(),
            round: Round::Inner,
            filtered: stmt.filter.is_some(),
            printed: false,
            writes: BTreeSet::new(),
            parted: None,
            controlled: outer.is_some(),
            scopes: state.scopes.len(),
            breaks: None,
            continues: None,
        });
        if let Over::Differs(reason) = over {
            self.enter_control(Some(Control::either(reason.clone())));
        }
        state.loops.push(Facts::default());
        let asked_again = self.settle(state, stmt)?;
        self.control = outer;
        let Some(open) = self.loops.pop() else { return Ok(asked_again) };
        if let Some(breaks) = &open.breaks {
            self.join(state, breaks)?;
        }
        state.loops.truncate(self.loops.len());
        if asked_again.is_none() && matches!(open.over, Over::Growing(_)) {
            let lead = if open.over_messages().is_some() && open.breaks.is_none() {
                self.lead(&stmt.body)
            } else {
                ""
            };
            self.leave(state, open, lead);
        }
        Ok(asked_again)
    }

    fn settle(&mut self, head: &mut State<'e>, stmt: &'e For) -> Result<Option<Reason>> {
        let (own, scopes) = (self.loops.len() - 1, head.scopes.len());
        for _ in 0..MAX_PASSES {
            let parted = self.loops.last().is_some_and(|open| open.parted.is_some());
            let mut pass = self.copy(head)?;
            if let Some(reason) = self.round(&mut pass, stmt)? {
                return Ok(Some(reason));
            }
            pass.scopes.truncate(scopes);
            let continued = self.loops.last_mut().and_then(|open| open.continues.take());
            let mut changed = false;
            for mut end in [Some(pass), continued].into_iter().flatten() {
                // The next round is another one.
                if let Some(facts) = end.loops.get_mut(own) {
                    *facts = Facts::default();
                }
                changed |= self.join(head, &end)?;
            }
            let open = self.loops.last_mut();
            changed |= open.is_some_and(|open| open.parted.is_some() != parted);
            if !changed {
                return self.seam(head, stmt);
            }
        }
        Err(self.doubt("a loop is too involved to be followed"))
    }

    /// The last round of the short rendering.
    fn seam(&mut self, head: &mut State<'e>, stmt: &'e For) -> Result<Option<Reason>> {
        let Some(open) = self.loops.last_mut() else { return Ok(None) };
        if !matches!(open.over, Over::Growing(_)) {
            return Ok(None);
        }
        open.round = Round::Seam;
        let mut pass = self.copy(head)?;
        let scopes = pass.scopes.len();
        if let Some(reason) = self.round(&mut pass, stmt)? {
            return Ok(Some(reason));
        }
        pass.scopes.truncate(scopes);
        let continued = self.loops.last_mut().and_then(|open| open.continues.take());
        for end in [Some(pass), continued].into_iter().flatten() {
            self.join(head, &end)?;
        }
        Ok(None)
    }

    /// One round, up to its end. If the loop's own condition may differ, says why.
    fn round(&mut self, state: &mut State<'e>, stmt: &'e For) -> Result<Option<Reason>> {
        let own = self.loops.len() - 1;
        let Some(open) = self.loops.last() else { return Ok(None) };
        let item = match &open.over {
            Over::Differs(reason) => Value::Differs(reason.clone(), Hint::Nothing),
            Over::Growing(Growing { numbers: Some(first), .. }) if !open.filtered => {
                Value::Same(Known::Index(own, *first))
            }
            Over::Growing(_) if open.over_messages().is_some() => Value::Same(Known::Message(own)),
            Over::Growing(_) | Over::Same => Value::ANYTHING,
        };
        state.scopes.push(BTreeMap::new());
        self.assign(state, &stmt.target, item)?;
        if let Some(test) = &stmt.filter {
            let outer = std::mem::replace(&mut self.in_filter, true);
            let truth = self.condition(state, test)?;
            self.in_filter = outer;
            if truth.settled() == Some(false) {
                state.end = Some(End::Jumped);
            }
            let known = self.loops.last().is_some_and(|open| matches!(open.over, Over::Differs(_)));
            if let (Some(reason), false) = (truth.differs, known) {
                return Ok(Some(reason));
            }
            self.refine(state, test, true)?;
        }
        state.set("loop", Value::Loop(own));
        self.block(state, &stmt.body)?;
        Ok(None)
    }

    /// Behind a loop over a growing list, which has gone further in the long rendering.
    fn leave(&mut self, state: &mut State<'e>, open: Open<'e>, lead: &'e str) {
        for (site, attribute) in open.writes {
            let why = Why::Gathered(attribute.into());
            state.attributes.insert((site, attribute), Value::differs(why, self.place));
        }
        if open.printed && state.done.is_none() {
            state.done =
                Some(Done { reason: self.reason(Why::Opaque("the messages that a loop has printed")), lead });
        }
    }

    /// The constant text that each round begins with.
    fn lead(&self, body: &'e [Stmt]) -> &'e str {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Text(text) => return text,
                StmtKind::Output(expr) => return constant_text(expr).unwrap_or_default(),
                StmtKind::Set { .. } => {}
                StmtKind::If { branches, otherwise } => {
                    let mut bodies = branches.iter().map(|(_, body)| body).chain([otherwise]);
                    let silent = |stmt: &Stmt| match &stmt.kind {
                        StmtKind::Text(text) => text.is_empty(),
                        StmtKind::Output(expr) => self.raises(expr),
                        StmtKind::Set { .. } => true,
                        _ => false,
                    };
                    if !bodies.all(|body| self.raising(body) || body.iter().all(silent)) {
                        return "";
                    }
                }
                _ => return "",
            }
        }
        ""
    }
}
