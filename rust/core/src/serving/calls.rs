//! Tool calls as a server hands them to the template.
//!
//! In: the tool calls of a message as a client has them. Out: the list that the template sees, arguments as objects, or
//! why it is refused.

use std::sync::Arc;

use super::Server;
use super::client;
use super::message::Adaptations;
use super::rules::ArgumentsRule;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{self, Number, Object, Value};

impl Server {
    pub(super) fn calls(&self, fields: &Object, adaptations: &mut Adaptations) -> Result<Option<Value>> {
        let Some(calls) = client::calls(fields) else { return Ok(None) };
        let calls = calls.iter().map(|call| {
            if self.preset.calls.is_completed() {
                self.call(&client::call(call), adaptations)
            } else {
                self.call(call, adaptations)
            }
        });
        Ok(Some(Value::Array(calls.collect::<Result<_>>()?)))
    }

    fn call(&self, call: &Value, adaptations: &mut Adaptations) -> Result<Value> {
        let Some(object) = call.as_object() else {
            return Err(self.refuses(&format!("an entry of \"tool_calls\" that is {}", call.type_name())));
        };
        let rule = &self.preset.calls;
        let with_id = rule.needs_id.then(|| client::with_id(object, &mut adaptations.made_up_ids)).flatten();
        let object = with_id.as_ref().unwrap_or(object);
        self.check_call(object)?;
        if !rule.is_completed() && !object.contains_key("function") {
            return self.called_function(object, adaptations);
        }
        let mut pairs = self.in_order(object, rule.keys, rule.nulls);
        for (key, value) in &mut pairs {
            if &**key == "function"
                && let Some(function) = value.as_object()
            {
                *value = self.called_function(function, adaptations)?;
            }
        }
        Ok(Value::Object(pairs.into_iter().collect()))
    }

    fn called_function(&self, function: &Object, adaptations: &mut Adaptations) -> Result<Value> {
        let rule = &self.preset.calls;
        let mut pairs = self.in_order(function, rule.function_keys, rule.function_nulls);
        if !function.contains_key("arguments") {
            match rule.arguments {
                ArgumentsRule::ObjectOrEmpty => pairs.insert(0, ("arguments".into(), Value::Null)),
                ArgumentsRule::Any => return Err(self.refuses("a tool call without arguments")),
                ArgumentsRule::Object => {}
            }
        }
        for (key, value) in &mut pairs {
            if &**key == "arguments" {
                *value = self.arguments(value, adaptations)?;
            }
        }
        Ok(Value::Object(pairs.into_iter().collect()))
    }

    fn check_call(&self, call: &Object) -> Result<()> {
        if !self.preset.checks_shapes {
            return Ok(());
        }
        if let Some(kind) = call.get("type").filter(|kind| kind.as_str() != Some("function")) {
            return Err(self.refuses(&format!("a tool call of type {}", excerpt(&json::write(kind)))));
        }
        if call.get("id").is_some_and(|id| !matches!(id, Value::Null | Value::String(_))) {
            return Err(self.refuses("a tool call whose id is not a string"));
        }
        let Some(function) = call.get("function").and_then(Value::as_object) else {
            return Err(self.refuses("a tool call without a function"));
        };
        match function.get("name") {
            Some(Value::String(_)) => Ok(()),
            None | Some(Value::Null) if self.preset.calls.function_nulls.contains(&"name") => Ok(()),
            _ => Err(self.refuses("a tool call without the name of its function")),
        }
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

    fn arguments(&self, arguments: &Value, adaptations: &mut Adaptations) -> Result<Value> {
        let rule = &self.preset.calls;
        let Value::String(text) = arguments else {
            return match (arguments, rule.arguments) {
                (Value::Object(_), _) | (_, ArgumentsRule::Any) | (Value::Null, ArgumentsRule::Object) => {
                    Ok(arguments.clone())
                }
                (_, ArgumentsRule::ObjectOrEmpty) => {
                    adaptations.emptied_arguments += u64::from(!arguments.is_null());
                    Ok(Value::Object(Object::default()))
                }
                (other, ArgumentsRule::Object) => {
                    Err(self.refuses(&format!("arguments that are {}", other.type_name())))
                }
            };
        };
        let parsed = if rule.reads_constants {
            json::parse_with_constants(text)
        } else {
            json::parse_strict(text.as_bytes())
        };
        match (parsed, rule.arguments) {
            (Ok(object @ Value::Object(_)), _) if rule.rounds_big_integers => Ok(rounded(&object)),
            (Ok(object @ Value::Object(_)), _) => Ok(object),
            (Ok(value), ArgumentsRule::Any) => Ok(value),
            // Python's strings can hold one; a template's here cannot.
            (Err(error), rule) if error.kind == ErrorKind::JsonSurrogate && rule != ArgumentsRule::Object => {
                Err(Error::new(error.kind, format!("arguments of a tool call: {}", error.text)))
            }
            (_, ArgumentsRule::ObjectOrEmpty) => {
                adaptations.emptied_arguments += u64::from(!text.is_empty());
                Ok(Value::Object(Object::default()))
            }
            (Err(_), ArgumentsRule::Any) => {
                Err(self.refuses(&format!("arguments that are not JSON: {}", excerpt(text))))
            }
            (_, ArgumentsRule::Object) => {
                Err(self.refuses(&format!("arguments that are not a JSON object: {}", excerpt(text))))
            }
        }
    }
}

/// The same with integers beyond 64 bits as floats, as orjson reads them.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number @ Number::BigInt(digits)) if digits.parse::<u64>().is_err() => {
            Value::Number(Number::Float(number.as_f64()))
        }
        Value::Array(items) => Value::Array(items.iter().map(rounded).collect()),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), rounded(value))).collect())
        }
        other => other.clone(),
    }
}
