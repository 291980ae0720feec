//! Which variables and which keys a template looks at, read from its syntax tree without running it.
//!
//! In: the statements of a template. Out: names. What follows from a name is said by whoever asks.

use std::collections::BTreeSet;

use crate::compile::compile;
use crate::syntax::ast::{
    BinaryOperator, Const, Expr, ExprKind, FilterCall, MacroBody, Stmt, StmtKind, Target, exprs,
};
use crate::value::Function;

/// What a template looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    /// Names that it takes from the variables of a rendering. One that the template also sets is here if it is read
    /// where nothing is set yet.
    pub variables: BTreeSet<String>,
    /// Names that it sets anew in each round of a loop or each call of a macro, though some may be read before that.
    pub set_in_loops: BTreeSet<String>,
    /// Those of the variables that it reads before it sets them, going by the order of its text: what is given from
    /// outside, while the others are its own though they may be read where nothing is set.
    pub arguments: BTreeSet<String>,
    /// Keys that it looks up on anything, by attribute, by constant index, by `get` or by `in`: some may be
    /// those of the object that one has in mind, others are not.
    pub keys: BTreeSet<String>,
    /// It calls `strftime_now`: its text depends on the day.
    pub asks_for_the_date: bool,
}

pub fn reads(body: &[Stmt]) -> Reads {
    let mut reads = Reads::default();
    if let Ok(program) = compile(body) {
        reads.asks_for_the_date = program.globals.iter().any(|name| &*name.0 == "strftime_now");
        let names = program.globals.iter().map(|name| &*name.0);
        reads.variables = names.filter(|name| Function::named(name).is_none()).map(str::to_owned).collect();
    }
    let mut uses = Uses::default();
    uses.of(body);
    reads.arguments = reads.variables.intersection(&uses.read).cloned().collect();
    let mut set = BTreeSet::new();
    set_in_loops(body, false, &mut set);
    reads.set_in_loops = set.into_iter().map(str::to_owned).collect();
    exprs(body, &mut |expr| keys(expr, &mut reads.keys));
    reads
}

/// The names of all filters and methods that a template applies, those that `map` applies among them; `%` for text that
/// is formatted, `[::]` for what is sliced with a step.
pub fn operations(body: &[Stmt]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    exprs(body, &mut |expr| operations_in(expr, &mut found));
    block_filters(body, &mut found);
    found
}

fn operations_in(expr: &Expr, found: &mut BTreeSet<String>) {
    match &expr.kind {
        ExprKind::Filter { filter, .. } => filter_names(filter, found),
        ExprKind::Call { callee, .. } => {
            if let ExprKind::Attribute { name, .. } = &callee.kind {
                found.insert(name.clone());
            }
        }
        ExprKind::Binary { operator: BinaryOperator::Remainder, .. } => {
            found.insert("%".to_owned());
        }
        ExprKind::Slice { step: Some(_), .. } => {
            found.insert("[::]".to_owned());
        }
        _ => {}
    }
    expr.children(&mut |child| operations_in(child, found));
}

/// `map` applies what its first argument names, if that is known.
fn filter_names(filter: &FilterCall, found: &mut BTreeSet<String>) {
    found.insert(match (&*filter.name, filter.arguments.positional.first().map(|first| &first.kind)) {
        ("map", Some(ExprKind::Const(Const::Str(name)))) => name.clone(),
        _ => filter.name.clone(),
    });
}

fn block_filters(body: &[Stmt], found: &mut BTreeSet<String>) {
    for stmt in body {
        if let StmtKind::SetBlock { filters, .. } | StmtKind::FilterBlock { filters, .. } = &stmt.kind {
            for filter in filters {
                filter_names(filter, found);
            }
        }
        stmt.bodies(&mut |body| block_filters(body, found));
    }
}

fn keys(expr: &Expr, found: &mut BTreeSet<String>) {
    let constant = |expr: &Expr| match &expr.kind {
        ExprKind::Const(Const::Str(text)) => Some(text.clone()),
        _ => None,
    };
    match &expr.kind {
        ExprKind::Attribute { name, .. } => {
            found.insert(name.clone());
        }
        ExprKind::Item { index, .. } => found.extend(constant(index)),
        ExprKind::Call { callee, arguments } => {
            if matches!(&callee.kind, ExprKind::Attribute { name, .. } if name == "get") {
                found.extend(arguments.positional.first().and_then(constant));
            }
        }
        ExprKind::Compare { first, .. } => found.extend(constant(first)),
        _ => {}
    }
    expr.children(&mut |child| keys(child, found));
}

/// Names by what the text of a template first does with them.
#[derive(Default)]
struct Uses {
    read: BTreeSet<String>,
    set: BTreeSet<String>,
}

