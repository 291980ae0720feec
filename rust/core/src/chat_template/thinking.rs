//! How a template writes reasoning, and which of its arguments switch it.
//!
//! In: the compiled template. Out: the text around reasoning, found by rendering a made-up message, and the flags
//! that the syntax tree reads. What is trained because of it is said in `mismatch`.

use everyturn_template::analysis::{FlagKind, thinking_flags};

use super::probe::{ANSWER, Probe, TOOL, USER, message, object};
use crate::json::Value;

/// The text before and behind reasoning, up to the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThinkingFormat {
    pub open: String,
    pub close: String,
}

impl Default for ThinkingFormat {
    /// As most models write it whose template shows no reasoning.
    fn default() -> Self {
        Self { open: "<think>\n".into(), close: "\n</think>\n\n".into() }
    }
}

impl ThinkingFormat {
    pub fn open_tag(&self) -> &str {
        self.open.trim()
    }

    pub fn close_tag(&self) -> &str {
        self.close.trim()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thinking {
    pub format: ThinkingFormat,
    /// Arguments that ask for an answer with or without thinking.
    pub switches: Vec<String>,
    /// Arguments that keep the thinking of earlier turns, with the value that keeps it.
    pub keepers: Vec<(String, bool)>,
}

impl Probe<'_> {
    pub fn thinking(&self) -> Thinking {
        let mut thinking =
            Thinking { format: self.thinking_format().unwrap_or_default(), ..Thinking::default() };
        for flag in thinking_flags(self.engine.template().syntax()) {
            match flag.kind {
                FlagKind::Switch => thinking.switches.push(flag.name),
                FlagKind::KeepsHistory => thinking.keepers.push((flag.name, true)),
                FlagKind::DropsHistory => thinking.keepers.push((flag.name, false)),
                FlagKind::Effort => {}
            }
        }
        thinking
    }

    /// `None`: the template shows no reasoning.
    fn thinking_format(&self) -> Option<ThinkingFormat> {
        let answer = object(&[
            ("role", "assistant".into()),
            ("content", ANSWER.into()),
            ("reasoning_content", TOOL.into()),
            ("thinking", TOOL.into()),
        ]);
        let question: Value = message("user", USER.into());
        let text = self.render(&[question, answer], false).ok()?;
        let (before, behind) = text.split_once(TOOL)?;
        let (close, _) = behind.split_once(ANSWER)?;
        // The last tag before it, with what follows the tag.
        let open = &before[before.rfind(['<', '['])?..];
        let is_format = !close.trim().is_empty() && open.contains(['>', ']']);
        is_format.then(|| ThinkingFormat { open: open.to_owned(), close: close.to_owned() })
    }
}
