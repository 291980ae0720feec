//! Names of types in the schema of a tool's parameters, as SGLang rewrites them to those of JSON Schema.
//!
//! In: a schema. Out: the same with each `type` that names a type of a database or a language replaced. Other values
//! stay; `type` as the name of a property is none.

use std::sync::Arc;

use crate::json::Value;

const STANDARD: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

/// Other names of the types.
const NAMES: [(&str, &str); 27] = [
    ("str", "string"),
    ("text", "string"),
    ("varchar", "string"),
    ("char", "string"),
    ("binary", "string"),
    ("enum", "string"),
    ("date", "string"),
    ("datetime", "string"),
    ("timestamp", "string"),
    ("time", "string"),
    ("uuid", "string"),
    ("blob", "string"),
    ("bytea", "string"),
    ("bytes", "string"),
    ("varbinary", "string"),
    ("bool", "boolean"),
    ("bigint", "integer"),
    ("smallint", "integer"),
    ("tinyint", "integer"),
    ("double", "number"),
    ("decimal", "number"),
    ("real", "number"),
    ("numeric", "number"),
    ("arr", "array"),
    ("tuple", "array"),
    ("set", "array"),
    ("map", "object"),
];

/// Beginnings of names: all of the name, or followed by a digit, a bracket or a blank.
const BEGINNINGS: [(&str, &str); 9] = [
    ("int", "integer"),
    ("uint", "integer"),
    ("long", "integer"),
    ("short", "integer"),
    ("unsigned", "integer"),
    ("num", "number"),
    ("float", "number"),
    ("list", "array"),
    ("dict", "object"),
];

const SCHEMAS_BY_NAME: [&str; 5] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
const LISTS_OF_SCHEMAS: [&str; 4] = ["anyOf", "oneOf", "allOf", "prefixItems"];
const SCHEMAS: [&str; 10] = [
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];

pub(super) fn normalize_types(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => Value::Array(items.iter().map(normalize_types).collect()),
        Value::Object(object) => {
            let pairs = object.iter().map(|(key, value)| (key.clone(), normalize_entry(key, value)));
            Value::Object(pairs.collect())
        }
        other => other.clone(),
    }
}

fn normalize_entry(key: &str, value: &Value) -> Value {
    match value {
        Value::String(name) if key == "type" => standard_type(name),
        Value::Array(names) if key == "type" => {
            let mut types: Vec<Value> = Vec::new();
            for name in names {
                let name = name.as_str().map_or_else(|| name.clone(), |name| standard_type(&name.into()));
                if !types.contains(&name) {
                    types.push(name);
                }
            }
            Value::Array(types)
        }
        Value::Object(named) if SCHEMAS_BY_NAME.contains(&key) => Value::Object(
            named.iter().map(|(name, schema)| (name.clone(), normalize_types(schema))).collect(),
        ),
        Value::Array(_) if LISTS_OF_SCHEMAS.contains(&key) => normalize_types(value),
        _ if SCHEMAS.contains(&key) => normalize_types(value),
        _ => value.clone(),
    }
}

fn standard_type(name: &Arc<str>) -> Value {
    if STANDARD.contains(&&**name) {
        return Value::String(name.clone());
    }
    let base = name.split('(').next().unwrap_or_default().trim().to_lowercase();
    let begins = |start: &str| {
        base.strip_prefix(start).is_some_and(|rest| {
            rest.chars().next().is_none_or(|next| next.is_ascii_digit() || "[<( \t".contains(next))
        })
    };
    let standard = STANDARD.iter().find(|standard| **standard == base).copied();
    let named = || NAMES.iter().find(|(known, _)| *known == base).map(|(_, standard)| *standard);
    let begun = || BEGINNINGS.iter().find(|(start, _)| begins(start)).map(|(_, standard)| *standard);
    standard.or_else(named).or_else(begun).map_or_else(|| Value::String(name.clone()), Value::from)
}
