//! What is to be known of the targets of a conversation and of their prompts.
//!
//! In: each target as it was rendered. Out: warnings in the report, with their places. Each message and each tool that
//! prompts leave out counts once in a conversation.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::record::Work;
use super::view::View;
use super::wording::{named_calls, part_left_out, quoted, text_of, tools_left_out};
use crate::chat_template::Rendering;
use crate::conversation::{Message, REASONING_KEYS};
use crate::error::excerpt;
use crate::json::Value;
use crate::report::warning;
use crate::target::{
    Encoded, HeaderPlace, LeftOut, LeftOutOfPrompt, Marks, PreparedConversation, PromptMatch, Rendered,
    Target, has_empty_thinking, has_two_thinking_blocks, says_reasoning, targets,
};

/// What was counted already.
#[derive(Default)]
pub struct Account {
    completions: Marks,
    /// The targets that were counted, in order.
    targets: Vec<usize>,
    /// Messages of which prompts leave out something.
    partly_dropped: BTreeSet<usize>,
    /// Messages of which nothing is in a prompt.
    pub dropped: BTreeSet<usize>,
    has_dropped_tools: bool,
}

impl Account {
    /// Whether what a message has under a key is looked for in the text, so that another warning names it. A role says
    /// nothing that a template could lose: Llama 3.1 takes the first message after its tools for the user's.
    pub fn covers(&self, message: usize, key: &str) -> bool {
        match key {
            "content" | "tool_calls" | "role" => true,
            key if REASONING_KEYS.contains(&key) => self.targets.binary_search(&message).is_ok(),
            _ => false,
        }
    }
}

