//! The tools of a request as a server hands them to the template.
//!
//! In: a list of tools as a client has them. Out: the list that the template sees.

use std::sync::Arc;

use super::presets::{Missing, ToolRule};
use super::schema_types::normalize_types;
use super::{Server, client};
use crate::error::Result;
use crate::json::{Object, Value};

impl Server {
    /// `None`: they stay as they are.
    pub(super) fn tools(&self, tools: &Value) -> Result<Option<Value>> {
        let (ToolRule::Rebuilt { .. }, Some(tools)) = (&self.preset.tools, tools.as_array()) else {
            return Ok(None);
        };
        let rebuilt = tools.iter().enumerate().map(|(i, tool)| {
            let tool = client::tool(tool);
            self.check_tool(i, &tool)?;
            Ok(self.tool(&tool))
        });
        Ok(Some(Value::Array(rebuilt.collect::<Result<_>>()?)))
    }

    fn check_tool(&self, i: usize, tool: &Value) -> Result<()> {
        if !self.preset.checks_shapes {
            return Ok(());
        }
        let get = |key: &str| tool.as_object().and_then(|tool| tool.get(key));
        if get("type").is_some_and(|kind| kind.as_str() != Some("function")) && !self.takes_any_tool_type() {
            return Err(self.refuses(&format!("\"tools\"[{i}], which is not of type \"function\"")));
        }
        let function = get("function").and_then(Value::as_object);
        let value = |key: &str| function.and_then(|function| function.get(key));
        if value("name").and_then(Value::as_str).is_none() {
            return Err(self.refuses(&format!("\"tools\"[{i}], which has no function with a name")));
        }
        if value("parameters").is_some_and(|value| !matches!(value, Value::Null | Value::Object(_))) {
            return Err(self.refuses(&format!("\"tools\"[{i}], whose parameters are not an object")));
        }
        Ok(())
    }

    fn takes_any_tool_type(&self) -> bool {
        matches!(self.preset.tools, ToolRule::Rebuilt { keeps_order: true, .. })
    }

    /// The functions alone, which are tried where a template fails on whole tools.
    pub(super) fn bare_tools(&self, tools: &Value) -> Option<Value> {
        let ToolRule::Rebuilt { retries_bare: true, .. } = self.preset.tools else { return None };
        let bare =
            |tool: &Value| tool.as_object().and_then(|tool| tool.get("function")).unwrap_or(tool).clone();
        Some(Value::Array(tools.as_array()?.iter().map(bare).collect()))
    }

    fn tool(&self, tool: &Value) -> Value {
        let ToolRule::Rebuilt { defer_loading_null, .. } = self.preset.tools else { return tool.clone() };
        let Some(object) = tool.as_object() else { return tool.clone() };
        let kind = object.get("type").cloned().unwrap_or_else(|| "function".into());
        let mut pairs: Vec<(Arc<str>, Value)> = vec![("type".into(), kind)];
        let deferred = object.get("defer_loading").filter(|value| !value.is_null());
        if let Some(Value::Object(function)) = object.get("function") {
            pairs.push(("function".into(), self.function(function, deferred)));
        }
        match deferred {
            Some(deferred) if self.keeps_defer_loading() => {
                pairs.push(("defer_loading".into(), deferred.clone()))
            }
            _ if defer_loading_null => pairs.push(("defer_loading".into(), Value::Null)),
            _ => {}
        }
        Value::Object(pairs.into_iter().collect())
    }

    fn keeps_defer_loading(&self) -> bool {
        matches!(self.preset.tools, ToolRule::Rebuilt { optional, .. } if optional.contains(&"defer_loading"))
    }

    fn function(&self, function: &Object, deferred: Option<&Value>) -> Value {
        let ToolRule::Rebuilt { function_keys, keeps_order, missing, optional, normalizes_types, .. } =
            self.preset.tools
        else {
            return Value::Object(function.clone());
        };
        let value = |key: &str| {
            let sent = function.get(key).filter(|value| !value.is_null());
            let sent = sent.or(deferred.filter(|_| key == "defer_loading"));
            match sent {
                Some(value) if key == "parameters" && normalizes_types => Some(normalize_types(value)),
                Some(value) => Some(value.clone()),
                None if optional.contains(&key) => None,
                None => Some(match (missing, key) {
                    (Missing::Empty, "parameters") => Value::Object(Object::default()),
                    (Missing::Empty, _) => "".into(),
                    (Missing::Null, _) => Value::Null,
                }),
            }
        };
        let sent: Vec<&str> = function.iter().map(|(key, _)| &**key).collect();
        let first = sent.into_iter().filter(|key| keeps_order && function_keys.contains(key));
        let first: Vec<&str> = first.collect();
        let rest = function_keys.iter().copied().filter(|key| !first.contains(key));
        let keys: Vec<&str> = first.iter().copied().chain(rest).collect();
        Value::Object(keys.into_iter().filter_map(|key| Some((key.into(), value(key)?))).collect())
    }
}
