//! One message as a server hands it to the template.
//!
//! In: the fields of a message as a client has them. Out: its keys and values in the order in which the template sees
//! them, or why the server refuses the message. Borrowed where nothing changes.

use std::borrow::Cow;
use std::sync::Arc;

use super::Server;
use super::client;
use super::presets::ArgumentsRule;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{self, Object, Value};

/// The keys and values of a message.
pub type Fields<'m> = Vec<(&'m str, Cow<'m, Value>)>;

/// What a server did to messages that is worth knowing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Contents that were lists of parts and became text.
    pub joined_parts: u64,
    /// Arguments of tool calls that are not a JSON object and became an empty one.
    pub emptied_arguments: u64,
}

/// What a content becomes.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Parts,
}

impl Server {
    /// A message of a request.
    pub(super) fn message<'m>(&self, fields: &'m Object, changes: &mut Changes) -> Result<Fields<'m>> {
        let mut pairs = self.pairs(fields, self.role_of(fields), changes)?;
        if self.preset.content.lists_come_last
            && let Some(at) = pairs.iter().position(|(key, value)| *key == "content" && value.as_array().is_some())
        {
            let content = pairs.remove(at);
            pairs.push(content);
        }
        Ok(pairs)
    }

    /// The role under which the template sees the message.
    fn role_of<'m>(&self, fields: &'m Object) -> &'m str {
        match fields.get("role").and_then(Value::as_str) {
            Some("developer") if self.developer_is_system => "system",
            role => role.unwrap_or_default(),
        }
    }

    fn pairs<'m>(&self, fields: &'m Object, role: &'m str, changes: &mut Changes) -> Result<Fields<'m>> {
        // The keys are those of the role that the client sent.
        let sent_role = fields.get("role").and_then(Value::as_str).unwrap_or_default();
        let mut pairs: Fields<'m> = Vec::with_capacity(fields.len() + 1);
        for key in self.preset.keys.of(sent_role).iter().copied() {
            let value = match key {
                "role" => Some(match fields.get("role") {
                    Some(sent) if role == sent_role => Cow::Borrowed(sent),
                    _ => Cow::Owned(role.into()),
                }),
                "content" => Some(self.content(fields, role, changes)?),
                "tool_calls" => self.calls(fields, changes)?.map(Cow::Owned),
                "reasoning" | "reasoning_content" if sent_role == "assistant" => {
                    client::reasoning(fields, self.preset.reasoning.read_from).map(Cow::Borrowed)
                }
                "tools" if role == "developer" => self.developer_tools(fields),
                "name" | "task" => fields.get(key).filter(|value| value.as_str().is_some()).map(Cow::Borrowed),
                _ => fields.get(key).filter(|value| !value.is_null()).map(Cow::Borrowed),
            };
            pairs.extend(value.map(|value| (key, value)));
        }
        Ok(pairs)
    }

    /// A developer's own tools, as this server passes them on.
    fn developer_tools<'m>(&self, fields: &'m Object) -> Option<Cow<'m, Value>> {
        let tools = fields.get("tools").filter(|tools| !tools.is_null());
        match tools {
            None => self.names_missing_developer_tools().then_some(Cow::Owned(Value::Null)),
            Some(tools) => Some(self.tools(tools).map_or(Cow::Borrowed(tools), Cow::Owned)),
        }
    }

    fn content<'m>(&self, fields: &'m Object, role: &str, changes: &mut Changes) -> Result<Cow<'m, Value>> {
        let is_emptied = self.preset.content.empties_beside_calls && client::calls(fields).is_some();
        let content = fields.get("content").filter(|content| !content.is_null() && !is_emptied);
        self.content_of(fields, content, role, changes)
    }

    /// The content of an answer, whatever the server does with it later. `None`: it has none.
    pub(super) fn own_content<'m>(&self, fields: &'m Object) -> Result<Option<Cow<'m, Value>>> {
        let content = fields.get("content").filter(|content| !content.is_null());
        let mut counted_before = Changes::default();
        content.map(|_| self.content_of(fields, content, "assistant", &mut counted_before)).transpose()
    }

    fn content_of<'m>(
        &self,
        fields: &'m Object,
        content: Option<&'m Value>,
        role: &str,
        changes: &mut Changes,
    ) -> Result<Cow<'m, Value>> {
        let rule = &self.preset.content;
        let joins = rule.joins_tool_results && role == "tool";
        let form = if self.takes_parts && !joins { Form::Parts } else { Form::Text };
        match (content, form) {
            (Some(Value::String(text)), _) => Ok(self.text(fields, text, role, form)),
            (Some(Value::Array(parts)), _) => {
                changes.joined_parts += u64::from(matches!(form, Form::Text));
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
            if let Some(text) = self.part_text(part)?
                && let Some(text) = self.after_cut_line(text, role)
            {
                kept.push((text, part));
            }
        }
        Ok(Cow::Owned(match form {
            Form::Text => {
                let texts: Vec<&str> = kept.into_iter().map(|(text, _)| text).collect();
                texts.join(self.preset.content.joiner).as_str().into()
            }
            Form::Parts => Value::Array(kept.into_iter().map(|(text, part)| self.part(text, part)).collect()),
        }))
    }

    /// `None`: the part is left out.
    fn part_text<'m>(&self, part: &'m Value) -> Result<Option<&'m str>> {
        let rule = &self.preset.content;
        let Some(object) = part.as_object() else {
            return match part {
                Value::String(text) if rule.keeps_part_keys => Ok(Some(text)),
                other => Err(self.refuses(&format!("a content part that is {}", other.type_name()))),
            };
        };
        let kind = object.get("type").and_then(Value::as_str);
        let Some(kind) = kind else {
            return Err(self.refuses("a content part without a type"));
        };
        if rule.skipped_parts.contains(&kind) {
            return Ok(None);
        }
        let Some((_, key)) = rule.text_parts.iter().find(|(known, _)| *known == kind) else {
            return Err(self.refuses(&format!("a content part of type {}", excerpt(kind))));
        };
        match object.get(key) {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.refuses(&format!("a content part of type {} without {key:?}", excerpt(kind)))),
        }
    }

    fn part(&self, text: &str, part: &Value) -> Value {
        let mut kept = vec![("type".into(), "text".into()), ("text".into(), text.into())];
        if self.preset.content.keeps_part_keys {
            let others = part.as_object().into_iter().flat_map(Object::iter);
            let others = others.filter(|(key, _)| !KNOWN_PART_KEYS.contains(&&***key));
            kept.extend(others.map(|(key, value)| (key.clone(), value.clone())));
        }
        Value::Object(kept.into_iter().collect())
    }

    fn calls(&self, fields: &Object, changes: &mut Changes) -> Result<Option<Value>> {
        let Some(calls) = client::calls(fields) else { return Ok(None) };
        let calls = calls.iter().map(|call| self.call(&client::call(call), changes));
        Ok(Some(Value::Array(calls.collect::<Result<_>>()?)))
    }

    fn call(&self, call: &Value, changes: &mut Changes) -> Result<Value> {
        let Some(object) = call.as_object() else {
            return Err(self.refuses(&format!("an entry of \"tool_calls\" that is {}", call.type_name())));
        };
        let rule = &self.preset.calls;
        let mut pairs = self.in_order(object, rule.keys, rule.nulls);
        for (key, value) in &mut pairs {
            if &**key == "function"
                && let Some(function) = value.as_object()
            {
                let mut function = self.in_order(function, rule.function_keys, rule.function_nulls);
                if rule.arguments == ArgumentsRule::Emptied && function.iter().all(|(key, _)| &**key != "arguments") {
                    function.insert(0, ("arguments".into(), Value::Null));
                }
                for (key, value) in &mut function {
                    if &**key == "arguments" {
                        *value = self.arguments(value, changes)?;
                    }
                }
                *value = Value::Object(function.into_iter().collect());
            }
        }
        Ok(Value::Object(pairs.into_iter().collect()))
    }

    /// The pairs of an object with the known keys first.
    fn in_order(
        &self,
        object: &Object,
        known: &[&'static str],
        nulls: &[&'static str],
    ) -> Vec<(Arc<str>, Value)> {
        let mut pairs = Vec::with_capacity(object.len() + nulls.len());
        for key in known.iter().copied() {
            match object.get(key) {
                Some(value) => pairs.push((key.into(), value.clone())),
                None if nulls.contains(&key) => pairs.push((key.into(), Value::Null)),
                None => {}
            }
        }
        if self.preset.calls.keeps_other_keys {
            let others = object.iter().filter(|(key, _)| !known.contains(&&***key));
            pairs.extend(others.map(|(key, value)| (key.clone(), value.clone())));
        }
        pairs
    }

    fn arguments(&self, arguments: &Value, changes: &mut Changes) -> Result<Value> {
        match (arguments, self.preset.calls.arguments) {
            (Value::Object(_), _) => Ok(arguments.clone()),
            (Value::String(text), rule) => match (json::parse_strict(text.as_bytes()), rule) {
                (Ok(object @ Value::Object(_)), _) => Ok(object),
                (_, ArgumentsRule::Emptied) => {
                    changes.emptied_arguments += u64::from(!text.is_empty());
                    Ok(Value::Object(Object::default()))
                }
                (_, ArgumentsRule::Refused) => {
                    Err(self.refuses(&format!("arguments that are not a JSON object: {}", excerpt(text))))
                }
            },
            (_, ArgumentsRule::Emptied) => Ok(Value::Object(Object::default())),
            (Value::Null, ArgumentsRule::Refused) => Ok(Value::Null),
            (other, ArgumentsRule::Refused) => {
                Err(self.refuses(&format!("arguments that are {}", other.type_name())))
            }
        }
    }

    /// The error for what this server answers with status 400.
    pub(super) fn refuses(&self, what: &str) -> Error {
        Error::new(ErrorKind::Refused, format!("{} refuses {what}", self.preset.name()))
    }
}

/// Keys of content parts that vLLM knows and does not pass on with a text.
const KNOWN_PART_KEYS: [&str; 16] = [
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
];

fn text_part(text: &str) -> Value {
    json::object(&[("type", "text".into()), ("text", text.into())])
}
