//! Targets whose prompt is not a prefix of their own rendering.
//!
//! In: a prepared conversation and a target, with its prompt and its rendering. Out: another prompt and turn, made as
//! the policy says, or nothing where the policy cannot decide. Prompt and turn together are what is trained; where to
//! stop is not decided here.

use everyturn_template::Value as TemplateValue;

use super::own_turn::OwnTurn;
use super::said::{inline_reasoning, says_reasoning};
use crate::chat_template::{Prepared, Rendering};
use crate::conversation::{CLOSE_THINKING, Message, OPEN_THINKING};
use crate::json::Value;
use crate::traced_text::TracedText;

/// The prompt and the text after it that a policy chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub prompt: TracedText,
    pub text: TracedText,
    /// The template arguments that both were rendered with, besides those of the conversation.
    pub arguments: Vec<(String, bool)>,
}

impl Resolved {
    /// Where the prompt is a prefix of the turn's own rendering.
    pub fn literal(prompt: Rendering, full: &Rendering, arguments: &[(&str, TemplateValue<'_>)]) -> Self {
        let text = TracedText::cut(&full.text, &full.spans, prompt.text.len()..full.text.len());
        let prompt = TracedText { text: prompt.text, spans: prompt.spans };
        Self { prompt, text, arguments: flags(arguments) }
    }
}

/// A target whose prompt is not a prefix, as far as policies look at it.
#[derive(Debug, Clone, Copy)]
pub struct Mismatched<'m> {
    pub message: usize,
    /// The template arguments that it is rendered with.
    pub arguments: &'m [(&'m str, TemplateValue<'m>)],
    /// Empty: the message has none.
    pub reasoning: &'m str,
    /// `None`: it does not stand at the start of the content.
    pub inline: Option<Inline>,
    /// It stands in the content after other words.
    pub is_amid_words: bool,
}

/// The texts of such a target.
#[derive(Clone, Copy)]
pub struct Texts<'t> {
    pub prompt: &'t Rendering,
    pub full: &'t Rendering,
    /// The messages before it alone; `None`: they cannot be rendered.
    pub before: Option<&'t str>,
}

/// Reasoning at the start of a content: bytes of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inline {
    /// The bytes of the reasoning, between its tags.
    pub start: u32,
    pub close: u32,
    /// Where the answer starts, after the tag and the white space after it.
    pub end: u32,
}

impl<'m> Mismatched<'m> {
    pub fn of(message: &'m Message, index: usize, arguments: &'m [(&'m str, TemplateValue<'m>)]) -> Self {
        let reasoning = says_reasoning(message).unwrap_or_default();
        let content = message.fields.get("content").and_then(Value::as_str);
        let is_there = |content: &&str| {
            inline_reasoning(content).is_some_and(|range| content.get(range) == Some(reasoning))
        };
        let content = content.filter(is_there);
        let inline = content.and_then(Inline::of);
        let is_amid_words = content.is_some() && inline.is_none();
        Self { message: index, arguments, reasoning, inline, is_amid_words }
    }
}

impl Inline {
    /// `None`: words stand before it.
    fn of(content: &str) -> Option<Self> {
        let reasoning = inline_reasoning(content)?;
        if !content[..reasoning.start].replacen(OPEN_THINKING, "", 1).trim().is_empty() {
            return None;
        }
        let after = content[reasoning.end..].strip_prefix(CLOSE_THINKING)?.trim_start();
        let [start, close, end] = [reasoning.start, reasoning.end, content.len() - after.len()]
            .map(|byte| u32::try_from(byte).ok());
        Some(Self { start: start?, close: close?, end: end? })
    }
}

/// Template arguments that are flags, as all are that targets are rendered with.
pub fn flags(arguments: &[(&str, TemplateValue<'_>)]) -> Vec<(String, bool)> {
    let flags = arguments.iter().filter_map(|(name, value)| match value {
        TemplateValue::Bool(value) => Some(((*name).to_owned(), *value)),
        _ => None,
    });
    flags.collect()
}

/// Renders with the thinking flags that fit the message, so that the prompt is a prefix. Flags that the user set
/// stay as they are.
pub fn match_thinking(prepared: &Prepared<'_>, target: Mismatched<'_>) -> Option<Resolved> {
    let thinking = prepared.thinking();
    let free = |name: &str| !prepared.sets(name);
    let switches = prepared.switches(!target.reasoning.trim().is_empty());
    let keepers: Vec<(&str, _)> = thinking
        .keepers
        .iter()
        .filter(|(name, _)| free(name))
        .map(|(name, value)| (name.as_str(), TemplateValue::Bool(*value)))
        .collect();
    let both = [switches.as_slice(), keepers.as_slice()].concat();
    for arguments in [&switches, &keepers, &both] {
        if arguments.is_empty() {
            continue;
        }
        let arguments = [target.arguments, arguments].concat();
        let Ok(prompt) = prepared.render_with(target.message, true, &arguments) else { continue };
        let Ok(full) = prepared.render_with(target.message + 1, false, &arguments) else { continue };
        if full.text.starts_with(&prompt.text) {
            return Some(Resolved::literal(prompt, &full, &arguments));
        }
    }
    None
}

/// Trained from where prompt and rendering part: not what inference shows.
pub fn common_prefix(prepared: &Prepared<'_>, target: Mismatched<'_>, texts: Texts<'_>) -> Option<Resolved> {
    let (at, full) = (OwnTurn::after_same_history(prepared, target, texts)?.body, texts.full);
    let [prompt, text] =
        [0..at, at..full.text.len()].map(|bytes| TracedText::cut(&full.text, &full.spans, bytes));
    Some(Resolved { prompt, text, arguments: flags(target.arguments) })
}
