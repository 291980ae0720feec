//! One record to its samples, each with where its tokens come from.
//!
//! In: an expander and a record. Out: the samples that expanding gives, the text of each, which bytes of it each token
//! stands for, who wrote them, and for each message why it is trained or not. All of that is decided by `expand`, which
//! hands out what it knows; only the places of tokens, which it does not need, are found here, in the text that it
//! encoded. Ids that differ are an error. Of a tree the paths are shown, and counted as the tree.

mod fate;
mod json;
mod requests;
mod sample;

use std::sync::Arc;

use crate::conversation::{Message, Role, Weight, part_texts};
use crate::error::{Error, ErrorKind, Result};
use crate::expand::{EncodedText, Expander, Workspace};
use crate::json::Value;
use crate::layout::{Arrangement, Sample};
use crate::options::{Layout, Options};
use crate::read::Record;
use crate::report::Report;
use crate::tokenizer::{Known, Tokenizer};
use fate::{Fate, Fates};
pub use requests::requests_of_record;
use sample::{InspectedSample, TokenFacts};

/// What became of a record, and why.
pub struct Inspection {
    pub report: Report,
    conversation_id: u128,
    format: &'static str,
    messages: Vec<InspectedMessage>,
    samples: Vec<InspectedSample>,
    /// The fault at which expanding would end.
    error: Option<Error>,
}

/// A message, and what is done with it.
struct InspectedMessage {
    role: Role,
    weight: Option<Weight>,
    /// The start of its content.
    excerpt: String,
    calls: usize,
    fate: Fate,
}

/// Characters of a message that are shown to tell which it is.
const EXCERPT_CHARS: usize = 200;

/// Inspects a record. An error is one of the record as a whole; those of single targets are in the inspection.
pub fn inspect_record(expander: &Expander, record: Record<'_>) -> Result<Inspection> {
    let at_line = |error: Error| error.at_line(record.file, record.line);
    let mut workspace = Workspace::default();
    let read = expander.read(record, &mut workspace).map_err(at_line)?;
    let paths = paths_of_trees(expander).map_err(at_line)?;
    let shown = paths.as_ref().unwrap_or(expander);
    let (mut outcome, trace) = shown.expand_traced(record, &read, &mut workspace);
    if paths.is_some() {
        outcome.report = expander.expand_traced(record, &read, &mut workspace).0.report;
    }
    let tokenizer = &expander.renderer.tokenizer;
    let has_targets = Arrangement::of(&expander.options).has_targets();
    let (mut known, stop_ids) = (Known::default(), &trace.stop_ids);
    let texts = trace.texts.iter().map(Some).chain(std::iter::repeat(None));
    let samples = outcome.samples.into_iter().zip(texts).map(|(sample, text)| {
        let facts = TokenFacts { control_tokens: &expander.renderer.control_tokens, stop_ids, has_targets };
        text.and_then(|text| inspect_sample(sample, text, tokenizer, &facts, &mut known).transpose())
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, DIFFERENT)))
    });
    let samples = samples.collect::<Result<Vec<_>>>().map_err(at_line)?;
    let fates = Fates::new(has_targets, &samples, &trace.dropped, &outcome.report.faults);
    let messages = read.conversation.messages.iter().zip(trace.selections).enumerate();
    let messages = messages.map(|(at, (message, selection))| InspectedMessage {
        role: message.role,
        weight: message.weight,
        excerpt: content(message).chars().take(EXCERPT_CHARS).collect(),
        calls: message.fields.get("tool_calls").and_then(Value::as_array).map_or(0, <[Value]>::len),
        fate: fates.of(at, message, selection),
    });
    Ok(Inspection {
        conversation_id: outcome.conversation_id,
        format: read.format.name(),
        messages: messages.collect(),
        samples,
        error: outcome.error,
        report: outcome.report,
    })
}

/// A tree is shown path by path: what is trained, after what, is the same as in samples of one target. `None`: the
/// expander makes no trees.
fn paths_of_trees(expander: &Expander) -> Result<Option<Expander>> {
    if expander.options.layout != Layout::Tree {
        return Ok(None);
    }
    let options = Options { layout: Layout::PerTurn, ..expander.options.clone() };
    Expander::new(Arc::clone(&expander.renderer), options).map(Some)
}

const DIFFERENT: &str = "a sample and its explanation have different ids; please report it";

/// A sample with its text; `None`: the text has other ids.
fn inspect_sample(
    sample: Sample,
    text: &EncodedText,
    tokenizer: &Tokenizer,
    facts: &TokenFacts<'_>,
    known: &mut Known,
) -> Result<Option<InspectedSample>> {
    let encoding = tokenizer.encode_with_offsets(&text.text, &text.plain, text.continuation, known)?;
    if !encoding.ids.get(text.cut..).is_some_and(|ids| ids.starts_with(&sample.ids)) {
        return Ok(None);
    }
    let places = encoding.bytes.into_iter().skip(text.cut).take(sample.ids.len()).collect();
    Ok(Some(InspectedSample::new(sample, text, places, facts)))
}

/// The text of a message's content.
fn content(message: &Message) -> String {
    match message.fields.get("content") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(parts)) => part_texts(parts).join("\n"),
        _ => String::new(),
    }
}
