//! Template arguments by which models are asked to think, or to forget that they did.

use super::reads;
use crate::ast::Stmt;

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

/// The flags that the template reads from the variables of a rendering.
pub fn thinking_flags(body: &[Stmt]) -> Vec<ThinkingFlag> {
    let variables = reads(body).variables;
    let known = KNOWN.iter().filter(|(name, _)| variables.contains(*name));
    known.map(|(name, kind)| ThinkingFlag { name: (*name).to_owned(), kind: *kind }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::parse;

    #[test]
    fn a_flag_is_a_variable_and_no_key_of_a_message() {
        let body =
            parse("{% if enable_thinking is defined %}{% endif %}{{ m.clear_thinking }}").expect("it parses");
        let flag = ThinkingFlag { name: "enable_thinking".into(), kind: FlagKind::Switch };
        assert_eq!(thinking_flags(&body), [flag]);
    }
}
