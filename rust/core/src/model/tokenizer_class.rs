//! Whether a server's tokenizer for a model is that of its `tokenizer.json`.
//!
//! In: the model's files, its tokenizer, the server. Out: a note where `AutoTokenizer` of transformers, by which servers
//! load tokenizers, gives a text other ids, or may. The rules are a table, made from transformers by
//! `tools/make_tokenizer_classes.py`; the tokenizer is compared, not replaced.

use std::sync::OnceLock;

use serde_json::Value as Json;
use tokenizers::AddedToken;

use super::folder::{ModelFiles, NAMED_TOKENS};
use crate::error::excerpt;
use crate::json::Value;
use crate::options::Serve;
use crate::tokenizer::{Difference, Parts, Tokenizer, difference};

const TABLE: &str = include_str!("tokenizer_classes.json");
/// Model types for which vLLM 0.33 takes `tokenizer.json` as it stands, whatever transformers does.
const VLLM_PLAIN: [&str; 7] =
    ["internlm2", "step3_vl", "step3p7", "step5", "step5_vl", "unlimited-ocr", "unlimited_ocr"];
/// Classes that take `tokenizer.json` as it stands.
const PLAIN: [&str; 5] = [
    "TokenizersBackend",
    "PythonBackend",
    "PreTrainedTokenizer",
    "PreTrainedTokenizerFast",
    "MistralCommonBackend",
];

/// What a server makes of a tokenizer.
enum Class {
    /// `tokenizer.json` as it stands.
    Plain,
    /// A class that builds a tokenizer of its own from vocabulary and merges.
    Built(String),
    /// Code of the model's folder.
    Code,
}

/// What to know of the server's ids. `None`: they are those of `tokenizer.json`.
pub fn note(files: &ModelFiles, tokenizer: &Tokenizer, serve: Serve) -> Option<String> {
    if matches!(serve, Serve::LlamaCpp | Serve::Template) {
        return None;
    }
    let class = class(files, serve);
    let (parts, name) = match class {
        Class::Plain => (None, "TokenizersBackend".to_owned()),
        Class::Code => {
            return Some(unknown("its tokenizer is Python code of the model folder, which is not run here"));
        }
        Class::Built(name) => match parts(&name, files) {
            Some(parts) => (Some(parts), name),
            None => return Some(unknown(&format!("what its class {name} makes of the file is not known"))),
        },
    };
    let more = more_tokens(&name, files, tokenizer);
    match difference(tokenizer.library(), parts.as_ref(), &more) {
        Ok(None) => None,
        Ok(Some(found)) => Some(differs(&name, &found, serve)),
        Err(cause) => Some(unknown(&format!("its class {name} cannot read the file: {cause}"))),
    }
}

fn unknown(cause: &str) -> String {
    format!(
        "servers may encode this model's text other than tokenizer.json: {cause}; compare ids with the server's"
    )
}

fn differs(class: &str, found: &Difference, serve: Serve) -> String {
    let (ours, theirs) = found.lengths;
    let parts = found.parts.join(", ");
    let cure = if serve == Serve::Sglang {
        "SGLang restores some of it, so compare ids with the server's, or write tokenizer_class \"TokenizersBackend\" \
         into tokenizer_config.json and serve that"
    } else {
        "tokenizer=\"auto_tokenizer\" (--tokenizer auto_tokenizer) trains the server's ids; tokenizer_class \
         \"TokenizersBackend\" in tokenizer_config.json makes servers encode with the file"
    };
    format!(
        "tokenizer.json is not what servers encode with: AutoTokenizer of transformers builds a {class}, whose {parts} \
         differ (tokens of {}: {theirs} there, {ours} here); {cure}",
        excerpt(&found.text)
    )
}

fn table() -> &'static Json {
    static TABLE_READ: OnceLock<Json> = OnceLock::new();
    TABLE_READ.get_or_init(|| serde_json::from_str(TABLE).unwrap_or_default())
}

/// The class that `AutoTokenizer` takes, by its own order of rules.
fn class(files: &ModelFiles, serve: Serve) -> Class {
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let model_type = text(files.config.get("model_type")).unwrap_or_default();
    if serve == Serve::Vllm && VLLM_PLAIN.contains(&model_type.as_str()) {
        return Class::Plain;
    }
    let declared = text(files.tokenizer_config.get("tokenizer_class"));
    let declared = declared.or_else(|| text(files.config.get("tokenizer_class")));
    let declared = declared.map(|name| name.strip_suffix("Fast").unwrap_or(&name).to_owned());
    let registered = table()["model_types"][&model_type].as_str();
    let registered = registered.map(|name| name.strip_suffix("Fast").unwrap_or(name));
    let is_incorrect =
        table()["incorrect"].as_array().is_some_and(|names| names.contains(&model_type.as_str().into()));
    let has_code = has_code(files);
    if has_code && !is_incorrect {
        return Class::Code;
    }
    let Some(declared) = declared else {
        return built(registered.unwrap_or(PLAIN[0]));
    };
    if has_code {
        return built(&declared);
    }
    // Declared as Llama's, and yet by bytes.
    if declared == "LlamaTokenizer"
        && registered != Some("MistralCommonBackend")
        && !is_incorrect
        && files.has_byte_level()
    {
        return Class::Plain;
    }
    match registered {
        Some(registered) if registered != declared && PLAIN.contains(&registered) => Class::Plain,
        Some(registered) if registered != declared && is_incorrect => built(registered),
        _ => built(&declared),
    }
}

