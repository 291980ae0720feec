//! What a server does to a request before the chat template sees it.
//!
//! In: a preset of `serve`, how contents are to reach the template, the parsed template. Out: the messages, tools and
//! flags that the template gets for messages and tools as a client has them, or why the server refuses the request.
//! The rules of each server are data (`presets`). Rendering is not done here.

mod calls;
mod client;
mod content;
mod content_format;
mod facts;
mod message;
mod presets;
mod rules;
mod schema_types;
mod tools;

use std::borrow::Cow;

use everyturn_template::ast::Stmt;

pub use client::request;
pub use message::{Adaptations, Fields, is_empty_list};
pub use presets::PRESETS;
pub use rules::{Mark, Preset};

use crate::error::Result;
use crate::json::{Object, Value};
use crate::options::{ContentFormat, Serve};
use rules::{DeveloperRule, FormatRule};

/// A template argument that stands for none.
const UNSET_ARGUMENT: &str = "auto";

/// A server in front of one template.
#[derive(Debug, Clone)]
pub struct Server {
    preset: &'static Preset,
    /// Contents reach the template as lists of parts, where the rules of the server make lists of them.
    takes_parts: bool,
    /// A text becomes a list of one part.
    wraps_text: bool,
    developer_is_system: bool,
}

/// What made-up messages show of the contents that a template prints.
#[derive(Debug, Clone, Copy)]
pub struct TriedContents {
    pub prints_text: bool,
    pub prints_parts: bool,
}

/// The messages of a request as the template sees them.
pub struct Sent<'m> {
    pub messages: Vec<SentMessage<'m>>,
    /// The system messages that became the first one; empty: none did.
    pub merged: Vec<usize>,
    /// What a message is instead where it ends a request.
    pub at_end_of_prompt: Vec<SentMessage<'m>>,
    /// What a message is instead where it is the answer to a request.
    pub as_answer: Vec<SentMessage<'m>>,
    pub adaptations: Adaptations,
}

/// A message as the template sees it.
pub struct SentMessage<'m> {
    /// Which of the client's messages it was, the first of several.
    pub message: usize,
    pub fields: Fields<'m>,
}

impl Server {
    /// The server of a preset in front of a template; `tried` is asked for servers that find the format by rendering.
    /// `None`: the record reaches the template as it stands.
    pub fn new(
        serve: Serve,
        format: ContentFormat,
        source: &str,
        syntax: &[Stmt],
        tried: impl FnOnce() -> TriedContents,
    ) -> Option<Self> {
        let preset = Preset::of(serve)?;
        let wraps = preset.content.wraps_text;
        let (takes_parts, wraps_text) = match (format, preset.content.format) {
            (ContentFormat::String, _) | (ContentFormat::Auto, FormatRule::Text) => (false, wraps),
            (ContentFormat::Openai, _) => (true, wraps),
            (ContentFormat::Auto, FormatRule::ContentLoops) => {
                (content_format::loops_over_contents(syntax), wraps)
            }
            (ContentFormat::Auto, FormatRule::WordsOrLoops) => {
                (content_format::names_media_or_loops(source, syntax), wraps)
            }
            (ContentFormat::Auto, FormatRule::Trial) => {
                let tried = tried();
                (tried.prints_parts, wraps && !tried.prints_text)
            }
        };
        let quotes_developer = || source.contains("'developer'") || source.contains("\"developer\"");
        let developer_is_system = match preset.developer {
            DeveloperRule::Stays => false,
            DeveloperRule::System => true,
            DeveloperRule::FirstSystemUnlessQuoted => !quotes_developer(),
        };
        Some(Self { preset, takes_parts, wraps_text, developer_is_system })
    }

