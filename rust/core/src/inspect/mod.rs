//! One record to its samples, each with where its tokens come from.
//!
//! In: an expander and a record. Out: the samples that expanding gives, the text of each, which bytes of it each token
//! stands for, who wrote them, and for each message why it is trained or not. The samples are made by `expand` and by
//! nothing else; here their texts are rendered and encoded once more, and ids that differ are an error.

mod json;
mod origin;
mod row;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicBool;

use everyturn_template::Arena;

use crate::chat_template::Prepared;
use crate::conversation::{Conversation, Message, Role, Weight, part_texts};
use crate::error::{Error, ErrorKind, Result};
use crate::expand::{Expander, Workspace};
use crate::json::Value;
use crate::layout::{Arrangement, Sample, whole_text};
use crate::options::{ControlTokenPolicy, Options};
use crate::read::Record;
use crate::report::Report;
use crate::target::{Exchanges, Foreign, PromptMatch, Targets, targets};
use crate::tokenizer::{Encoding, Known};
use origin::Stretches;
use row::Row;

/// What became of a record, and why.
pub struct Explanation {
    pub report: Report,
    conversation_id: u128,
    format: &'static str,
    messages: Vec<Explained>,
    rows: Vec<Row>,
    /// The fault at which expanding would end.
    error: Option<Error>,
}

/// A message, and what is done with it.
struct Explained {
    role: Role,
    weight: Option<Weight>,
    /// The start of what it says.
    excerpt: String,
    calls: usize,
    fate: Fate,
}

/// Why a message is trained or not.
enum Fate {
    /// In these samples.
    Trained(Vec<usize>),
    /// Only assistants are trained.
    Context,
    /// It belongs to the prompt of a pair.
    Prompt,
    /// Its own weight is 0.
    Weight,
    /// `train_on` leaves it out.
    TrainOn,
    Fault(Error),
}

/// Characters of a message that are shown to tell which it is.
const EXCERPT_CHARS: usize = 200;

/// Explains a record. An error is one of the record as a whole; those of single targets are in the explanation.
pub fn explain(expander: &Expander, record: Record<'_>) -> Result<Explanation> {
    let at_line = |error: Error| error.at_line(record.file, record.line);
    let mut workspace = Workspace::default();
    let read = expander.read(record, &mut workspace).map_err(at_line)?;
    let outcome = expander.expand_read(record, Ok(&read), &mut workspace, &AtomicBool::new(false));
    let conversation = read.conversation;
    let arena = Arena::new();
    let shower = Shower {
        expander,
        conversation: &conversation,
        prepared: &expander.renderer.template.prepare(&arena, &conversation)?,
        has_control_tokens: !outcome.report.control_tokens.is_empty(),
        known: RefCell::default(),
    };
    let rows = outcome.samples.into_iter().map(|sample| shower.row(sample)).collect::<Result<Vec<_>>>();
    let rows = rows.map_err(at_line)?;
    let fates = Fates::new(&expander.options, &conversation, &rows, &outcome.report.faults);
    let messages = conversation.messages.iter().enumerate().map(|(at, message)| Explained {
        role: message.role,
        weight: message.weight,
        excerpt: said(message).chars().take(EXCERPT_CHARS).collect(),
        calls: message.fields.get("tool_calls").and_then(Value::as_array).map_or(0, <[Value]>::len),
        fate: fates.of(at, message),
    });
    Ok(Explanation {
        conversation_id: outcome.conversation_id,
        format: read.format.name(),
        messages: messages.collect(),
        rows,
        error: outcome.error,
        report: outcome.report,
    })
}

/// Finds out what the samples of a conversation show.
struct Shower<'a> {
    expander: &'a Expander,
    conversation: &'a Conversation,
    prepared: &'a Prepared<'a>,
    has_control_tokens: bool,
    known: RefCell<Known>,
}

/// A text with its ids and with where it comes from.
struct Shown {
    text: String,
    encoding: Encoding,
    stretches: Stretches,
}

