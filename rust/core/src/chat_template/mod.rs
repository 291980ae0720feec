//! A model's chat template: messages in, text out, as transformers' `apply_chat_template` gives it.
//!
//! In: the template's text, the model's special tokens, template arguments, one clock. Out: for a conversation and
//! a number of its leading messages, the text with or without the generation prompt. What the text is trained on is
//! not decided here; only how the template ends a turn (`turn_end`) and where a message is in a rendering (`locate`).

mod authors;
mod capabilities;
mod compiled;
mod contents;
mod foreign;
mod header;
mod inner_keys;
mod input;
mod locate;
mod parts;
mod prefixes;
mod prepared;
mod seams;
mod standalone;
mod thinking;
mod thinking_flags;
mod turn_end;
mod unread_keys;
mod written;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use everyturn_template::analysis::{Reads, reads};
use everyturn_template::{Arena, Value as TemplateValue};
use jiff::civil::DateTime;

pub use authors::{Author, Authors, Writer, WrittenBy, Wrote};
pub use capabilities::{ArgumentsForm, Capabilities};
pub use compiled::Rendering;
pub use contents::ContentFault;
pub use foreign::ForeignTokens;
pub use header::Header;
pub use locate::OneText;
pub use parts::{Part, PartName, RecordParts};
pub use prefixes::{Prefixes, Shown};
pub use prepared::Prepared;
pub use seams::{Seams, made_in, refuse_made};
pub use standalone::{PlainTemplate, check_objects, message_objects};
pub use thinking::{Thinking, ThinkingFormat};
pub use thinking_flags::{FlagKind, ThinkingFlag, thinking_flags};
pub use turn_end::{ClosedTurn, Ending, TurnEnd, WrittenStop, outside_of_tag};

use crate::conversation::{Conversation, Message, Role, is_reserved};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};
use crate::options::{ContentFormat, LimitFactor, Serve};
use crate::serving::{Server, TriedContents, is_empty_list, request};
use crate::tokenizer::{ControlTokens, StopToken};
use compiled::CompiledTemplate;
use input::Values;
use prepared::Given;
use turn_end::Probe;

/// What a model folder says about rendering.
#[derive(Debug, Clone)]
pub struct TemplateSource {
    /// The template for conversations without tools, and for all if it is the only one.
    pub default: String,
    /// The template named `tool_use`, which transformers takes where tools are given.
    pub tool_use: Option<String>,
    /// `bos_token` and its like: variables of the template.
    pub special_tokens: Vec<(Arc<str>, Arc<str>)>,
    /// Arguments for every rendering; a record's own take precedence.
    pub kwargs: Object,
    /// What `strftime_now` shows.
    pub now: DateTime,
    /// The end tokens that the model's files declare.
    pub declared_stops: Vec<u32>,
    /// The control token to append where the template ends no turn.
    pub stop_token: Option<Arc<str>>,
    /// What stands between clients and the template.
    pub serve: Serve,
    pub content_format: ContentFormat,
    /// How long the template may be, and what a rendering may cost.
    pub limits: LimitFactor,
}

/// A compiled template whose behaviour at the end of a turn is known.
pub struct ChatTemplate {
    default: ProbedTemplate,
    tool_use: Option<ProbedTemplate>,
    special_tokens: Vec<(Arc<str>, Arc<str>)>,
    kwargs: Object,
}

/// One of a model's templates, compiled, and what was found out by rendering made-up messages with it.
pub struct ProbedTemplate {
    engine: CompiledTemplate,
    /// What hands messages to it. `None`: records are shown as they stand.
    pub server: Option<Server>,
    /// What goes wrong with contents as the server gives them.
    pub content_fault: Option<ContentFault>,
    /// What the template takes where no server stands before it.
    pub capabilities: Capabilities,
    pub turn_end: TurnEnd,
    pub thinking: Thinking,
    reads: Reads,
    /// What the template writes before what an assistant says.
    pub header: Option<Header>,
}

