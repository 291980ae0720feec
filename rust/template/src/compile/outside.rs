//! What the rounds of a loop read from outside of themselves.
//!
//! In: a compiled root. Out: the same, where each of its outermost loops that may hand back what a round printed before
//! has its outside expressions marked: the largest ones that read nothing which the round sets or is at, only variables
//! around the loop, and `loop`. A round whose item and whose outside expressions are as before prints what it printed
//! before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::compile::children::{children, children_mut};
use crate::compile::program::{Block, Entry, ExprCode, ForCode, Rounds, Slot, StmtCodeKind, TargetCode};
use crate::value::Literal;

/// Marks the loops of a root.
pub fn mark(block: &mut Block) {
    let mut loops = 0;
    mark_block(block, &mut loops);
}

fn mark_block(block: &mut Block, loops: &mut u32) {
    for stmt in block {
        match &mut stmt.kind {
            StmtCodeKind::For(code) => {
                if let Some(Inside { slots: inside, attributes: set }) = slots_inside(code) {
                    let mut outside = Vec::new();
                    let free = |slot: Slot| !inside.contains(&slot) || code.loop_slot == Some(slot);
                    let mut attributes = Vec::new();
                    for (slot, name) in set {
                        note_attribute(slot, &name, &free, &mut attributes);
                    }
                    exprs(&mut code.body, &mut |expr| attributes_of(expr, &free, &mut attributes));
                    exprs(&mut code.body, &mut |expr| wrap(expr, &free, &mut outside));
                    code.rounds = Some(Rounds { number: *loops, outside, inside, attributes });
                    *loops += 1;
                }
            }
            StmtCodeKind::If { branches, otherwise } => {
                for (_, body) in branches {
                    mark_block(body, loops);
                }
                mark_block(otherwise, loops);
            }
            StmtCodeKind::Scope { body, .. } => mark_block(body, loops),
            _ => {}
        }
    }
}

/// What a round sets.
#[derive(Default)]
struct Inside {
    slots: BTreeSet<Slot>,
    /// Attributes of what these slots hold.
    attributes: Vec<(Slot, Literal)>,
}

/// What a round sets; `None` where a round does more than set it and print.
fn slots_inside(code: &ForCode) -> Option<Inside> {
    let mut inside = Inside::default();
    let plain = code.filter.is_none();
    slots_of_loop(code, &mut inside).filter(|()| plain)?;
    Some(inside)
}

fn slots_of_loop(code: &ForCode, inside: &mut Inside) -> Option<()> {
    inside.slots.extend(code.loop_slot);
    slots_of_target(&code.target, inside)?;
    slots_of_entry(&code.entry, inside);
    if let Some(filter) = &code.filter {
        slots_of_target(&filter.target, inside)?;
        slots_of_entry(&filter.entry, inside);
    }
    slots_of_block(&code.body, inside)?;
    if let Some((entry, body)) = &code.otherwise {
        slots_of_entry(entry, inside);
        slots_of_block(body, inside)?;
    }
    Some(())
}

fn slots_of_block(block: &Block, inside: &mut Inside) -> Option<()> {
    block.iter().try_for_each(|stmt| slots_of_stmt(&stmt.kind, inside))
}

fn slots_of_stmt(kind: &StmtCodeKind, inside: &mut Inside) -> Option<()> {
    match kind {
        StmtCodeKind::Text(_)
        | StmtCodeKind::Output(_)
        | StmtCodeKind::OutputText(_)
        | StmtCodeKind::Break
        | StmtCodeKind::Continue => {}
        StmtCodeKind::If { branches, otherwise } => {
            branches.iter().try_for_each(|(_, body)| slots_of_block(body, inside))?;
            slots_of_block(otherwise, inside)?;
        }
        StmtCodeKind::For(code) => slots_of_loop(code, inside)?,
        StmtCodeKind::Set { target, .. } => slots_of_target(target, inside)?,
        StmtCodeKind::Capture { entry, body, slot, then } => {
            slots_of_entry(entry, inside);
            inside.slots.insert(*slot);
            slots_of_block(body, inside)?;
            slots_of_stmt(&then.kind, inside)?;
        }
        StmtCodeKind::Scope { entry, assignments, body } => {
            slots_of_entry(entry, inside);
            assignments.iter().try_for_each(|(target, _)| slots_of_target(target, inside))?;
            slots_of_block(body, inside)?;
        }
        StmtCodeKind::RecursiveFor { .. }
        | StmtCodeKind::Generation { .. }
        | StmtCodeKind::Macro { .. }
        | StmtCodeKind::CallBlock { .. } => return None,
    }
    Some(())
}

