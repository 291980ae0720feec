//! The texts that a template itself can write, read from its syntax tree without running it.
//!
//! In: the statements of a template. Out: its text outside of tags and every string in it, and what these become where
//! they stand side by side or are added up: also by way of a variable, a parameter of a macro or an attribute of a
//! namespace. What is added to something that is not known is a text by itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{
    Arguments, BinaryOperator, Const, Expr, ExprKind, MacroBody, Stmt, StmtKind, Target, exprs,
};

/// The most texts that one expression may stand for; of those with more, each string counts by itself.
const MOST: usize = 64;
/// How often what a variable holds is looked up in what others hold.
const ROUNDS: usize = 4;

/// The texts, each once.
pub fn written(body: &[Stmt]) -> BTreeSet<String> {
    let mut known = Known::default();
    for _ in 0..ROUNDS {
        let before = known.len();
        known.learn(body);
        if known.len() == before {
            break;
        }
    }
    let mut found = BTreeSet::new();
    exprs(body, &mut |expr| strings(expr, &known, &mut found));
    side_by_side(body, &known, &mut found);
    found.remove("");
    found
}

/// What names stand for, as far as that is text of the template, whatever their scope.
#[derive(Default)]
struct Known<'s> {
    texts: BTreeMap<&'s str, BTreeSet<String>>,
    macros: BTreeMap<&'s str, &'s MacroBody>,
}

impl<'s> Known<'s> {
    fn len(&self) -> usize {
        self.macros.len() + self.texts.values().map(BTreeSet::len).sum::<usize>()
    }

    fn add(&mut self, name: &'s str, value: &'s Expr) {
        let texts = self.texts(value).unwrap_or_default();
        let known = self.texts.entry(name).or_default();
        known.extend(texts);
        while known.len() > MOST {
            known.pop_last();
        }
    }

    fn learn(&mut self, body: &'s [Stmt]) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Set { target, value } => self.assign(target, value),
                StmtKind::With { assignments, .. } => {
                    assignments.iter().for_each(|(target, value)| self.assign(target, value));
                }
                StmtKind::For(for_stmt) => {
                    if let (Target::Name(name), ExprKind::List(items) | ExprKind::Tuple(items)) =
                        (&for_stmt.target, &for_stmt.iter.kind)
                    {
                        items.iter().for_each(|item| self.add(name, item));
                    }
                }
                StmtKind::Macro { name, function } => {
                    self.macros.insert(name, function);
                    let undefaulted = function.parameters.len() - function.defaults.len();
                    let defaulted = function.parameters[undefaulted..].iter().zip(&function.defaults);
                    defaulted.for_each(|(parameter, value)| self.add(parameter, value));
                }
                _ => {}
            }
            stmt.bodies(&mut |body| self.learn(body));
        }
        exprs(body, &mut |expr| self.learn_calls(expr));
    }

    fn learn_calls(&mut self, expr: &'s Expr) {
        if let ExprKind::Call { callee, arguments } = &expr.kind
            && let ExprKind::Name(name) = &callee.kind
        {
            let parameters = self.macros.get(&**name).map(|function| &*function.parameters);
            self.bind(parameters.unwrap_or_default(), arguments);
        }
        expr.children(&mut |child| self.learn_calls(child));
    }

    /// The keywords are also attributes, where it is a namespace that is made.
    fn bind(&mut self, parameters: &'s [String], arguments: &'s Arguments) {
        let positional = parameters.iter().zip(&arguments.positional);
        positional.for_each(|(name, value)| self.add(name, value));
        arguments.keywords.iter().for_each(|(name, value)| self.add(name, value));
    }

    fn assign(&mut self, target: &'s Target, value: &'s Expr) {
        match target {
            Target::Name(name) | Target::Attribute { attribute: name, .. } => self.add(name, value),
            Target::Tuple(targets) => {
                if let ExprKind::Tuple(values) | ExprKind::List(values) = &value.kind {
                    targets.iter().zip(values).for_each(|(target, value)| self.assign(target, value));
                }
            }
        }
    }

    /// The texts that an expression may be, if some are known, `MOST` at most.
    fn texts(&self, expr: &Expr) -> Option<BTreeSet<String>> {
        let found = match &expr.kind {
            ExprKind::Const(Const::Str(text)) => BTreeSet::from([text.clone()]),
            ExprKind::Name(name) | ExprKind::Attribute { name, .. } => self.texts.get(&**name)?.clone(),
            ExprKind::Concat(parts) => {
                let mut parts = parts.iter();
                let first = self.texts(parts.next()?)?;
                parts.try_fold(first, |before, part| joined(&before, &self.texts(part)?))?
            }
            ExprKind::Binary { operator: BinaryOperator::Add, left, right } => {
                joined(&self.texts(left)?, &self.texts(right)?)?
            }
            ExprKind::Conditional { then, otherwise, .. } => {
                let mut texts = self.texts(then).unwrap_or_default();
                texts.extend(
                    otherwise.as_ref().and_then(|otherwise| self.texts(otherwise)).unwrap_or_default(),
                );
                texts
            }
            ExprKind::Or(one, other) | ExprKind::And(one, other) => {
                let mut texts = self.texts(one).unwrap_or_default();
                texts.extend(self.texts(other).unwrap_or_default());
                texts
            }
            // `trim` and the like take white space away, which the text has anyway.
            ExprKind::Filter { object, .. } => self.texts(object)?,
            _ => return None,
        };
        (!found.is_empty() && found.len() <= MOST).then_some(found)
    }
}

