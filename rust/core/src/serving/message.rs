//! One message as a server hands it to the template.
//!
//! In: the fields of a message as a client has them. Out: its keys and values in the order in which the template sees
//! them, or why the server refuses the message. Borrowed where nothing changes.

use std::borrow::Cow;

use super::Server;
use super::client;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

/// Changes made to messages before the template sees them, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adaptations {
    /// Contents that were lists of parts and became text.
    pub joined_parts: u64,
    /// Arguments of tool calls that are not a JSON object, for which a server shows an empty one.
    pub emptied_arguments: u64,
    /// Arguments of tool calls that were text and became objects, or the reverse, because the template takes them so.
    pub converted_arguments: u64,
    /// Messages that call tools and got an empty content, because the template fails without one.
    pub filled_contents: u64,
    /// Empty lists of calls, tools or parts that were left out.
    pub empty_lists: u64,
    /// Calls without an id that got one, because the server refuses them without.
    pub made_up_ids: u64,
}

/// Whether this is a list without items.
pub fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(<[Value]>::is_empty)
}

/// The keys and values of a message.
pub type Fields<'m> = Vec<(&'m str, Cow<'m, Value>)>;

impl Server {
    /// A message of a request.
    pub(super) fn message<'m>(
        &self,
        fields: &'m Object,
        adaptations: &mut Adaptations,
    ) -> Result<Fields<'m>> {
        self.check_message(fields)?;
        let lists = ["tool_calls", "tools"].into_iter().filter_map(|key| fields.get(key));
        adaptations.empty_lists += lists.filter(|list| is_empty_list(list)).count() as u64;
        let mut pairs = self.pairs(fields, self.role_of(fields), adaptations)?;
        if self.preset.content.lists_come_last
            && let Some(at) =
                pairs.iter().position(|(key, value)| *key == "content" && value.as_array().is_some())
        {
            let content = pairs.remove(at);
            pairs.push(content);
        }
        Ok(pairs)
    }

    fn check_message(&self, fields: &Object) -> Result<()> {
        let Some(role) = fields.get("role").and_then(Value::as_str) else {
            return Err(self.refuses("a message without a role"));
        };
        let roles = self.preset.roles;
        if !roles.is_empty() && !roles.contains(&role) {
            return Err(self.refuses(&format!("the role {}", excerpt(role))));
        }
        let named = |roles: &[&str]| roles.contains(&role);
        let may_be_null = self.preset.may_have_null_content;
        match fields.get("content") {
            Some(Value::Null) if !may_be_null.is_empty() && !named(may_be_null) => {
                Err(self.refuses(&format!("a message of the role {role:?} whose content is null")))
            }
            None if named(self.preset.need_content) => {
                Err(self.refuses(&format!("a message of the role {role:?} without content")))
            }
            _ => Ok(()),
        }
    }

    /// The role under which the template sees the message.
    fn role_of<'m>(&self, fields: &'m Object) -> &'m str {
        match fields.get("role").and_then(Value::as_str) {
            Some("developer") if self.developer_is_system => "system",
            role => role.unwrap_or_default(),
        }
    }

    fn pairs<'m>(
        &self,
        fields: &'m Object,
        role: &'m str,
        adaptations: &mut Adaptations,
    ) -> Result<Fields<'m>> {
        // The keys are those of the role that the client sent.
        let sent_role = fields.get("role").and_then(Value::as_str).unwrap_or_default();
        let mut pairs: Fields<'m> = Vec::with_capacity(fields.len() + 1);
        for key in self.preset.keys.of(sent_role).iter().copied() {
            let value = match key {
                "role" => Some(match fields.get("role") {
                    Some(sent) if role == sent_role => Cow::Borrowed(sent),
                    _ => Cow::Owned(role.into()),
                }),
                "content" => Some(self.content(fields, role, adaptations)?),
                "tool_calls" => self.calls(fields, adaptations)?.map(Cow::Owned),
                "reasoning" | "reasoning_content" if sent_role == "assistant" => {
                    self.reasoning(fields)?.map(Cow::Borrowed)
                }
                // A developer that becomes a system message loses them.
                "tools" if role != sent_role => None,
                "tools" => self.message_tools(fields)?,
                "name" | "task" => {
                    fields.get(key).filter(|value| value.as_str().is_some()).map(Cow::Borrowed)
                }
                _ => fields.get(key).filter(|value| !value.is_null()).map(Cow::Borrowed),
            };
            pairs.extend(value.map(|value| (key, value)));
        }
        Ok(pairs)
    }

    fn reasoning<'m>(&self, fields: &'m Object) -> Result<Option<&'m Value>> {
        let rule = &self.preset.reasoning;
        match client::reasoning(fields, rule.read_from) {
            Some(reasoning) if rule.is_text && reasoning.as_str().is_none() => {
                Err(self.refuses(&format!("reasoning that is {}", reasoning.type_name())))
            }
            reasoning => Ok(reasoning),
        }
    }

    /// A message's own tools, as this server passes them on.
    fn message_tools<'m>(&self, fields: &'m Object) -> Result<Option<Cow<'m, Value>>> {
        match client::tools(fields.get("tools")) {
            None => Ok(self.names_missing_developer_tools().then_some(Cow::Owned(Value::Null))),
            Some(tools) => Ok(Some(self.tools(tools)?.map_or(Cow::Borrowed(tools), Cow::Owned))),
        }
    }

    /// The error for what this server answers with status 400.
    pub(super) fn refuses(&self, what: &str) -> Error {
        Error::new(ErrorKind::Refused, format!("{} refuses {what}", self.preset.name()))
    }
}
