//! `if`: which branches the two renderings take.

use super::super::walk;
use super::refine::has_calls;
use super::same;
use super::state::{End, State};
use super::value::{Truth, Value};
use super::{Analysis, Control, Result};
use crate::ast::{Expr, Stmt, StmtKind};

impl<'e> Analysis<'e> {
    pub(super) fn if_stmt(
        &mut self,
        state: &mut State<'e>,
        branches: &'e [(Expr, Vec<Stmt>)],
        otherwise: &'e [Stmt],
    ) -> Result<()> {
        let outer = self.control.clone();
        // What raises ends both renderings that are claimed nothing of.
        let raising: Vec<bool> = branches.iter().map(|(_, body)| self.raising(body)).collect();
        let last_going = raising.iter().rposition(|raising| !raising);
        let otherwise_raises = self.raising(otherwise);
        let mut joined = State { end: Some(End::Raised), ..State::default() };
        for (at, ((test, body), raising)) in branches.iter().zip(raising).enumerate() {
            let truth = self.condition(state, test)?;
            let settled = truth.settled();
            if settled == Some(false) {
                continue;
            }
            if let Some(taken) =
                self.print_alike(state, branches.get(at..).unwrap_or_default(), otherwise, &truth)?
            {
                self.join(&mut joined, &taken)?;
                state.end = Some(End::Raised);
                break;
            }
            if !raising {
                let mut taken = self.copy(state)?;
                self.refine(&mut taken, test, true)?;
                // Where all that follows raises, both renderings are in this branch, if they are in any.
                let alone = otherwise_raises && last_going == Some(at);
                let control = Control::of(&truth).filter(|_| !alone);
                self.under(control, |analysis| analysis.block(&mut taken, body))?;
                self.join(&mut joined, &taken)?;
            }
            if settled == Some(true) {
                state.end = Some(End::Raised);
                break;
            }
            if !raising {
                self.enter_control(Control::of(&truth.not()));
            }
            self.refine(state, test, false)?;
        }
        if otherwise_raises {
            state.end = Some(End::Raised);
        }
        self.block(state, otherwise)?;
        self.control = outer;
        self.join(&mut joined, state)?;
        *state = joined;
        self.name_lists(state);
        Ok(())
    }

    /// Where it is known that one rendering takes the first of these branches and the other one another, and the long
    /// one prints all that the short one does: prints that.
    fn print_alike(
        &mut self,
        state: &State<'e>,
        branches: &'e [(Expr, Vec<Stmt>)],
        otherwise: &'e [Stmt],
        truth: &Truth,
    ) -> Result<Option<State<'e>>> {
        let (Some(short), Some(long), Some(reason)) = (truth.short, truth.long, &truth.differs) else {
            return Ok(None);
        };
        let Some(other) = self.other_branch(state, branches, otherwise, long)? else { return Ok(None) };
        let first = branches.first().map_or(otherwise, |(_, body)| body);
        let (of_short, of_long) = if short { (first, other) } else { (other, first) };
        let Some(rest) = same::rest(of_long, of_short).filter(|rest| !jumps(rest.body)) else {
            return Ok(None);
        };
        let mut taken = self.copy(state)?;
        self.block(&mut taken, of_short)?;
        self.under(Some(Control { reason: reason.clone(), short: false, long: true }), |analysis| {
            if rest.more {
                analysis.emit(&mut taken, &Value::ANYTHING, None)?;
            }
            analysis.block(&mut taken, rest.body)
        })?;
        Ok(Some(taken))
    }

    /// The branch that one rendering takes, where the other one takes the first of these.
    fn other_branch(
        &mut self,
        state: &State<'e>,
        branches: &'e [(Expr, Vec<Stmt>)],
        otherwise: &'e [Stmt],
        short_is_other: bool,
    ) -> Result<Option<&'e [Stmt]>> {
        let Some(((first, _), rest)) = branches.split_first() else { return Ok(None) };
        let mut state = self.copy(state)?;
        self.refine(&mut state, first, false)?;
        for (test, body) in rest {
            if has_calls(test) {
                return Ok(None);
            }
            let truth = self.condition(&mut state, test)?;
            match if short_is_other { truth.short } else { truth.long } {
                Some(true) => return Ok(Some(body)),
                Some(false) => self.refine(&mut state, test, false)?,
                None => return Ok(None),
            }
        }
        Ok(Some(otherwise))
    }

    /// Whether a body does nothing but raise, in the end.
    pub(super) fn raising(&self, body: &[Stmt]) -> bool {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Break | StmtKind::Continue => return false,
                StmtKind::Output(expr) if self.raises(expr) => return true,
                StmtKind::If { branches, otherwise }
                    if self.raising(otherwise) && branches.iter().all(|(_, body)| self.raising(body)) =>
                {
                    return true;
                }
                // Those in a loop are its own.
                StmtKind::For(_) => {}
                _ if jumps(std::slice::from_ref(stmt)) => return false,
                _ => {}
            }
        }
        false
    }
}

/// Whether a body may leave the loop around it, or its round.
fn jumps(body: &[Stmt]) -> bool {
    let mut found = false;
    walk::statements(body, &mut |stmt| found |= matches!(stmt.kind, StmtKind::Break | StmtKind::Continue));
    found
}
