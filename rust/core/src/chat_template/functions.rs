//! The filters, tests, functions and methods of transformers' Jinja2 environment that minijinja lacks or does
//! otherwise.

use std::sync::Arc;

use jiff::civil::DateTime;
use minijinja::value::{Kwargs, Rest, Value as JinjaValue, ValueKind, from_args};
use minijinja::{Environment, Error, ErrorKind, State};

use super::python::{self, is_space};
use crate::json::{self, Number, Style};

pub(super) fn install(environment: &mut Environment<'static>, now: DateTime) {
    environment.set_formatter(|out, _, value| {
        python::write_str(out, value).map_err(|_| invalid("a value could not be printed"))
    });
    environment.set_unknown_method_callback(call_method);
    environment.add_filter("tojson", tojson);
    environment.add_filter("trim", trim);
    environment.add_filter("length", length);
    environment.add_filter("count", length);
    environment.add_test("iterable", |value: &JinjaValue| {
        matches!(
            value.kind(),
            ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable
        )
    });
    environment.add_test("sequence", |value: &JinjaValue| {
        matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map)
    });
    environment.add_test("number", |value: &JinjaValue| {
        value.kind() == ValueKind::Bool || python::number_of(value).is_some()
    });
    environment
        .add_test("float", |value: &JinjaValue| matches!(python::number_of(value), Some(Number::Float(_))));
    environment.add_test("integer", |value: &JinjaValue| {
        matches!(python::number_of(value), Some(Number::Int(_) | Number::BigInt(_)))
    });
    environment.add_filter("string", |value: &JinjaValue| -> Result<String, Error> {
        let mut out = String::new();
        python::write_str(&mut out, value).map_err(|_| invalid("string: a value could not be printed"))?;
        Ok(out)
    });
    environment.add_function("raise_exception", |text: JinjaValue| -> Result<(), Error> {
        Err(invalid(text.to_string()))
    });
    environment.add_function("strftime_now", move |format: Arc<str>| {
        jiff::fmt::strtime::format(&*format, now)
            .map_err(|error| invalid(format!("strftime_now({format:?}): {error}")))
    });
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

/// `json.dumps` with the arguments that transformers passes on.
#[allow(clippy::needless_pass_by_value, reason = "the engine hands arguments over")]
fn tojson(value: &JinjaValue, kwargs: Kwargs) -> Result<String, Error> {
    let mut style = Style::default();
    if let Some(ensure_ascii) = kwargs.get::<Option<bool>>("ensure_ascii")? {
        style.ensure_ascii = ensure_ascii;
    }
    if let Some(sort_keys) = kwargs.get::<Option<bool>>("sort_keys")? {
        style.sort_keys = sort_keys;
    }
    if let Some(indent) = kwargs.get::<Option<JinjaValue>>("indent")?.filter(|indent| !indent.is_none()) {
        style.indent = Some(match indent.as_str() {
            Some(text) => text.to_owned(),
            None => " ".repeat(usize::try_from(i64::try_from(indent)?.clamp(0, 256)).unwrap_or(0)),
        });
        // Python's json leaves the blank out where a line ends behind the comma.
        ",".clone_into(&mut style.item_separator);
    }
    if let Some(separators) = kwargs.get::<Option<Vec<String>>>("separators")? {
        let [item, key] = <[String; 2]>::try_from(separators)
            .map_err(|_| invalid("tojson: separators must be a pair of texts"))?;
        (style.item_separator, style.key_separator) = (item, key);
    }
    kwargs.assert_all_used()?;
    Ok(json::write(&python::to_json(value)?, &style))
}

#[allow(clippy::needless_pass_by_value, reason = "the engine hands arguments over")]
fn trim(text: &JinjaValue, chars: Option<Arc<str>>) -> Result<String, Error> {
    let mut out = String::new();
    python::write_str(&mut out, text).map_err(|_| invalid("trim: a value could not be printed"))?;
    Ok(strip(&out, chars.as_deref(), true, true).to_owned())
}