impl Shower<'_> {
    fn row(&self, sample: Sample) -> Result<Row> {
        let arrangement = Arrangement::of(&self.expander.options);
        let shown = match sample.targets.last() {
            Some(target) if !arrangement.is_rendered_once() => self.target(*target, &sample.ids),
            _ => self.whole(&sample.ids)?,
        };
        let Some((shown, from)) = shown else {
            let text = "a sample and its explanation have different ids; please report it";
            return Err(Error::new(ErrorKind::Internal, text));
        };
        let Shown { text, encoding, stretches } = shown;
        let places = encoding.bytes.into_iter().skip(from).take(sample.ids.len()).collect();
        let stops = self.prepared.turn_end().stop_tokens();
        let marks = row::Marks {
            stretches: &stretches,
            control_tokens: self.expander.renderer.tokenizer.control_tokens(),
            stops: stops.iter().map(|stop| stop.id.cast_signed()).collect(),
            has_targets: arrangement.has_targets(),
        };
        Ok(Row::new(sample, &text, places, &marks))
    }

    /// What a row shows whose last target this is, and the place of its first id there: with no more exchanges dropped
    /// than it takes to get these ids, which may lack the first ones of the prompt.
    fn target(&self, index: usize, ids: &[i32]) -> Option<(Shown, usize)> {
        let roles = self.conversation.messages.iter().map(|message| Some(message.role));
        let exchanges = Exchanges::of(roles);
        for dropped in exchanges.bounds(index, self.expander.options.history_turns) {
            let kept = exchanges.kept(dropped, index + 1);
            // A window may leave what a template refuses; expanding has then gone on to the next.
            let Ok(shown) = self.target_among(&kept) else { continue };
            if shown.encoding.ids.ends_with(ids) {
                let from = shown.encoding.ids.len() - ids.len();
                return Some((shown, from));
            }
        }
        None
    }

    /// What is shown for the last of these messages.
    fn target_among(&self, kept: &[usize]) -> Result<Shown> {
        let (options, tokenizer) = (&self.expander.options, &self.expander.renderer.tokenizer);
        let foreign = match options.control_tokens {
            ControlTokenPolicy::Literal => Foreign::Plain {
                control_tokens: tokenizer.control_tokens(),
                in_record: self.has_control_tokens,
            },
            _ => Foreign::Recognised,
        };
        let (place, index) = (kept.len() - 1, kept[kept.len() - 1]);
        let message = &self.conversation.messages[index];
        let arena = Arena::new();
        let prepared = &self.expander.renderer.template.prepare_only(&arena, self.conversation, kept)?;
        let mut targets = Targets::new(prepared, options.prompt_mismatch, foreign, &[place]);
        let rendered = targets.render(message, place)?;
        let prompt = rendered.prompt.text().to_text();
        let completion = &rendered.completion.text;
        let mut known = self.known.borrow_mut();
        let encoding =
            tokenizer.encode_target_with_bytes(&prompt, completion, &rendered.plain, &mut known)?;
        let text = prompt.clone() + completion;
        let message_at = |place: usize| kept[place];
        let stretches = if rendered.prompt_match == PromptMatch::Exact {
            Stretches::of(&text, prepared, &prepared.render(place + 1, false)?, message_at)
        } else {
            Stretches::of(&prompt, prepared, &prepared.render(place, true)?, message_at)
        };
        Ok(Shown { text, encoding, stretches })
    }

    /// What the one row of a conversation shows; it may lack the last ids.
    fn whole(&self, ids: &[i32]) -> Result<Option<(Shown, usize)>> {
        let text = whole_text(self.prepared, self.conversation)?;
        let encoding =
            self.expander.renderer.tokenizer.encode_known(&text, &[], &mut self.known.borrow_mut())?;
        let rendering = self.prepared.render(self.conversation.messages.len(), false)?;
        let stretches = Stretches::of(&text, self.prepared, &rendering, |place| place);
        let is_same = encoding.ids.starts_with(ids);
        Ok(is_same.then_some((Shown { text, encoding, stretches }, 0)))
    }
}

/// Says what became of messages.
struct Fates<'a> {
    /// Samples are made target by target.
    has_targets: bool,
    targets: HashSet<usize>,
    rows: usize,
    /// The rows that train each message.
    rows_of: HashMap<usize, Vec<usize>>,
    faults: &'a [Error],
    /// The first fault of each message, and of the record.
    first_faults: HashMap<Option<usize>, usize>,
}

impl<'a> Fates<'a> {
    fn new(options: &Options, conversation: &Conversation, rows: &[Row], faults: &'a [Error]) -> Self {
        let mut rows_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            for message in &row.sample.targets {
                rows_of.entry(*message).or_default().push(at);
            }
        }
        let mut first_faults = HashMap::new();
        for (at, fault) in faults.iter().enumerate() {
            first_faults.entry(fault.location.message).or_insert(at);
        }
        let targets = targets(conversation, options.train_on).iter().map(|target| target.message).collect();
        let has_targets = Arrangement::of(options).has_targets();
        Self { has_targets, targets, rows: rows.len(), rows_of, faults, first_faults }
    }

    fn of(&self, at: usize, message: &Message) -> Fate {
        let is_all = !self.has_targets;
        let is_off = message.weight.is_some_and(|weight| weight <= Weight::ZERO);
        match (is_all, self.rows_of.get(&at)) {
            (true, _) if !is_off && self.rows > 0 => Fate::Trained((0..self.rows).collect()),
            (false, _) if message.role != Role::Assistant => Fate::Context,
            (false, _) if !message.may_be_target => Fate::Prompt,
            _ if is_off => Fate::Weight,
            (false, _) if !self.targets.contains(&at) => Fate::TrainOn,
            (_, Some(rows)) => Fate::Trained(rows.clone()),
            (_, None) => Fate::Fault(self.fault(at)),
        }
    }

    /// The first fault that is this message's or the record's; else the first of all.
    fn fault(&self, message: usize) -> Error {
        let first = |of: Option<usize>| self.first_faults.get(&of).copied();
        let at = first(Some(message)).into_iter().chain(first(None)).min().unwrap_or(0);
        self.faults.get(at).cloned().unwrap_or_else(|| {
            Error::new(ErrorKind::Internal, "no sample holds this target; please report it")
        })
    }
}

/// The text of a message's content.
fn said(message: &Message) -> String {
    match message.fields.get("content") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(parts)) => part_texts(parts).join("\n"),
        _ => String::new(),
    }
}
