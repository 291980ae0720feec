//! What a chat template does to training, reported before anything is trained.
//!
//! In: a model's template and tokenizer, or a template alone. Out: a report as JSON text: how turns end, whether
//! prompts are prefixes, what is rewritten, read and ignored, what follows from it (`findings`) and which options
//! cure it (`recommendations`). Everything is found by rendering made-up conversations; nothing here changes how a
//! template is used, and a template that cannot be used is reported, too.

mod findings;
mod generation;
mod guess;
mod keys;
mod left_out;
mod other_prompts;
mod probes;
mod recommendations;
mod report;
mod trials;

pub use findings::finding;

use std::sync::Arc;

use jiff::Span;

use crate::chat_template::ArgumentsForm;
use crate::chat_template::{
    ChatTemplate, ContentFault, Ending, Prepared, TemplateSource, ThinkingFlag, WrittenStop, thinking_flags,
};
use crate::conversation::Message;
use crate::error::{Error, Result};
use crate::json;
use crate::options::{ContentFormat, Serve, ThinkingPolicy};
use crate::target::{Rendered, has_two_thinking_blocks};
use crate::tokenizer::{ControlTokens, StopToken, Tokenizer};
use generation::{Generation, generation};
use keys::{System, keys, system};
use left_out::{Omission, omissions};
use other_prompts::{OtherPrompts, other_prompts};
use probes::{Probed, Reasoning, conversation, conversations, probe, rendered};
use recommendations::{Recommendation, about_rendering, content_format, header_in_prompt, stop_token};
use trials::{Combination, Outcome, Trial};

/// A day whose weekday, day, month and year all differ from the tested one.
const DAYS_LATER: i64 = 400;

/// The tokenizer and what else the model's files say about ends and beginnings.
pub struct ModelFacts<'a> {
    pub tokenizer: &'a Tokenizer,
    pub begin_token: Option<&'a str>,
    /// Where a server stops; empty if no file says so.
    pub served_stops: &'a [u32],
    /// What to know of a server that does not go by the template.
    pub serving_note: Option<&'a str>,
    /// Why the server's ids are, or may be, others for the same text.
    pub tokenizer_note: Option<&'a str>,
}

/// Reports on the template of a model, as JSON text.
pub fn lint(source: &TemplateSource, model: &ModelFacts<'_>) -> String {
    let facts = model.tokenizer.added_tokens().and_then(|added| Facts::of(source, &added, Some(model)));
    written(facts, false)
}

/// Reports on a template alone: control tokens are guessed from what it renders.
pub fn lint_bare(mut source: TemplateSource) -> String {
    let mut named = source.special_tokens.iter();
    let end = named.find(|(name, _)| &**name == "eos_token").map(|(_, token)| token.clone());
    let facts = guessed(&source).and_then(|tokens| {
        source.declared_stops = tokens
            .iter()
            .position(|token| Some(token) == end.as_ref())
            .into_iter()
            .filter_map(|id| u32::try_from(id).ok())
            .collect();
        Facts::of(&source, &ControlTokens::guessed(tokens)?, None)
    });
    written(facts, true)
}

fn written(facts: Result<Facts>, is_bare: bool) -> String {
    let report = facts.map_or_else(|error| report::broken(&error, is_bare), |facts| report::whole(&facts));
    json::write(&report)
}

/// What looks like a control token in the renderings of a template.
fn guessed(source: &TemplateSource) -> Result<Vec<Arc<str>>> {
    let (template, _) = ChatTemplate::load_lenient(source, &ControlTokens::guessed([])?)?;
    let mut texts = Vec::new();
    for (_, conversation) in conversations() {
        texts.extend(rendered(&template, &conversation));
        let arena = everyturn_template::Arena::new();
        let prompt = template.prepare(&arena, &conversation).and_then(|prepared| prepared.render(1, true));
        texts.extend(prompt.map(|prompt| prompt.text));
    }
    let mut tokens = guess::control_tokens(texts.iter().map(String::as_str));
    tokens.extend(source.stop_token.clone().filter(|named| !tokens.contains(named)));
    Ok(tokens)
}

/// Everything that was found out.
struct Facts {
    is_bare: bool,
    /// The server with its version, and how contents reach the template. `None`: no server stands before it.
    server: Option<(String, ContentFormat)>,
    content_fault: Option<ContentFault>,
    /// Without a server before it the template renders reasoning.
    shows_reasoning_as_it_stands: bool,
    serving_note: Option<String>,
    other_prompts: Vec<OtherPrompts>,
    stops: Vec<Stop>,
    /// Why turns do not end.
    endless: Option<Error>,
    /// Stop tokens that `generation_config.json` does not have.
    unserved: Vec<Arc<str>>,
    probed: Vec<Probed>,
    keys: [(&'static str, bool); 6],
    /// What the template can be told, and what it is told and does not read.
    template_arguments: Vec<String>,
    unread_arguments: Vec<Arc<str>>,
    arguments: ArgumentsForm,
    system: System,
    begin: Option<Begin>,
    tokenizer_note: Option<String>,
    generation: Generation,
    asks_for_the_date: bool,
    flags: Vec<ThinkingFlag>,
    empty_thinking: Option<EmptyThinking>,
    omissions: Vec<Omission>,
    /// The conversations in which one block of thinking follows another.
    two_thinking_blocks: Vec<&'static str>,
    header: Option<TrainedHeader>,
    recommendations: Vec<Recommendation>,
}

struct Stop {
    token: StopToken,
    owner: Owner,
    of: &'static str,
    /// What the template writes after it.
    trailing: String,
}

/// Who writes a stop token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Turn,
    NextHeader,
    /// The option `stop_token`.
    Caller,
}

impl Owner {
    fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::NextHeader => "next_header",
            Self::Caller => "stop_token",
        }
    }
}

