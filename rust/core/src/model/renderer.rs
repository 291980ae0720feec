//! Chat template and tokenizer of one model.
//!
//! In: a model folder and how to use its template. Out: a frozen object that renders and encodes, shared by threads.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::DateTime;

use super::declared::DeclaredTokens;
use super::fingerprint::fingerprint;
use super::folder::{DEFAULT_TEMPLATE, ModelFiles, TOOL_TEMPLATE, model_error};
use super::serving::own_encoder;
use super::tokenizer_class::note as tokenizer_note;
use crate::chat_template::{ChatTemplate, TemplateSource, check_objects, message_objects};
use crate::choice::Choice;
use crate::conversation::check_reserved;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Object, Value};
use crate::lint::{self, ModelFacts};
use crate::options::{ContentFormat, EngineChoice, LimitFactor, Serve};
use crate::serving::Preset;
use crate::target::{Exchanges, FewestDropped, prompt_too_long};
use crate::tokenizer::{ControlTokens, Spelling, Tokenizer};

/// How a folder's template is to be used.
#[derive(Debug, Clone)]
pub struct RendererOptions {
    /// The text of another template, or the name of one of the model's.
    pub chat_template: Option<String>,
    pub template_kwargs: Object,
    pub now: DateTime,
    pub engine: EngineChoice,
    /// So much will be encoded that the fast engine, if it may be used, is loaded at once, on a second thread.
    pub needs_fast_engine: bool,
    /// The server whose prompts are made.
    pub serve: Serve,
    /// How contents reach the template.
    pub content_format: ContentFormat,
    /// What to encode with instead of the folder's `tokenizer.json`: its text as transformers rebuilt it.
    pub tokenizer_json: Option<String>,
    /// The control token to append where the template ends no turn, or `eos`.
    pub stop_token: Option<String>,
    /// How large and costly the template and the model's files may be.
    pub limits: LimitFactor,
}

/// The name of the model's own end as a stop token.
const MODEL_END: &str = "eos";

pub struct Renderer {
    pub(crate) tokenizer: Tokenizer,
    pub(crate) template: ChatTemplate,
    pub(crate) control_tokens: ControlTokens,
    pad_token_id: Option<u32>,
    generation_stops: Vec<u32>,
    source: TemplateSource,
    begin_token: Option<String>,
    /// What to know of the server that the template does not show.
    serving_note: Option<String>,
    /// Why the server's ids are, or may be, others for the same text.
    tokenizer_note: Option<String>,
    fingerprint: String,
}

impl Renderer {
    pub fn from_dir(folder: &Path, options: RendererOptions) -> Result<Self> {
        let is_file = options.tokenizer_json.is_none();
        let (files, tokenizer, source) = read(folder, options)?;
        let added = tokenizer.added_tokens()?;
        let template =
            ChatTemplate::load(&source, &added).map_err(|error| model_error(folder, &error.to_string()))?;
        if let Some(fault) = template.content_fault().filter(|fault| !fault.is_of_calls) {
            return Err(model_error(folder, &fault.text));
        }
        let written = template.written_tokens(&source, &added);
        let control_tokens = control_tokens(added, &written, &files, source.stop_token.as_deref());
        let renderer = Self {
            pad_token_id: files.special_token("pad_token").and_then(|token| tokenizer.id_of(token)),
            serving_note: serving_note(folder, &files, source.serve),
            tokenizer_note: if is_file { tokenizer_note(&files, &tokenizer, source.serve) } else { None },
            fingerprint: fingerprint(&files.tokenizer_json, &source, &template, &control_tokens),
            generation_stops: files.generation_stops.clone(),
            begin_token: files.special_token("bos_token").map(str::to_owned),
            control_tokens,
            source,
            tokenizer,
            template,
        };
        renderer.check_begin(folder, &files)?;
        Ok(renderer)
    }