impl Work<'_> {
    /// Counts what is to be known of a target.
    pub fn count(
        &mut self,
        target: usize,
        view: &View<'_, '_>,
        rendered: &Rendered<'_>,
        encoded: &Encoded<'_>,
    ) {
        let Some(message) = self.conversation.messages.get(target) else { return };
        let index = view.index_of(target);
        match rendered.prompt_match {
            PromptMatch::Exact | PromptMatch::AsRendered => {}
            PromptMatch::MatchThinking => self.report.warn(warning::MATCHED_THINKING, 1),
            PromptMatch::Splice => self.report.warn(warning::SPLICED, 1),
            PromptMatch::CommonPrefix => self.report.warn(warning::COMMON_PREFIX, 1),
        }
        self.count_made(&rendered.made);
        let completion = &rendered.completion;
        let is_empty = completion.text[..completion.stop_at].trim().is_empty();
        self.report.warn(warning::EMPTY_TARGETS, is_empty.into());
        self.report.warn(warning::STOPS_EARLY, encoded.stops_early().into());
        self.report.warn(warning::STOP_APPENDED, completion.is_stop_appended.into());
        self.report.warn(warning::BORDER_MERGES, encoded.border_merged.into());
        if let HeaderPlace::Completion(length) = rendered.header {
            let header = &completion.text[..length];
            self.report.warn_at(warning::HEADER_TRAINED, target, || {
                format!("the prompt does not end with the header {}, which is trained", excerpt(header))
            });
        }
        self.report.warn(warning::HEADER_IN_PROMPT, rendered.header.is_moved().into());
        let format = view.prepared.thinking().format.as_ref();
        let empty = has_empty_thinking(format, message, rendered);
        self.report.warn(warning::EMPTY_THINKING, empty.into());
        if has_two_thinking_blocks(format, message, rendered) {
            self.report.warn_at(warning::TWO_THINKING_BLOCKS, target, || {
                format!("one block of thinking after another: {}", excerpt(rendered.turn()))
            });
        }
        if self.loses_white_space(view, rendered, encoded) {
            self.report.warn_at(warning::WHITE_SPACE_SWALLOWED, target, || {
                format!("white space is in no token: {}", excerpt(&completion.text))
            });
        }
        self.report.warn(warning::ASKED_NOT_TO_THINK, rendered.is_asked_not_to_think.into());
        self.count_made_up_ids(target, message, view, rendered);
        if self.arrangement.is_rendered_once() {
            // What counts is what the one rendering shows.
            return;
        }
        let marks = &mut self.account.completions;
        let left_out = LeftOut::of_target(view.prepared, message, index, rendered, marks);
        self.count_left_out_of_target(target, "the completion", message, &left_out);
        let (conversation, tools) = (self.conversation, self.conversation.tools.as_ref());
        let message = |at| conversation.messages.get(view.message_at(at));
        let given = PreparedConversation { prepared: view.prepared, message: &message, tools };
        let mut left_out = self.context.find(given, index, rendered);
        left_out.messages.iter_mut().for_each(|(at, _)| *at = view.message_at(*at));
        self.count_left_out_of_prompt(&left_out, Some(target));
    }

    /// Whether control tokens take white space with them that somebody wrote.
    fn loses_white_space(&self, view: &View<'_, '_>, rendered: &Rendered<'_>, encoded: &Encoded<'_>) -> bool {
        let control_tokens = &self.renderer.control_tokens;
        if !control_tokens.strip_white_space() {
            return false;
        }
        let last = encoded.ids[..encoded.prompt].last().copied().filter(|_| !encoded.border_merged);
        let lost = control_tokens.swallowed(last, &rendered.completion.text, &rendered.plain_in_completion());
        lost.into_iter().any(|bytes| view.prepared.has_words(&rendered.completion_spans, bytes))
    }

    /// Counts control tokens that are in no text of the record, each once.
    pub fn count_made(&mut self, made: &BTreeSet<Arc<str>>) {
        for token in made {
            if self.report.control_tokens.iter().all(|(known, _)| *known != **token) {
                let is_first = self.report.control_tokens.is_empty();
                self.report.warn(warning::CONTROL_TOKENS, is_first.into());
                self.report.control_tokens.add(token, 1);
            }
        }
    }

    /// Counts what one rendering of the whole conversation leaves out of it.
    pub fn count_left_out_of(&mut self, rendering: &Rendering) {
        let (conversation, tools) = (self.conversation, self.conversation.tools.as_ref());
        let message = |at| conversation.messages.get(at);
        let given = PreparedConversation { prepared: self.prepared, message: &message, tools };
        let mut left_out = self.context.find_in_rendering(given, conversation.messages.len(), rendering);
        let (text, spans) = (&*rendering.text, &*rendering.spans);
        for Target { message: at, .. } in targets(conversation, self.options.train_on) {
            let Some(message) = conversation.messages.get(at) else { continue };
            let marks = self.context.marks();
            let of_answer = LeftOut::of_answer(self.prepared, message, at, (text, spans), marks);
            self.count_left_out_of_target(at, "the rendering", message, &of_answer);
        }
        left_out.messages.retain(|(at, _)| self.account.targets.binary_search(at).is_err());
        self.count_left_out_of_prompt(&left_out, None);
    }

    /// Counts a target that is trained to write an id that a server asks for and the record does not have.
    fn count_made_up_ids(
        &mut self,
        target: usize,
        message: &Message,
        view: &View<'_, '_>,
        rendered: &Rendered<'_>,
    ) {
        let calls = message.fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
        let has_id =
            |call: &Value| call.as_object().and_then(|call| call.get("id")).is_some_and(|id| !id.is_null());
        if calls.iter().all(has_id) {
            return;
        }
        let mut shown =
            rendered.completion_spans.iter().filter_map(|span| view.prepared.call_with_id(span.source));
        let made_up = shown.find(|call| calls.get(*call).is_some_and(|call| !has_id(call)));
        if let Some(call) = made_up {
            self.report.warn_at(warning::CALL_IDS_MADE_UP, target, || {
                format!("the record has no id of call {call}, and the completion has one")
            });
        }
    }

    /// `text` is what it is left out of, in words.
    fn count_left_out_of_target(&mut self, target: usize, text: &str, message: &Message, left_out: &LeftOut) {
        self.account.targets.push(target);
        if left_out.text {
            self.report.warn_at(warning::OWN_TEXT_DROPPED, target, || {
                let beside =
                    if message.calls_tools() { "the text beside the tool calls" } else { "the text" };
                format!("{beside}{} is not in {text}", quoted(text_of(message)))
            });
        }
        if left_out.reasoning {
            self.report.warn_at(warning::REASONING_DROPPED, target, || {
                format!("the reasoning{} is not in {text}", quoted(says_reasoning(message)))
            });
        }
        if !left_out.calls.is_empty() {
            let calls = || format!("{} not in {text}", named_calls(message, left_out));
            self.report.warn_at(warning::TOOL_CALLS_DROPPED, target, calls);
        }
    }

    fn count_left_out_of_prompt(&mut self, left_out: &LeftOutOfPrompt, target: Option<usize>) {
        let prompt = || match target {
            Some(target) => format!("the prompt of message {target}"),
            None => "the rendering".to_owned(),
        };
        for (at, left_out) in &left_out.messages {
            let Some(message) = self.conversation.messages.get(*at) else { continue };
            if left_out.everything {
                if self.account.dropped.insert(*at) {
                    self.report.warn_at(warning::MESSAGE_DROPPED, *at, || {
                        format!("nothing of this {} message is in {}", message.role.name(), prompt())
                    });
                }
            } else if let Some(what) = part_left_out(message, left_out)
                && !self.account.dropped.contains(at)
                && self.account.targets.binary_search(at).is_err()
                && self.account.partly_dropped.insert(*at)
            {
                self.report
                    .warn_at(warning::MESSAGE_PART_DROPPED, *at, || format!("{what} not in {}", prompt()));
            }
        }
        if !left_out.tools.is_empty() && !self.account.has_dropped_tools {
            self.account.has_dropped_tools = true;
            let tools = self.conversation.tools.as_ref().and_then(Value::as_array).unwrap_or_default();
            self.report.warn_at(warning::TOOLS_DROPPED, target, || {
                let text = if target.is_some() { "its prompt" } else { "the rendering" };
                tools_left_out(text, tools, &left_out.tools)
            });
        }
    }
}
