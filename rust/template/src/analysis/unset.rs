//! The names that a body reads before it has certainly set them, and so from around it.

use std::collections::BTreeSet;

use super::walk;
use crate::ast::{Expr, ExprKind, Function, Stmt, StmtKind, Target};

/// Stands among the names for all that is random.
pub(super) const CHANCE: &str = "lipsum";

/// The names that a macro may read from around it, and how many nodes it has.
pub(super) fn of_function(function: &Function) -> (BTreeSet<&str>, usize) {
    let mut search = Search { names: BTreeSet::new(), nodes: 0 };
    search.function(function, &BTreeSet::new());
    (search.names, search.nodes)
}

struct Search<'e> {
    names: BTreeSet<&'e str>,
    nodes: usize,
}

/// Names that are certainly set.
type Set<'e> = BTreeSet<&'e str>;

impl<'e> Search<'e> {
    fn function(&mut self, function: &'e Function, outer: &Set<'e>) {
        let mut set = self.copy(outer);
        set.extend(function.parameters.iter().map(String::as_str));
        for default in &function.defaults {
            self.expr(default, outer);
        }
        self.block(&function.body, &mut set);
    }

    fn copy(&mut self, set: &Set<'e>) -> Set<'e> {
        self.nodes += set.len();
        set.clone()
    }

    fn block(&mut self, body: &'e [Stmt], set: &mut Set<'e>) {
        for stmt in body {
            self.stmt(stmt, set);
        }
    }

    fn inner(&mut self, body: &'e [Stmt], set: &Set<'e>) {
        let mut set = self.copy(set);
        self.block(body, &mut set);
    }

    fn stmt(&mut self, stmt: &'e Stmt, set: &mut Set<'e>) {
        self.nodes += 1;
        match &stmt.kind {
            StmtKind::If { branches, otherwise } => return self.if_stmt(branches, otherwise, set),
            StmtKind::For(for_stmt) => {
                self.expr(&for_stmt.iter, set);
                let mut inner = self.copy(set);
                add(&mut inner, &for_stmt.target);
                if let Some(test) = &for_stmt.filter {
                    self.expr(test, &inner);
                }
                inner.insert("loop");
                self.block(&for_stmt.body, &mut inner);
                self.inner(&for_stmt.otherwise, set);
            }
            StmtKind::SetBlock { filters, body, .. } | StmtKind::FilterBlock { filters, body } => {
                for filter in filters {
                    self.filter_name(&filter.name);
                }
                walk::expressions(stmt, &mut |expr| self.expr(expr, set));
                self.inner(body, set);
            }
            StmtKind::With { assignments, body } => {
                let mut inner = self.copy(set);
                for (target, value) in assignments {
                    self.expr(value, set);
                    add(&mut inner, target);
                }
                self.block(body, &mut inner);
            }
            StmtKind::Macro { function, .. } => self.function(function, set),
            StmtKind::CallBlock { call, caller } => {
                self.expr(call, set);
                self.function(caller, set);
            }
            StmtKind::Generation(body) => self.inner(body, set),
            StmtKind::Output(expr) | StmtKind::Set { value: expr, .. } => self.expr(expr, set),
            StmtKind::Text(_) | StmtKind::Break | StmtKind::Continue => {}
        }
        match &stmt.kind {
            StmtKind::Set { target, .. } | StmtKind::SetBlock { target, .. } => {
                self.namespaces(target, set);
                add(set, target);
            }
            StmtKind::Macro { name, .. } => {
                set.insert(name);
            }
            _ => {}
        }
    }

    fn if_stmt(&mut self, branches: &'e [(Expr, Vec<Stmt>)], otherwise: &'e [Stmt], set: &mut Set<'e>) {
        let mut common: Option<Set<'e>> = None;
        for (test, body) in branches {
            self.expr(test, set);
            let mut inner = self.copy(set);
            self.block(body, &mut inner);
            common = Some(match common {
                Some(common) => common.intersection(&inner).copied().collect(),
                None => inner,
            });
        }
        self.block(otherwise, set);
        if let Some(common) = common {
            set.retain(|name| common.contains(name));
        }
    }

    fn expr(&mut self, expr: &'e Expr, set: &Set<'e>) {
        self.nodes += 1;
        match &expr.kind {
            ExprKind::Name(name) if !set.contains(name.as_str()) => {
                self.names.insert(name);
            }
            ExprKind::Filter { filter, .. } => self.filter_name(&filter.name),
            _ => {}
        }
        expr.children(&mut |child| self.expr(child, set));
    }

    fn filter_name(&mut self, name: &str) {
        if name == "random" {
            self.names.insert(CHANCE);
        }
    }

    /// The namespaces that a target writes to.
    fn namespaces(&mut self, target: &'e Target, set: &Set<'e>) {
        match target {
            Target::Name(_) => {}
            Target::Attribute { namespace, .. } => {
                if !set.contains(namespace.as_str()) {
                    self.names.insert(namespace);
                }
            }
            Target::Tuple(targets) => {
                for target in targets {
                    self.namespaces(target, set);
                }
            }
        }
    }
}

fn add<'e>(set: &mut Set<'e>, target: &'e Target) {
    walk::names(target, &mut |name| {
        set.insert(name);
    });
}
