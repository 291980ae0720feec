//! How a template writes reasoning, and which of its arguments switch it.
//!
//! In: the compiled template. Out: the text around reasoning, found by rendering a made-up message, and the flags
//! that the syntax tree reads. What is trained because of it is not decided here.

use super::thinking_flags::{FlagKind, thinking_flags};

use super::turn_end::{ANSWER, NEXT, Probe, USER, calling_message, message, outside_of_tag};
use crate::json::{Value, object};

/// The text before and after reasoning, up to the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThinkingFormat {
    pub open: String,
    pub close: String,
}

impl ThinkingFormat {
    /// As most models write it whose template shows no reasoning, and yet knows of it.
    fn usual() -> Self {
        Self { open: "<think>\n".into(), close: "\n</think>\n\n".into() }
    }

    pub fn open_tag(&self) -> &str {
        self.open.trim()
    }

    pub fn close_tag(&self) -> &str {
        self.close.trim()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thinking {
    /// `None`: the template knows no thinking.
    pub format: Option<ThinkingFormat>,
    /// Arguments that ask for an answer with or without thinking.
    pub switches: Vec<String>,
    /// Arguments that keep the thinking of earlier turns, with the value that keeps it.
    pub keepers: Vec<(String, bool)>,
    /// Arguments that say how much to think.
    pub efforts: Vec<String>,
}

impl Probe<'_> {
    pub fn thinking(&self) -> Thinking {
        let mut thinking = Thinking { format: self.thinking_format(), ..Thinking::default() };
        for flag in thinking_flags(self.template.syntax()) {
            match flag.kind {
                FlagKind::Switch => thinking.switches.push(flag.name),
                FlagKind::KeepsHistory => thinking.keepers.push((flag.name, true)),
                FlagKind::DropsHistory => thinking.keepers.push((flag.name, false)),
                FlagKind::Effort => thinking.efforts.push(flag.name),
            }
        }
        thinking
    }

    /// What a rendering with reasoning has more than one without is the block. A template may show it beside tool calls
    /// alone; one that shows none may still prompt for it, or cut it out.
    fn thinking_format(&self) -> Option<ThinkingFormat> {
        let usual = || {
            (self.template.engine.mentions("<think>") || self.template.engine.mentions("</think>"))
                .then(ThinkingFormat::usual)
        };
        let call = calling_message(object(&[("a", ANSWER.into())]), Some(""));
        let shown = || self.shown_block(&message("assistant", ANSWER.into()));
        shown().or_else(|| self.shown_block(&call)).or_else(usual)
    }

    /// The block that this answer has where reasoning is added to it.
    fn shown_block(&self, answer: &Value) -> Option<ThinkingFormat> {
        let question: Value = message("user", USER.into());
        let mut thinking = answer.as_object()?.clone();
        thinking.insert("reasoning_content", NEXT.into());
        thinking.insert("thinking", NEXT.into());
        let with = self.render(&[question.clone(), Value::Object(thinking)], false).ok()?;
        let without = self.render(&[question.clone(), answer.clone()], false).ok()?;
        let at = with.find(NEXT)?;
        let after = at + NEXT.len();
        let shared = with.bytes().zip(without.bytes()).take_while(|(a, b)| a == b).count().min(at);
        let shared = (0..=shared).rev().find(|at| with.is_char_boundary(*at)).unwrap_or(0);
        let start = outside_of_tag(&with, shared);
        // Where the answer starts, as it does without reasoning.
        let end = without.get(start..).and_then(|rest| with.rfind(rest)).filter(|end| *end >= after);
        let block = end.and_then(|end| {
            let (open, close) = (&with[start..at], &with[after..end]);
            let open = if open.trim().is_empty() {
                self.opening_of_prompt(question, &with[..start])?
            } else {
                open.to_owned()
            };
            (!close.trim().is_empty()).then(|| ThinkingFormat { open, close: close.to_owned() })
        });
        block.or_else(|| empty_block(&with[..at], &with[after..]))
    }

    /// What the prompt alone writes before reasoning, after this start of a turn.
    fn opening_of_prompt(&self, question: Value, header: &str) -> Option<String> {
        let prompt = self.render(&[question], true).ok()?;
        let opening = prompt.strip_prefix(header)?;
        (!opening.trim().is_empty()).then(|| opening.to_owned())
    }
}

/// The format where a template writes an empty block for a turn without reasoning, too: of what is before and after it.
fn empty_block(before: &str, after: &str) -> Option<ThinkingFormat> {
    let open = &before[before.rfind(['<', '['])?..];
    let tag = after.find(['>', ']'])? + 1;
    let close = &after[..after.len() - after[tag..].trim_start().len()];
    let names_thinking = ["think", "thought", "reason"].iter().any(|word| open.to_lowercase().contains(word));
    names_thinking.then(|| ThinkingFormat { open: open.to_owned(), close: close.to_owned() })
}
