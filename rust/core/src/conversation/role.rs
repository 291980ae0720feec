//! Who says a message, and the names that formats have for them.

use super::guess;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::System, Self::Developer, Self::User, Self::Assistant, Self::Tool];

    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// By OpenAI's names.
    pub fn from_name(name: &str) -> Option<Self> {
        OPENAI_NAMES.find(name)
    }
}

/// The names of roles in one format, in the order in which error texts list them.
pub struct RoleNames(pub &'static [(&'static str, Role)]);

/// OpenAI's role names, `function` being the old name of `tool`, and those that ms-swift adds to them.
pub const OPENAI_NAMES: RoleNames = RoleNames(&[
    ("system", Role::System),
    ("developer", Role::Developer),
    ("user", Role::User),
    ("assistant", Role::Assistant),
    ("tool", Role::Tool),
    ("function", Role::Tool),
    (CALL_ROLES[1], Role::Assistant),
    ("tool_response", Role::Tool),
]);

/// Roles of entries that are tool calls of the assistant, and nothing else.
pub const CALL_ROLES: [&str; 2] = ["function_call", "tool_call"];

/// Names that no format has for a role, and what they mean; letters may be large or small.
pub const OTHER_NAMES: [(&str, Role); 10] = [
    ("human", Role::User),
    ("prompter", Role::User),
    ("gpt", Role::Assistant),
    ("chatgpt", Role::Assistant),
    ("bot", Role::Assistant),
    ("chatbot", Role::Assistant),
    ("ai", Role::Assistant),
    ("model", Role::Assistant),
    ("observation", Role::Tool),
    ("ipython", Role::Tool),
];

impl RoleNames {
    pub(super) fn find(&self, name: &str) -> Option<Role> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, role)| *role)
    }

    /// The role that an entry has under `key`; `keys` are those that it could have it under, for error texts.
    pub(super) fn read(&self, entry: &Object, key: &str, keys: &str) -> Result<Role> {
        let error = |text: String| Error::new(ErrorKind::Role, text);
        match entry.get(key) {
            Some(Value::String(name)) => self.find(name).ok_or_else(|| error(self.unknown(name))),
            Some(other) => Err(error(format!("{key:?} is {}, expected text", other.type_name()))),
            None => Err(error(format!("no key {keys}{}", guess::message_keys(entry)))),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<&str> = self.0.iter().map(|(name, _)| *name).collect();
        let meant = self.meant_by(name).map_or_else(String::new, |role| {
            format!("; roles={{{name:?}: {:?}}} reads it as that", role.name())
        });
        format!("role {} is unknown; expected one of {}{meant}", excerpt(name), known.join(", "))
    }

    /// What a name most likely means that is not one of these.
    fn meant_by(&self, name: &str) -> Option<Role> {
        let lower = name.trim().to_lowercase();
        let other = || OTHER_NAMES.iter().find(|(known, _)| *known == lower).map(|(_, role)| *role);
        self.find(&lower).or_else(other)
    }
}
