//! What of a conversation its prompts leave out.
//!
//! In: the prompt of each target, one after the other, with where its bytes come from. Out: messages before the target
//! and tools of which something is not there. Reasoning of earlier messages is not looked for: templates leave it out
//! on purpose, as servers do.

use super::view::View;
use crate::chat_template::{Name, Part, Rendering};
use crate::conversation::Conversation;
use crate::json::Value;
use crate::target::{LeftOut, Marks, Rendered, Said, add_said, item};

/// What was found of the prompts of one view.
#[derive(Default)]
pub struct ContextMarks<'m> {
    marks: Marks,
    /// What messages say, of those that were looked for, one after the other.
    said: Vec<Said<'m>>,
    /// Where what a message says ends there.
    ends: Vec<usize>,
    /// Messages at the start that are in all prompts that follow.
    settled: usize,
}

/// What a prompt leaves out.
#[derive(Debug, Default)]
pub struct LeftOutOfPrompt {
    /// Messages, by their indices in the conversation.
    pub messages: Vec<(usize, LeftOut)>,
    /// Tools, by their numbers.
    pub tools: Vec<usize>,
}

impl<'m> ContextMarks<'m> {
    /// The target rendered now has at least its first `same` bytes in common with the one rendered before.
    pub fn share(&mut self, same: usize) {
        self.marks.share(same);
    }

    /// What the prompt of a target leaves out; the target is the message with this index in the view.
    pub fn find(
        &mut self,
        view: &View<'_, '_>,
        conversation: &'m Conversation,
        index: usize,
        rendered: &Rendered<'_>,
    ) -> LeftOutOfPrompt {
        if !self.marks.read_prompt(view.prepared.parts(), &rendered.prompt) {
            self.settled = 0;
        }
        self.left_out(view, conversation, index)
    }

    /// What one rendering of a conversation leaves out.
    pub fn find_in_rendering(
        &mut self,
        view: &View<'_, '_>,
        conversation: &'m Conversation,
        rendering: &Rendering,
    ) -> LeftOutOfPrompt {
        self.marks.read(view.prepared.parts(), &rendering.text, &rendering.spans);
        self.left_out(view, conversation, conversation.messages.len())
    }

    /// What is not in the text that was read last, of the messages before this index.
    fn left_out(
        &mut self,
        view: &View<'_, '_>,
        conversation: &'m Conversation,
        index: usize,
    ) -> LeftOutOfPrompt {
        let parts = view.prepared.parts();
        for at in self.ends.len()..index {
            if let Some(message) = conversation.messages.get(view.message_at(at)) {
                add_said(&mut self.said, message, parts, view.prepared.given_as(at));
            }
            self.ends.push(self.said.len());
        }
        let mut found = LeftOutOfPrompt::default();
        for at in self.settled..index.min(self.ends.len()) {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            let said = &self.said[start..self.ends[at]];
            match LeftOut::find(parts, said, &self.marks) {
                Some(left_out) => found.messages.push((view.message_at(at), left_out)),
                None if at == self.settled => {
                    let is_settled = |part: Part| self.marks.has_for_good(parts, part);
                    self.settled += usize::from(said.iter().all(|said| said.part.is_some_and(is_settled)));
                }
                None => {}
            }
        }
        let tools = conversation.tools.as_ref().and_then(Value::as_array).unwrap_or_default();
        let is_shown = |tool: usize| {
            parts.find(&[Name::Tools, item(tool)]).is_some_and(|part| self.marks.has(parts, part))
        };
        found.tools = (0..tools.len()).filter(|tool| !is_shown(*tool)).collect();
        found
    }
}
