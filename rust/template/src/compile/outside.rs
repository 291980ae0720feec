//! What the rounds of a loop read from outside of themselves.
//!
//! In: a compiled root. Out: the same, where each of its outermost loops that may hand back what a round printed before
//! has its outside expressions marked: the largest ones that read nothing which the round sets or is at, only variables
//! around the loop, and `loop`. A round whose item and whose outside expressions are as before prints what it printed
//! before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::compile::program::{Arguments, Block, Entry, Expr, For, Rounds, Slot, StmtKind, Target};

/// Marks the loops of a root.
pub fn mark(block: &mut Block) {
    let mut loops = 0;
    mark_block(block, &mut loops);
}

fn mark_block(block: &mut Block, loops: &mut u32) {
    for stmt in block {
        match &mut stmt.kind {
            StmtKind::For(code) => {
                if let Some(inside) = slots_inside(code) {
                    let mut outside = Vec::new();
                    let free = |slot: Slot| !inside.contains(&slot) || code.loop_slot == Some(slot);
                    exprs(&mut code.body, &mut |expr| wrap(expr, &free, &mut outside));
                    code.rounds = Some(Rounds { number: *loops, outside, inside });
                    *loops += 1;
                }
            }
            StmtKind::If { branches, otherwise } => {
                for (_, body) in branches {
                    mark_block(body, loops);
                }
                mark_block(otherwise, loops);
            }
            StmtKind::Scope { body, .. } => mark_block(body, loops),
            _ => {}
        }
    }
}

/// The slots that a round sets; `None` where a round does more than set them and print.
fn slots_inside(code: &For) -> Option<BTreeSet<Slot>> {
    let mut slots = BTreeSet::new();
    let plain = code.filter.is_none();
    slots_of_loop(code, &mut slots).filter(|()| plain)?;
    Some(slots)
}

fn slots_of_loop(code: &For, slots: &mut BTreeSet<Slot>) -> Option<()> {
    slots.extend(code.loop_slot);
    slots_of_target(&code.target, slots)?;
    slots_of_entry(&code.entry, slots);
    if let Some(filter) = &code.filter {
        slots_of_target(&filter.target, slots)?;
        slots_of_entry(&filter.entry, slots);
    }
    slots_of_block(&code.body, slots)?;
    if let Some((entry, body)) = &code.otherwise {
        slots_of_entry(entry, slots);
        slots_of_block(body, slots)?;
    }
    Some(())
}

fn slots_of_block(block: &Block, slots: &mut BTreeSet<Slot>) -> Option<()> {
    block.iter().try_for_each(|stmt| slots_of_stmt(&stmt.kind, slots))
}

fn slots_of_stmt(kind: &StmtKind, slots: &mut BTreeSet<Slot>) -> Option<()> {
    match kind {
        StmtKind::Text(_)
        | StmtKind::Output(_)
        | StmtKind::OutputText(_)
        | StmtKind::Break
        | StmtKind::Continue => {}
        StmtKind::If { branches, otherwise } => {
            branches.iter().try_for_each(|(_, body)| slots_of_block(body, slots))?;
            slots_of_block(otherwise, slots)?;
        }
        StmtKind::For(code) => slots_of_loop(code, slots)?,
        StmtKind::Set { target, .. } => slots_of_target(target, slots)?,
        StmtKind::Capture { entry, body, slot, then } => {
            slots_of_entry(entry, slots);
            slots.insert(*slot);
            slots_of_block(body, slots)?;
            slots_of_stmt(&then.kind, slots)?;
        }
        StmtKind::Scope { entry, assignments, body } => {
            slots_of_entry(entry, slots);
            assignments.iter().try_for_each(|(target, _)| slots_of_target(target, slots))?;
            slots_of_block(body, slots)?;
        }
        StmtKind::RecursiveFor { .. }
        | StmtKind::Generation { .. }
        | StmtKind::Macro { .. }
        | StmtKind::CallBlock { .. } => return None,
    }
    Some(())
}

fn slots_of_entry(entry: &Entry, slots: &mut BTreeSet<Slot>) {
    slots.extend(entry.iter().map(|(slot, _)| *slot));
}

fn slots_of_target(target: &Target, slots: &mut BTreeSet<Slot>) -> Option<()> {
    match target {
        Target::Slot(slot) => drop(slots.insert(*slot)),
        // An attribute of a namespace: the run finds out whether it is one of the round's own.
        Target::Attribute { .. } => {}
        Target::Tuple(targets) => {
            targets.iter().try_for_each(|target| slots_of_target(target, slots))?;
        }
    }
    Some(())
}

/// Every expression of a block that is not part of another one.
fn exprs(block: &mut Block, visit: &mut dyn FnMut(&mut Expr)) {
    for stmt in block {
        exprs_of(&mut stmt.kind, visit);
    }
}

