//! Which variable a name means: Jinja2's own rules, followed step by step, because templates rely on their corners.
//!
//! In: the statements of a scope. Out: for each name that the scope mentions or stores a variable, and what that
//! variable is set to when the scope is entered. An inner scope's variable of the same name starts as a copy of the
//! outer one, and is gone when the scope ends; `if` opens no scope; a macro sees the variables around its definition
//! as they are when it is called.

use std::collections::{BTreeMap, BTreeSet};

use crate::syntax::ast::{Arguments, Expr, ExprKind, FilterCall, Stmt, StmtKind, Target};

/// A variable: a name in a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ident(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    Parameter,
    /// The variable of the rendering with this name.
    Resolve,
    Alias(Ident),
    Undefined,
}

/// Hands out variables; one for each name in each scope.
#[derive(Debug, Default)]
pub struct Idents {
    known: BTreeMap<(u32, String), Ident>,
    pub names: Vec<String>,
    scopes: u32,
}

impl Idents {
    fn get(&mut self, scope: u32, name: &str) -> Ident {
        let next = Ident(crate::value::text::small(self.names.len()));
        *self.known.entry((scope, name.to_owned())).or_insert_with(|| {
            self.names.push(name.to_owned());
            next
        })
    }
}

/// The names of one scope.
#[derive(Debug, Clone)]
pub struct Symbols<'p> {
    parent: Option<&'p Symbols<'p>>,
    scope: u32,
    refs: BTreeMap<String, Ident>,
    loads: BTreeMap<Ident, Binding>,
    stores: BTreeSet<String>,
}

impl<'p> Symbols<'p> {
    pub fn new(idents: &mut Idents, parent: Option<&'p Symbols<'p>>) -> Self {
        idents.scopes += 1;
        Self {
            parent,
            scope: idents.scopes,
            refs: BTreeMap::new(),
            loads: BTreeMap::new(),
            stores: BTreeSet::new(),
        }
    }

    pub fn find(&self, name: &str) -> Option<Ident> {
        self.refs.get(name).copied().or_else(|| self.parent?.find(name))
    }

    pub fn loads(&self) -> impl Iterator<Item = (Ident, Binding)> {
        self.loads.iter().map(|(ident, source)| (*ident, *source))
    }

    pub fn stores(&self, name: &str) -> bool {
        self.stores.contains(name)
    }

    fn define(&mut self, idents: &mut Idents, name: &str, source: Binding) -> Ident {
        let ident = idents.get(self.scope, name);
        self.refs.insert(name.to_owned(), ident);
        self.loads.insert(ident, source);
        ident
    }

    pub fn parameter(&mut self, idents: &mut Idents, name: &str) -> Ident {
        self.stores.insert(name.to_owned());
        self.define(idents, name, Binding::Parameter)
    }

    fn store(&mut self, idents: &mut Idents, name: &str) {
        self.stores.insert(name.to_owned());
        if self.refs.contains_key(name) {
            return;
        }
        let outer = self.parent.and_then(|parent| parent.find(name));
        self.define(idents, name, outer.map_or(Binding::Undefined, Binding::Alias));
    }

    fn load(&mut self, idents: &mut Idents, name: &str) {
        if self.find(name).is_none() {
            self.define(idents, name, Binding::Resolve);
        }
    }

    /// What is stored in one branch only has on the others the value from outside.
    fn branches(&mut self, branches: Vec<Symbols<'p>>) {
        let mut stored: BTreeSet<String> =
            branches.iter().flat_map(|branch| branch.stores.iter().cloned()).collect();
        stored.retain(|name| !self.stores.contains(name));
        for branch in branches {
            self.refs.extend(branch.refs);
            self.loads.extend(branch.loads);
            self.stores.extend(branch.stores);
        }
        for name in stored {
            let Some(ident) = self.find(&name) else { continue };
            let outer = self.parent.and_then(|parent| parent.find(&name));
            self.loads.insert(ident, outer.map_or(Binding::Resolve, Binding::Alias));
        }
    }

    pub fn block(&mut self, idents: &mut Idents, body: &[Stmt]) {
        for stmt in body {
            self.stmt(idents, stmt);
        }
    }

