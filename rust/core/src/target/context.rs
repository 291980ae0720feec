//! What of a conversation its prompts leave out.
//!
//! In: the prompt of each target, one after the other, with where its bytes come from. Out: messages before the target
//! and tools of which something is not there. Reasoning of earlier messages is not looked for: templates leave it out
//! on purpose, as servers do.

use std::mem;

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
    /// Of the messages that were looked for, those that may be left out of the next prompt in another way.
    open: Vec<usize>,
    /// The others but for those of which nothing was in a prompt, which counts once: in the order of the bytes of the
    /// prompt that they rest on.
    settled: Vec<Settled>,
}

/// A message that says in the prompt all that it will: all of it, or a part, and then it was told that it is left out.
struct Settled {
    message: usize,
    /// That is so as long as these first bytes are in the prompt.
    end: usize,
}

/// What a prompt leaves out. A message that prompts before it left out in the same way need not be told again.
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
        let kept = self.settled.partition_point(|settled| settled.end <= same);
        self.open.extend(self.settled.drain(kept..).map(|settled| settled.message));
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
            self.open.push(at);
        }
        let mut found = LeftOutOfPrompt::default();
        self.open.sort_unstable();
        for at in mem::take(&mut self.open) {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            let said = &self.said[start..self.ends[at]];
            // Reasoning alone is not looked for.
            let left_out = LeftOut::find(parts, said, &self.marks).filter(LeftOut::is_more_than_reasoning);
            if left_out.as_ref().is_none_or(|left_out| !left_out.everything) {
                let looked_for = |said: &&Said<'_>| left_out.is_some() || said.what != What::Reasoning;
                match self.marks.end_of_all(parts, said.iter().filter(looked_for)) {
                    Some(end) => self.settle(at, end),
                    None => self.open.push(at),
                }
            }
            found.messages.extend(left_out.map(|left_out| (at, left_out)));
        }
        let tools = tools.and_then(Value::as_array).unwrap_or_default();
        let is_shown = |tool: usize| {
            parts.find(&[PartName::Tools, item(tool)]).is_some_and(|part| self.marks.has(parts, part))
        };
        found.tools = (0..tools.len()).filter(|tool| !is_shown(*tool)).collect();
        found
    }

    fn settle(&mut self, message: usize, end: usize) {
        // With what was settled before it, which mostly lies before it.
        let before = self.settled.last().map_or(0, |settled| settled.end);
        self.settled.push(Settled { message, end: end.max(before) });
    }
}
