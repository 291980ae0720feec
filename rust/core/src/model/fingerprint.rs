//! What is made of a model, as one hash.
//!
//! In: the tokenizer's bytes, how the template is used, what was found out about both. Out: SHA-256 over one JSON object
//! with a name for each thing that decides samples, apart from the clock. Fields of the source are all named here, so that none
//! is forgotten.

use crate::chat_template::{ChatTemplate, TemplateSource};
use crate::choice::Choice;
use crate::hash::sha256;
use crate::json::{Number, Value, object, write_sorted};
use crate::serving::Preset;
use crate::tokenizer::ControlTokens;

pub fn fingerprint(
    tokenizer_json: &[u8],
    source: &TemplateSource,
    template: &ChatTemplate,
    control_tokens: &ControlTokens,
) -> String {
    let TemplateSource {
        default,
        tool_use,
        special_tokens,
        kwargs,
        declared_stops,
        stop_token,
        serve,
        // The format that the server chose, if none is asked for, is hashed instead.
        content_format: _,
        // Samples name the clock themselves: with it no two runs would have one fingerprint.
        now: _,
        // What is too large is an error.
        limits: _,
    } = source;
    let text = |text: &str| Value::from(text);
    let optional = |value: Option<&str>| value.map_or(Value::Null, text);
    let ids = |ids: &mut dyn Iterator<Item = i64>| {
        Value::Array(ids.map(|id| Value::Number(Number::Int(id))).collect())
    };
    let servers = template.variants().filter_map(|variant| variant.server.as_ref());
    let formats = servers.map(|server| text(server.content_format().name())).collect();
    let special_tokens = special_tokens.iter().map(|(name, token)| (name.clone(), text(token))).collect();
    let found = control_tokens.ids();
    let known = found.iter().copied().filter(|id| control_tokens.is_control(*id));
    sha256([write_sorted(&object(&[
        ("tokenizer", text(&sha256([tokenizer_json]))),
        ("template", text(default)),
        ("template_for_tools", optional(tool_use.as_deref())),
        ("special_tokens", Value::Object(special_tokens)),
        ("template_kwargs", Value::Object(kwargs.clone())),
        ("server", text(&Preset::of(*serve).map_or_else(|| serve.name().to_owned(), Preset::name))),
        ("content_formats", Value::Array(formats)),
        ("stop_token", optional(stop_token.as_deref())),
        ("declared_stops", ids(&mut declared_stops.iter().map(|id| i64::from(*id)))),
        ("control_tokens", ids(&mut found.iter().map(|id| i64::from(*id)))),
        // The others stand for text that the tokenizer's model does not know, too.
        ("tokens_that_are_no_text", ids(&mut known.map(i64::from))),
    ]))
    .as_bytes()])
}