    /// A template that writes the begin token twice would train on what no server sends.
    fn check_begin(&self, folder: &Path, files: &ModelFiles) -> Result<()> {
        let Some(begin) = files.special_token("bos_token").and_then(|token| self.tokenizer.id_of(token))
        else {
            return Ok(());
        };
        let pairs = [("role".into(), "user".into()), ("content".into(), "hello".into())];
        let message = Value::Object(pairs.into_iter().collect());
        let Ok(text) = self.render(&[message], None, true, &Object::default()) else {
            return Ok(());
        };
        let begins =
            self.tokenizer.encode(&text)?.iter().take_while(|id| id.cast_unsigned() == begin).count();
        if begins > 1 {
            let text =
                format!("the chat template writes the token that begins a sequence {begins} times, not once");
            return Err(model_error(folder, &text));
        }
        Ok(())
    }

    /// What the template does to training, as JSON text.
    pub fn lint(&self) -> String {
        let model = ModelFacts {
            tokenizer: &self.tokenizer,
            begin_token: self.begin_token.as_deref(),
            served_stops: &self.generation_stops,
            serving_note: self.serving_note(),
            tokenizer_note: self.tokenizer_note.as_deref(),
        };
        lint::lint(&self.source, &model)
    }

    /// Renders messages as the server does that the renderer was made for.
    pub fn render(
        &self,
        messages: &[Value],
        tools: Option<&Value>,
        add_generation_prompt: bool,
        kwargs: &Object,
    ) -> Result<String> {
        self.template.render_raw(messages, tools, add_generation_prompt, kwargs)
    }

    /// The body of a request that asks the server for an answer to these messages, as JSON text.
    pub fn request(&self, messages: &[Value], tools: Option<&Value>, kwargs: &Object) -> Result<String> {
        check_objects("tools", tools)?;
        let messages = message_objects(messages)?;
        Ok(json::write(&self.request_of(&messages, tools, kwargs)))
    }

    /// The same for messages and tools that are known to be objects.
    pub(crate) fn request_of(&self, messages: &[&Object], tools: Option<&Value>, kwargs: &Object) -> Value {
        let all = self.source.kwargs.iter().chain(kwargs.iter());
        let kwargs = all.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.template.request(messages, tools, &kwargs)
    }

    /// The server that prompts are made for, with its version; `None`: the template as it stands.
    pub fn server(&self) -> Option<String> {
        Preset::of(self.source.serve).map(Preset::name)
    }