impl ChatTemplate {
    /// Compiles and probes the template.
    pub fn load(source: &TemplateSource, control_tokens: &ControlTokens) -> Result<Self> {
        let load = |text: &str| ProbedTemplate::load(text, source, control_tokens);
        let template = Self {
            default: load(&source.default)?,
            tool_use: source.tool_use.as_deref().map(load).transpose()?,
            special_tokens: source.special_tokens.clone(),
            kwargs: source.kwargs.clone(),
        };
        template.check_stop_token(source).map(|()| template)
    }

    /// Loads a template even if its turns do not end; then also returns why.
    pub fn load_lenient(
        source: &TemplateSource,
        control_tokens: &ControlTokens,
    ) -> Result<(Self, Option<Error>)> {
        let load = |text: &str| ProbedTemplate::probed(text, source, control_tokens);
        let (default, endless) = load(&source.default)?;
        let (tool_use, endless_tools) = match source.tool_use.as_deref().map(load).transpose()? {
            Some((variant, endless)) => (Some(variant), endless),
            None => (None, None),
        };
        let special_tokens = source.special_tokens.clone();
        let template = Self { default, tool_use, special_tokens, kwargs: source.kwargs.clone() };
        let unfit = template.check_stop_token(source).err();
        Ok((template, endless.or(endless_tools).or(unfit)))
    }

    /// A stop token that the caller names is for templates that end no turn: those that do have taught the model theirs.
    fn check_stop_token(&self, source: &TemplateSource) -> Result<()> {
        let stops = self.stop_tokens();
        let Some(named) = &source.stop_token else { return Ok(()) };
        if stops.iter().any(|stop| stop.text == *named) {
            return Ok(());
        }
        let own: Vec<&str> = stops.iter().map(|stop| &*stop.text).collect();
        let text =
            format!("stop_token: {named:?}: the chat template itself ends turns, with {}", own.join(", "));
        Err(Error::new(ErrorKind::NoStopToken, text))
    }

    /// What goes wrong with contents in the format that the server chose by itself.
    pub fn content_fault(&self) -> Option<&ContentFault> {
        self.variants().find_map(|variant| variant.content_fault.as_ref())
    }

    /// The template for conversations with these tools; a server takes an empty list of them for none.
    pub fn variant_for(&self, tools: Option<&Value>) -> &ProbedTemplate {
        let has_server = self.default.server.is_some();
        match tools {
            Some(tools) if !(has_server && is_empty_list(tools)) => self.variant_for_some_tools(),
            _ => &self.default,
        }
    }

    /// The template for conversations with tools, whatever they are.
    pub fn variant_for_some_tools(&self) -> &ProbedTemplate {
        self.tool_use.as_ref().unwrap_or(&self.default)
    }

    pub fn variants(&self) -> impl Iterator<Item = &ProbedTemplate> {
        [Some(&self.default), self.tool_use.as_ref()].into_iter().flatten()
    }

    /// The arguments of every rendering.
    pub fn kwargs(&self) -> &Object {
        &self.kwargs
    }

    /// Whether the text depends on the clock.
    pub fn asks_for_the_date(&self) -> bool {
        self.variants().any(|variant| variant.reads.asks_for_the_date)
    }

    /// The arguments that can be given to the template: what it reads and nobody else sets.
    pub fn arguments(&self) -> BTreeSet<&str> {
        let names = self.variants().flat_map(|variant| &variant.reads.arguments).map(String::as_str);
        let is_free = |name: &&str| {
            !is_reserved(name) && self.special_tokens.iter().all(|(known, _)| &**known != *name)
        };
        names.filter(is_free).collect()
    }

    /// Those of the arguments of every rendering that the template does not read.
    pub fn unread_arguments(&self) -> impl Iterator<Item = &Arc<str>> {
        let is_read = |name: &str| self.variants().any(|variant| variant.reads.variables.contains(name));
        self.kwargs.iter().map(|(name, _)| name).filter(move |name| !is_read(name))
    }

