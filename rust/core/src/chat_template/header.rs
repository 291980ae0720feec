//! The header that a template writes before what an assistant says.
//!
//! In: the compiled template. Out: the text of the header, as far as it is the same before any message, and whether
//! prompts end with it. A template without a generation prompt writes it only once the answer is there, so that no
//! server shows it.

use super::ThinkingFormat;
use super::turn_end::{ANSWER, NEXT, Probe, TOOL, USER, calling_message, message, outside_of_tag};
use crate::json::{Value, object};
use crate::prompt_text::common_prefix;

/// The header of the assistant's turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub text: String,
    /// A prompt ends with it where the generation prompt is asked for.
    pub is_in_prompts: bool,
}

impl Header {
    /// The tags of thinking belong to what is said. `None`: white space alone is no header.
    fn new(text: &str, is_in_prompts: bool, thinking: Option<&ThinkingFormat>) -> Option<Self> {
        let end = thinking.and_then(|format| text.find(format.open_tag())).unwrap_or(text.len());
        let text = text[..end].to_owned();
        (!text.trim().is_empty()).then_some(Self { text, is_in_prompts })
    }
}

impl Probe<'_> {
    /// `None`: there is none, or it cannot be told from what the template writes for a question.
    pub fn header(&self, thinking: Option<&ThinkingFormat>) -> Option<Header> {
        let question = message("user", USER.into());
        let bare = self.render(std::slice::from_ref(&question), false).ok()?;
        let prompt = self.render(std::slice::from_ref(&question), true).ok()?;
        if prompt != bare {
            return Header::new(prompt.strip_prefix(&*bare)?, true, thinking);
        }
        if self.prompts_unasked() {
            return None;
        }
        Header::new(&self.start_of_turns(&question, &prompt)?, false, thinking)
    }

    /// What every turn starts with that has no generation prompt: answers, the first and a later one, with reasoning,
    /// and calls.
    fn start_of_turns(&self, question: &Value, prompt: &str) -> Option<String> {
        let turn = |before: &[Value], prompt: &str, answer: Value| {
            let full = self.render(&[before, &[answer]].concat(), false).ok()?;
            full.strip_prefix(prompt).map(str::to_owned)
        };
        let answer = || message("assistant", ANSWER.into());
        let first = std::slice::from_ref(question);
        let plain = turn(first, prompt, answer())?;
        let mut start = plain[..plain.find(ANSWER)?].to_owned();
        let thoughtful = object(&[
            ("role", "assistant".into()),
            ("content", ANSWER.into()),
            ("reasoning_content", TOOL.into()),
            ("thinking", TOOL.into()),
        ]);
        let call = calling_message(object(&[("a", ANSWER.into())]), Some(""));
        let later = [question.clone(), answer(), message("user", NEXT.into())];
        let later_prompt = self.render(&later, true).ok();
        let others = [
            turn(first, prompt, thoughtful),
            turn(first, prompt, call),
            later_prompt.and_then(|prompt| turn(&later, &prompt, message("assistant", TOOL.into()))),
        ];
        for other in others.into_iter().flatten() {
            start.truncate(common_prefix(&start, &other));
        }
        start.truncate(outside_of_tag(&start, start.len()));
        Some(start)
    }
}