/// Each of these followed by each of those.
fn joined(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    (before.len() * after.len() <= MOST)
        .then(|| before.iter().flat_map(|one| after.iter().map(move |other| one.clone() + other)).collect())
}

/// The strings in an expression, and the texts that its known parts make together.
fn strings(expr: &Expr, known: &Known<'_>, found: &mut BTreeSet<String>) {
    match &expr.kind {
        ExprKind::Const(Const::Str(text)) => {
            found.insert(text.clone());
        }
        ExprKind::Concat(_) | ExprKind::Binary { operator: BinaryOperator::Add, .. } => {
            let mut parts = Vec::new();
            summands(expr, &mut parts);
            runs(parts.iter().map(|part| known.texts(part)), found);
            parts.into_iter().for_each(|part| strings(part, known, found));
        }
        _ => expr.children(&mut |child| strings(child, known, found)),
    }
}

/// What is added up, however that is written.
fn summands<'e>(expr: &'e Expr, parts: &mut Vec<&'e Expr>) {
    match &expr.kind {
        ExprKind::Concat(items) => items.iter().for_each(|item| summands(item, parts)),
        ExprKind::Binary { operator: BinaryOperator::Add, left, right } => {
            summands(left, parts);
            summands(right, parts);
        }
        _ => parts.push(expr),
    }
}

/// The texts of neighbours, each of which may be one of several or not known.
fn runs(parts: impl Iterator<Item = Option<BTreeSet<String>>>, found: &mut BTreeSet<String>) {
    let mut run = BTreeSet::new();
    for part in parts {
        let Some(part) = part else {
            found.append(&mut run);
            continue;
        };
        let longer = if run.is_empty() { Some(part.clone()) } else { joined(&run, &part) };
        run = longer.unwrap_or_else(|| {
            found.append(&mut run);
            part
        });
    }
    found.append(&mut run);
}

/// What statements next to each other print.
fn side_by_side(body: &[Stmt], known: &Known<'_>, found: &mut BTreeSet<String>) {
    // What prints nothing is between nothing.
    let printing =
        body.iter().filter(|stmt| !matches!(stmt.kind, StmtKind::Set { .. } | StmtKind::Macro { .. }));
    runs(
        printing.flat_map(|stmt| match &stmt.kind {
            StmtKind::Text(text) => vec![Some(BTreeSet::from([text.clone()]))],
            StmtKind::Output(expr) => {
                let mut parts = Vec::new();
                summands(expr, &mut parts);
                parts.into_iter().map(|part| known.texts(part)).collect()
            }
            _ => vec![None],
        }),
        found,
    );
    for stmt in body {
        stmt.bodies(&mut |body| side_by_side(body, known, found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parser::parse;

    fn writes(source: &str, token: &str) -> bool {
        written(&parse(source).expect("the source parses")).iter().any(|text| text.contains(token))
    }

    #[test]
    fn tokens_are_found_however_they_are_put_together() {
        for source in [
            "<|end|>",
            "{{ '<|end|>' }}",
            "{{ m.content + '<|e' + 'nd|>' }}",
            "{{ m.content ~ '<|' ~ 'end' ~ '|>' ~ m.x }}",
            "{% set a = '<|e' %}{{ a + 'nd|>' }}",
            "{% set a = '<|e' %}{% set b = a ~ 'nd|' %}{% set c = b ~ '>' %}{{ c }}",
            "{% set ns = namespace(t='<|e') %}{{ ns.t ~ 'nd|>' }}",
            "{% set ns = namespace() %}{% set ns.t = 'end' %}<|{{ ns.t }}|>",
            "{% macro tag(name) %}<|{{ name }}|>{% endmacro %}{% for m in l %}{{ tag('end') }}{% endfor %}",
            "{% macro tag(x, name='end') %}{{ '<|' ~ name ~ '|>' }}{% endmacro %}{{ tag(1) }}",
            "{% macro tag(name) %}{{ '<|%s|>' }}{{ '<|' + name + '|>' }}{% endmacro %}{{ tag(name='end') }}",
            "{% for t in ['start', 'end'] %}<|{{ t }}|>{% endfor %}",
            "{{ '<|' ~ ('start' if x else 'end') ~ '|>' }}",
            "<|{% set x = 1 %}end|>",
            "{% if x %}{% for m in l %}{{ (m.a, '<|end|>')[1] }}{% endfor %}{% endif %}",
            "{% filter trim %}<|end|>{% endfilter %}",
            "{% set a %}<|end|>{% endset %}{{ a }}",
        ] {
            assert!(writes(source, "<|end|>"), "{source}");
        }
    }

    #[test]
    fn what_the_input_says_is_not_known() {
        for source in ["<|{{ m.role }}|>", "{{ '<' ~ m.tag ~ '>' }}", "<|{% if x %}e{% endif %}|>"] {
            assert!(!writes(source, "<|end|>") && !writes(source, "<b>"), "{source}");
        }
    }

    #[test]
    fn many_alternatives_end() {
        let sets: String = (0..100).map(|i| format!("{{% set a = 'x{i}' %}}")).collect();
        let source = sets + "{{ a ~ a ~ a ~ '<|end|>' }}{% set b = b ~ 'y' %}{{ b ~ b }}";
        assert!(writes(&source, "<|end|>"));
    }
}
