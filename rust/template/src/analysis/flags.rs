//! Template arguments by which models are asked to think, or to forget that they did.

use std::collections::BTreeSet;

use super::reads;
use crate::syntax::ast::{Stmt, StmtKind, Target};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    /// True asks for an answer with thinking.
    Switch,
    /// True keeps the thinking of earlier turns.
    KeepsHistory,
    /// False keeps it.
    DropsHistory,
    /// A text that says how much to think.
    Effort,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThinkingFlag {
    pub name: String,
    pub kind: FlagKind,
}

/// Names that published templates use.
const KNOWN: [(&str, FlagKind); 13] = [
    ("enable_thinking", FlagKind::Switch),
    ("thinking", FlagKind::Switch),
    ("reasoning", FlagKind::Switch),
    ("add_thoughts", FlagKind::Switch),
    ("preserve_thinking", FlagKind::KeepsHistory),
    ("keep_past_thinking", FlagKind::KeepsHistory),
    ("keep_reasoning", FlagKind::KeepsHistory),
    ("include_thinking", FlagKind::KeepsHistory),
    ("clear_thinking", FlagKind::DropsHistory),
    ("drop_thinking", FlagKind::DropsHistory),
    ("truncate_history_thinking", FlagKind::DropsHistory),
    ("reasoning_effort", FlagKind::Effort),
    ("thinking_effort", FlagKind::Effort),
];

/// The flags that the template reads from the variables of a rendering. A name that it sets for each message (`set
/// reasoning = message.reasoning_content` in a loop) is no flag, though it is read where nothing was set.
pub fn thinking_flags(body: &[Stmt]) -> Vec<ThinkingFlag> {
    let variables = reads(body).variables;
    let mut of_loops = BTreeSet::new();
    set_in_loops(body, false, &mut of_loops);
    let is_flag = |name: &str| variables.contains(name) && !of_loops.contains(name);
    let known = KNOWN.iter().filter(|(name, _)| is_flag(name));
    known.map(|(name, kind)| ThinkingFlag { name: (*name).to_owned(), kind: *kind }).collect()
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

    #[test]
    fn a_flag_is_a_variable_and_no_key_of_a_message() {
        let body =
            parse("{% if enable_thinking is defined %}{% endif %}{{ m.clear_thinking }}").expect("it parses");
        let flag = ThinkingFlag { name: "enable_thinking".into(), kind: FlagKind::Switch };
        assert_eq!(thinking_flags(&body), [flag]);
    }
    #[test]
    fn what_is_set_for_each_message_is_no_flag() {
        let source = "{% for m in messages %}{% if m.r %}{% set reasoning = m.r %}{% endif %}{{ reasoning }}{% endfor %}";
        assert_eq!(thinking_flags(&parse(source).expect("it parses")), []);
        let source = "{% if not thinking is defined %}{% set thinking = false %}{% endif %}{{ thinking }}";
        assert_eq!(thinking_flags(&parse(source).expect("it parses")).len(), 1);
    }
}
