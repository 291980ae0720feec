//! A conversation in the template's own values: made once, rendered often.
//!
//! In: the messages as the template is to see them, its tools and variables. Out: the text of the first messages, with
//! or without the generation prompt, and where its parts come from. Messages are numbered as the conversation numbers
//! them, also where a server makes one of several.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::ops::Range;

use everyturn_template::{
    Arena, Grown, Inputs, Node, Series, Source, Span, Step, Value as TemplateValue, cut_spans,
};

use super::authors::{PlaceAuthor, place_authors};
use super::compiled::{RenderWorkspace, Rendering};
use super::inner_keys::{self, InnerKey};
use super::input::Values;
use super::parts::RecordParts;
use super::unread_keys::unsent_keys;
use super::{Header, ProbedTemplate, Thinking, TurnEnd};
use crate::conversation::{Message, REASONING_KEYS};
use crate::error::Result;
use crate::json::{Object, Value};
use crate::serving::{Adaptations, Sent, SentMessage, Server, is_empty_list};

pub struct Prepared<'a> {
    variant: &'a ProbedTemplate,
    pub(super) inputs: Inputs<'a>,
    pub(super) messages: TemplateValue<'a>,
    ends: Ends<'a>,
    /// The variables besides `messages` and `add_generation_prompt`.
    pub(super) variables: Vec<(&'a str, TemplateValue<'a>)>,
    /// What is tried instead of the tools where the template fails on them.
    pub(super) second_tools: Option<TemplateValue<'a>>,
    /// Keys of each message that the server leaves out.
    pub(super) unsent: Vec<Vec<&'a str>>,
    /// Keys of calls, and of tools, that most templates do not read.
    pub(super) call_keys: Vec<InnerKey<'a>>,
    pub(super) tool_keys: Vec<InnerKey<'a>>,
    /// The system messages that a server made the first one of.
    merged: Vec<usize>,
    workspace: RenderWorkspace,
    parts: OnceCell<RecordParts>,
    place_authors: OnceCell<Vec<PlaceAuthor>>,
    /// The most messages that a rendering has seen.
    pub(super) seen: Cell<usize>,
    pub adaptations: Adaptations,
}

