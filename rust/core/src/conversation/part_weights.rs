//! Weights of parts of a message: of parts of its content, of its reasoning, of single tool calls, of spans of its text.
//!
//! In: the keys by which records give them: those of `weight` within a part or a call, `reasoning_weight`, and axolotl's
//! `train_detail`. Out: what has a weight of its own. Which tokens these are is decided by `target::part_weights`.

use std::ops::Range;

use super::message::REASONING_KEYS;
use super::weight::{self, Weight};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Number, Object, Value};

/// A part that has a weight of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct PartWeight {
    pub part: WeightedPart,
    pub weight: Weight,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightedPart {
    /// A part of a content that is a list, by its number among those that are text.
    ContentItem(usize),
    /// Bytes of a content that is text.
    Content(Range<usize>),
    /// Bytes of the reasoning.
    Reasoning(Range<usize>),
    /// A tool call, by its number.
    Call(usize),
}

impl PartWeight {
    pub fn new(part: WeightedPart, weight: Weight) -> Self {
        Self { part, weight }
    }
}

/// Takes the keys out of a message whose content was read.
pub(super) fn take(fields: &mut Object, weights: &mut Vec<PartWeight>) -> Result<()> {
    take_of_reasoning(fields, weights)?;
    take_details(fields, weights)?;
    take_of_calls(fields, weights)
}

fn take_of_reasoning(fields: &mut Object, weights: &mut Vec<PartWeight>) -> Result<()> {
    let Some(value) = fields.remove(REASONING_WEIGHT).filter(|value| !value.is_null()) else { return Ok(()) };
    let weight = weight::read(REASONING_WEIGHT, &value)?;
    let reasoning = REASONING_KEYS.iter().find_map(|key| fields.get(key)).and_then(Value::as_str);
    let Some(reasoning) = reasoning else {
        let text = format!("{REASONING_WEIGHT:?} is given, and there is no reasoning in a field of its own");
        return Err(Error::new(ErrorKind::Weight, text));
    };
    weights.push(PartWeight::new(WeightedPart::Reasoning(0..reasoning.len()), weight));
    Ok(())
}

/// The keys of a message that they stand under.
pub const KEYS: [&str; 2] = [REASONING_WEIGHT, DETAILS];

const REASONING_WEIGHT: &str = "reasoning_weight";
const DETAILS: &str = "train_detail";

/// Spans of a content in characters, the last of which belongs to the span.
fn take_details(fields: &mut Object, weights: &mut Vec<PartWeight>) -> Result<()> {
    let Some(value) = fields.remove(DETAILS).filter(|value| !value.is_null()) else { return Ok(()) };
    let error = |text: &str| Error::new(ErrorKind::Weight, format!("{DETAILS:?}: {text}"));
    let Some(details) = value.as_array() else {
        return Err(error("expected a list of spans"));
    };
    let Some(content) = fields.get("content").and_then(Value::as_str) else {
        return Err(error("the content is not text, so it has no spans"));
    };
    for (at, detail) in details.iter().enumerate() {
        let of_span = |text: &str| error(&format!("span {at}: {text}"));
        let Some(detail) = detail.as_object() else {
            return Err(of_span("expected an object with \"begin_offset\", \"end_offset\" and \"train\""));
        };
        let offset = |key: &str| match detail.get(key) {
            Some(Value::Number(Number::Int(offset))) => usize::try_from(*offset).ok(),
            _ => None,
        };
        let (Some(begin), Some(end)) = (offset("begin_offset"), offset("end_offset")) else {
            return Err(of_span("\"begin_offset\" and \"end_offset\" are character offsets"));
        };
        let byte =
            |char: usize| content.char_indices().map(|(byte, _)| byte).chain([content.len()]).nth(char);
        let (Some(start), Some(after), true) = (byte(begin), byte(end.saturating_add(1)), begin <= end)
        else {
            let length = content.chars().count();
            return Err(of_span(&format!(
                "{begin} to {end} is not within the content, which has {length} characters; \"end_offset\" is the last \
                 character of the span"
            )));
        };
        let train = detail.get("train").ok_or_else(|| of_span("no \"train\""))?;
        if train.is_null() {
            continue;
        }
        let weight = weight::read("train", train)?;
        let contradicts = |other: &PartWeight| match &other.part {
            WeightedPart::Content(bytes) => {
                bytes.start < after && start < bytes.end && other.weight != weight
            }
            _ => false,
        };
        if weights.iter().any(contradicts) {
            return Err(of_span("it overlaps a span that says otherwise"));
        }
        weights.push(PartWeight::new(WeightedPart::Content(start..after), weight));
    }
    Ok(())
}

fn take_of_calls(fields: &mut Object, weights: &mut Vec<PartWeight>) -> Result<()> {
    let Some(Value::Array(calls)) = fields.get("tool_calls") else { return Ok(()) };
    let mut left = calls.clone();
    let mut is_changed = false;
    for (at, call) in left.iter_mut().enumerate() {
        let Value::Object(call) = call else { continue };
        // Some write it beside the name of the function.
        let inner = match call.get("function") {
            Some(Value::Object(function)) => {
                let mut function = function.clone();
                let weight = weight::take(&mut function)?;
                if weight.is_some() {
                    call.insert("function", Value::Object(function));
                }
                weight
            }
            _ => None,
        };
        let outer = weight::take(call)?;
        if let (Some(one), Some(other)) = (outer, inner)
            && one != other
        {
            let text = format!("tool call {at} has the weights {one} and {other}");
            return Err(Error::new(ErrorKind::Weight, text));
        }
        if let Some(weight) = outer.or(inner) {
            weights.push(PartWeight::new(WeightedPart::Call(at), weight));
            is_changed = true;
        }
    }
    if is_changed {
        fields.insert("tool_calls", Value::Array(left));
    }
    Ok(())
}
