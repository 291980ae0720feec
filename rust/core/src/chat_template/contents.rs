//! Whether contents, as a server gives them to a template, come out of it as their texts.
//!
//! In: a template with a server before it. Out: what goes wrong with made-up texts, whether the server's other format
//! would cure it, and what to choose.

use super::turn_end::{ANSWER, NEXT, Probe, TOOL, USER, message};
use super::{ChatTemplate, ProbedTemplate, TemplateSource};
use crate::json::Value;
use crate::options::{Choice, ContentFormat};
use crate::tokenizer::ControlTokens;

/// What goes wrong with contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentFault {
    /// A list of parts is printed as a Python list.
    PrintsList { other_format_does_not: bool },
    /// A text is not printed that the other format shows.
    DropsText { is_shown_from_text: bool },
}

impl ContentFault {
    pub fn is_cured_by_other_format(self) -> bool {
        match self {
            Self::PrintsList { other_format_does_not: cured }
            | Self::DropsText { is_shown_from_text: cured } => cured,
        }
    }
}

/// A fault of contents that nobody has chosen, in words.
pub struct UnchosenFault {
    /// What happens, and what to choose.
    pub text: String,
    /// The format that cures it.
    pub cure: Option<ContentFormat>,
}

/// What a template prints of made-up texts.
#[derive(PartialEq, Eq)]
struct Printed {
    words: Vec<bool>,
    has_list: bool,
}

const WORDS: [&str; 4] = [TOOL, USER, ANSWER, NEXT];

impl ProbedTemplate {
    pub(super) fn find_content_fault(
        &mut self,
        source: &TemplateSource,
        control_tokens: &ControlTokens,
    ) -> Option<ContentFault> {
        let server = self.server.clone()?;
        let as_text = |word: &str| Value::from(word);
        let now = Probe::of(self, source, control_tokens).printed(as_text)?;
        let misses = |word: usize| !now.words.get(word).copied().unwrap_or_default();
        if !now.has_list && !(0..WORDS.len()).any(misses) {
            return None;
        }
        self.server = Some(server.with_other_format());
        let other = Probe::of(self, source, control_tokens).printed(as_text);
        let parts = |word: &str| {
            Value::Array(vec![crate::json::object(&[("type", "text".into()), ("text", word.into())])])
        };
        let from_parts = Probe::of(self, source, control_tokens).printed(parts);
        self.server = Some(server);
        if now.has_list {
            let other_format_does_not = other.is_some_and(|other| !other.has_list);
            return Some(ContentFault::PrintsList { other_format_does_not });
        }
        let shows_more = |other: &Printed| {
            !other.has_list && other.words.iter().enumerate().any(|(word, shown)| *shown && misses(word))
        };
        let is_shown_from_text = other.as_ref().is_some_and(shows_more);
        let is_shown = is_shown_from_text || from_parts.as_ref().is_some_and(shows_more);
        is_shown.then_some(ContentFault::DropsText { is_shown_from_text })
    }
}

impl ChatTemplate {
    /// Why contents do not reach the model as they should. `None`: they do, or the caller has chosen.
    pub fn unchosen_fault(&self, asked: ContentFormat) -> Option<UnchosenFault> {
        if asked != ContentFormat::Auto {
            return None;
        }
        let (server, fault) =
            self.variants().find_map(|variant| Some((variant.server.as_ref()?, variant.content_fault?)))?;
        let (given, format, other) = match server.content_format() {
            ContentFormat::Openai => ("lists of parts", ContentFormat::Openai, ContentFormat::String),
            _ => ("text", ContentFormat::String, ContentFormat::Openai),
        };
        let what = match fault {
            ContentFault::PrintsList { .. } => "prints them as Python lists",
            ContentFault::DropsText { .. } => "leaves out some of their text",
        };
        let cure = fault.is_cured_by_other_format().then_some(other);
        let (format, other) = (format.name(), other.name());
        let advice = if cure.is_some() {
            format!(
                "choose content_format={other:?}, and serve with the same format (vLLM: \
                 --chat-template-content-format {other}), or content_format={format:?} to train what this server sends \
                 by itself"
            )
        } else {
            format!(
                "choose content_format={format:?} to train that all the same, or another server with serve"
            )
        };
        let server = server.preset().name();
        let text = format!("{server} gives this template contents as {given}, and it {what}: {advice}");
        Some(UnchosenFault { text, cure })
    }
}

impl Probe<'_> {
    /// `None`: the template fails on these messages.
    fn printed(&self, content: impl Fn(&str) -> Value) -> Option<Printed> {
        let [system, user, answer, next] = WORDS;
        let chat = [
            message("user", content(user)),
            message("assistant", content(answer)),
            message("user", content(next)),
        ];
        let with_system: Vec<Value> =
            [message("system", content(system))].into_iter().chain(chat.iter().cloned()).collect();
        let text = self.render(&with_system, true).or_else(|_| self.render(&chat, true)).ok()?;
        let words = WORDS.iter().map(|word| text.contains(word)).collect();
        let has_list = ["'type': 'text'", "\"type\": \"text\""].iter().any(|list| text.contains(list));
        Some(Printed { words, has_list })
    }
}
