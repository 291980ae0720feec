//! Walks over the statements and expressions of a template, in the order of the source.

use crate::ast::{Expr, FilterCall, Function, Stmt, StmtKind, Target};

/// Calls `visit` with each statement, those inside of others too.
pub(super) fn statements<'e>(body: &'e [Stmt], visit: &mut dyn FnMut(&'e Stmt)) {
    for stmt in body {
        visit(stmt);
        bodies(stmt, &mut |body| statements(body, visit));
    }
}

/// Calls `visit` with the statements directly inside of one.
fn bodies<'e>(stmt: &'e Stmt, visit: &mut dyn FnMut(&'e [Stmt])) {
    match &stmt.kind {
        StmtKind::Text(_)
        | StmtKind::Output(_)
        | StmtKind::Set { .. }
        | StmtKind::Break
        | StmtKind::Continue => {}
        StmtKind::If { branches, otherwise } => {
            for (_, body) in branches {
                visit(body);
            }
            visit(otherwise);
        }
        StmtKind::For(for_stmt) => {
            visit(&for_stmt.body);
            visit(&for_stmt.otherwise);
        }
        StmtKind::SetBlock { body, .. }
        | StmtKind::With { body, .. }
        | StmtKind::FilterBlock { body, .. } => {
            visit(body);
        }
        StmtKind::Macro { function, .. } | StmtKind::CallBlock { caller: function, .. } => {
            visit(&function.body);
        }
        StmtKind::Generation(body) => visit(body),
    }
}

/// Calls `visit` with each expression of one statement that is not inside of another statement or expression.
pub(super) fn expressions<'e>(stmt: &'e Stmt, visit: &mut dyn FnMut(&'e Expr)) {
    match &stmt.kind {
        StmtKind::Text(_) | StmtKind::Generation(_) | StmtKind::Break | StmtKind::Continue => {}
        StmtKind::Output(expr) | StmtKind::Set { value: expr, .. } => visit(expr),
        StmtKind::If { branches, .. } => {
            for (test, _) in branches {
                visit(test);
            }
        }
        StmtKind::For(for_stmt) => {
            visit(&for_stmt.iter);
            for_stmt.filter.iter().for_each(visit);
        }
        StmtKind::SetBlock { filters, .. } | StmtKind::FilterBlock { filters, .. } => {
            arguments(filters, visit);
        }
        StmtKind::With { assignments, .. } => {
            for (_, value) in assignments {
                visit(value);
            }
        }
        StmtKind::Macro { function, .. } => function.defaults.iter().for_each(visit),
        StmtKind::CallBlock { call, caller } => {
            visit(call);
            caller.defaults.iter().for_each(visit);
        }
    }
}

fn arguments<'e>(filters: &'e [FilterCall], visit: &mut dyn FnMut(&'e Expr)) {
    for filter in filters {
        filter.arguments.walk(visit);
    }
}

/// Calls `visit` with each name that one statement gives a meaning.
pub(super) fn bound<'e>(stmt: &'e Stmt, visit: &mut dyn FnMut(&'e str)) {
    match &stmt.kind {
        StmtKind::For(for_stmt) => names(&for_stmt.target, visit),
        StmtKind::Set { target, .. } | StmtKind::SetBlock { target, .. } => names(target, visit),
        StmtKind::With { assignments, .. } => {
            for (target, _) in assignments {
                names(target, visit);
            }
        }
        StmtKind::Macro { name, function } => {
            visit(name);
            parameters(function, visit);
        }
        StmtKind::CallBlock { caller, .. } => parameters(caller, visit),
        _ => {}
    }
}

fn parameters<'e>(function: &'e Function, visit: &mut dyn FnMut(&'e str)) {
    for name in &function.parameters {
        visit(name);
    }
}

/// Calls `visit` with each name in a target.
pub(super) fn names<'e>(target: &'e Target, visit: &mut dyn FnMut(&'e str)) {
    match target {
        Target::Name(name) => visit(name),
        Target::Attribute { .. } => {}
        Target::Tuple(targets) => {
            for target in targets {
                names(target, visit);
            }
        }
    }
}