fn slots_of_entry(entry: &Entry, inside: &mut Inside) {
    inside.slots.extend(entry.iter().map(|(slot, _)| *slot));
}

fn slots_of_target(target: &TargetCode, inside: &mut Inside) -> Option<()> {
    match target {
        TargetCode::Slot(slot) => drop(inside.slots.insert(*slot)),
        // An attribute of a namespace: the run finds out whether it is one of the round's own.
        TargetCode::Attribute { namespace: ExprCode::Variable { variable, .. }, attribute } => {
            if variable.out == 0 {
                inside.attributes.push((variable.slot, attribute.clone()));
            }
        }
        TargetCode::Attribute { .. } => {}
        TargetCode::Tuple(targets) => {
            targets.iter().try_for_each(|target| slots_of_target(target, inside))?;
        }
    }
    Some(())
}

/// Every expression of a block that is not part of another one.
fn exprs(block: &mut Block, visit: &mut dyn FnMut(&mut ExprCode)) {
    for stmt in block {
        exprs_of(&mut stmt.kind, visit);
    }
}

fn exprs_of(kind: &mut StmtCodeKind, visit: &mut dyn FnMut(&mut ExprCode)) {
    match kind {
        StmtCodeKind::Output(expr) | StmtCodeKind::OutputText(expr) => visit(expr),
        StmtCodeKind::If { branches, otherwise } => {
            for (test, body) in branches {
                visit(test);
                exprs(body, visit);
            }
            exprs(otherwise, visit);
        }
        StmtCodeKind::For(code) => {
            visit(&mut code.iter);
            if let Some(filter) = &mut code.filter {
                visit(&mut filter.test);
            }
            exprs(&mut code.body, visit);
            if let Some((_, body)) = &mut code.otherwise {
                exprs(body, visit);
            }
        }
        StmtCodeKind::Set { value, .. } => visit(value),
        StmtCodeKind::Capture { body, then, .. } => {
            exprs(body, visit);
            exprs_of(&mut then.kind, visit);
        }
        StmtCodeKind::Scope { assignments, body, .. } => {
            for (_, value) in assignments {
                visit(value);
            }
            exprs(body, visit);
        }
        StmtCodeKind::Text(_)
        | StmtCodeKind::Break
        | StmtCodeKind::Continue
        | StmtCodeKind::RecursiveFor { .. }
        | StmtCodeKind::Generation { .. }
        | StmtCodeKind::Macro { .. }
        | StmtCodeKind::CallBlock { .. } => {}
    }
}

/// Notes the attributes of variables around the loop that an expression reads.
fn attributes_of(expr: &ExprCode, free: &dyn Fn(Slot) -> bool, found: &mut Vec<(Slot, Literal)>) {
    if let ExprCode::Attribute(attribute) = expr
        && let ExprCode::Variable { variable, .. } = &attribute.object
        && variable.out == 0
    {
        note_attribute(variable.slot, &attribute.name.text, free, found);
    }
    children(expr, &mut |child| attributes_of(child, free, found));
}

fn note_attribute(slot: Slot, name: &Literal, free: &dyn Fn(Slot) -> bool, found: &mut Vec<(Slot, Literal)>) {
    if free(slot) && !found.iter().any(|(of, known)| *of == slot && known == name) {
        found.push((slot, name.clone()));
    }
}

/// Marks the largest outside expressions of one.
fn wrap(expr: &mut ExprCode, free: &dyn Fn(Slot) -> bool, outside: &mut Vec<Arc<ExprCode>>) {
    match reads(expr, free) {
        OutsideReads::Nothing => {}
        OutsideReads::Outside => {
            let number = u32::try_from(outside.len()).unwrap_or(u32::MAX);
            let marked = Arc::new(std::mem::replace(expr, ExprCode::None));
            outside.push(marked.clone());
            *expr = ExprCode::Outside(marked, number);
        }
        OutsideReads::Inside => children_mut(expr, &mut |child| wrap(child, free, outside)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum OutsideReads {
    Nothing,
    Outside,
    Inside,
}

/// What an expression reads. One that calls something counts as of the inside: what is called may do more than read.
fn reads(expr: &ExprCode, free: &dyn Fn(Slot) -> bool) -> OutsideReads {
    match expr {
        ExprCode::Global(_) => OutsideReads::Outside,
        ExprCode::Variable { variable, .. } if variable.out == 0 && free(variable.slot) => {
            OutsideReads::Outside
        }
        ExprCode::Variable { .. } | ExprCode::Call(_) | ExprCode::MethodCall(_) | ExprCode::Outside(..) => {
            OutsideReads::Inside
        }
        expr => {
            let mut found = OutsideReads::Nothing;
            children(expr, &mut |child| found = found.max(reads(child, free)));
            found
        }
    }
}