fn exprs_of(kind: &mut StmtKind, visit: &mut dyn FnMut(&mut Expr)) {
    match kind {
        StmtKind::Output(expr) | StmtKind::OutputText(expr) => visit(expr),
        StmtKind::If { branches, otherwise } => {
            for (test, body) in branches {
                visit(test);
                exprs(body, visit);
            }
            exprs(otherwise, visit);
        }
        StmtKind::For(code) => {
            visit(&mut code.iter);
            if let Some(filter) = &mut code.filter {
                visit(&mut filter.test);
            }
            exprs(&mut code.body, visit);
            if let Some((_, body)) = &mut code.otherwise {
                exprs(body, visit);
            }
        }
        StmtKind::Set { value, .. } => visit(value),
        StmtKind::Capture { body, then, .. } => {
            exprs(body, visit);
            exprs_of(&mut then.kind, visit);
        }
        StmtKind::Scope { assignments, body, .. } => {
            for (_, value) in assignments {
                visit(value);
            }
            exprs(body, visit);
        }
        StmtKind::Text(_)
        | StmtKind::Break
        | StmtKind::Continue
        | StmtKind::RecursiveFor { .. }
        | StmtKind::Generation { .. }
        | StmtKind::Macro { .. }
        | StmtKind::CallBlock { .. } => {}
    }
}

/// Marks the largest outside expressions of one.
fn wrap(expr: &mut Expr, free: &dyn Fn(Slot) -> bool, outside: &mut Vec<Arc<Expr>>) {
    match reads(expr, free) {
        Reads::Nothing => {}
        Reads::Outside => {
            let number = u32::try_from(outside.len()).unwrap_or(u32::MAX);
            let marked = Arc::new(std::mem::replace(expr, Expr::None));
            outside.push(marked.clone());
            *expr = Expr::Outside(marked, number);
        }
        Reads::Inside => children(expr, &mut |child| wrap(child, free, outside)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reads {
    Nothing,
    Outside,
    Inside,
}

/// What an expression reads. One that calls something counts as of the inside: what is called may do more than read.
fn reads(expr: &mut Expr, free: &dyn Fn(Slot) -> bool) -> Reads {
    match expr {
        Expr::Global(_) => Reads::Outside,
        Expr::Variable { variable, .. } if variable.out == 0 && free(variable.slot) => Reads::Outside,
        Expr::Variable { .. } | Expr::Call(_) | Expr::MethodCall(_) | Expr::Outside(..) => Reads::Inside,
        expr => {
            let mut found = Reads::Nothing;
            children(expr, &mut |child| found = found.max(reads(child, free)));
            found
        }
    }
}

fn children(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    match expr {
        Expr::None
        | Expr::Bool(_)
        | Expr::Int(_)
        | Expr::BigInt(_)
        | Expr::Float(_)
        | Expr::Str(_)
        | Expr::Global(_)
        | Expr::Variable { .. }
        | Expr::Outside(..)
        | Expr::Unknown(_) => {}
        Expr::Tuple(items) | Expr::List(items) | Expr::Sum(items) | Expr::Concat(items) => {
            items.iter_mut().for_each(visit);
        }
        Expr::Dict(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            visit(key);
            visit(value);
        }),
        Expr::Attribute(attribute) => visit(&mut attribute.object),
        Expr::Item(item) => {
            visit(&mut item.object);
            visit(&mut item.index);
        }
        Expr::Slice(slice) => {
            visit(&mut slice.object);
            slice.parts.iter_mut().flatten().for_each(visit);
        }
        Expr::Call(call) => {
            visit(&mut call.callee);
            arguments(&mut call.arguments, visit);
        }
        Expr::MethodCall(call) => {
            visit(&mut call.object);
            arguments(&mut call.arguments, visit);
        }
        Expr::Filter(call) => {
            visit(&mut call.object);
            arguments(&mut call.arguments, visit);
        }
        Expr::Test(call) => {
            visit(&mut call.object);
            arguments(&mut call.arguments, visit);
        }
        Expr::Not(operand) | Expr::Negative(operand) | Expr::Positive(operand) => visit(operand),
        Expr::Binary(binary) => {
            visit(&mut binary.1);
            visit(&mut binary.2);
        }
        Expr::And(operands) | Expr::Or(operands) => {
            visit(&mut operands.0);
            visit(&mut operands.1);
        }
        Expr::Compare(compare) => {
            visit(&mut compare.0);
            compare.1.iter_mut().for_each(|(_, operand)| visit(operand));
        }
        Expr::Conditional(conditional) => {
            visit(&mut conditional.test);
            visit(&mut conditional.then);
            conditional.otherwise.iter_mut().for_each(visit);
        }
    }
}

fn arguments(arguments: &mut Arguments, visit: &mut dyn FnMut(&mut Expr)) {
    arguments.positional.iter_mut().for_each(&mut *visit);
    arguments.keywords.iter_mut().for_each(|(_, value)| visit(value));
    let more = [&mut arguments.more_positional, &mut arguments.more_keywords];
    more.into_iter().flatten().for_each(visit);
}
