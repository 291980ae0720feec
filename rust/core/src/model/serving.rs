//! Whether a server's prompts for a model can be had from its template.
//!
//! In: the model's folder, its compiled templates, the preset. Out: a note where the server does not go by the
//! template, and an error where the way in which it hands over contents shows a list or leaves out a text.

use std::path::Path;

use super::folder::ModelFiles;
use crate::chat_template::{ChatTemplate, ContentFault};
use crate::json::{Object, Value};
use crate::options::ContentFormat;
use crate::serving::{Mark, Preset};

/// What to know of a server that does not render this model's chats by the template. `None`: it does.
pub fn own_encoder(folder: &Path, files: &ModelFiles, preset: &Preset) -> Option<String> {
    let is_marked = |mark: Mark| match mark {
        Mark::ModelType(name) => files.config.get("model_type").and_then(Value::as_str) == Some(name),
        Mark::Architecture(part) => architectures(&files.config).any(|name| name.contains(part)),
        Mark::File(name) => folder.join(name).exists(),
    };
    let (_, encoder) = preset.own_encoders.iter().find(|(mark, _)| is_marked(*mark))?;
    Some(format!(
        "{} does not render this model's chats by its template but by {encoder}: prompts can differ from the server's; \
         serve=\"template\" trains what the template writes",
        preset.name()
    ))
}

fn architectures(config: &Object) -> impl Iterator<Item = &str> {
    let names = config.get("architectures").and_then(Value::as_array).unwrap_or_default();
    names.iter().filter_map(Value::as_str)
}

/// Why contents do not reach the model as they should, and what to choose. `None`: they do, or the caller has chosen.
pub fn content_fault(template: &ChatTemplate, asked: ContentFormat) -> Option<String> {
    if asked != ContentFormat::Auto {
        return None;
    }
    let (server, fault) =
        template.variants().find_map(|variant| Some((variant.server.as_ref()?, variant.content_fault?)))?;
    let preset = server.preset();
    let (given, format, other) = match server.content_format() {
        ContentFormat::Openai => ("lists of parts", "openai", "string"),
        _ => ("text", "string", "openai"),
    };
    let what = match fault {
        ContentFault::PrintsList { .. } => "prints them as Python lists",
        ContentFault::DropsText { .. } => "leaves out some of their text",
    };
    let advice = if fault.is_cured_by_other_format() {
        format!(
            "choose content_format={other:?}, and serve with the same format (vLLM: --chat-template-content-format \
             {other}), or content_format={format:?} to train what this server sends by itself"
        )
    } else {
        format!("choose content_format={format:?} to train that all the same, or another server with serve")
    };
    Some(format!("{} gives this template contents as {given}, and it {what}: {advice}", preset.name()))
}
