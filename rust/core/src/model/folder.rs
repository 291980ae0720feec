//! A model folder, read as transformers 5.23 reads it.
//!
//! In: a folder with `tokenizer.json`, `tokenizer_config.json` and the like. Out: the tokenizer's bytes, the chat
//! templates by name, the special tokens that templates see, the padding token. Nothing is fetched or executed.

use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Number, Object, Value};
use crate::options::{LimitFactor, RAISED};
use crate::tokenizer::MAX_BYTES;

#[derive(Debug, Clone)]
pub struct ModelFiles {
    pub tokenizer_json: Vec<u8>,
    /// Name and text; the unnamed template is `default`.
    pub templates: Vec<(String, String)>,
    /// `bos_token` and its like.
    pub special_tokens: Vec<(Arc<str>, Arc<str>)>,
    /// The `eos_token_id` of `generation_config.json`: where a server stops.
    pub generation_stops: Vec<u32>,
    /// `generation_config.json`; empty if there is none.
    pub generation_config: Object,
    /// `config.json`; empty if there is none.
    pub config: Object,
    /// `tokenizer_config.json`, with `special_tokens_map.json` where transformers reads that.
    pub tokenizer_config: Object,
}

/// The name of the default template.
pub const DEFAULT_TEMPLATE: &str = "default";
/// The name of the template that is taken where tools are given.
pub const TOOL_TEMPLATE: &str = "tool_use";

pub(super) const NAMED_TOKENS: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

impl ModelFiles {
    pub fn read(folder: &Path, limits: LimitFactor) -> Result<Self> {
        if !folder.is_dir() {
            return Err(model_error(folder, "no such folder"));
        }
        let most = limits.times(MAX_BYTES);
        let tokenizer_json = read(&folder.join("tokenizer.json"), most)?
            .ok_or_else(|| model_error(folder, without_tokenizer(folder)))?;
        let mut config = read_object(&folder.join("tokenizer_config.json"), most)?.unwrap_or_default();
        if !config.contains_key("added_tokens_decoder")
            && let Some(legacy) = read_object(&folder.join("special_tokens_map.json"), most)?
        {
            let pairs = config.iter().chain(legacy.iter());
            config = pairs.map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        let generation = read_object(&folder.join("generation_config.json"), most)?.unwrap_or_default();
        Ok(Self {
            tokenizer_json,
            templates: templates(folder, &config, most)?,
            special_tokens: special_tokens(&config),
            config: read_object(&folder.join("config.json"), most)?.unwrap_or_default(),
            generation_stops: generation.get("eos_token_id").map(ids).unwrap_or_default(),
            generation_config: generation,
            tokenizer_config: config,
        })
    }

    /// Whether `tokenizer.json` names the pre-tokenizer or decoder `ByteLevel`, by transformers' own test.
    pub fn has_byte_level(&self) -> bool {
        memchr::memmem::find(&self.tokenizer_json, b"\"ByteLevel\"").is_some()
    }

    pub fn template(&self, name: &str) -> Option<&str> {
        self.templates.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    pub fn special_token(&self, name: &str) -> Option<&str> {
        self.special_tokens.iter().find(|(known, _)| &**known == name).map(|(_, text)| &**text)
    }
}

/// Why a folder without `tokenizer.json` is no model's, or what makes it one.
fn without_tokenizer(folder: &Path) -> &'static str {
    if folder.join("tokenizer.model").is_file() {
        "has tokenizer.model, but no tokenizer.json: with transformers, \
         AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes it"
    } else {
        "has no tokenizer.json, which the folder of a model needs"
    }
}

pub(crate) fn model_error(path: &Path, text: &str) -> Error {
    Error::new(ErrorKind::Model, format!("{}: {text}", path.display()))
}

/// At most so many bytes. `None`: there is no such file. Of what is no file, such as a pipe, nothing is read: it may have no end.
fn read(path: &Path, most: usize) -> Result<Option<Vec<u8>>> {
    let bytes = match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(model_error(path, "is not a file")),
        Ok(found) if found.len() > most as u64 => {
            let text = format!("has {} bytes, more than the {most} that are read{RAISED}", found.len());
            return Err(model_error(path, &text));
        }
        Ok(_) => fs::read(path),
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
        Err(error) => Err(model_error(path, &format!("cannot be read: {error}"))),
    }
}

