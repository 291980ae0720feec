//! A conversation in the template's own values.
//!
//! In: the messages and the variables of a conversation, as `ChatTemplate::prepare` makes them. Out: renderings of its
//! first messages, and what the template has read of them. What a rendering is trained on is not decided here.

use std::cell::Cell;

use everyturn_template::{Grown, Inputs, Node, Output, Step, Value as TemplateValue};

use super::compiled::{RenderWorkspace, Rendering};
use super::input::{Adaptations, REASONING_KEYS};
use super::{ProbedTemplate, Thinking, TurnEnd};
use crate::error::Result;

/// A conversation in the template's own values: made once, rendered often.
pub struct Prepared<'a> {
    pub(super) variant: &'a ProbedTemplate,
    pub(super) inputs: Inputs<'a>,
    pub(super) messages: TemplateValue<'a>,
    /// The variables besides `messages` and `add_generation_prompt`.
    pub(super) variables: Vec<(&'a str, TemplateValue<'a>)>,
    pub(super) workspace: RenderWorkspace,
    /// The most messages that a rendering has seen.
    pub(super) seen: Cell<usize>,
    pub adaptations: Adaptations,
}

impl<'a> Prepared<'a> {
    /// Renders the first `count` messages.
    pub fn render(&self, count: usize, add_generation_prompt: bool) -> Result<Rendering> {
        self.render_with(count, add_generation_prompt, &[])
    }

    /// The same with some template arguments set otherwise.
    pub fn render_with(
        &self,
        count: usize,
        add_generation_prompt: bool,
        arguments: &[(&str, TemplateValue<'_>)],
    ) -> Result<Rendering> {
        self.seen.set(self.seen.get().max(count));
        self.render_messages(self.inputs.prefix(self.messages, count), add_generation_prompt, arguments)
    }

    /// The texts of the first n messages, for each n; see `CompiledTemplate::render_growing`.
    pub(super) fn render_growing(
        &self,
        counts: &[usize],
        add_generation_prompt: bool,
        output: &mut Output,
    ) -> Result<Vec<Grown>> {
        let most = counts.last().copied().unwrap_or_default();
        self.seen.set(self.seen.get().max(most));
        let messages = self.inputs.prefix(self.messages, most);
        let variables = self.all_variables(messages, add_generation_prompt, &[]);
        let bytes = self.inputs.bytes();
        self.variant.engine.render_growing(&variables, counts, bytes, &self.workspace, output)
    }

    /// Whether the template gets a variable of this name besides `messages` and `add_generation_prompt`.
    pub fn sets(&self, name: &str) -> bool {
        self.variables.iter().any(|(known, _)| *known == name)
    }

    pub fn thinking(&self) -> &'a Thinking {
        &self.variant.thinking
    }

    pub fn turn_end(&self) -> &'a TurnEnd {
        &self.variant.turn_end
    }

    /// Whether text from this input node was written by somebody: all that is in the record except the roles, of which
    /// there are but a few.
    pub(super) fn is_foreign(&self, node: Node) -> bool {
        let role = [Step::Variable("messages"), Step::Key("role")];
        !matches!(self.inputs.path(node).as_slice(), [messages, _, key] if [*messages, *key] == role)
    }

    /// Of each rendered message the keys that the template has never looked at, of those that say something.
    pub fn unread_keys(&self) -> impl Iterator<Item = (usize, Vec<&'a str>)> {
        let items = self.messages.items().get(..self.seen.get()).unwrap_or_default();
        items.iter().enumerate().map(|(index, message)| {
            let mut keys: Vec<_> = message.unread().collect();
            let reasoning = |key: &&str| REASONING_KEYS.contains(key);
            let reads_reasoning =
                keys.iter().filter(|key| reasoning(key)).count() < message.keys().filter(reasoning).count();
            keys.retain(|key| !(reads_reasoning && reasoning(key)));
            (index, keys)
        })
    }

    fn all_variables<'v>(
        &self,
        messages: TemplateValue<'v>,
        add_generation_prompt: bool,
        arguments: &[(&'v str, TemplateValue<'v>)],
    ) -> Vec<(&'v str, TemplateValue<'v>)>
    where
        'a: 'v,
    {
        let mut variables: Vec<(&str, TemplateValue<'_>)> = Vec::with_capacity(self.variables.len() + 4);
        variables.extend(self.variables.iter().copied());
        variables.extend(arguments);
        variables.push(("messages", messages));
        variables.push(("add_generation_prompt", TemplateValue::Bool(add_generation_prompt)));
        variables
    }

    pub(super) fn render_messages(
        &self,
        messages: TemplateValue<'_>,
        add_generation_prompt: bool,
        arguments: &[(&str, TemplateValue<'_>)],
    ) -> Result<Rendering> {
        let variables = self.all_variables(messages, add_generation_prompt, arguments);
        self.variant.engine.render(&variables, self.inputs.bytes(), &self.workspace)
    }
}
