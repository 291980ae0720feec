//! A model's chat template: messages in, text out, as transformers' `apply_chat_template` gives it.
//!
//! In: the template's text, the model's special tokens, template arguments, one clock. Out: for a conversation and
//! a number of its leading messages, the text with or without the generation prompt. What the text is trained on is
//! not decided here; only how the template ends a turn (`probe`) and where a message lies in a rendering (`locate`).

mod engine;
mod functions;
mod locate;
mod prepare;
mod probe;
mod python;

use std::sync::Arc;

use jiff::civil::DateTime;

pub use locate::locate;
use probe::Probe;
pub use probe::{ClosedTurn, StopToken, TurnEnd};

use crate::conversation::{Conversation, Role, as_message};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};
use crate::tokenizer::ControlTokens;
use engine::{Engine, Input};

/// What a model folder says about rendering.
#[derive(Debug, Clone)]
pub struct TemplateSource {
    /// The template for conversations without tools, and for all where there is no other.
    pub default: String,
    /// The template named `tool_use`, which transformers takes where tools are given.
    pub tool_use: Option<String>,
    /// `bos_token` and its like: variables of the template.
    pub special_tokens: Vec<(Arc<str>, Arc<str>)>,
    /// Arguments for every rendering; a record's own go over them.
    pub kwargs: Object,
    /// What `strftime_now` shows.
    pub now: DateTime,
    /// The end tokens that the model's files declare.
    pub declared_stops: Vec<u32>,
}

/// A compiled template whose behaviour at the end of a turn is known.
pub struct ChatTemplate {
    default: Variant,
    tool_use: Option<Variant>,
    variables: Vec<(Arc<str>, Value)>,
}

struct Variant {
    engine: Engine,
    /// The roles whose content may be a list of text parts: the template prints their texts.
    roles_with_parts: Vec<Role>,
    turn_end: TurnEnd,
}

/// A conversation in the template's own values: made once, rendered often.
pub struct Prepared<'a> {
    variant: &'a Variant,
    messages: Vec<Input>,
    tools: Option<Input>,
    variables: Vec<(Arc<str>, Input)>,
    /// Contents that were lists of parts and became text, because the template prints no lists.
    pub joined_parts: u64,
}

impl ChatTemplate {
    /// Compiles and probes the template.
    pub fn load(source: &TemplateSource, control_tokens: &ControlTokens) -> Result<Self> {
        let mut variables: Vec<(Arc<str>, Value)> = Vec::new();
        for (name, token) in &source.special_tokens {
            variables.push((name.clone(), Value::String(token.clone())));
        }
        merge(&mut variables, &source.kwargs);
        let load = |text: &str| Variant::load(text, source, &variables, control_tokens);
        Ok(Self {
            default: load(&source.default)?,
            tool_use: source.tool_use.as_deref().map(load).transpose()?,
            variables,
        })
    }

    fn variant(&self, has_tools: bool) -> &Variant {
        match &self.tool_use {
            Some(variant) if has_tools => variant,
            _ => &self.default,
        }
    }

    /// Every stop token, each once.
    pub fn stop_tokens(&self) -> Vec<&StopToken> {
        let mut found: Vec<&StopToken> = Vec::new();
        for variant in [Some(&self.default), self.tool_use.as_ref()].into_iter().flatten() {
            for stop in variant.turn_end.stop_tokens() {
                if found.iter().all(|known| known.id != stop.id) {
                    found.push(stop);
                }
            }
        }
        found
    }

    /// Turns a conversation into the template's values.
    pub fn prepare(&self, conversation: &Conversation) -> Prepared<'_> {
        let variant = self.variant(conversation.tools.is_some());
        let mut joined_parts = 0;
        let messages = conversation
            .messages
            .iter()
            .map(|message| {
                let (fields, joined) = prepare::message_fields(
                    &message.fields,
                    variant.roles_with_parts.contains(&message.role),
                );
                joined_parts += u64::from(joined);
                Input::from_object(&fields)
            })
            .collect();
        Prepared {
            variant,
            messages,
            tools: conversation.tools.as_ref().map(Input::from_json),
            variables: self.inputs(&conversation.template_kwargs),
            joined_parts,
        }
    }

    /// Renders messages as given, without the record formats' rules: what `apply_chat_template` does.
    pub fn render_raw(
        &self,
        messages: &[Value],
        tools: Option<&Value>,
        add_generation_prompt: bool,
        kwargs: &Object,
    ) -> Result<String> {
        if messages.is_empty() {
            return Err(Error::new(ErrorKind::EmptyPrompt, "there are no messages to render"));
        }
        let inputs = messages
            .iter()
            .enumerate()
            .map(|(i, message)| {
                let fields = as_message(message).map_err(|error| error.at_message(i))?;
                Ok(Input::from_object(&prepare::as_transformers(fields)))
            })
            .collect::<Result<Vec<_>>>()?;
        let tools = tools.map(Input::from_json);
        self.variant(tools.is_some()).engine.render(
            &inputs,
            tools.as_ref(),
            add_generation_prompt,
            &self.inputs(kwargs),
        )
    }

    fn inputs(&self, kwargs: &Object) -> Vec<(Arc<str>, Input)> {
        let mut variables = self.variables.clone();
        merge(&mut variables, kwargs);
        variables.into_iter().map(|(name, value)| (name, Input::from_json(&value))).collect()
    }
}

impl Prepared<'_> {
    /// Renders the first `count` messages.
    pub fn render(&self, count: usize, add_generation_prompt: bool) -> Result<String> {
        self.render_messages(&self.messages[..count], add_generation_prompt)
    }

    pub fn turn_end(&self) -> &TurnEnd {
        &self.variant.turn_end
    }

    fn render_messages(&self, messages: &[Input], add_generation_prompt: bool) -> Result<String> {
        self.variant.engine.render(messages, self.tools.as_ref(), add_generation_prompt, &self.variables)
    }
}

impl Variant {
    fn load(
        text: &str,
        source: &TemplateSource,
        variables: &[(Arc<str>, Value)],
        control_tokens: &ControlTokens,
    ) -> Result<Self> {
        let engine = Engine::compile(text, source.now)?;
        let inputs: Vec<_> =
            variables.iter().map(|(name, value)| (name.clone(), Input::from_json(value))).collect();
        let probe = Probe {
            engine: &engine,
            variables: &inputs,
            control_tokens,
            declared_stops: &source.declared_stops,
        };
        let turn_end = probe.turn_end()?;
        let roles_with_parts = probe.roles_with_parts();
        Ok(Self { engine, roles_with_parts, turn_end })
    }
}

/// Later values replace earlier ones of the same name.
fn merge(variables: &mut Vec<(Arc<str>, Value)>, over: &Object) {
    for (name, value) in over.iter() {
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.clone(),
            None => variables.push((name.clone(), value.clone())),
        }
    }
}