fn read_text(path: &Path, most: usize) -> Result<Option<String>> {
    read(path, most)?
        .map(|bytes| String::from_utf8(bytes).map_err(|_| model_error(path, "is not UTF-8")))
        .transpose()
}

fn read_object(path: &Path, most: usize) -> Result<Option<Object>> {
    let Some(bytes) = read(path, most)? else {
        return Ok(None);
    };
    match json::parse_strict(&bytes).map_err(|error| model_error(path, &error.to_string()))? {
        Value::Object(object) => Ok(Some(object)),
        other => Err(model_error(path, &format!("is {}, expected an object", other.type_name()))),
    }
}

/// Template files replace the config's templates altogether: that is transformers' rule.
fn templates(folder: &Path, config: &Object, most: usize) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    if let Some(text) = read_text(&folder.join("chat_template.jinja"), most)? {
        found.push((DEFAULT_TEMPLATE.to_owned(), text));
    }
    if let Ok(entries) = fs::read_dir(folder.join("additional_chat_templates")) {
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "jinja")) {
            if let (Some(name), Some(text)) = (path.file_stem(), read_text(path, most)?) {
                found.push((name.to_string_lossy().into_owned(), text));
            }
        }
    }
    if found.is_empty() {
        found = config_templates(config.get("chat_template"))
            .map_err(|text| model_error(&folder.join("tokenizer_config.json"), &text))?;
    }
    Ok(found)
}

fn config_templates(value: Option<&Value>) -> Result<Vec<(String, String)>, String> {
    let pair = |name: Option<&Value>, text: Option<&Value>| match (name, text) {
        (Some(Value::String(name)), Some(Value::String(text))) => Ok((name.to_string(), text.to_string())),
        _ => Err("\"chat_template\" is a list, and an entry of it lacks \"name\" or \"template\"".to_owned()),
    };
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![(DEFAULT_TEMPLATE.into(), text.to_string())]),
        Some(Value::Array(entries)) => entries
            .iter()
            .map(|entry| {
                let entry = entry.as_object();
                pair(entry.and_then(|entry| entry.get("name")), entry.and_then(|entry| entry.get("template")))
            })
            .collect(),
        Some(Value::Object(named)) => {
            named.iter().map(|(name, text)| pair(Some(&Value::String(name.clone())), Some(text))).collect()
        }
        Some(other) => Err(format!("\"chat_template\" is {}", other.type_name())),
    }
}

/// The seven named tokens, then what the model adds under its own names.
fn special_tokens(config: &Object) -> Vec<(Arc<str>, Arc<str>)> {
    let first = NAMED_TOKENS.iter().filter_map(|name| Some((Arc::from(*name), config.get(name)?)));
    let extra = ["extra_special_tokens", "model_specific_special_tokens"];
    let own = config.iter().filter(|(key, _)| key.ends_with("_token") && !NAMED_TOKENS.contains(&&***key));
    let named = extra.iter().filter_map(|key| config.get(key)?.as_object()).flat_map(Object::iter);
    let others = own.chain(named).map(|(name, value)| (name.clone(), value));
    let texts = first.chain(others).filter_map(|(name, value)| Some((name, token_text(value)?)));
    let found: Object = texts.map(|(name, text)| (name, Value::String(text))).collect();
    found.iter().filter_map(|(name, text)| Some((name.clone(), token_text(text)?))).collect()
}

/// A token is given as text or as an object with `content`.
pub(super) fn token_text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(token) => token_text(token.get("content")?),
        _ => None,
    }
}

pub(super) fn ids(value: &Value) -> Vec<u32> {
    match value {
        Value::Number(Number::Int(id)) => u32::try_from(*id).into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(ids).collect(),
        _ => Vec::new(),
    }
}