impl Uses {
    fn of(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.of_stmt(stmt);
        }
    }

    fn of_stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Output(expr) => self.read(expr),
            StmtKind::If { branches, otherwise } => {
                for (test, body) in branches {
                    self.read(test);
                    self.of(body);
                }
                self.of(otherwise);
            }
            StmtKind::For(for_stmt) => {
                self.read(&for_stmt.iter);
                self.set(&for_stmt.target);
                for_stmt.filter.iter().for_each(|filter| self.read(filter));
                self.of(&for_stmt.body);
                self.of(&for_stmt.otherwise);
            }
            StmtKind::Set { target, value } => {
                self.read(value);
                self.set(target);
            }
            StmtKind::SetBlock { target, filters, body } => {
                self.of_filters(filters);
                self.of(body);
                self.set(target);
            }
            StmtKind::With { assignments, body } => {
                for (target, value) in assignments {
                    self.read(value);
                    self.set(target);
                }
                self.of(body);
            }
            StmtKind::FilterBlock { filters, body } => {
                self.of_filters(filters);
                self.of(body);
            }
            StmtKind::Macro { function, .. } => self.of_macro(function),
            StmtKind::CallBlock { call, caller } => {
                self.read(call);
                self.of_macro(caller);
            }
            StmtKind::Generation(body) => self.of(body),
            StmtKind::Text(_) | StmtKind::Break | StmtKind::Continue => {}
        }
    }

    fn of_filters(&mut self, filters: &[FilterCall]) {
        for filter in filters {
            filter.arguments.walk(&mut |expr| self.read(expr));
        }
    }

    fn of_macro(&mut self, function: &MacroBody) {
        function.defaults.iter().for_each(|default| self.read(default));
        self.of(&function.body);
    }

    fn read(&mut self, expr: &Expr) {
        if let ExprKind::Name(name) = &expr.kind
            && !self.set.contains(name)
        {
            self.read.insert(name.clone());
        }
        expr.children(&mut |child| self.read(child));
    }

    fn set(&mut self, target: &Target) {
        let mut set = BTreeSet::new();
        names(target, &mut set);
        self.set.extend(set.into_iter().map(str::to_owned));
    }
}

fn set_in_loops<'s>(body: &'s [Stmt], in_loop: bool, found: &mut BTreeSet<&'s str>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::If { branches, otherwise } => {
                for (_, body) in branches {
                    set_in_loops(body, in_loop, found);
                }
                set_in_loops(otherwise, in_loop, found);
            }
            StmtKind::For(for_stmt) => {
                names(&for_stmt.target, found);
                set_in_loops(&for_stmt.body, true, found);
                set_in_loops(&for_stmt.otherwise, in_loop, found);
            }
            StmtKind::Set { target, .. } if in_loop => names(target, found),
            StmtKind::SetBlock { target, body, .. } => {
                if in_loop {
                    names(target, found);
                }
                set_in_loops(body, in_loop, found);
            }
            StmtKind::With { body, .. } | StmtKind::FilterBlock { body, .. } | StmtKind::Generation(body) => {
                set_in_loops(body, in_loop, found);
            }
            StmtKind::Macro { function, .. } | StmtKind::CallBlock { caller: function, .. } => {
                set_in_loops(&function.body, true, found);
            }
            _ => {}
        }
    }
}

fn names<'s>(target: &'s Target, found: &mut BTreeSet<&'s str>) {
    match target {
        Target::Name(name) => {
            found.insert(name);
        }
        Target::Attribute { .. } => {}
        Target::Tuple(targets) => {
            for target in targets {
                names(target, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parser::parse;

    fn of(source: &str) -> Reads {
        reads(&parse(source).expect("the source parses"))
    }

    fn names(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn variables_are_those_that_nobody_sets_before() {
        let found =
            of("{% set a = b %}{{ a }}{% for m in messages %}{{ m.x }}{{ loop.index }}{{ c }}{% endfor %}\
             {% macro f(p) %}{{ p }}{{ d }}{% endmacro %}{{ f(1) }}{{ range(3) }}");
        assert_eq!(names(&found.variables), ["b", "c", "d", "messages"]);
    }

    #[test]
    fn a_default_for_a_variable_reads_it() {
        let found = of("{% if not flag is defined %}{% set flag = true %}{% endif %}{{ flag }}");
        assert_eq!(names(&found.variables), ["flag"]);
    }

    #[test]
    fn what_a_template_sets_before_it_reads_it_is_no_argument() {
        let found = of("{% if not a is defined %}{% set a = 1 %}{% endif %}{% set b = b | default(2) %}\
             {% if messages %}{% set c = 1 %}{% endif %}{{ c }}\
             {% macro f(p=d) %}{{ p }}{% endmacro %}{% filter replace(e, '') %}{% endfilter %}");
        assert_eq!(names(&found.arguments), ["a", "b", "d", "e", "messages"]);
        assert!(found.variables.contains("c"));
    }

    #[test]
    fn keys_are_read_in_every_spelling() {
        let found = of("{{ m.a }}{{ m['b'] }}{{ m.get('c', 1) }}{% if 'd' in m %}{% endif %}{{ m[e] }}");
        assert_eq!(names(&found.keys), ["a", "b", "c", "d", "get"]);
    }

    #[test]
    fn the_clock_is_noticed_wherever_it_is_called() {
        assert!(of("{% macro f() %}{{ strftime_now('%Y') }}{% endmacro %}").asks_for_the_date);
        assert!(!of("{{ 'strftime_now' }}").asks_for_the_date);
    }

    #[test]
    fn operations_are_found_wherever_they_are_applied() {
        let source = "{{ m | trim | map('upper') }}{% filter lower %}{% if x %}{{ a.split('b') }}{% endif %}{% endfilter %}\
                      {{ '%s' % c }}{{ d[::-1] }}{{ e[1:] }}{{ f(1) }}{{ l | map(attribute='x') }}";
        let found = operations(&parse(source).expect("the source parses"));
        assert_eq!(names(&found), ["%", "[::]", "lower", "map", "split", "trim", "upper"]);
    }

    #[test]
    fn names_set_in_rounds_and_macros_are_told_from_others() {
        let found =
            of("{% for m in l %}{% if m.r %}{% set a = m.r %}{% endif %}{{ a }}{% endfor %}{% set b = 1 %}\
             {% macro f() %}{% set c %}{% endset %}{% endmacro %}");
        assert_eq!(names(&found.set_in_loops), ["a", "c", "m"]);
    }
}
