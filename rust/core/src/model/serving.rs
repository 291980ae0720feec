//! Whether a server's prompts for a model can be had from its template.
//!
//! In: the model's folder, the preset. Out: a note where the server does not go by the template.

use std::path::Path;

use super::folder::ModelFiles;
use crate::json::{Object, Value};
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