fn has_code(files: &ModelFiles) -> bool {
    match files.tokenizer_config.get("auto_map") {
        Some(Value::Object(map)) => {
            map.get("AutoTokenizer").is_some_and(|class| !matches!(class, Value::Null))
        }
        Some(Value::Array(_)) => true,
        _ => false,
    }
}

/// Classes that are in no table take the file as it stands.
fn built(name: &str) -> Class {
    let is_known = !PLAIN.contains(&name) && !table()["classes"][name].is_null();
    if is_known { Class::Built(name.to_owned()) } else { Class::Plain }
}

/// What a class builds with the arguments of `tokenizer_config.json`; `None`: that is not known.
fn parts(class: &str, files: &ModelFiles) -> Option<Parts> {
    let arguments = ["add_prefix_space", "legacy"];
    let is_of_arguments = |entry: &&Json| {
        arguments
            .iter()
            .all(|name| entry["where"][name].as_bool() == boolean(files.tokenizer_config.get(name)))
    };
    let entries = table()["classes"][class]["parts"].as_array()?;
    // The last entry is that of all other arguments.
    let entry = entries.iter().find(is_of_arguments).or(entries.last())?;
    let mut model = entry["model"].clone();
    let unknown = files.tokenizer_config.get("unk_token").and_then(token).map(|token| token.content);
    if let (Some(unknown), true) = (unknown, model["unk_token"].is_string()) {
        model["unk_token"] = unknown.into();
    }
    let added = added_tokens(files);
    Some(Parts {
        normalizer: entry["normalizer"].clone(),
        pre_tokenizer: entry["pre_tokenizer"].clone(),
        model,
        added: (!added.is_empty()).then_some(added),
    })
}

/// `added_tokens_decoder`, by ids.
fn added_tokens(files: &ModelFiles) -> Vec<AddedToken> {
    let Some(listed) = files.tokenizer_config.get("added_tokens_decoder").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut tokens: Vec<(u32, AddedToken)> =
        listed.iter().filter_map(|(id, value)| Some((id.parse().ok()?, token(value)?))).collect();
    tokens.sort_by_key(|(id, _)| *id);
    tokens.into_iter().map(|(_, token)| token).collect()
}

/// Tokens that transformers adds to a tokenizer, whichever it is: those that the config lists or names.
fn more_tokens(class: &str, files: &ModelFiles, tokenizer: &Tokenizer) -> Vec<AddedToken> {
    let mut tokens = added_tokens(files);
    let in_file: Vec<AddedToken> = tokenizer.library().get_added_tokens_decoder().into_values().collect();
    let defaults = &table()["classes"][class]["named_tokens"];
    let is_listed = |tokens: &[AddedToken], text: &str| tokens.iter().any(|token| token.content == text);
    for name in NAMED_TOKENS {
        let named = match files.tokenizer_config.get(name) {
            Some(value) => token(value),
            None => defaults[name].as_str().map(|text| AddedToken::from(text, true)),
        };
        // One that is listed, or is in the file, keeps the flags that it has there.
        if let Some(named) = named
            && !is_listed(&tokens, &named.content)
            && !in_file.iter().any(|known| known.content == named.content)
        {
            tokens.push(named);
        }
    }
    tokens
}

fn boolean(value: Option<&Value>) -> Option<bool> {
    match value {
        Some(Value::Bool(value)) => Some(*value),
        _ => None,
    }
}

fn token(value: &Value) -> Option<AddedToken> {
    match value {
        Value::String(text) => Some(AddedToken::from(text.to_string(), true)),
        Value::Object(token) => {
            let flag = |name: &str| boolean(token.get(name));
            let special = flag("special").unwrap_or_default();
            Some(
                AddedToken::from(token.get("content")?.as_str()?.to_owned(), special)
                    .single_word(flag("single_word").unwrap_or_default())
                    .lstrip(flag("lstrip").unwrap_or_default())
                    .rstrip(flag("rstrip").unwrap_or_default())
                    .normalized(flag("normalized").unwrap_or(!special)),
            )
        }
        _ => None,
    }
}
