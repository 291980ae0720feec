//! Whether contents, as a server gives them to a template, come out of it as their texts.
//!
//! In: a template with a server before it. Out: what goes wrong with made-up texts, and whether the server's other
//! format would cure it.

use super::turn_end::{ANSWER, NEXT, Probe, TOOL, USER, message};
use super::{ProbedTemplate, TemplateSource};
use crate::json::Value;
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