    /// How contents reach the template: `string` or `openai`; `None` where no server stands before it.
    pub fn content_format(&self) -> Option<&'static str> {
        let server = self.template.variants().next().and_then(|variant| variant.server.as_ref());
        server.map(|server| server.content_format().name())
    }

    /// The arguments that the template reads, in alphabetical order.
    pub fn template_arguments(&self) -> Vec<&str> {
        self.template.arguments().into_iter().collect()
    }

    /// Arguments of every rendering that the template does not read.
    pub fn unread_arguments(&self) -> Vec<&str> {
        self.template.unread_arguments().map(|name| &**name).collect()
    }

    /// What to know of the server that no sample shows.
    pub fn serving_note(&self) -> Option<&str> {
        self.serving_note.as_deref()
    }

    /// Why the server's ids are, or may be, others for the same text.
    pub fn tokenizer_note(&self) -> Option<&str> {
        self.tokenizer_note.as_deref()
    }

    /// Which of the messages before an answer are sent: all but the oldest exchanges, as `history_turns` and
    /// `max_prompt_tokens` of samples leave them out.
    pub fn window(
        &self,
        messages: &[Value],
        tools: Option<&Value>,
        kwargs: &Object,
        history_turns: Option<usize>,
        max_prompt_tokens: usize,
    ) -> Result<Vec<usize>> {
        let exchanges = Exchanges::of_messages(messages)?;
        let bounds = exchanges.bounds(messages.len(), history_turns);
        let (least, most) = (*bounds.start(), *bounds.end());
        let prompt_tokens = |dropped: usize| {
            let kept = exchanges.kept(dropped, messages.len());
            let kept: Vec<Value> = kept.into_iter().map(|at| messages[at].clone()).collect();
            Ok::<_, Error>(self.encode(&self.render(&kept, tools, true, kwargs)?)?.len())
        };
        let fits = |dropped| prompt_tokens(dropped).is_ok_and(|tokens| tokens <= max_prompt_tokens);
        if fits(least) {
            return Ok(exchanges.kept(least, messages.len()));
        }
        let mut search = FewestDropped::new(&bounds, least);
        while let Some(dropped) = search.next_try() {
            search.record(dropped, fits(dropped));
        }
        if let Some(dropped) = search.found() {
            return Ok(exchanges.kept(dropped, messages.len()));
        }
        Err(prompt_too_long(prompt_tokens(most)?, max_prompt_tokens))
    }

    pub fn encode(&self, text: &str) -> Result<Vec<i32>> {
        self.tokenizer.encode(text)
    }

    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.tokenizer.decode(ids)
    }

    /// What each token spells; `None` where texts are not joined from what their tokens spell.
    pub fn spelling(&self) -> Option<Spelling<'_>> {
        self.tokenizer.token_bytes().spelling()
    }

    /// The tokens that end a turn, as the template writes them.
    pub fn stop_token_ids(&self) -> Vec<u32> {
        self.template.stop_tokens().iter().map(|stop| stop.id).collect()
    }

    /// Stop tokens at which `generation_config.json` would not let a server stop.
    pub fn unserved_stop_tokens(&self) -> Vec<String> {
        if self.generation_stops.is_empty() {
            return Vec::new();
        }
        let stops = self.template.stop_tokens();
        let unserved = stops.iter().filter(|stop| !self.generation_stops.contains(&stop.id));
        unserved.map(|stop| stop.text.to_string()).collect()
    }

    /// Whether the template shows the date: the same chats give other samples on another day.
    pub fn asks_for_the_date(&self) -> bool {
        self.template.asks_for_the_date()
    }

    /// A description of what encodes text.
    pub fn engine(&self) -> String {
        self.tokenizer.engine()
    }

    pub fn pad_token_id(&self) -> Option<u32> {
        self.pad_token_id
    }

    /// SHA-256 over all that decides samples but the clock: tokenizer, templates, their arguments, special and control
    /// tokens, declared ends, the server and a named stop token.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// Reports on a model's template as JSON text, even if it is one that no renderer can be made of.
pub fn lint_model(folder: &Path, options: RendererOptions) -> Result<String> {
    let is_file = options.tokenizer_json.is_none();
    let (files, tokenizer, source) = read(folder, options)?;
    let serving_note = serving_note(folder, &files, source.serve);
    let tokenizer_note = if is_file { tokenizer_note(&files, &tokenizer, source.serve) } else { None };
    let model = ModelFacts {
        tokenizer: &tokenizer,
        begin_token: files.special_token("bos_token"),
        served_stops: &files.generation_stops,
        serving_note: serving_note.as_deref(),
        tokenizer_note: tokenizer_note.as_deref(),
    };
    Ok(lint::lint(&source, &model))
}

/// The same for a template without a model.
pub fn lint_template(text: &str, options: RendererOptions) -> Result<String> {
    check_reserved(&options.template_kwargs).map_err(|text| Error::new(ErrorKind::Options, text))?;
    let RendererOptions { template_kwargs, now, serve, content_format, stop_token, limits, .. } = options;
    let (begin, end) = ("<s>", "</s>");
    let stop_token = stop_token.map(|token| if token == MODEL_END { end.to_owned() } else { token });
    Ok(lint::lint_bare(TemplateSource {
        default: text.to_owned(),
        tool_use: None,
        special_tokens: vec![("bos_token".into(), begin.into()), ("eos_token".into(), end.into())],
        kwargs: template_kwargs,
        now,
        declared_stops: Vec::new(),
        stop_token: stop_token.map(Arc::from),
        serve,
        content_format,
        limits,
    }))
}