fn length(value: &JinjaValue) -> Result<usize, Error> {
    if value.is_undefined() {
        return Ok(0);
    }
    value.len().ok_or_else(|| invalid(format!("object of type {} has no length", value.kind())))
}

fn strip<'a>(text: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    let drop = |char: char| chars.map_or_else(|| is_space(char), |chars| chars.contains(char));
    let text = if left { text.trim_start_matches(drop) } else { text };
    if right { text.trim_end_matches(drop) } else { text }
}

fn call_method(
    _state: &mut State<'_, '_>,
    value: &JinjaValue,
    method: &str,
    args: &[JinjaValue],
) -> Result<JinjaValue, Error> {
    if let Some(text) = value.as_str() {
        return text_method(text, method, args);
    }
    if value.kind() == ValueKind::Map {
        return dict_method(value, method, args);
    }
    Err(unknown(value, method))
}

fn unknown(value: &JinjaValue, method: &str) -> Error {
    let text = format!("{} has no method {method:?} here", value.kind());
    Error::new(ErrorKind::UnknownMethod, text)
}

fn text_method(text: &str, method: &str, args: &[JinjaValue]) -> Result<JinjaValue, Error> {
    Ok(match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<Arc<str>>,) = from_args(args)?;
            strip(text, chars.as_deref(), method != "rstrip", method != "lstrip").into()
        }
        "split" => {
            let (separator, most): (Option<Arc<str>>, Option<i64>) = from_args(args)?;
            split(text, separator.as_deref(), most)?
        }
        "startswith" | "endswith" => {
            let (affix, Rest(rest)): (JinjaValue, Rest<JinjaValue>) = from_args(args)?;
            if !rest.is_empty() {
                return Err(invalid(format!("{method}: only one argument is known here")));
            }
            any_affix(&affix, |affix| {
                if method == "startswith" { text.starts_with(affix) } else { text.ends_with(affix) }
            })?
            .into()
        }
        "replace" => {
            let (old, new): (Arc<str>, Arc<str>) = from_args(args)?;
            text.replace(&*old, &new).into()
        }
        "upper" => text.to_uppercase().into(),
        "lower" => text.to_lowercase().into(),
        _ => return Err(unknown(&JinjaValue::from(text), method)),
    })
}

fn any_affix(affix: &JinjaValue, matches: impl Fn(&str) -> bool) -> Result<bool, Error> {
    let text = |value: &JinjaValue| {
        value.as_str().map(&matches).ok_or_else(|| invalid("startswith and endswith want text"))
    };
    if affix.kind() != ValueKind::Seq {
        return text(affix);
    }
    for item in affix.try_iter()? {
        if text(&item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn split(text: &str, separator: Option<&str>, most: Option<i64>) -> Result<JinjaValue, Error> {
    let limit =
        most.and_then(|most| usize::try_from(most).ok()).map_or(usize::MAX, |most| most.saturating_add(1));
    let Some(separator) = separator else {
        if limit != usize::MAX {
            return Err(invalid("split: a limit without a separator is not known here"));
        }
        return Ok(text.split(is_space).filter(|part| !part.is_empty()).collect());
    };
    if separator.is_empty() {
        return Err(invalid("empty separator"));
    }
    Ok(text.splitn(limit, separator).collect())
}

fn dict_method(dict: &JinjaValue, method: &str, args: &[JinjaValue]) -> Result<JinjaValue, Error> {
    match method {
        "get" => {
            let (key, default): (JinjaValue, Option<JinjaValue>) = from_args(args)?;
            let found = dict.get_item(&key)?;
            Ok(if found.is_undefined() { default.unwrap_or_else(|| JinjaValue::from(())) } else { found })
        }
        "keys" | "values" | "items" => {
            let () = from_args(args)?;
            dict.try_iter()?
                .map(|key| match method {
                    "keys" => Ok(key),
                    "values" => dict.get_item(&key),
                    _ => Ok(JinjaValue::from(vec![key.clone(), dict.get_item(&key)?])),
                })
                .collect::<Result<Vec<_>, _>>()
                .map(JinjaValue::from)
        }
        _ => Err(unknown(dict, method)),
    }
}