    /// The same of a record's own arguments.
    pub fn unread_arguments_of<'c>(
        &self,
        conversation: &'c Conversation,
    ) -> impl Iterator<Item = &'c Arc<str>> + use<'_, 'c> {
        let variables = &self.variant_for(conversation.tools.as_ref()).reads.variables;
        let names = conversation.template_kwargs.iter().map(|(name, _)| name);
        names.filter(|name| !variables.contains(&***name))
    }

    /// Whether turns end with a token that the template does not write.
    pub fn appends_stops(&self) -> bool {
        self.variants().any(|variant| matches!(variant.turn_end.ending, Ending::Appended { .. }))
    }

    /// The ids of those of these tokens that the templates, made of this source, write by themselves.
    pub fn written_tokens(&self, source: &TemplateSource, added: &ControlTokens) -> HashSet<u32> {
        self.variants().flat_map(|variant| Probe::of(variant, source, added).written_tokens()).collect()
    }

    /// Every stop token, each once.
    pub fn stop_tokens(&self) -> Vec<&StopToken> {
        let mut found: Vec<&StopToken> = Vec::new();
        for variant in self.variants() {
            for stop in variant.turn_end.stop_tokens() {
                if found.iter().all(|known| known.id != stop.id) {
                    found.push(stop);
                }
            }
        }
        found
    }

    /// Turns a conversation into the template's values, which live in `arena`.
    pub fn prepare<'a>(&'a self, arena: &'a Arena, conversation: &Conversation) -> Result<Prepared<'a>> {
        self.prepare_messages(arena, conversation, conversation.messages.iter())
    }

    /// The same of a conversation that has these of its messages only.
    pub fn prepare_only<'a>(
        &'a self,
        arena: &'a Arena,
        conversation: &Conversation,
        kept: &[usize],
    ) -> Result<Prepared<'a>> {
        self.prepare_messages(arena, conversation, kept.iter().map(|at| &conversation.messages[*at]))
    }

    fn prepare_messages<'a, 'm>(
        &'a self,
        arena: &'a Arena,
        conversation: &Conversation,
        messages: impl Iterator<Item = &'m Message>,
    ) -> Result<Prepared<'a>> {
        let tools = conversation.tools.as_ref();
        let variant = self.variant_for(tools);
        let given = match &variant.server {
            None => Given::Adapted(messages.collect()),
            server => Given::from_client(server.as_ref(), messages.map(|message| &message.fields).collect())?,
        };
        Prepared::new(arena, variant, given, tools, |values, tools| {
            self.variables(values, variant, tools, &conversation.template_kwargs)
        })
    }

    /// The body of a request for an answer to these messages.
    pub fn request(&self, messages: &[&Object], tools: Option<&Value>, kwargs: &Object) -> Value {
        request(self.default.server.as_ref().map(Server::preset), messages, tools, kwargs)
    }

    /// Renders messages as a client sends them, without the record formats' rules.
    pub fn render_raw(
        &self,
        messages: &[Value],
        tools: Option<&Value>,
        add_generation_prompt: bool,
        kwargs: &Object,
    ) -> Result<String> {
        check_objects("tools", tools)?;
        let variant = self.variant_for(tools);
        variant.render(messages, tools, add_generation_prompt, |values, tools| {
            self.variables(values, variant, tools, kwargs)
        })
    }

    fn variables<'a>(
        &self,
        values: &mut Values<'a>,
        variant: &ProbedTemplate,
        tools: Option<&Value>,
        kwargs: &Object,
    ) -> Vec<(&'a str, TemplateValue<'a>)> {
        variables(values, variant.server.as_ref(), &self.special_tokens, tools, [&self.kwargs, kwargs])
    }
}