fn read(folder: &Path, options: RendererOptions) -> Result<(ModelFiles, Tokenizer, TemplateSource)> {
    check_reserved(&options.template_kwargs).map_err(|text| Error::new(ErrorKind::Options, text))?;
    let mut files = ModelFiles::read(folder, options.limits)?;
    if let Some(json) = options.tokenizer_json {
        files.tokenizer_json = json.into_bytes();
    }
    let RendererOptions { engine, needs_fast_engine, limits, .. } = options;
    let tokenizer = Tokenizer::from_bytes(&files.tokenizer_json, engine, needs_fast_engine, limits)
        .map_err(|error| model_error(folder, &error.text))?;
    let (default, tool_use) = choose_templates(folder, &files, options.chat_template)?;
    let stop_token =
        options.stop_token.map(|named| stop_token(folder, &files, &tokenizer, &named)).transpose()?;
    let source = TemplateSource {
        default,
        tool_use,
        special_tokens: files.special_tokens.clone(),
        kwargs: options.template_kwargs,
        now: options.now,
        declared_stops: declared_stops(&files, &tokenizer),
        stop_token,
        serve: options.serve,
        content_format: options.content_format,
        limits,
    };
    Ok((files, tokenizer, source))
}

/// The added tokens that are not text: the special ones, those that the template writes, those that the model's files
/// declare, and the stop token that the caller names. A word is text although a template writes it.
fn control_tokens(
    added: ControlTokens,
    written: &HashSet<u32>,
    files: &ModelFiles,
    stop_token: Option<&str>,
) -> ControlTokens {
    let declared = DeclaredTokens::of(files);
    let is_word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace());
    let ends = declared_ends(files);
    added.only(
        |token| {
            token.is_special
                || written.contains(&token.id) && !is_word(token.text)
                || declared.contains(token)
                || stop_token == Some(token.text)
        },
        |token| {
            written.contains(&token.id)
                || ends.contains(&token.text)
                || files.generation_stops.contains(&token.id)
        },
    )
}

/// What the model's files name as begin and end.
fn declared_ends(files: &ModelFiles) -> Vec<&str> {
    ["bos_token", "eos_token"].into_iter().filter_map(|name| files.special_token(name)).collect()
}

fn serving_note(folder: &Path, files: &ModelFiles, serve: Serve) -> Option<String> {
    own_encoder(folder, files, Preset::of(serve)?)
}

/// Where the model's files say that an answer ends.
fn declared_stops(files: &ModelFiles, tokenizer: &Tokenizer) -> Vec<u32> {
    let end = files.special_token("eos_token").and_then(|token| tokenizer.id_of(token));
    files.generation_stops.iter().copied().chain(end).collect()
}

/// The control token that is named, which may be the model's own end.
fn stop_token(folder: &Path, files: &ModelFiles, tokenizer: &Tokenizer, named: &str) -> Result<Arc<str>> {
    let token = if named == MODEL_END {
        files.special_token("eos_token").ok_or_else(|| {
            model_error(
                folder,
                "has no eos_token, for which stop_token \"eos\" stands: name a control token instead",
            )
        })?
    } else {
        named
    };
    let known = tokenizer.added_tokens()?.with_text(token).map(|stop| stop.text);
    known.ok_or_else(|| {
        model_error(
            folder,
            &format!(
                "stop_token: {token:?} is not a control token of the tokenizer; `everyturn lint` shows them"
            ),
        )
    })
}

fn choose_templates(
    folder: &Path,
    files: &ModelFiles,
    asked: Option<String>,
) -> Result<(String, Option<String>)> {
    let owned = |name: &str| files.template(name).map(str::to_owned);
    if let Some(asked) = asked {
        if owned(&asked).is_none() && !asked.contains('{') {
            let names: Vec<_> = files.templates.iter().map(|(name, _)| name.as_str()).collect();
            let text = format!("has no chat template named {asked:?}; it has {}", names.join(", "));
            return Err(model_error(folder, &text));
        }
        return Ok((owned(&asked).unwrap_or(asked), None));
    }
    let Some(default) = owned(DEFAULT_TEMPLATE) else {
        let names: Vec<_> = files.templates.iter().map(|(name, _)| name.as_str()).collect();
        let text = if names.is_empty() {
            "has no chat template: neither chat_template.jinja nor one in tokenizer_config.json".to_owned()
        } else {
            format!(
                "has the chat templates {} and none named \"default\": choose one with chat_template",
                names.join(", ")
            )
        };
        return Err(model_error(folder, &text));
    };
    Ok((default, owned(TOOL_TEMPLATE)))
}
