//! What the rounds of a loop read from outside of themselves.
//!
//! In: a compiled root. Out: the same, where each of its outermost loops that may hand back what a round printed before
//! has its outside expressions marked: the largest ones that read nothing which the round sets or is at, only variables
//! around the loop, and `loop`. A round whose item and whose outside expressions are as before prints what it printed
//! before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::compile::program::{
    ArgumentsCode, Block, Entry, ExprCode, ForCode, Rounds, Slot, StmtCodeKind, TargetCode,
};

/// Marks the loops of a root.
pub fn mark(block: &mut Block) {
    let mut loops = 0;
    mark_block(block, &mut loops);
}

fn mark_block(block: &mut Block, loops: &mut u32) {
    for stmt in block {
        match &mut stmt.kind {
            StmtCodeKind::For(code) => {
                if let Some(inside) = slots_inside(code) {
                    let mut outside = Vec::new();
                    let free = |slot: Slot| !inside.contains(&slot) || code.loop_slot == Some(slot);
                    exprs(&mut code.body, &mut |expr| wrap(expr, &free, &mut outside));
                    code.rounds = Some(Rounds { number: *loops, outside, inside });
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

/// The slots that a round sets; `None` where a round does more than set them and print.
fn slots_inside(code: &ForCode) -> Option<BTreeSet<Slot>> {
    let mut slots = BTreeSet::new();
    let plain = code.filter.is_none();
    slots_of_loop(code, &mut slots).filter(|()| plain)?;
    Some(slots)
}

fn slots_of_loop(code: &ForCode, slots: &mut BTreeSet<Slot>) -> Option<()> {
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

fn slots_of_stmt(kind: &StmtCodeKind, slots: &mut BTreeSet<Slot>) -> Option<()> {
    match kind {
        StmtCodeKind::Text(_)
        | StmtCodeKind::Output(_)
        | StmtCodeKind::OutputText(_)
        | StmtCodeKind::Break
        | StmtCodeKind::Continue => {}
        StmtCodeKind::If { branches, otherwise } => {
            branches.iter().try_for_each(|(_, body)| slots_of_block(body, slots))?;
            slots_of_block(otherwise, slots)?;
        }
        StmtCodeKind::For(code) => slots_of_loop(code, slots)?,
        StmtCodeKind::Set { target, .. } => slots_of_target(target, slots)?,
        StmtCodeKind::Capture { entry, body, slot, then } => {
            slots_of_entry(entry, slots);
            slots.insert(*slot);
            slots_of_block(body, slots)?;
            slots_of_stmt(&then.kind, slots)?;
        }
        StmtCodeKind::Scope { entry, assignments, body } => {
            slots_of_entry(entry, slots);
            assignments.iter().try_for_each(|(target, _)| slots_of_target(target, slots))?;
            slots_of_block(body, slots)?;
        }
        StmtCodeKind::RecursiveFor { .. }
        | StmtCodeKind::Generation { .. }
        | StmtCodeKind::Macro { .. }
        | StmtCodeKind::CallBlock { .. } => return None,
    }
    Some(())
}

fn slots_of_entry(entry: &Entry, slots: &mut BTreeSet<Slot>) {
    slots.extend(entry.iter().map(|(slot, _)| *slot));
}

fn slots_of_target(target: &TargetCode, slots: &mut BTreeSet<Slot>) -> Option<()> {
    match target {
        TargetCode::Slot(slot) => drop(slots.insert(*slot)),
        // An attribute of a namespace: the run finds out whether it is one of the round's own.
        TargetCode::Attribute { .. } => {}
        TargetCode::Tuple(targets) => {
            targets.iter().try_for_each(|target| slots_of_target(target, slots))?;
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
        OutsideReads::Inside => children(expr, &mut |child| wrap(child, free, outside)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum OutsideReads {
    Nothing,
    Outside,
    Inside,
}

/// What an expression reads. One that calls something counts as of the inside: what is called may do more than read.
fn reads(expr: &mut ExprCode, free: &dyn Fn(Slot) -> bool) -> OutsideReads {
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

fn children(expr: &mut ExprCode, visit: &mut dyn FnMut(&mut ExprCode)) {
    match expr {
        ExprCode::None
        | ExprCode::Bool(_)
        | ExprCode::Int(_)
        | ExprCode::BigInt(_)
        | ExprCode::Float(_)
        | ExprCode::Str(_)
        | ExprCode::Global(_)
        | ExprCode::Variable { .. }
        | ExprCode::Outside(..)
        | ExprCode::Unknown(_) => {}
        ExprCode::Tuple(items) | ExprCode::List(items) | ExprCode::Sum(items) | ExprCode::Concat(items) => {
            items.iter_mut().for_each(visit);
        }
        ExprCode::Dict(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            visit(key);
            visit(value);
        }),
        ExprCode::Attribute(attribute) => visit(&mut attribute.object),
        ExprCode::Item(item) => {
            visit(&mut item.object);
            visit(&mut item.index);
        }
        ExprCode::Slice(slice) => {
            visit(&mut slice.object);
            slice.parts.iter_mut().flatten().for_each(visit);
        }
        ExprCode::Call(call) => {
            visit(&mut call.callee);
            arguments(&mut call.arguments, visit);
        }
        ExprCode::MethodCall(call) => {
            visit(&mut call.object);
            arguments(&mut call.arguments, visit);
        }
        ExprCode::Filter(call) => {
            visit(&mut call.object);
            arguments(&mut call.arguments, visit);
        }
        ExprCode::Test(call) => {
            visit(&mut call.object);
            arguments(&mut call.arguments, visit);
        }
        ExprCode::Not(operand) | ExprCode::Negative(operand) | ExprCode::Positive(operand) => visit(operand),
        ExprCode::Binary(binary) => {
            visit(&mut binary.1);
            visit(&mut binary.2);
        }
        ExprCode::And(operands) | ExprCode::Or(operands) => {
            visit(&mut operands.0);
            visit(&mut operands.1);
        }
        ExprCode::Compare(compare) => {
            visit(&mut compare.0);
            compare.1.iter_mut().for_each(|(_, operand)| visit(operand));
        }
        ExprCode::Conditional(conditional) => {
            visit(&mut conditional.test);
            visit(&mut conditional.then);
            conditional.otherwise.iter_mut().for_each(visit);
        }
    }
}

fn arguments(arguments: &mut ArgumentsCode, visit: &mut dyn FnMut(&mut ExprCode)) {
    arguments.positional.iter_mut().for_each(&mut *visit);
    arguments.keywords.iter_mut().for_each(|(_, value)| visit(value));
    let more = [&mut arguments.more_positional, &mut arguments.more_keywords];
    more.into_iter().flatten().for_each(visit);
}
