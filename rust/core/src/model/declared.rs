//! The tokens that a model's files declare.
//!
//! In: the files of a model's folder. Out: the texts and ids that they give a meaning: named tokens, special ones, those
//! of chats, where a server stops. What `tokenizer.json` says of its added tokens is not looked at.

use std::collections::HashSet;
use std::sync::Arc;

use super::folder::{ModelFiles, ids, token_text};
use crate::json::{Object, Value};
use crate::tokenizer::Candidate;

/// The lists of tokens in `tokenizer_config.json`.
const LISTS: [&str; 3] = ["additional_special_tokens", "extra_special_tokens", "chat_control_tokens"];

#[derive(Default)]
pub struct DeclaredTokens {
    texts: HashSet<Arc<str>>,
    ids: HashSet<u32>,
}

impl DeclaredTokens {
    pub fn of(files: &ModelFiles) -> Self {
        let mut declared = Self::default();
        declared.texts.extend(files.special_tokens.iter().map(|(_, text)| text.clone()));
        let listed = LISTS.iter().filter_map(|list| files.tokenizer_config.get(list)?.as_array());
        declared.texts.extend(listed.flatten().filter_map(token_text));
        if let Some(added) = files.tokenizer_config.get("added_tokens_decoder").and_then(Value::as_object) {
            let special = added.iter().filter_map(|(_, token)| {
                let is_special = matches!(token.as_object()?.get("special"), Some(Value::Bool(true)));
                token_text(token).filter(|_| is_special)
            });
            declared.texts.extend(special);
        }
        declared.add_ids(&files.config);
        declared.add_ids(&files.generation_config);
        declared
    }

    /// The ids of a configuration: `eos_token_id`, `image_token_id`, ..; a part of a model may have its own.
    fn add_ids(&mut self, config: &Object) {
        for (key, value) in config.iter() {
            match value {
                Value::Object(part) => self.add_ids(part),
                _ if key.ends_with("_token_id") || key.ends_with("_token_ids") => self.ids.extend(ids(value)),
                _ => {}
            }
        }
    }

    pub fn contains(&self, token: &Candidate<'_>) -> bool {
        self.texts.contains(token.text) || self.ids.contains(&token.id)
    }
}
