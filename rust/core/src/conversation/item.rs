//! An item of a list of messages, sorted out by its format and not checked any further.

use std::sync::Arc;

use super::calls::{WrittenCall, written_call};
use super::reasoning;
use super::role::{CALL_ROLES, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Object, Value};

/// What a format makes of an item of its lists.
pub type ReadItem = fn(&Object) -> Item;

/// An item with its role and content under the names that the other stages know.
pub struct Item {
    pub role: Result<Role>,
    /// The key that the role stands under in the record.
    pub role_key: &'static str,
    /// Role and content come first if there is a call.
    pub fields: Object,
    /// The tool calls of an item that is nothing else.
    pub call: Option<Value>,
    /// Keys that an object of its calls has twice, where they are JSON text.
    pub repeated_keys: Vec<Arc<str>>,
    /// Why the item is refused, whoever says it.
    pub fault: Option<Error>,
}

impl Item {
    /// The content of an entry that is a call becomes the call; what is written before it stays.
    pub fn with_call_of_content(mut self, role_name: Option<&str>) -> Self {
        if !role_name.is_some_and(is_call_role) {
            return self;
        }
        let WrittenCall { reasoning, text, call, repeated_keys } =
            written_call(self.fields.get("content").unwrap_or(&Value::Null));
        let role = self.fields.get("role").cloned().unwrap_or(Value::Null);
        let own = [("role".into(), role), ("content".into(), text.as_str().into())];
        let others = self.fields.iter().filter(|(key, _)| !matches!(&***key, "role" | "content"));
        let others = others.map(|(key, value)| (key.clone(), value.clone()));
        self.fields = own.into_iter().chain(others).collect();
        if let Some(written) = reasoning
            && let Err(error) = reasoning::add(&mut self.fields, &written)
        {
            self.fault.get_or_insert(error);
        }
        self.call = Some(call);
        self.repeated_keys = repeated_keys;
        self
    }

    /// Tool calls that are JSON text become the list that the text holds.
    pub fn with_calls_parsed(mut self) -> Self {
        let Some(Value::String(text)) = self.fields.get("tool_calls") else {
            return self;
        };
        if text.trim().is_empty() {
            self.fields.remove("tool_calls");
            return self;
        }
        match json::parse_with_constants_noting(text, &mut self.repeated_keys) {
            Ok(calls) => self.fields.insert("tool_calls", calls),
            Err(error) => {
                let text = format!("\"tool_calls\" is text that is not JSON: {error}");
                self.fault.get_or_insert(Error::new(ErrorKind::Tools, text));
            }
        }
        self
    }
}

/// Whether entries of a role of that name are calls of the assistant.
pub fn is_call_role(name: &str) -> bool {
    CALL_ROLES.contains(&name)
}