/// The model's begin token.
struct Begin {
    token: StopToken,
    /// How often the template writes it at the start.
    written: usize,
    /// The tokenizer adds it when asked to add special tokens.
    is_added: bool,
}

/// Answers without reasoning are trained to write an empty block of thinking.
struct EmptyThinking {
    /// The conversations that have such answers.
    conversations: Vec<&'static str>,
    /// Not with the thinking switch that fits them.
    is_cured_by_switch: bool,
}

/// A header that is trained, because prompts lack it.
struct TrainedHeader {
    text: String,
    /// Other prompts have it.
    is_in_prompts: bool,
    /// The conversations in which it is trained.
    conversations: Vec<&'static str>,
}

impl TrainedHeader {
    fn found(template: &ChatTemplate, probed: &[Probed]) -> Option<Self> {
        let trains = |probed: &&Probed| {
            let is_trained =
                |_: &Prepared<'_>, _: &Message, target: &Rendered<'_>| target.header.in_completion() > 0;
            Combination::default().any_target(template, &probed.conversation, is_trained)
        };
        let having: Vec<&Probed> = probed.iter().filter(trains).collect();
        let tools = having.first()?.conversation.tools.as_ref();
        let header = template.variant_for(tools).header.as_ref()?;
        Some(Self {
            text: header.text.clone(),
            is_in_prompts: header.is_in_prompts,
            conversations: having.iter().map(|probed| probed.name).collect(),
        })
    }
}

/// The conversations in which one block of thinking follows another, by default or under the recommended policy.
fn two_thinking_blocks(template: &ChatTemplate, probed: &[Probed], best: &Trial) -> Vec<&'static str> {
    let combination = Combination { policy: best.combination.policy, ..Combination::default() };
    let has_two = |prepared: &Prepared<'_>, message: &Message, target: &Rendered<'_>| {
        has_two_thinking_blocks(prepared.thinking().format.as_ref(), message, target)
    };
    let having =
        probed.iter().filter(|probed| combination.any_target(template, &probed.conversation, has_two));
    having.map(|probed| probed.name).collect()
}

impl EmptyThinking {
    /// By default, or where the prompt is not a prefix under the policy that is recommended.
    fn found(template: &ChatTemplate, probed: &[Probed], best: &Trial) -> Option<Self> {
        let policy = best.combination.policy;
        let has_any = |probed: &Probed, thinking| {
            let combination = Combination { policy, thinking, ..Combination::default() };
            combination.outcomes(template, &probed.conversation).contains(&Outcome::AfterEmptyThinking)
        };
        let having: Vec<&Probed> =
            probed.iter().filter(|probed| has_any(probed, ThinkingPolicy::AsRendered)).collect();
        (!having.is_empty()).then(|| Self {
            is_cured_by_switch: !having.iter().any(|probed| has_any(probed, ThinkingPolicy::Match)),
            conversations: having.iter().map(|probed| probed.name).collect(),
        })
    }
}

fn shows_reasoning_as_it_stands(source: &TemplateSource, control_tokens: &ControlTokens) -> Result<bool> {
    let source = TemplateSource { serve: Serve::Template, ..source.clone() };
    Ok(keys::reads_reasoning(&ChatTemplate::load_lenient(&source, control_tokens)?.0))
}