/// What transformers passes besides the messages: the model's special tokens, then template arguments over them, a
/// server's flags first.
fn variables<'a, const N: usize>(
    values: &mut Values<'a>,
    server: Option<&Server>,
    special_tokens: &[(Arc<str>, Arc<str>)],
    tools: Option<&Value>,
    kwargs: [&Object; N],
) -> Vec<(&'a str, TemplateValue<'a>)> {
    let tools = values.variable("tools", tools.unwrap_or(&Value::Null));
    let mut variables = vec![tools, ("documents", TemplateValue::None)];
    variables.extend(special_tokens.iter().map(|(name, token)| values.constant(name, token)));
    for (name, value) in server.into_iter().flat_map(Server::flags) {
        variables.push(values.variable(name, &Value::Bool(value)));
    }
    let passed = |value: &Value| server.is_none_or(|server| server.passes_on(value));
    for (name, value) in kwargs.into_iter().flat_map(Object::iter).filter(|(_, value)| passed(value)) {
        variables.push(values.variable(name, value));
    }
    variables
}

impl ProbedTemplate {
    /// The template as it was written.
    pub fn syntax(&self) -> &[everyturn_template::ast::Stmt] {
        self.engine.template().syntax()
    }

    /// How many `{% generation %}` blocks there are.
    pub fn generation_blocks(&self) -> usize {
        self.engine.template().generation_blocks()
    }

    /// Renders messages as a client sends them.
    fn render(
        &self,
        messages: &[Value],
        tools: Option<&Value>,
        add_generation_prompt: bool,
        variables: impl for<'a> FnOnce(&mut Values<'a>, Option<&Value>) -> Vec<(&'a str, TemplateValue<'a>)>,
    ) -> Result<String> {
        let arena = Arena::new();
        let given = Given::from_client(self.server.as_ref(), message_objects(messages)?)?;
        let prepared = Prepared::new(&arena, self, given, tools, variables)?;
        Ok(prepared.render(messages.len(), add_generation_prompt)?.text)
    }

    fn load(text: &str, source: &TemplateSource, control_tokens: &ControlTokens) -> Result<Self> {
        match Self::probed(text, source, control_tokens)? {
            (variant, None) => Ok(variant),
            // A template that fails on contents ends no turn, either.
            (Self { content_fault: Some(fault), .. }, Some(endless)) => {
                Err(Error::new(endless.kind, fault.text))
            }
            (_, Some(endless)) => Err(endless),
        }
    }

    /// The same of a template that ends no turn, with the error that this is to `load`: its turns end where their
    /// text does.
    fn probed(
        text: &str,
        source: &TemplateSource,
        control_tokens: &ControlTokens,
    ) -> Result<(Self, Option<Error>)> {
        let mut template = Self::unprobed(CompiledTemplate::compile(text, source.now, source.limits)?);
        template.capabilities = Probe::of(&template, source, control_tokens).capabilities();
        let parts_of_users = template.capabilities.roles_with_parts.contains(&Role::User);
        let tried = || TriedContents {
            prints_text: Probe::of(&template, source, control_tokens).prints_text(),
            prints_parts: parts_of_users,
        };
        template.server = Server::new(source.serve, source.content_format, text, template.syntax(), tried);
        template.content_fault = template.find_content_fault(source, control_tokens);
        let tools = turn_end::made_up_tools();
        let mut probe = Probe::of(&template, source, control_tokens);
        let (turn_end, endless) = match probe.turn_end() {
            Ok(turn_end) => (turn_end, None),
            Err(error) => {
                // A template for tools may fail without any.
                probe.tools = Some(&tools);
                match probe.turn_end() {
                    Ok(turn_end) => (turn_end, None),
                    Err(_) => (TurnEnd::end_of_text(), Some(error)),
                }
            }
        };
        let thinking = probe.thinking();
        let header = probe.header(thinking.format.as_ref());
        template.engine.end_probing()?;
        Ok((Self { turn_end, thinking, header, ..template }, endless))
    }

    /// A template of which nothing is known yet.
    fn unprobed(engine: CompiledTemplate) -> Self {
        let (turn_end, thinking) = (TurnEnd::end_of_text(), Thinking::default());
        let reads = reads(engine.template().syntax());
        Self {
            engine,
            reads,
            server: None,
            content_fault: None,
            capabilities: Capabilities::none(),
            turn_end,
            thinking,
            header: None,
        }
    }
}
