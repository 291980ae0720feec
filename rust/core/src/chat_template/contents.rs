//! Whether contents, as a server gives them to a template, come out of it as their texts.
//!
//! In: a template with a server before it, in the format that the server chose by itself. Out: what goes wrong with
//! made-up texts, and what to choose; nothing where the caller has chosen.

use super::turn_end::{ANSWER, NEXT, Probe, TOOL, USER, calling_message, message};
use super::{ProbedTemplate, TemplateSource};
use crate::choice::Choice;
use crate::conversation::text_part;
use crate::json::{Value, object};
use crate::options::ContentFormat;
use crate::tokenizer::ControlTokens;

/// A fault of contents in a format that nobody has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFault {
    /// What happens, and what to choose.
    pub text: String,
    /// The format that cures it.
    pub cure: Option<ContentFormat>,
    /// It happens beside tool calls alone: other conversations are as they should be.
    pub is_of_calls: bool,
}

/// What a template prints of made-up texts.
struct Printed {
    words: [bool; WORDS.len()],
    has_list: bool,
}

const WORDS: [&str; 4] = [TOOL, USER, ANSWER, NEXT];

impl ProbedTemplate {
    pub(super) fn find_content_fault(
        &mut self,
        source: &TemplateSource,
        control_tokens: &ControlTokens,
    ) -> Option<ContentFault> {
        if source.content_format != ContentFormat::Auto {
            return None;
        }
        let server = self.server.clone()?;
        let as_text = |word: &str| Value::from(word);
        let now = Probe::of(self, source, control_tokens).printed(as_text);
        let lists = Probe::of(self, source, control_tokens).prints_list_beside_calls();
        let is_right = now.as_ref().is_some_and(Printed::is_right);
        if is_right && lists != Some(true) {
            return None;
        }
        self.server = Some(server.with_other_format());
        let other = Probe::of(self, source, control_tokens).printed(as_text);
        let is_cured_of_lists = lists != Some(true)
            || Probe::of(self, source, control_tokens).prints_list_beside_calls() == Some(false);
        let as_parts = |word: &str| Value::Array(vec![text_part(word)]);
        let from_parts = Probe::of(self, source, control_tokens).printed(as_parts);
        let given = server.content_format();
        let name = server.preset().name();
        self.server = Some(server);
        let without_list =
            |printed: Option<Printed>| printed.filter(|printed| !printed.has_list && is_cured_of_lists);
        let (other, from_parts) = (without_list(other), without_list(from_parts));
        let (what, is_cured) = match &now {
            None => ("fails on them", other.map(|_| true)?),
            Some(now) if now.has_list => ("prints them as Python lists", other.is_some()),
            Some(_) if is_right => ("prints them as Python lists beside tool calls", other.is_some()),
            Some(now) => {
                let shows_more = |other: &Printed| other.shows_more_than(now);
                let is_cured = other.as_ref().is_some_and(shows_more);
                if !is_cured && !from_parts.as_ref().is_some_and(shows_more) {
                    return None;
                }
                ("leaves out some of their text", is_cured)
            }
        };
        let (given_as, other) = match given {
            ContentFormat::Openai => ("lists of parts", ContentFormat::String),
            _ => ("text", ContentFormat::Openai),
        };
        let advice = advice(given, is_cured.then_some(other), now.is_some());
        Some(ContentFault {
            text: format!("{name} gives this template contents as {given_as}, and it {what}: {advice}"),
            cure: is_cured.then_some(other),
            is_of_calls: is_right,
        })
    }
}

/// What to choose; `is_rendered`: what the server sends by itself can be trained.
fn advice(given: ContentFormat, cure: Option<ContentFormat>, is_rendered: bool) -> String {
    let given = given.name();
    let Some(cure) = cure.map(|cure| cure.name()) else {
        return format!("choose content_format={given:?} to train that anyway, or another server with serve");
    };
    let same = format!(
        "choose content_format={cure:?}, and serve with the same format (vLLM: --chat-template-content-format {cure})"
    );
    if is_rendered {
        format!("{same}, or content_format={given:?} to train what this server sends by itself")
    } else {
        same
    }
}

impl Printed {
    fn is_right(&self) -> bool {
        !self.has_list && self.words.iter().all(|shown| *shown)
    }

    fn shows_more_than(&self, other: &Self) -> bool {
        self.words.iter().zip(other.words).any(|(here, there)| *here && !there)
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
        let words = WORDS.map(|word| text.contains(word));
        Some(Printed { words, has_list: has_list(&text) })
    }

    /// Whether the content of a message that calls tools is printed as a list. `None`: the template fails on calls.
    fn prints_list_beside_calls(&self) -> Option<bool> {
        let [_, user, answer, next] = WORDS;
        let call = calling_message(object(&[("a", next.into())]), Some(answer));
        self.render(&[message("user", user.into()), call], false).ok().map(|text| has_list(&text))
    }
}

/// Whether a list of parts was printed, as Python or as JSON writes it.
fn has_list(text: &str) -> bool {
    ["'type': 'text'", "\"type\": \"text\""].iter().any(|list| text.contains(list))
}