impl Facts {
    fn of(
        source: &TemplateSource,
        control_tokens: &ControlTokens,
        model: Option<&ModelFacts<'_>>,
    ) -> Result<Self> {
        let (template, endless) = ChatTemplate::load_lenient(source, control_tokens)?;
        let now = source.now.checked_add(Span::new().days(DAYS_LATER)).unwrap_or(source.now);
        let (later, _) =
            ChatTemplate::load_lenient(&TemplateSource { now, ..source.clone() }, control_tokens)?;
        let mut probed: Vec<Probed> =
            conversations().into_iter().map(|case| probe(&template, &later, case)).collect();
        let asks_for_the_date = template.asks_for_the_date();
        let content_fault = template.content_fault().cloned();
        let cure = content_fault.as_ref().and_then(|fault| fault.cure);
        let cured = cure.map(|content_format| TemplateSource { content_format, ..source.clone() });
        let cured = cured.map(|source| ChatTemplate::load_lenient(&source, control_tokens)).transpose()?;
        let ended = if endless.is_some() { with_eos(source, control_tokens)? } else { None };
        let advised = cured.as_ref().map(|(cured, _)| cured).or(ended.as_ref()).unwrap_or(&template);
        let best = trials::best(advised, &probed);
        let mut recommendations: Vec<Recommendation> = cure.map(content_format).into_iter().collect();
        recommendations.extend(ended.is_some().then(stop_token));
        let header = TrainedHeader::found(advised, &probed);
        if header.is_some() {
            recommendations.push(header_in_prompt());
        }
        recommendations.extend(about_rendering(advised, source, &mut probed, &best, asks_for_the_date));
        let empty_thinking = EmptyThinking::found(advised, &probed, &best);
        let two_thinking_blocks = two_thinking_blocks(advised, &probed, &best);
        let server = template.variants().next().and_then(|variant| variant.server.as_ref());
        let stops = if endless.is_some() { Vec::new() } else { stops(&template) };
        let served = model.map_or(&[][..], |model| model.served_stops);
        let is_unserved = |stop: &&Stop| !served.is_empty() && !served.contains(&stop.token.id);
        let mut unserved: Vec<_> =
            stops.iter().filter(is_unserved).map(|stop| stop.token.text.clone()).collect();
        unserved.dedup();
        let mut flags: Vec<ThinkingFlag> = Vec::new();
        for flag in template.variants().flat_map(|variant| thinking_flags(variant.syntax())) {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        }
        Ok(Self {
            is_bare: model.is_none(),
            server: server.map(|server| (server.preset().name(), server.content_format())),
            serving_note: model.and_then(|model| model.serving_note).map(str::to_owned),
            other_prompts: other_prompts(&template, source, control_tokens)?,
            content_fault,
            unserved,
            stops,
            endless,
            keys: keys(&template),
            shows_reasoning_as_it_stands: shows_reasoning_as_it_stands(source, control_tokens)?,
            template_arguments: template.arguments().into_iter().map(str::to_owned).collect(),
            unread_arguments: template.unread_arguments().cloned().collect(),
            arguments: template.variant_for_some_tools().capabilities.arguments,
            system: system(&template, control_tokens),
            begin: model.and_then(|model| begin(&template, model)),
            tokenizer_note: model.and_then(|model| model.tokenizer_note.map(str::to_owned)),
            generation: generation(&template),
            asks_for_the_date,
            flags,
            probed,
            empty_thinking,
            omissions: omissions(advised, best.combination.policy),
            two_thinking_blocks,
            header,
            recommendations,
        })
    }
}

/// The template with the model's own end appended to each target, if it can be used so.
fn with_eos(source: &TemplateSource, control_tokens: &ControlTokens) -> Result<Option<ChatTemplate>> {
    let eos = source.special_tokens.iter().find(|(name, _)| &**name == "eos_token").map(|(_, token)| token);
    let Some(eos) = eos.filter(|token| control_tokens.with_text(token).is_some()) else { return Ok(None) };
    let source = TemplateSource { stop_token: Some(eos.clone()), ..source.clone() };
    let (template, endless) = ChatTemplate::load_lenient(&source, control_tokens)?;
    Ok(endless.is_none().then_some(template))
}

fn stops(template: &ChatTemplate) -> Vec<Stop> {
    let stop = |token: &StopToken, owner, of, trailing: &str| Stop {
        token: token.clone(),
        owner,
        of,
        trailing: trailing.to_owned(),
    };
    let written = |found: &WrittenStop, of| stop(&found.stop, Owner::Turn, of, &found.trailing);
    let (plain, calls) = ("plain", "tool_calls");
    let of_answers = match &template.variant_for(None).turn_end.ending {
        Ending::Written { plain: found, .. } => written(found, plain),
        Ending::NextHeader { plain: found, .. } => stop(&found.stop, Owner::NextHeader, plain, ""),
        Ending::Appended { stop: named, .. } => stop(named, Owner::Caller, plain, ""),
    };
    let of_calls = match &template.variant_for_some_tools().turn_end.ending {
        Ending::Written { tool_calls, .. } => tool_calls.as_ref().map(|found| written(found, calls)),
        Ending::NextHeader { tool_calls, .. } => Some(stop(&tool_calls.stop, Owner::NextHeader, calls, "")),
        Ending::Appended { stop: named, .. } => Some(stop(named, Owner::Caller, calls, "")),
    };
    [Some(of_answers), of_calls].into_iter().flatten().collect()
}

fn begin(template: &ChatTemplate, model: &ModelFacts<'_>) -> Option<Begin> {
    let text = model.begin_token?;
    let id = model.tokenizer.id_of(text)?;
    let token = StopToken { text: text.into(), id };
    let starts = |ids: Result<Vec<i32>>| {
        ids.map_or(0, |ids| ids.iter().take_while(|found| found.cast_unsigned() == id).count())
    };
    let is_added = starts(model.tokenizer.encode_with_special_tokens("a")) > 0;
    let written = rendered(template, &conversation(false, Reasoning::None))
        .map_or(0, |text| starts(model.tokenizer.encode(&text)));
    Some(Begin { token, written, is_added })
}
