//! The content of a message as a server hands it to the template: a text, or a list of parts.
//!
//! In: a content as a client has it, the role. Out: the content that the template sees, or why it is refused.

use std::borrow::Cow;

use super::Server;
use super::client;
use super::message::Adaptations;
use super::rules::OtherParts;
use crate::conversation::text_part;
use crate::error::{Result, excerpt};
use crate::json::{Object, Value};

/// What a content becomes.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Parts,
}

/// What a part says.
enum PartText<'m> {
    Text(&'m str),
    /// It has no text, and stays.
    Null,
    LeftOut,
}

impl Server {
    pub(super) fn content<'m>(
        &self,
        fields: &'m Object,
        role: &str,
        adaptations: &mut Adaptations,
    ) -> Result<Cow<'m, Value>> {
        let is_emptied = self.preset.content.empties_beside_calls && client::calls(fields).is_some();
        let content = fields.get("content").filter(|content| !content.is_null() && !is_emptied);
        self.content_of(fields, content, role, adaptations)
    }

    /// The content of an answer, whatever the server does with it later. `None`: it has none.
    pub(super) fn own_content<'m>(&self, fields: &'m Object) -> Result<Option<Cow<'m, Value>>> {
        let content = fields.get("content").filter(|content| !content.is_null());
        let mut counted_before = Adaptations::default();
        content.map(|_| self.content_of(fields, content, "assistant", &mut counted_before)).transpose()
    }

    fn content_of<'m>(
        &self,
        fields: &'m Object,
        content: Option<&'m Value>,
        role: &str,
        adaptations: &mut Adaptations,
    ) -> Result<Cow<'m, Value>> {
        let rule = &self.preset.content;
        let joins = rule.joins_tool_results && role == "tool";
        let form = if self.takes_parts && !joins { Form::Parts } else { Form::Text };
        match (content, form) {
            (Some(Value::String(text)), _) => Ok(self.text(fields, text, role, form)),
            (Some(Value::Array(parts)), _) => {
                let joined = u64::from(matches!(form, Form::Text));
                let count = if parts.is_empty() {
                    &mut adaptations.empty_lists
                } else {
                    &mut adaptations.joined_parts
                };
                *count += joined;
                self.parts(parts, role, form)
            }
            (None, Form::Parts) if self.wraps_text => Ok(Cow::Owned(Value::Array(Vec::new()))),
            (None, _) => Ok(Cow::Owned("".into())),
            (Some(other), _) => Err(self.refuses(&format!("a content that is {}", other.type_name()))),
        }
    }

    fn text<'m>(&self, fields: &'m Object, text: &str, role: &str, form: Form) -> Cow<'m, Value> {
        let left = self.after_cut_line(text, role);
        let wraps = self.wraps_text && matches!(form, Form::Parts);
        match (left, wraps) {
            (Some(left), true) => Cow::Owned(Value::Array(vec![text_part(left)])),
            (None, true) => Cow::Owned(Value::Array(Vec::new())),
            (Some(left), false) if left.len() == text.len() => {
                fields.get("content").map_or_else(|| Cow::Owned(left.into()), Cow::Borrowed)
            }
            (left, false) => Cow::Owned(left.unwrap_or_default().into()),
        }
    }

    /// What is left of a system text whose first line is cut. `None`: nothing.
    fn after_cut_line<'t>(&self, text: &'t str, role: &str) -> Option<&'t str> {
        match self.preset.content.cut_first_line {
            Some(start) if role == "system" && text.starts_with(start) => {
                text.split_once('\n').map(|(_, rest)| rest).filter(|rest| !rest.is_empty())
            }
            _ => Some(text),
        }
    }

    fn parts<'m>(&self, parts: &'m [Value], role: &str, form: Form) -> Result<Cow<'m, Value>> {
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            match self.part_text(part, role)? {
                PartText::Text(text) => {
                    kept.extend(self.after_cut_line(text, role).map(|text| (Some(text), part)));
                }
                PartText::Null => kept.push((None, part)),
                PartText::LeftOut => {}
            }
        }
        Ok(Cow::Owned(match form {
            Form::Text => {
                let texts = kept.into_iter().filter_map(|(text, _)| text);
                let keeps = |text: &&str| !(text.is_empty() && self.preset.content.skips_empty_texts);
                texts.filter(keeps).collect::<Vec<_>>().join(self.preset.content.joiner).as_str().into()
            }
            Form::Parts => Value::Array(kept.into_iter().map(|(text, part)| self.part(text, part)).collect()),
        }))
    }

    fn part_text<'m>(&self, part: &'m Value, role: &str) -> Result<PartText<'m>> {
        let rule = &self.preset.content;
        let Some(object) = part.as_object() else {
            return Err(self.refuses(&format!("a content part that is {}", part.type_name())));
        };
        let Some(kind) = object.get("type").and_then(Value::as_str) else {
            return Err(self.refuses("a content part without a type"));
        };
        let Some((_, key)) = rule.text_parts.iter().find(|(known, _)| *known == kind) else {
            return match rule.other_parts {
                OtherParts::Skipped => Ok(PartText::LeftOut),
                OtherParts::SkippedIf(kinds) if kinds.contains(&kind) && self.may_think(role) => {
                    Ok(PartText::LeftOut)
                }
                _ => Err(self.refuses(&format!("a content part of type {}", excerpt(kind)))),
            };
        };
        match object.get(key) {
            Some(Value::String(text)) => Ok(PartText::Text(text)),
            None | Some(Value::Null) if rule.skips_without_text.contains(&kind) => Ok(PartText::LeftOut),
            None | Some(Value::Null) if !rule.skips_without_text.is_empty() => Ok(PartText::Null),
            _ => Err(self.refuses(&format!("a content part of type {} without {key:?}", excerpt(kind)))),
        }
    }

    fn may_think(&self, role: &str) -> bool {
        self.preset.may_think.is_empty() || self.preset.may_think.contains(&role)
    }

    fn part(&self, text: Option<&str>, part: &Value) -> Value {
        let text = text.map_or(Value::Null, Value::from);
        let mut kept = vec![("type".into(), "text".into()), ("text".into(), text)];
        if self.preset.content.keeps_part_keys {
            let others = part.as_object().into_iter().flat_map(Object::iter);
            let others = others.filter(|(key, _)| !KNOWN_PART_KEYS.contains(&&***key));
            kept.extend(others.map(|(key, value)| (key.clone(), value.clone())));
        }
        Value::Object(kept.into_iter().collect())
    }
}

/// Keys of content parts that vLLM knows and does not pass on with a text.
const KNOWN_PART_KEYS: [&str; 18] = [
    "type",
    "text",
    "refusal",
    "thinking",
    "closed",
    "image_url",
    "image_pil",
    "image_embeds",
    "audio_url",
    "audio_embeds",
    "input_audio",
    "video_url",
    "video_embeds",
    "file",
    "uuid",
    "data",
    "name",
    "prompt_cache_breakpoint",
];
