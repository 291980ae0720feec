//! Which contents a template takes, by the rules of servers: texts, or lists of parts.
//!
//! In: the syntax tree of a template and its source. Out: the verdict that the server reaches. The rules look at names
//! and loops and run nothing, so a verdict can be wrong about what the template does; it is the server's all the same.

use std::collections::HashSet;

use everyturn_template::ast::{Const, Expr, ExprKind, For, MacroBody, Stmt, StmtKind, Target, exprs};

/// Words in the source by which SGLang takes a template for one of a model with images or sound.
const MEDIA_WORDS: [&str; 4] = ["image", "audio", "video", "vision"];
/// The names under which SGLang looks for a message.
const MESSAGE_NAMES: [&str; 3] = ["message", "msg", "m"];

/// vLLM's rule: some loop runs over the content of a message, followed through assignments and macros. A loop over
/// messages or contents that unpacks its items ends the search: then the template takes texts.
pub fn loops_over_contents(body: &[Stmt]) -> bool {
    let found = Statements::of(body);
    let Some(messages) = found.message_names() else { return false };
    for (each, macros) in &found.loops {
        let over_content = messages.iter().any(|name| is_access(&each.iter, name, Some("content")))
            || found.is_over_macro_content(each, macros, &messages)
            || macros.is_empty() && is_name(&each.iter, "content");
        if over_content {
            return matches!(each.target, Target::Name(_));
        }
    }
    false
}

/// SGLang's rule: a word for media in the source, or a loop over the content of `message`, `msg` or `m`.
pub fn names_media_or_loops(source: &str, body: &[Stmt]) -> bool {
    MEDIA_WORDS.iter().any(|word| source.contains(word))
        || Statements::of(body)
            .loops
            .iter()
            .any(|(each, _)| MESSAGE_NAMES.iter().any(|name| is_access(&each.iter, name, Some("content"))))
}

/// The statements and calls of a template that the rules look at.
#[derive(Default)]
struct Statements<'s> {
    assignments: Vec<(&'s Target, &'s Expr)>,
    /// Each loop with the macros around it, the outermost first.
    loops: Vec<(&'s For, Vec<usize>)>,
    macros: Vec<(&'s str, &'s MacroBody)>,
    /// The calls of names.
    calls: Vec<(&'s str, &'s everyturn_template::ast::Arguments)>,
}

impl<'s> Statements<'s> {
    fn of(body: &'s [Stmt]) -> Self {
        let mut found = Self::default();
        found.add(body, &mut Vec::new());
        exprs(body, &mut |expr| found.add_calls(expr));
        found
    }

    fn add(&mut self, body: &'s [Stmt], macros: &mut Vec<usize>) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Set { target, value } => self.assignments.push((target, value)),
                StmtKind::If { branches, otherwise } => {
                    for (_, body) in branches {
                        self.add(body, macros);
                    }
                    self.add(otherwise, macros);
                }
                StmtKind::For(each) => {
                    self.loops.push((each, macros.clone()));
                    self.add(&each.body, macros);
                    self.add(&each.otherwise, macros);
                }
                StmtKind::SetBlock { body, .. }
                | StmtKind::With { body, .. }
                | StmtKind::FilterBlock { body, .. }
                | StmtKind::Generation(body)
                | StmtKind::CallBlock { caller: MacroBody { body, .. }, .. } => self.add(body, macros),
                StmtKind::Macro { name, function } => {
                    macros.push(self.macros.len());
                    self.macros.push((name, function));
                    self.add(&function.body, macros);
                    macros.pop();
                }
                StmtKind::Text(_) | StmtKind::Output(_) | StmtKind::Break | StmtKind::Continue => {}
            }
        }
    }

    fn add_calls(&mut self, expr: &'s Expr) {
        if let ExprKind::Call { callee, arguments } = &expr.kind
            && let ExprKind::Name(name) = &callee.kind
        {
            self.calls.push((name, arguments));
        }
        expr.children(&mut |child| self.add_calls(child));
    }

    /// The names that loops over the messages give to one message. `None`: such a loop unpacks its items.
    fn message_names(&self) -> Option<Vec<&'s str>> {
        let lists = self.message_lists();
        let mut names = Vec::new();
        for (each, _) in &self.loops {
            if lists.iter().any(|list| is_access(&each.iter, list, None)) {
                let Target::Name(name) = &each.target else { return None };
                names.push(name.as_str());
            }
        }
        Some(names)
    }

    /// The names of the messages and of parts of them: `messages`, what is set from it, attributes of a namespace.
    fn message_lists(&self) -> HashSet<String> {
        let mut known = HashSet::from(["messages".to_owned()]);
        let mut open = vec!["messages".to_owned()];
        while let Some(name) = open.pop() {
            for (target, value) in &self.assignments {
                for alias in aliases(target, value, &name) {
                    if known.insert(alias.clone()) {
                        open.push(alias);
                    }
                }
            }
        }
        known
    }

    /// Whether a loop in a macro runs over a parameter that some call gives the content of a message.
    fn is_over_macro_content(&self, each: &For, macros: &[usize], messages: &[&str]) -> bool {
        let parameters = macros.iter().map(|at| self.content_parameters(*at, messages));
        // Of macros within macros the innermost that is given a content counts.
        let parameters = parameters.rev().find(|parameters| !parameters.is_empty());
        parameters.is_some_and(|names| names.iter().any(|name| is_name(&each.iter, name)))
    }

    fn content_parameters(&self, at: usize, messages: &[&str]) -> Vec<&'s str> {
        let (name, function) = self.macros[at];
        let is_content =
            |value: &Expr| messages.iter().any(|message| is_access(value, message, Some("content")));
        let mut found = Vec::new();
        for (_, arguments) in self.calls.iter().filter(|(called, _)| *called == name) {
            let positional = function.parameters.iter().zip(&arguments.positional);
            found.extend(positional.filter(|(_, value)| is_content(value)).map(|(name, _)| name.as_str()));
            let named = arguments.keywords.iter().filter(|(_, value)| is_content(value));
            let parameters = &function.parameters;
            found.extend(
                named
                    .filter_map(|(name, _)| parameters.iter().find(|known| *known == name))
                    .map(String::as_str),
            );
        }
        found
    }
}

