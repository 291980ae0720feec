//! What is to be known of the targets of a conversation and of their prompts.
//!
//! In: each target as it was rendered. Out: warnings in the report, with their places. Each message and each tool that
//! prompts leave out counts once in a conversation.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::record::Work;
use super::view::View;
use crate::chat_template::Rendering;
use crate::conversation::{Message, REASONING_KEYS, Role};
use crate::error::excerpt;
use crate::json::Value;
use crate::report::warning;
use crate::target::{
    Encoded, Given, HeaderPlace, LeftOut, LeftOutOfPrompt, Marks, PromptMatch, Rendered, Selection, calls,
    has_empty_thinking, has_two_thinking_blocks, says_reasoning, select,
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
    /// Whether what a message has under a key is looked for in the text, so that another warning names it.
    pub fn covers(&self, message: usize, key: &str) -> bool {
        match key {
            "content" | "tool_calls" => true,
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
        self.count_left_out_of_target(target, message, &left_out);
        let (conversation, tools) = (self.conversation, self.conversation.tools.as_ref());
        let message = |at| conversation.messages.get(view.message_at(at));
        let given = Given { prepared: view.prepared, message: &message, tools };
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
    fn count_made(&mut self, made: &BTreeSet<Arc<str>>) {
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
        let given = Given { prepared: self.prepared, message: &message, tools };
        let mut left_out = self.context.find_in_rendering(given, conversation.messages.len(), rendering);
        let (text, spans) = (&*rendering.text, &*rendering.spans);
        for (at, message) in conversation.messages.iter().enumerate() {
            if self.is_trained(at, message) {
                let marks = self.context.marks();
                let of_answer = LeftOut::of_answer(self.prepared, message, at, (text, spans), marks);
                self.count_left_out_of_target(at, message, &of_answer);
            }
        }
        left_out.messages.retain(|(at, _)| self.account.targets.binary_search(at).is_err());
        self.count_left_out_of_prompt(&left_out, None);
    }

    /// Whether an answer is to be learned from the one rendering of the conversation.
    fn is_trained(&self, at: usize, message: &Message) -> bool {
        let selection = select(self.conversation, self.options.train_on).nth(at);
        message.role == Role::Assistant && matches!(selection, Some(Selection::Target(_)))
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

    fn count_left_out_of_target(&mut self, target: usize, message: &Message, left_out: &LeftOut) {
        self.account.targets.push(target);
        if left_out.text {
            self.report.warn_at(warning::OWN_TEXT_DROPPED, target, || {
                let beside =
                    if message.calls_tools() { "the text beside the tool calls" } else { "the text" };
                format!("{beside}{} is not in the completion", quoted(text_of(message)))
            });
        }
        if left_out.reasoning {
            self.report.warn_at(warning::REASONING_DROPPED, target, || {
                format!("the reasoning{} is not in the completion", quoted(says_reasoning(message)))
            });
        }
        if !left_out.calls.is_empty() {
            let calls = || format!("{} not in the completion", named_calls(message, left_out));
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
            let at = target.unwrap_or_default();
            self.report.warn_at(warning::TOOLS_DROPPED, at, || {
                let names = left_out.tools.iter().filter_map(|tool| name_of_tool(tools.get(*tool)?));
                let names = listed(names);
                match (left_out.tools.len(), tools.len()) {
                    (1, 1) => format!("the tool {names} is not in {}", prompt()),
                    (all, count) if all == count => format!("none of the {count} tools is in {}", prompt()),
                    (some, count) => format!("{some} of {count} tools are not in {}: {names}", prompt()),
                }
            });
        }
    }
}

/// The most tools and calls that are named in one place.
const MAX_NAMES: usize = 5;

/// What of a message before a target is left out, besides its reasoning.
fn part_left_out(message: &Message, left_out: &LeftOut) -> Option<String> {
    if left_out.text {
        let text = quoted(text_of(message));
        let beside = if message.calls_tools() { " beside the tool calls" } else { "" };
        return Some(format!("the text{beside} of this {} message{text} is", message.role.name()));
    }
    (!left_out.calls.is_empty()).then(|| named_calls(message, left_out))
}

/// The calls that are left out, with a verb.
fn named_calls(message: &Message, left_out: &LeftOut) -> String {
    let functions: Vec<_> = calls(message).collect();
    let names = left_out.calls.iter().filter_map(|call| functions.get(call.number)?.get("name")?.as_str());
    let names = listed(names);
    let (calls, is) = if left_out.calls.len() == 1 { ("call", "is") } else { ("calls", "are") };
    if left_out.calls.iter().all(|call| call.is_named) {
        return format!("the arguments of the tool {calls} {names} are");
    }
    format!("the tool {calls} {names} {is}")
}

/// The first of some names.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<String> = names.map(excerpt).collect();
    if names.len() > MAX_NAMES {
        names.truncate(MAX_NAMES);
        names.push("..".to_owned());
    }
    names.join(", ")
}

fn name_of_tool(tool: &Value) -> Option<&str> {
    let tool = tool.as_object()?;
    tool.get("function").and_then(Value::as_object).unwrap_or(tool).get("name")?.as_str()
}

/// The first text of a message.
fn text_of(message: &Message) -> Option<&str> {
    match message.fields.get("content")? {
        Value::String(text) => Some(text),
        Value::Array(parts) => parts.iter().find_map(|part| part.as_object()?.get("text")?.as_str()),
        _ => None,
    }
}

fn quoted(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!(" {}", excerpt(text)))
}
