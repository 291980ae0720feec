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
    let Some(details) = value.as_array() else {
        return Err(details_error("expected a list of spans"));
    };
    let Some(content) = fields.get("content").and_then(Value::as_str) else {
        return Err(details_error("the content is not text, so it has no spans"));
    };
    let bytes = bytes_of_details(content, details);
    let mut spans: Vec<Span> = Vec::new();
    let mut fault = None;
    for (at, (detail, bytes)) in details.iter().zip(bytes).enumerate() {
        match read_detail(at, detail, bytes, content) {
            Ok(span) => spans.extend(span),
            Err(error) => {
                fault = Some(error);
                break;
            }
        }
    }
    if contradict(&spans) {
        // The first that contradicts one before it.
        let mut sound = (0, spans.len());
        while sound.1 - sound.0 > 1 {
            let middle = usize::midpoint(sound.0, sound.1);
            if contradict(&spans[..middle]) { sound.1 = middle } else { sound.0 = middle }
        }
        return Err(span_error(spans[sound.0].at, "it overlaps a span that says otherwise"));
    }
    weights.extend(
        spans.into_iter().map(|span| PartWeight::new(WeightedPart::Content(span.bytes), span.weight)),
    );
    fault.map_or(Ok(()), Err)
}

/// A span of a content that has a weight.
struct Span {
    /// Its number among those that the record gives.
    at: usize,
    bytes: Range<usize>,
    weight: Weight,
}

fn details_error(text: &str) -> Error {
    Error::new(ErrorKind::Weight, format!("{DETAILS:?}: {text}"))
}

fn span_error(at: usize, text: &str) -> Error {
    details_error(&format!("span {at}: {text}"))
}

/// The first character of a span, and its last.
fn offsets_of(detail: &Value) -> Option<[usize; 2]> {
    let detail = detail.as_object()?;
    let offset = |key: &str| match detail.get(key) {
        Some(Value::Number(Number::Int(offset))) => usize::try_from(*offset).ok(),
        _ => None,
    };
    Some([offset("begin_offset")?, offset("end_offset")?])
}

/// The bytes of each span; `None`: it is not within the content, or not a span.
fn bytes_of_details(content: &str, details: &[Value]) -> Vec<Option<Range<usize>>> {
    let characters = |detail: &Value| offsets_of(detail).map(|[begin, end]| [begin, end.saturating_add(1)]);
    let mut asked: Vec<usize> = details.iter().filter_map(characters).flatten().collect();
    asked.sort_unstable();
    asked.dedup();
    // Those that the content has, with their bytes: it is gone through once.
    let mut places = content.char_indices().map(|(byte, _)| byte).chain([content.len()]).enumerate();
    let place = |asked: &usize| places.find(|(character, _)| character == asked).map(|(_, byte)| byte);
    let bytes: Vec<usize> = asked.iter().map_while(place).collect();
    let byte = |character: usize| bytes.get(asked.binary_search(&character).ok()?).copied();
    let range = |detail: &Value| {
        let [begin, after] = characters(detail).filter(|[begin, after]| begin < after)?;
        Some(byte(begin)?..byte(after)?)
    };
    details.iter().map(range).collect()
}

/// The span with this number, if it says something.
fn read_detail(
    at: usize,
    detail: &Value,
    bytes: Option<Range<usize>>,
    content: &str,
) -> Result<Option<Span>> {
    let of_span = |text: &str| span_error(at, text);
    let Some(fields) = detail.as_object() else {
        return Err(of_span("expected an object with \"begin_offset\", \"end_offset\" and \"train\""));
    };
    let Some([begin, end]) = offsets_of(detail) else {
        return Err(of_span("\"begin_offset\" and \"end_offset\" are character offsets"));
    };
    let Some(bytes) = bytes else {
        let length = content.chars().count();
        return Err(of_span(&format!(
            "{begin} to {end} is not within the content, which has {length} characters; \"end_offset\" is the last \
             character of the span"
        )));
    };
    let train = fields.get("train").ok_or_else(|| of_span("no \"train\""))?;
    if train.is_null() {
        return Ok(None);
    }
    Ok(Some(Span { at, bytes, weight: weight::read("train", train)? }))
}

/// Whether two of these spans overlap and have other weights.
fn contradict(spans: &[Span]) -> bool {
    let mut sorted: Vec<&Span> = spans.iter().collect();
    sorted.sort_unstable_by_key(|span| span.bytes.start);
    // The span that reaches furthest of those before, and the one of another weight than its.
    let (mut furthest, mut other): (Option<&Span>, Option<&Span>) = (None, None);
    let end = |span: Option<&Span>| span.map_or(0, |span| span.bytes.end);
    for span in sorted {
        let is_alike = furthest.is_none_or(|furthest| furthest.weight == span.weight);
        if end(if is_alike { other } else { furthest }) > span.bytes.start {
            return true;
        }
        if end(Some(span)) > end(furthest) {
            if !is_alike {
                other = furthest;
            }
            furthest = Some(span);
        } else if !is_alike && end(Some(span)) > end(other) {
            other = Some(span);
        }
    }
    false
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn spans_contradict_where_two_of_them_share_a_byte_and_no_weight(
            spans in prop::collection::vec((0..12_usize, 1..5_usize, 0..3_u8), 0..7),
        ) {
            let span = |(start, length, weight): (usize, usize, u8)| {
                Span { at: 0, bytes: start..start + length, weight: Weight(weight.into()) }
            };
            let spans: Vec<Span> = spans.into_iter().map(span).collect();
            let overlap = |one: &Span, other: &Span| {
                one.bytes.start < other.bytes.end && other.bytes.start < one.bytes.end
            };
            let slowly = spans
                .iter()
                .any(|one| spans.iter().any(|other| overlap(one, other) && one.weight != other.weight));
            prop_assert_eq!(contradict(&spans), slowly);
        }

        #[test]
        fn spans_of_characters_are_those_of_bytes(
            content in "[aé🙂]{0,12}", offsets in prop::collection::vec((0..15_i64, 0..15_i64), 0..5),
        ) {
            let details: Vec<Value> = offsets
                .iter()
                .map(|(begin, end)| {
                    let fields = [("begin_offset", *begin), ("end_offset", *end)];
                    Value::Object(fields.into_iter().map(|(key, at)| (key.into(), Value::Number(Number::Int(at)))).collect())
                })
                .collect();
            let byte = |at: i64| {
                let mut all = content.char_indices().map(|(byte, _)| byte).chain([content.len()]);
                all.nth(usize::try_from(at).unwrap_or_default())
            };
            let slowly: Vec<_> = offsets
                .iter()
                .map(|(begin, end)| Some(byte(*begin)?..byte(end + 1)?).filter(|_| begin <= end))
                .collect();
            prop_assert_eq!(bytes_of_details(&content, &details), slowly);
        }
    }
}
