//! Template arguments by which models are asked to think, or to forget that they did.

use everyturn_template::analysis::reads;
use everyturn_template::ast::Stmt;

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
/// reasoning = message.reasoning_content` in a loop) is not a flag, though it is read where nothing was set.
pub fn thinking_flags(body: &[Stmt]) -> Vec<ThinkingFlag> {
    let reads = reads(body);
    let is_flag = |name: &str| reads.variables.contains(name) && !reads.set_in_loops.contains(name);
    let known = KNOWN.iter().filter(|(name, _)| is_flag(name));
    known.map(|(name, kind)| ThinkingFlag { name: (*name).to_owned(), kind: *kind }).collect()
}

#[cfg(test)]
mod tests {
    use everyturn_template::Template;

    use super::*;

    fn flags(source: &str) -> Vec<ThinkingFlag> {
        thinking_flags(Template::compile(source).expect("it compiles").syntax())
    }

    #[test]
    fn a_flag_is_a_variable_and_not_a_key_of_a_message() {
        let flag = ThinkingFlag { name: "enable_thinking".into(), kind: FlagKind::Switch };
        let source = "{% if enable_thinking is defined %}{% endif %}{{ m.clear_thinking }}";
        assert_eq!(flags(source), [flag]);
    }

    #[test]
    fn what_is_set_for_each_message_is_not_a_flag() {
        let source = "{% for m in messages %}{% if m.r %}{% set reasoning = m.r %}{% endif %}{{ reasoning }}{% endfor %}";
        assert_eq!(flags(source), []);
        let source = "{% if not thinking is defined %}{% set thinking = false %}{% endif %}{{ thinking }}";
        assert_eq!(flags(source).len(), 1);
    }
}
