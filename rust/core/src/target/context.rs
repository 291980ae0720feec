//! What of a conversation its prompts leave out.
//!
//! In: the prompt of each target, one after the other, with where its bytes come from. Out: messages before the target
//! and tools of which something is not there. Reasoning of earlier messages is not looked for: templates leave it out
//! on purpose, as servers do.

use super::left_out::{LeftOut, Marks};
use super::render::Rendered;
use super::said::{Said, What, add_said, item};
use crate::chat_template::{PartName, Prepared, Rendering};
use crate::conversation::Message;
use crate::json::Value;

/// A conversation as it was prepared for the template.
#[derive(Clone, Copy)]
pub struct PreparedConversation<'g, 'm> {
    pub prepared: &'g Prepared<'g>,
    /// The messages by their numbers among those that were prepared.
    pub message: &'g dyn Fn(usize) -> Option<&'m Message>,
    pub tools: Option<&'m Value>,
}

/// What was found of the prompts of a conversation, one after the other.
#[derive(Default)]
pub struct ContextMarks<'m> {
    marks: Marks,
    /// What messages say, of those that were looked for, one after the other.
    said: Vec<Said<'m>>,
    /// Where what a message says ends there.
    ends: Vec<usize>,
    /// Of the messages at the start that are in the prompt: in how many bytes of it they are, with those before them.
    settled: Vec<usize>,
}

/// What a prompt leaves out.
#[derive(Debug, Default)]
pub struct LeftOutOfPrompt {
    /// Messages, by their numbers.
    pub messages: Vec<(usize, LeftOut)>,
    /// Tools, by their numbers.
    pub tools: Vec<usize>,
}

impl<'m> ContextMarks<'m> {
    /// The target rendered now has at least its first `same` bytes in common with the one rendered before.
    pub fn share(&mut self, same: usize) {
        self.marks.share(same);
    }

    /// What is in the text that was read last.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What the prompt of the target with this number leaves out.
    pub fn find(
        &mut self,
        given: PreparedConversation<'_, 'm>,
        number: usize,
        rendered: &Rendered<'_>,
    ) -> LeftOutOfPrompt {
        let same = self.marks.read_prompt(given.prepared.parts(), &rendered.prompt);
        self.settled.truncate(self.settled.partition_point(|end| *end <= same));
        self.left_out(given, number)
    }

    /// What one rendering of the first `count` messages leaves out.
    pub fn find_in_rendering(
        &mut self,
        given: PreparedConversation<'_, 'm>,
        count: usize,
        rendering: &Rendering,
    ) -> LeftOutOfPrompt {
        self.marks.read(given.prepared.parts(), &rendering.text, &rendering.spans);
        self.left_out(given, count)
    }

    /// What is not in the text that was read last, of the first `count` messages.
    fn left_out(&mut self, given: PreparedConversation<'_, 'm>, count: usize) -> LeftOutOfPrompt {
        let PreparedConversation { prepared, message, tools } = given;
        let parts = prepared.parts();
        for at in self.ends.len()..count {
            if let Some(message) = message(at) {
                add_said(&mut self.said, message, parts, prepared.given_as(at));
            }
            self.ends.push(self.said.len());
        }
        let mut found = LeftOutOfPrompt::default();
        for at in self.settled.len()..count {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            let said = &self.said[start..self.ends[at]];
            // Reasoning alone is not looked for.
            let left_out = LeftOut::find(parts, said, &self.marks).filter(LeftOut::is_more_than_reasoning);
            match left_out {
                Some(left_out) => found.messages.push((at, left_out)),
                None if at == self.settled.len() => {
                    let before = self.settled.last().copied().unwrap_or(0);
                    let looked_for = said.iter().filter(|said| said.what != What::Reasoning);
                    let mut ends = looked_for.map(|said| self.marks.end_of(parts, said.part?));
                    let end = ends.try_fold(before, |most, end| Some(most.max(end?)));
                    self.settled.extend(end);
                }
                None => {}
            }
        }
        let tools = tools.and_then(Value::as_array).unwrap_or_default();
        let is_shown = |tool: usize| {
            parts.find(&[PartName::Tools, item(tool)]).is_some_and(|part| self.marks.has(parts, part))
        };
        found.tools = (0..tools.len()).filter(|tool| !is_shown(*tool)).collect();
        found
    }
}