/// What messages are instead where they come last, each with its number.
#[derive(Default)]
struct Ends<'a> {
    of_prompt: Vec<(usize, TemplateValue<'a>)>,
    as_answer: Vec<(usize, TemplateValue<'a>)>,
}

/// The messages that a rendering is to show.
pub(super) enum Given<'m> {
    /// As transformers hands them over, adapted to what the template takes.
    Adapted(Vec<&'m Message>),
    /// As transformers hands them over.
    Raw(Vec<&'m Object>),
    /// As a server hands them over, of these messages.
    Sent { sent: Sent<'m>, of: Vec<&'m Object> },
}

impl<'m> Given<'m> {
    /// Messages as a client sends them.
    pub fn from_client(server: Option<&Server>, messages: Vec<&'m Object>) -> Result<Self> {
        Ok(match server {
            Some(server) => Self::Sent { sent: server.messages(&messages)?, of: messages },
            None => Self::Raw(messages),
        })
    }
}

impl<'a> Prepared<'a> {
    /// `variables` makes those besides the messages, for these tools.
    pub(super) fn new(
        arena: &'a Arena,
        variant: &'a ProbedTemplate,
        given: Given<'_>,
        tools: Option<&Value>,
        variables: impl FnOnce(&mut Values<'a>, Option<&Value>) -> Vec<(&'a str, TemplateValue<'a>)>,
    ) -> Result<Self> {
        let mut values = Values::new(arena);
        let list = values.inputs.place(Node::NONE, Step::Variable("messages"));
        let mut ends = Ends::default();
        let (mut unsent, mut merged) = (Vec::new(), Vec::new());
        let call_keys = inner_keys::of_calls(arena, &given);
        let messages: Vec<_> = match given {
            Given::Adapted(messages) => {
                let messages = messages.into_iter().enumerate();
                messages.map(|(i, message)| values.adapted(list, i, message, &variant.capabilities)).collect()
            }
            Given::Raw(messages) => {
                messages.into_iter().enumerate().map(|(i, fields)| values.message(list, i, fields)).collect()
            }
            Given::Sent { sent, of } => {
                let mut others = |of: &[SentMessage<'_>]| -> Vec<_> {
                    of.iter().map(|sent| (sent.message, values.sent(list, sent))).collect()
                };
                ends = Ends { of_prompt: others(&sent.at_end_of_prompt), as_answer: others(&sent.as_answer) };
                unsent = unsent_keys(arena, &sent, &of);
                values.adaptations = sent.adaptations;
                let messages = sent.messages.iter().map(|sent| values.sent(list, sent)).collect();
                merged = sent.merged;
                messages
            }
        };
        let messages = values.inputs.list(list, &messages);
        let server = variant.server.as_ref();
        let leaves_out_tools = server.is_some() && tools.is_some_and(is_empty_list);
        values.adaptations.empty_lists += u64::from(leaves_out_tools);
        let sent_tools =
            server.map_or_else(|| Ok(tools.map(Cow::Borrowed)), |server| server.sent_tools(tools))?;
        let variables = variables(&mut values, sent_tools.as_deref());
        let second_tools =
            server.zip(sent_tools.as_deref()).and_then(|(server, tools)| server.second_tools(tools));
        let second_tools = second_tools.map(|tools| values.variable("tools", &tools).1);
        Ok(Self {
            variant,
            inputs: values.inputs,
            messages,
            ends,
            variables,
            second_tools,
            unsent,
            call_keys,
            tool_keys: inner_keys::of_tools(arena, tools),
            merged,
            workspace: RenderWorkspace::default(),
            parts: OnceCell::new(),
            place_authors: OnceCell::new(),
            seen: Cell::new(0),
            adaptations: values.adaptations,
        })
    }

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
        let messages = self.first(count, add_generation_prompt);
        self.seen.set(self.seen.get().max(messages.items().len()));
        self.render_messages(messages, add_generation_prompt, arguments)
    }

    /// Renders the first `count` messages with another value, which the arena of `values` holds, in place of one of
    /// them.
    pub(super) fn render_exchanged<'v>(
        &self,
        count: usize,
        (number, message): (usize, TemplateValue<'v>),
        values: &mut Values<'v>,
    ) -> Result<Rendering>
    where
        'a: 'v,
    {
        let mut messages = self.first(count, false).items().to_vec();
        if let Some(place) = messages.get_mut(self.place(number)) {
            *place = message;
        }
        self.render_messages(values.inputs.list(Node::NONE, &messages), false, &[])
    }

    /// The texts of the first n messages, for each n; see `CompiledTemplate::render_growing`.
    pub(super) fn render_growing(
        &self,
        counts: &[usize],
        add_generation_prompt: bool,
        arguments: &[(&str, TemplateValue<'_>)],
        series: &mut Series,
    ) -> Result<Vec<Grown>> {
        let counts: Vec<usize> = counts.iter().map(|count| self.shown(*count)).collect();
        let most = counts.last().copied().unwrap_or_default();
        self.seen.set(self.seen.get().max(most));
        let messages = self.inputs.prefix(self.messages, most);
        let variables = self.all_variables(messages, add_generation_prompt, arguments);
        let bytes = self.inputs.bytes();
        self.variant.engine.render_growing(&variables, &counts, bytes, &self.workspace, series)
    }

    /// Whether the last of the first `count` messages is another than it is where more follow, so that the text of
    /// these messages cannot grow into the next.
    pub(super) fn ends_otherwise(&self, count: usize, add_generation_prompt: bool) -> bool {
        self.end(count, add_generation_prompt).is_some()
    }

    /// Whether there are tools in another form for a template that fails on them.
    pub(super) fn has_second_tools(&self) -> bool {
        self.second_tools.is_some()
    }

    /// The message up to which the conversation looks otherwise where it is sent without those that follow.
    pub fn changes_until(&self) -> Option<usize> {
        self.merged.last().copied()
    }

    /// Whether the record or the model's template arguments give the template a variable of this name; what a server
    /// adds by itself is a default.
    pub fn sets(&self, name: &str) -> bool {
        let server = self.variant.server.as_ref();
        let added = server.is_some_and(|server| server.flags().any(|(flag, _)| flag == name));
        self.variables.iter().filter(|(known, _)| *known == name).count() > usize::from(added)
    }

    /// What the template makes of contents beside tool calls, where that is wrong.
    pub fn fault_of_calls(&self) -> Option<&'a str> {
        self.variant.content_fault.as_ref().filter(|fault| fault.is_of_calls).map(|fault| &*fault.text)
    }

    pub fn thinking(&self) -> &'a Thinking {
        &self.variant.thinking
    }

    /// The template's thinking switches, set to this, that no template argument sets.
    pub fn switches(&self, thinks: bool) -> Vec<(&'a str, TemplateValue<'a>)> {
        let free = self.variant.thinking.switches.iter().filter(|name| !self.sets(name));
        free.map(|name| (name.as_str(), TemplateValue::Bool(thinks))).collect()
    }

    pub fn turn_end(&self) -> &'a TurnEnd {
        &self.variant.turn_end
    }

    pub fn header(&self) -> Option<&'a Header> {
        self.variant.header.as_ref()
    }

    /// Whether the template may make a token of a text that holds none.
    pub(super) fn rewrites(&self) -> bool {
        self.variant.engine.rewrites
    }

    /// Whether somebody wrote any of these bytes of a text that has these spans.
    pub fn has_words(&self, spans: &[Span], bytes: Range<usize>) -> bool {
        cut_spans(spans, bytes.start, bytes.end)
            .any(|span| span.source.made_from().is_some_and(|node| self.is_foreign(node)))
    }

    /// The parts of the record.
    pub fn parts(&self) -> &RecordParts {
        self.parts.get_or_init(|| RecordParts::of(&self.inputs))
    }

    /// Who wrote what is at each place of the record.
    pub(super) fn place_authors(&self) -> &[PlaceAuthor] {
        self.place_authors.get_or_init(|| place_authors(&self.inputs))
    }

    /// The number of the message that the template is given for this one: several may be one.
    pub fn given_as(&self, number: usize) -> usize {
        if self.merged.contains(&number) { self.merged.first().copied().unwrap_or(number) } else { number }
    }

    /// The content of a message as the template sees it in an answer, and where it comes from, if it is one text, or a
    /// list of one.
    pub fn content_of_answer(&self, message: usize) -> Option<(&'a str, Source)> {
        let answer = self.answer(message)?;
        answer.text_under("content").or_else(|| match answer.items_under("content") {
            [part] => part.text_under("text"),
            _ => None,
        })
    }

    /// The reasoning of a message as the template sees it in an answer.
    pub fn reasoning_of_answer(&self, message: usize) -> Option<&'a str> {
        let answer = self.answer(message)?;
        REASONING_KEYS.iter().find_map(|key| answer.text_under(key)).map(|(text, _)| text)
    }

    /// A message as the template sees it in an answer.
    fn answer(&self, message: usize) -> Option<TemplateValue<'a>> {
        let place = self.messages.items().get(self.place(message)).copied();
        self.end(message + 1, false).or(place)
    }

    /// Where the reasoning of a message is in what the template sees of it as an answer.
    pub fn source_of_reasoning(&self, message: usize, reasoning: &str) -> Source {
        let Some(form) = self.answer(message) else { return Source::Template };
        let mut texts = REASONING_KEYS
            .iter()
            .filter_map(|key| form.text_under(key))
            .chain(self.content_of_answer(message));
        let found = texts.find_map(|(text, source)| Some((text.find(reasoning)?, source)));
        match found {
            Some((at, Source::Input { node, start })) => {
                Source::Input { node, start: start + u32::try_from(at).unwrap_or(u32::MAX) }
            }
            Some((_, source)) => source,
            None => Source::Derived { node: Node::NONE },
        }
    }

    /// The call whose id is the source of something, by its number in its message.
    pub fn call_with_id(&self, source: Source) -> Option<usize> {
        match *self.inputs.path(source.made_from()?) {
            [
                Step::Variable("messages"),
                Step::Index(_),
                Step::Key("tool_calls"),
                Step::Index(call),
                Step::Key("id"),
            ] => usize::try_from(call).ok(),
            _ => None,
        }
    }

    /// Where a message lies in the list that the template sees.
    pub(super) fn place(&self, number: usize) -> usize {
        if self.merged.contains(&number) { 0 } else { self.shown(number + 1) - 1 }
    }

    /// The number of the message that lies there.
    pub(super) fn number(&self, place: usize) -> usize {
        match (self.merged.first(), place.checked_sub(1)) {
            (None, _) => place,
            (Some(first), None) => *first,
            (Some(_), Some(place)) => {
                self.merged.iter().fold(place, |number, at| number + usize::from(*at <= number))
            }
        }
    }

    /// How many messages the template sees for the first `count`.
    fn shown(&self, count: usize) -> usize {
        match self.merged.partition_point(|at| *at < count) {
            0 if self.merged.is_empty() => count,
            merged => count + 1 - merged,
        }
    }

    fn first(&self, count: usize, add_generation_prompt: bool) -> TemplateValue<'a> {
        let shown = self.shown(count);
        match self.end(count, add_generation_prompt) {
            Some(end) => self.inputs.prefix_ending_with(self.messages, shown, end),
            None => self.inputs.prefix(self.messages, shown),
        }
    }

    pub(super) fn end(&self, count: usize, add_generation_prompt: bool) -> Option<TemplateValue<'a>> {
        let ends = if add_generation_prompt { &self.ends.of_prompt } else { &self.ends.as_answer };
        let at = ends.binary_search_by_key(&count.checked_sub(1)?, |(message, _)| *message).ok()?;
        ends.get(at).map(|(_, value)| *value)
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

    fn render_messages(
        &self,
        messages: TemplateValue<'_>,
        add_generation_prompt: bool,
        arguments: &[(&str, TemplateValue<'_>)],
    ) -> Result<Rendering> {
        let mut variables = self.all_variables(messages, add_generation_prompt, arguments);
        let engine = &self.variant.engine;
        let rendered = engine.render(&variables, self.inputs.bytes(), &self.workspace);
        match self.second_tools {
            Some(tools) if rendered.is_err() => {
                variables.push(("tools", tools));
                engine.render(&variables, self.inputs.bytes(), &self.workspace)
            }
            _ => rendered,
        }
    }
}
