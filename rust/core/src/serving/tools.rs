//! The tools of a request as a server hands them to the template.
//!
//! In: a list of tools as a client has them. Out: the list that the template sees.

use std::sync::Arc;

use super::rules::{DeferLoading, Missing, ToolRule};
use super::schema_types::normalize_types;
use super::{Server, client};
use crate::error::Result;
use crate::json::{Object, Value};

const DEFER_LOADING: &str = "defer_loading";

impl Server {
    /// `None`: they stay as they are.
    pub(super) fn tools(&self, tools: &Value) -> Result<Option<Value>> {
        let (Some(rule), Some(tools)) = (&self.preset.tools, tools.as_array()) else { return Ok(None) };
        let rebuilt = tools.iter().enumerate().map(|(i, tool)| {
            let tool = client::tool(tool);
            self.check_tool(rule, i, &tool)?;
            Ok(rule.tool(&tool))
        });
        Ok(Some(Value::Array(rebuilt.collect::<Result<_>>()?)))
    }

    /// The functions alone, which are tried where a template fails on tools; `None`: nothing else is tried.
    pub fn second_tools(&self, tools: &Value) -> Option<Value> {
        self.preset.tools.as_ref().filter(|rule| rule.retries_bare)?;
        let bare =
            |tool: &Value| tool.as_object().and_then(|tool| tool.get("function")).unwrap_or(tool).clone();
        Some(Value::Array(tools.as_array()?.iter().map(bare).collect()))
    }

    fn check_tool(&self, rule: &ToolRule, i: usize, tool: &Value) -> Result<()> {
        if !self.preset.checks_shapes {
            return Ok(());
        }
        let get = |key: &str| tool.as_object().and_then(|tool| tool.get(key));
        if !rule.takes_any_type && get("type").is_some_and(|kind| kind.as_str() != Some("function")) {
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
}

impl ToolRule {
    fn tool(&self, tool: &Value) -> Value {
        let Some(object) = tool.as_object() else { return tool.clone() };
        let kind = object.get("type").cloned().unwrap_or_else(|| "function".into());
        let mut pairs: Vec<(Arc<str>, Value)> = vec![("type".into(), kind)];
        let deferred = object.get(DEFER_LOADING).filter(|value| !value.is_null());
        if let Some(Value::Object(function)) = object.get("function") {
            pairs.push(("function".into(), self.function(function, deferred)));
        }
        match (self.defer_loading, deferred) {
            (DeferLoading::Dropped, _) | (DeferLoading::Optional, None) => {}
            (_, Some(deferred)) => pairs.push((DEFER_LOADING.into(), deferred.clone())),
            (DeferLoading::Always, None) => pairs.push((DEFER_LOADING.into(), Value::Null)),
        }
        Value::Object(pairs.into_iter().collect())
    }

    fn function(&self, function: &Object, deferred: Option<&Value>) -> Value {
        let value = |key: &str| {
            let sent = function.get(key).filter(|value| !value.is_null());
            match sent.or(deferred.filter(|_| key == DEFER_LOADING)) {
                Some(value) if key == "parameters" && self.normalizes_types => Some(normalize_types(value)),
                Some(value) => Some(value.clone()),
                None if self.optional.contains(&key) => None,
                None => Some(match (self.missing, key) {
                    (Missing::Empty, "parameters") => Value::Object(Object::default()),
                    (Missing::Empty, _) => "".into(),
                    (Missing::Null, _) => Value::Null,
                }),
            }
        };
        let sent = function.iter().map(|(key, _)| &**key);
        let first: Vec<&str> =
            sent.filter(|key| self.keeps_order && self.function_keys.contains(key)).collect();
        let rest = self.function_keys.iter().copied().filter(|key| !first.contains(key));
        let keys = first.iter().copied().chain(rest);
        Value::Object(keys.filter_map(|key| Some((key.into(), value(key)?))).collect())
    }
}
