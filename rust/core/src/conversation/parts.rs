//! A content that is a list of parts: text stays a list of text parts, reasoning and tool calls go where the
//! template looks for them, anything else is refused.

use std::sync::Arc;

use super::calls::tool_calls_from;
use super::formats::is_nothing;
use super::message::SEPARATOR;
use super::order::Order;
use super::part_weights::{PartWeight, WeightedPart};
use super::reasoning;
use super::under_names::under_one_of;
use super::weight;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// Returns whether what they say stood in another order than that of a message.
pub(super) fn read(
    fields: &mut Object,
    weights: &mut Vec<PartWeight>,
    repeated: &mut Vec<Arc<str>>,
) -> Result<bool> {
    let Some(Value::Array(parts)) = fields.get("content").cloned() else {
        return Ok(false);
    };
    let mut order = Order::default();
    let mut texts = Vec::new();
    let mut thoughts = Vec::new();
    let mut calls = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let in_part = |text: String| Error::new(ErrorKind::Shape, format!("content part {i}: {text}"));
        let in_weight = |error: Error| Error::new(error.kind, format!("content part {i}: {}", error.text));
        let Some(part) = part.as_object() else {
            return Err(in_part(format!("found {}, expected an object", part.type_name())));
        };
        let kind = part.get("type").and_then(Value::as_str).ok_or_else(|| in_part("no \"type\"".into()))?;
        let text = |keys: &[&str]| {
            let found =
                under_one_of(part, keys).map_err(|error| in_part(error.text))?.and_then(Value::as_str);
            found.ok_or_else(|| in_part(format!("no text in a part of type {kind:?}")))
        };
        match kind {
            _ if is_text(kind) => {
                add_weight(part, weights, WeightedPart::ContentItem(texts.len())).map_err(in_weight)?;
                let text = text(&text_keys(kind))?;
                order.add_text(text);
                texts.push(text_part(text));
            }
            "reasoning" | "thinking" => {
                let text = text(&["value", "text", kind])?.to_owned();
                let start = thoughts.iter().map(|before: &String| before.len() + SEPARATOR.len()).sum();
                let bytes = WeightedPart::Reasoning(start..start + text.len());
                add_weight(part, weights, bytes).map_err(in_weight)?;
                order.add_reasoning(&text);
                thoughts.push(text);
            }
            "tool_call" => {
                let call = under_one_of(part, &["value", kind]).map_err(|error| in_part(error.text))?;
                let call = call.ok_or_else(|| in_part("no \"value\"".into()))?;
                order.add_calls();
                if let Value::Array(new) = tool_calls_from(call, "the tool call", repeated)? {
                    for call in new {
                        add_weight(part, weights, WeightedPart::Call(calls.len())).map_err(in_weight)?;
                        calls.push(call);
                    }
                }
            }
            other => {
                // A block that says one thing twice, and differently, is left for here.
                for names in [CALL_INPUT, RESULT_CONTENT] {
                    under_one_of(part, &names).map_err(|error| in_part(error.text))?;
                }
                return Err(match medium(other) {
                    Some(medium) => {
                        let text = format!(
                            "content part {i} is {medium} (`{other}`); only text can be trained: remove the part, or \
                             --on-error skip"
                        );
                        Error::new(ErrorKind::Media, text)
                    }
                    None => in_part(format!("type {} is not text", excerpt(other))),
                });
            }
        }
    }
    fields.insert("content", Value::Array(texts));
    if !thoughts.is_empty() {
        reasoning::add(fields, &thoughts.join(SEPARATOR))?;
    }
    if !calls.is_empty() {
        if fields.get("tool_calls").is_some_and(|own| !is_nothing(own)) {
            let text = "the message has tool calls both in \"content\" and in \"tool_calls\"; keep one";
            return Err(Error::new(ErrorKind::Tools, text));
        }
        fields.insert("tool_calls", Value::Array(calls));
    }
    Ok(order.is_reordered)
}

/// The types of parts that are text: OpenAI's Chat Completions have the first, its Responses the next two. A refusal is
/// what the model said.
const TEXT_TYPES: [&str; 4] = ["text", "input_text", "output_text", "refusal"];

/// What parts of a type hold that are media, as OpenAI's two APIs, Anthropic's and templates call them.
fn medium(kind: &str) -> Option<&'static str> {
    match kind {
        "image" | "image_url" | "input_image" => Some("an image"),
        "audio" | "audio_url" | "input_audio" => Some("a sound"),
        "video" | "video_url" | "input_video" => Some("a video"),
        _ => None,
    }
}

pub(super) fn is_text(kind: &str) -> bool {
    TEXT_TYPES.contains(&kind)
}

/// What a part of that type, which is text, has its text under.
fn text_keys(kind: &str) -> [&str; 4] {
    ["text", "value", kind, "content"]
}

/// What a block has under one of two names: what a tool is called with, and what it returned.
pub(super) const CALL_INPUT: [&str; 2] = ["input", "arguments"];
pub(super) const RESULT_CONTENT: [&str; 2] = ["content", "output"];

/// The text of a part that is text, and has one text.
pub(super) fn text_of_part(part: &Object) -> Option<&str> {
    let kind = part.get("type").and_then(Value::as_str).filter(|kind| is_text(kind))?;
    under_one_of(part, &text_keys(kind)).ok().flatten().and_then(Value::as_str)
}

fn add_weight(part: &Object, weights: &mut Vec<PartWeight>, weighted: WeightedPart) -> Result<()> {
    let weight = weight::take(&mut part.clone())?;
    weights.extend(weight.map(|weight| PartWeight::new(weighted, weight)));
    Ok(())
}

/// The texts of a content's parts.
pub fn part_texts(parts: &[Value]) -> Vec<&str> {
    parts.iter().filter_map(|part| part.as_object()?.get("text")?.as_str()).collect()
}

/// A part that is a text.
pub fn text_part(text: &str) -> Value {
    let pairs = [("type".into(), "text".into()), ("text".into(), text.into())];
    Value::Object(pairs.into_iter().collect())
}