/// The names that an assignment gives to the list of this name, or to part of it.
fn aliases(target: &Target, value: &Expr, list: &str) -> Vec<String> {
    match target {
        Target::Name(name) if is_access(value, list, None) => vec![name.clone()],
        Target::Name(name) => match &value.kind {
            ExprKind::Call { callee, arguments } if is_name(callee, "namespace") => {
                let held = arguments.keywords.iter().filter(|(_, value)| is_access(value, list, None));
                held.map(|(attribute, _)| format!("{name}.{attribute}")).collect()
            }
            _ => Vec::new(),
        },
        Target::Attribute { namespace, attribute, .. } if is_access(value, list, None) => {
            vec![format!("{namespace}.{attribute}")]
        }
        _ => Vec::new(),
    }
}

/// Whether an expression is the variable, or its key, or that through filters, tests and slices.
fn is_access(expr: &Expr, name: &str, key: Option<&str>) -> bool {
    match &expr.kind {
        ExprKind::Filter { object, .. } | ExprKind::Test { object, .. } => is_access(object, name, key),
        ExprKind::Item { object, index } if matches!(index.kind, ExprKind::Slice { .. }) => {
            is_access(object, name, key)
        }
        _ => key.map_or_else(|| is_name(expr, name), |key| is_key(expr, name, key)),
    }
}

fn is_key(expr: &Expr, name: &str, key: &str) -> bool {
    match &expr.kind {
        ExprKind::Attribute { object, name: attribute } => attribute == key && is_name(object, name),
        ExprKind::Item { object, index } => {
            matches!(&index.kind, ExprKind::Const(Const::Str(text)) if text == key) && is_name(object, name)
        }
        _ => false,
    }
}

/// Whether an expression is the variable; `namespace.attribute` is a name of its own.
fn is_name(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::Name(found) => found == name,
        ExprKind::Attribute { object, name: attribute } => name
            .rsplit_once('.')
            .is_some_and(|(namespace, last)| last == attribute && is_name(object, namespace)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use everyturn_template::Template;

    use super::*;

    fn takes_parts(source: &str) -> bool {
        loops_over_contents(Template::compile(source).expect("it compiles").syntax())
    }

    #[test]
    fn a_loop_over_the_content_of_a_message_takes_parts() {
        let looped = |iter: &str| {
            takes_parts(&format!(
                "{{% for m in messages %}}{{% for p in {iter} %}}{{{{ p }}}}{{% endfor %}}{{% endfor %}}"
            ))
        };
        assert!(looped("m.content"));
        assert!(looped("m['content']"));
        assert!(looped("m.content[1:] | list"));
        assert!(!looped("m.parts"));
        assert!(!looped("other.content"));
    }

    #[test]
    fn messages_are_followed_through_assignments() {
        let inner = "{% for p in m.content %}{% endfor %}";
        assert!(takes_parts(&format!("{{% set l = messages[1:] %}}{{% for m in l %}}{inner}{{% endfor %}}")));
        let namespace = "{% set ns = namespace(rest=messages) %}";
        assert!(takes_parts(&format!("{namespace}{{% for m in ns.rest %}}{inner}{{% endfor %}}")));
        let assigned = "{% set ns = namespace() %}{% set ns.rest = messages[1:] %}";
        assert!(takes_parts(&format!("{assigned}{{% for m in ns.rest %}}{inner}{{% endfor %}}")));
        assert!(!takes_parts(&format!("{{% for m in turns %}}{inner}{{% endfor %}}")));
    }

    #[test]
    fn contents_are_followed_into_macros() {
        let source = |parameter: &str, call: &str| {
            format!(
                "{{% macro show({parameter}) %}}{{% for p in text %}}{{% endfor %}}{{% endmacro %}}\
                 {{% for m in messages %}}{{{{ show({call}) }}}}{{% endfor %}}"
            )
        };
        assert!(takes_parts(&source("text", "m.content")));
        assert!(takes_parts(&source("a, text", "1, text=m['content']")));
        assert!(!takes_parts(&source("text, other", "m.role, m.content")));
        // A variable of the name counts outside of macros only.
        assert!(takes_parts("{% set content = 1 %}{% for p in content %}{% endfor %}"));
        assert!(!takes_parts("{% macro f(content) %}{% for p in content %}{% endfor %}{% endmacro %}"));
    }

    #[test]
    fn a_loop_that_unpacks_messages_takes_texts() {
        let inner = "{% for p in content %}{% endfor %}";
        assert!(takes_parts(inner));
        assert!(!takes_parts(&format!("{{% for a, b in messages %}}{{% endfor %}}{inner}")));
    }
}
