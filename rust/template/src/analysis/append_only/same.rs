//! Statements that print the same, wherever they stand.

use crate::ast::{BinaryOperator, Const, Expr, ExprKind, Stmt, StmtKind, Target};

/// What a body has behind what another one prints.
pub(super) struct Rest<'e> {
    /// It prints more with its last common statement already.
    pub more: bool,
    pub body: &'e [Stmt],
}

/// Whether a body starts with all of another one, and what it has behind that.
pub(super) fn rest<'e>(of: &'e [Stmt], start: &[Stmt]) -> Option<Rest<'e>> {
    let body = of.get(start.len()..)?;
    let Some((last, before)) = start.split_last() else { return Some(Rest { more: false, body }) };
    if !before.iter().zip(of).all(|(a, b)| same_stmt(a, b)) {
        return None;
    }
    let of_last = of.get(before.len())?;
    if same_stmt(last, of_last) {
        return Some(Rest { more: false, body });
    }
    let (StmtKind::Output(shorter), StmtKind::Output(longer)) = (&last.kind, &of_last.kind) else {
        return None;
    };
    (starts_with(longer, shorter) && starts_with_text(shorter)).then_some(Rest { more: true, body })
}

fn same_stmt(a: &Stmt, b: &Stmt) -> bool {
    match (&a.kind, &b.kind) {
        (StmtKind::Text(a), StmtKind::Text(b)) => a == b,
        (StmtKind::Output(a), StmtKind::Output(b)) => same_expr(a, b),
        (
            StmtKind::Set { target: Target::Name(name), value },
            StmtKind::Set { target: Target::Name(other_name), value: other_value },
        ) => name == other_name && same_expr(value, other_value),
        _ => false,
    }
}

/// Whether one expression is another one, plus constant texts.
fn starts_with(longer: &Expr, shorter: &Expr) -> bool {
    match &longer.kind {
        _ if same_expr(longer, shorter) => true,
        ExprKind::Binary { operator: BinaryOperator::Add, left, right } => {
            matches!(right.kind, ExprKind::Const(Const::Str(_))) && starts_with(left, shorter)
        }
        _ => false,
    }
}

/// Whether an expression adds to a constant text, so that it is a text.
fn starts_with_text(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Const(Const::Str(_)) => true,
        ExprKind::Binary { operator: BinaryOperator::Add, left, .. } => starts_with_text(left),
        _ => false,
    }
}

/// Whether two expressions are written alike. Not all kinds of expressions are compared.
fn same_expr(a: &Expr, b: &Expr) -> bool {
    let alike = match (&a.kind, &b.kind) {
        (ExprKind::Const(a), ExprKind::Const(b)) => a == b,
        (ExprKind::Name(a), ExprKind::Name(b))
        | (ExprKind::Attribute { name: a, .. }, ExprKind::Attribute { name: b, .. }) => a == b,
        (ExprKind::Item { .. }, ExprKind::Item { .. }) | (ExprKind::Concat(_), ExprKind::Concat(_)) => true,
        (ExprKind::Binary { operator: a, .. }, ExprKind::Binary { operator: b, .. }) => a == b,
        (ExprKind::Filter { filter: a, .. }, ExprKind::Filter { filter: b, .. }) => {
            let bare = a.arguments == crate::ast::Arguments::default() && a.arguments == b.arguments;
            a.name == b.name && bare
        }
        _ => false,
    };
    if !alike {
        return false;
    }
    let parts = |expr| {
        let mut parts = Vec::new();
        Expr::children(expr, &mut |part| parts.push(part));
        parts
    };
    let (a, b) = (parts(a), parts(b));
    a.len() == b.len() && a.into_iter().zip(b).all(|(a, b)| same_expr(a, b))
}
