//! A chat template without a tokenizer: it renders, and nothing is known of how it ends a turn.

use everyturn_template::{Arena, Series, Value as TemplateValue};
use jiff::civil::DateTime;

use super::compiled::{CompiledTemplate, RenderWorkspace, Rendering, template_error};
use super::input::Values;
use crate::conversation::as_message;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};
use crate::options::LimitFactor;

pub struct PlainTemplate(CompiledTemplate);

impl PlainTemplate {
    pub fn compile(source: &str, now: DateTime) -> Result<Self> {
        let template = CompiledTemplate::compile(source, now, LimitFactor::ONE)?;
        template.end_probing()?;
        Ok(Self(template))
    }

    /// Renders with these variables and nothing else; `input_bytes` is the size of what they hold.
    pub fn render(&self, variables: &[(&str, TemplateValue<'_>)], input_bytes: usize) -> Result<Rendering> {
        self.0.render(variables, input_bytes, &RenderWorkspace::default())
    }

    /// Renders messages as `apply_chat_template` does; `variables` override what it passes.
    pub fn apply(
        &self,
        messages: &[Value],
        tools: Option<&Value>,
        add_generation_prompt: bool,
        variables: &Object,
    ) -> Result<String> {
        check_objects("tools", tools)?;
        check_objects("documents", variables.get("documents"))?;
        self.0.apply(messages, add_generation_prompt, |values| {
            super::variables(values, None, &[], tools, [variables])
        })
    }

    /// The same for the first n messages, for each n of `counts` (in rising order), in as few renderings as the
    /// template allows.
    pub fn apply_each(
        &self,
        messages: &[Value],
        counts: &[usize],
        tools: Option<&Value>,
        add_generation_prompt: bool,
        variables: &Object,
    ) -> Result<Vec<Result<String>>> {
        check_objects("tools", tools)?;
        check_objects("documents", variables.get("documents"))?;
        let arena = Arena::new();
        let mut values = Values::new(&arena);
        let messages = values.raw_messages(&message_objects(messages)?);
        let mut variables = super::variables(&mut values, None, &[], tools, [variables]);
        variables.push(("messages", messages));
        variables.push(("add_generation_prompt", TemplateValue::Bool(add_generation_prompt)));
        let workspace = RenderWorkspace::default();
        let (mut texts, mut series, mut text) = (Vec::new(), Series::default(), String::new());
        while texts.len() < counts.len() {
            let grown = self.0.render_growing(
                &variables,
                &counts[texts.len()..],
                values.inputs.bytes(),
                &workspace,
                &mut series,
            )?;
            texts.extend(grown.into_iter().map(|grown| {
                text.truncate(grown.rest.same);
                text.push_str(&grown.rest.text);
                grown.done.map_err(|error| template_error(&error)).map(|()| text.clone())
            }));
        }
        Ok(texts)
    }
}

/// transformers takes lists of objects for these, or nothing.
pub fn check_objects(name: &str, value: Option<&Value>) -> Result<()> {
    match value {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(items)) if items.iter().all(|item| item.as_object().is_some()) => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Tools, format!("{name:?} must be a list of objects"))),
    }
}

/// The fields of messages, at least of one.
pub fn message_objects(messages: &[Value]) -> Result<Vec<&Object>> {
    if messages.is_empty() {
        return Err(Error::new(ErrorKind::EmptyPrompt, "there are no messages to render"));
    }
    let fields = messages.iter().enumerate();
    fields.map(|(i, message)| as_message(message).map_err(|error| error.at_message(i))).collect()
}

impl CompiledTemplate {
    /// Renders messages as given, with these variables.
    pub(super) fn apply(
        &self,
        messages: &[Value],
        add_generation_prompt: bool,
        variables: impl for<'a> FnOnce(&mut Values<'a>) -> Vec<(&'a str, TemplateValue<'a>)>,
    ) -> Result<String> {
        let messages = message_objects(messages)?;
        let arena = Arena::new();
        let mut values = Values::new(&arena);
        let messages = values.raw_messages(&messages);
        let mut variables = variables(&mut values);
        variables.push(("messages", messages));
        variables.push(("add_generation_prompt", TemplateValue::Bool(add_generation_prompt)));
        Ok(self.render(&variables, values.inputs.bytes(), &RenderWorkspace::default())?.text)
    }
}