    pub fn preset(&self) -> &'static Preset {
        self.preset
    }

    /// Whether it passes this template argument on.
    pub fn passes_on(&self, argument: &Value) -> bool {
        !self.preset.drops_unset_arguments
            || !(argument.is_null() || argument.as_str() == Some(UNSET_ARGUMENT))
    }

    /// The flags that it gives with every request, unless the request sets them.
    pub fn flags(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.preset.flags.iter().copied()
    }

    /// How contents reach the template.
    pub fn content_format(&self) -> ContentFormat {
        if self.takes_parts { ContentFormat::Openai } else { ContentFormat::String }
    }

    /// The messages of a request, and what each is where it comes last.
    pub fn messages<'m>(&self, client: &[&'m Object]) -> Result<Sent<'m>> {
        let mut sent = Sent {
            messages: Vec::with_capacity(client.len()),
            merged: Vec::new(),
            at_end_of_prompt: Vec::new(),
            as_answer: Vec::new(),
            adaptations: Adaptations::default(),
        };
        for (i, fields) in client.iter().enumerate() {
            let fields = self.message(fields, &mut sent.adaptations).map_err(|error| error.at_message(i))?;
            sent.messages.push(SentMessage { message: i, fields });
        }
        if self.merges_system_messages() && client.iter().any(|fields| has_role(fields, "developer")) {
            sent.merge_system_messages();
        }
        for (i, fields) in client.iter().enumerate().filter(|(_, fields)| has_role(fields, "assistant")) {
            if self.preset.content.empties_beside_calls {
                let fields = self.answer(fields).map_err(|error| error.at_message(i))?;
                sent.as_answer.extend(fields.map(|fields| SentMessage { message: i, fields }));
            }
        }
        if self.preset.last_assistant_is_user {
            sent.at_end_of_prompt = sent.messages.iter().filter_map(SentMessage::as_user).collect();
        }
        Ok(sent)
    }

    /// The tools as the template sees them; an empty list is none.
    pub fn sent_tools<'t>(&self, tools: Option<&'t Value>) -> Result<Option<Cow<'t, Value>>> {
        let Some(tools) = client::tools(tools) else { return Ok(None) };
        Ok(Some(self.tools(tools)?.map_or(Cow::Borrowed(tools), Cow::Owned)))
    }

    /// The same server where contents reach the template in the other format.
    pub fn with_other_format(&self) -> Self {
        let takes_parts = !self.takes_parts;
        Self { takes_parts, wraps_text: self.preset.content.wraps_text, ..self.clone() }
    }

    fn merges_system_messages(&self) -> bool {
        self.developer_is_system && self.preset.developer == DeveloperRule::FirstSystemUnlessQuoted
    }

    fn names_missing_developer_tools(&self) -> bool {
        self.preset.developer == DeveloperRule::FirstSystemUnlessQuoted
    }

    /// An assistant message as the model is to write it, where the server would leave out some of that later.
    fn answer<'m>(&self, fields: &'m Object) -> Result<Option<Fields<'m>>> {
        let reasoning = client::reasoning(fields, self.preset.reasoning.read_from);
        let says = |key: &str| fields.get(key).is_some_and(|content| *content != Value::from(""));
        if reasoning.is_none() && !(client::calls(fields).is_some() && says("content")) {
            return Ok(None);
        }
        let mut answer = self.message(fields, &mut Adaptations::default())?;
        if let Some(content) = answer.iter_mut().find(|(key, _)| *key == "content")
            && let Some(said) = self.own_content(fields)?
        {
            content.1 = said;
        }
        // As transformers gives reasoning to a template.
        if let Some(reasoning) = reasoning {
            answer.insert(0, ("thinking", Cow::Borrowed(reasoning)));
            answer.push(("reasoning_content", Cow::Borrowed(reasoning)));
        }
        Ok(Some(answer))
    }
}

impl<'m> SentMessage<'m> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| *known == key).map(|(_, value)| &**value)
    }

    fn is_system(&self) -> bool {
        self.get("role").and_then(Value::as_str) == Some("system")
    }

    /// An assistant's text as the text of a user.
    fn as_user(&self) -> Option<SentMessage<'m>> {
        let is_answer = self.get("role").and_then(Value::as_str) == Some("assistant");
        let text = self.fields.iter().find(|(key, _)| *key == "content").map(|(_, value)| value);
        let text = text.filter(|text| is_answer && text.as_str().is_some())?;
        let fields = vec![("role", Cow::Owned("user".into())), ("content", text.clone())];
        Some(SentMessage { message: self.message, fields })
    }
}

impl Sent<'_> {
    /// Makes one first system message of all, where there are several, or one that is not the first.
    fn merge_system_messages(&mut self) {
        let systems: Vec<usize> =
            self.messages.iter().filter(|sent| sent.is_system()).map(|sent| sent.message).collect();
        if matches!(systems.as_slice(), [] | [0]) {
            return;
        }
        let texts = self.messages.iter().filter(|sent| sent.is_system()).map(system_text);
        let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
        let fields: Fields<'_> = vec![
            ("role", Cow::Owned("system".into())),
            ("content", Cow::Owned(texts.join("\n\n").as_str().into())),
        ];
        self.messages.retain(|sent| !sent.is_system());
        self.messages.insert(0, SentMessage { message: systems[0], fields });
        self.merged = systems;
    }
}

fn has_role(fields: &Object, role: &str) -> bool {
    fields.get("role").and_then(Value::as_str) == Some(role)
}

fn system_text(sent: &SentMessage<'_>) -> String {
    match sent.get("content") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.as_object()?.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}