    fn stmt(&mut self, idents: &mut Idents, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Text(_) | StmtKind::Generation(_) | StmtKind::Break | StmtKind::Continue => {}
            StmtKind::Output(expr) => self.expr(idents, expr),
            StmtKind::If { branches, otherwise } => self.if_stmt(idents, branches, otherwise),
            StmtKind::For(for_stmt) => self.expr(idents, &for_stmt.iter),
            StmtKind::Set { target, value } => {
                self.expr(idents, value);
                self.target(idents, target, false);
            }
            StmtKind::SetBlock { target, .. } => self.target(idents, target, false),
            StmtKind::With { assignments, .. } => {
                for (_, value) in assignments {
                    self.expr(idents, value);
                }
            }
            StmtKind::FilterBlock { filters, .. } => self.filters(idents, filters),
            StmtKind::Macro { name, .. } => self.store(idents, name),
            StmtKind::CallBlock { call, .. } => self.expr(idents, call),
        }
    }

    fn if_stmt(&mut self, idents: &mut Idents, branches: &[(Expr, Vec<Stmt>)], otherwise: &[Stmt]) {
        let Some(((test, body), elifs)) = branches.split_first() else { return };
        self.expr(idents, test);
        let mut first = self.clone();
        first.block(idents, body);
        let mut middle = self.clone();
        for (test, body) in elifs {
            middle.expr(idents, test);
            let mut taken = middle.clone();
            taken.block(idents, body);
            let untaken = middle.clone();
            middle.branches(vec![taken, untaken.clone(), untaken]);
        }
        let mut last = self.clone();
        last.block(idents, otherwise);
        self.branches(vec![first, middle, last]);
    }

    pub fn target(&mut self, idents: &mut Idents, target: &Target, as_parameter: bool) {
        match target {
            Target::Name(name) if as_parameter => {
                self.parameter(idents, name);
            }
            Target::Name(name) => self.store(idents, name),
            Target::Attribute { namespace, .. } => self.load(idents, namespace),
            Target::Tuple(targets) => {
                for target in targets {
                    self.target(idents, target, as_parameter);
                }
            }
        }
    }

    pub fn filters(&mut self, idents: &mut Idents, filters: &[FilterCall]) {
        for filter in filters {
            self.arguments(idents, &filter.arguments);
        }
    }

    fn arguments(&mut self, idents: &mut Idents, arguments: &Arguments) {
        arguments.walk(&mut |expr| self.expr(idents, expr));
    }

    pub fn expr(&mut self, idents: &mut Idents, expr: &Expr) {
        if let ExprKind::Name(name) = &expr.kind {
            self.load(idents, name);
        }
        expr.children(&mut |child| self.expr(idents, child));
    }
}

/// Which of these names a body reads before it stores them; what decides whether a loop makes its `loop`, and a macro
/// takes `caller`, `kwargs`, `varargs`.
pub fn undeclared(body: &[Stmt], names: &[&'static str]) -> BTreeSet<&'static str> {
    let mut search = Search { names: names.iter().copied().collect(), found: BTreeSet::new() };
    search.block(body);
    search.found
}

struct Search {
    names: BTreeSet<&'static str>,
    found: BTreeSet<&'static str>,
}

impl Search {
    fn block(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Text(_) | StmtKind::Break | StmtKind::Continue => {}
            StmtKind::Generation(body) => self.block(body),
            StmtKind::Output(expr) => self.expr(expr),
            StmtKind::If { branches, otherwise } => {
                for (test, body) in branches {
                    self.expr(test);
                    self.block(body);
                }
                self.block(otherwise);
            }
            StmtKind::For(for_stmt) => {
                self.target(&for_stmt.target);
                self.expr(&for_stmt.iter);
                self.block(&for_stmt.body);
                self.block(&for_stmt.otherwise);
                if let Some(test) = &for_stmt.filter {
                    self.expr(test);
                }
            }
            StmtKind::Set { target, value } => {
                self.target(target);
                self.expr(value);
            }
            StmtKind::SetBlock { target, filters, body } => {
                self.target(target);
                self.filters(filters);
                self.block(body);
            }
            StmtKind::With { assignments, body } => {
                for (target, _) in assignments {
                    self.target(target);
                }
                for (_, value) in assignments {
                    self.expr(value);
                }
                self.block(body);
            }
            StmtKind::FilterBlock { filters, body } => {
                self.block(body);
                self.filters(filters);
            }
            StmtKind::Macro { function, .. } => self.function(function),
            StmtKind::CallBlock { call, caller } => {
                self.expr(call);
                self.function(caller);
            }
        }
    }

    fn function(&mut self, function: &crate::syntax::ast::MacroBody) {
        for name in &function.parameters {
            self.discard(name);
        }
        for default in &function.defaults {
            self.expr(default);
        }
        self.block(&function.body);
    }

    fn target(&mut self, target: &Target) {
        match target {
            Target::Name(name) => self.discard(name),
            Target::Attribute { .. } => {}
            Target::Tuple(targets) => {
                for target in targets {
                    self.target(target);
                }
            }
        }
    }

    fn discard(&mut self, name: &str) {
        self.names.remove(name);
    }

    fn filters(&mut self, filters: &[FilterCall]) {
        for filter in filters {
            filter.arguments.walk(&mut |expr| self.expr(expr));
        }
    }

    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::Name(name) = &expr.kind
            && let Some(name) = self.names.get(name.as_str())
        {
            self.found.insert(name);
        }
        expr.children(&mut |child| self.expr(child));
    }
}
