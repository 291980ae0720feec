//! The control tokens of a tokenizer: its added tokens, found in text.

use std::collections::HashSet;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use tokenizers::Tokenizer as HfTokenizer;

use crate::chat_template::StopToken;
use crate::error::{Error, ErrorKind, Result};
use crate::json::Value;

pub struct ControlTokens {
    tokens: Vec<StopToken>,
    finder: AhoCorasick,
    ids: HashSet<i32>,
}

impl ControlTokens {
    pub(super) fn of(tokenizer: &HfTokenizer) -> Result<Self> {
        let added = tokenizer.get_added_tokens_decoder();
        let ids: HashSet<i32> = added.keys().map(|id| id.cast_signed()).collect();
        // White space tokens (Gemma's newlines) are text to everyone.
        let mut tokens: Vec<StopToken> = added
            .into_iter()
            .filter(|(_, token)| !token.content.trim().is_empty())
            .map(|(id, token)| StopToken { text: token.content.into(), id })
            .collect();
        tokens.sort_by_key(|token| token.id);
        Self::new(tokens, ids)
    }

    /// These texts taken for control tokens, where there is no tokenizer: their ids mean nothing.
    pub fn guessed(texts: impl IntoIterator<Item = Arc<str>>) -> Result<Self> {
        let tokens: Vec<_> = (0..).zip(texts).map(|(id, text)| StopToken { text, id }).collect();
        let ids = tokens.iter().map(|token| token.id.cast_signed()).collect();
        Self::new(tokens, ids)
    }

    fn new(tokens: Vec<StopToken>, ids: HashSet<i32>) -> Result<Self> {
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|token| &*token.text))
            .map_err(|cause| {
                Error::new(ErrorKind::Model, format!("the added tokens cannot be searched: {cause}"))
            })?;
        Ok(Self { tokens, finder, ids })
    }

    pub fn contains_id(&self, id: i32) -> bool {
        self.ids.contains(&id)
    }

    /// The first control token of a text, with the place behind it.
    pub fn first(&self, text: &str) -> Option<(usize, StopToken)> {
        let found = self.finder.find(text)?;
        Some((found.end(), self.tokens[found.pattern()].clone()))
    }

    /// The control tokens of a text in order, each with the place behind it.
    pub fn all(&self, text: &str) -> Vec<(usize, StopToken)> {
        self.finder.find_iter(text).map(|found| (found.end(), self.tokens[found.pattern()].clone())).collect()
    }

    /// Calls `found` for each control token in the texts and keys of a value.
    pub fn visit(&self, value: &Value, found: &mut impl FnMut(&Arc<str>)) {
        match value {
            Value::String(text) => self.visit_text(text, found),
            Value::Array(items) => items.iter().for_each(|item| self.visit(item, found)),
            Value::Object(object) => {
                for (key, item) in object.iter() {
                    self.visit_text(key, found);
                    self.visit(item, found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub fn visit_text(&self, text: &str, found: &mut impl FnMut(&Arc<str>)) {
        for place in self.finder.find_iter(text) {
            found(&self.tokens[place.pattern()].text);
        }
    }
}
