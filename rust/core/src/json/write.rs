//! Values as JSON text in the spelling of Python's `json.dumps`.

use std::fmt::Write;

use super::Value;

/// The arguments of `json.dumps` that templates use.
#[derive(Debug, Clone)]
pub struct Style {
    pub ensure_ascii: bool,
    pub indent: Option<String>,
    pub item_separator: String,
    pub key_separator: String,
    pub sort_keys: bool,
}

impl Default for Style {
    /// `json.dumps(value, ensure_ascii=False)`.
    fn default() -> Self {
        Self {
            ensure_ascii: false,
            indent: None,
            item_separator: ", ".into(),
            key_separator: ": ".into(),
            sort_keys: false,
        }
    }
}

pub fn write(value: &Value, style: &Style) -> String {
    let mut out = String::new();
    write_value(&mut out, value, style, 0);
    out
}

fn write_value(out: &mut String, value: &Value, style: &Style, depth: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{number}");
        }
        Value::String(text) => write_string(out, text, style),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(out, style, i, depth + 1);
                write_value(out, item, style, depth + 1);
            }
            close(out, style, items.is_empty(), depth, ']');
        }
        Value::Object(object) => {
            out.push('{');
            let mut pairs: Vec<_> = object.iter().collect();
            if style.sort_keys {
                pairs.sort_by(|a, b| a.0.cmp(b.0));
            }
            for (i, (key, item)) in pairs.into_iter().enumerate() {
                separate(out, style, i, depth + 1);
                write_string(out, key, style);
                out.push_str(&style.key_separator);
                write_value(out, item, style, depth + 1);
            }
            close(out, style, object.is_empty(), depth, '}');
        }
    }
}

fn separate(out: &mut String, style: &Style, index: usize, depth: usize) {
    if index > 0 {
        out.push_str(&style.item_separator);
    }
    new_line(out, style, depth);
}

fn close(out: &mut String, style: &Style, empty: bool, depth: usize, bracket: char) {
    if !empty {
        new_line(out, style, depth);
    }
    out.push(bracket);
}

fn new_line(out: &mut String, style: &Style, depth: usize) {
    if let Some(indent) = &style.indent {
        out.push('\n');
        for _ in 0..depth {
            out.push_str(indent);
        }
    }
}

fn write_string(out: &mut String, text: &str, style: &Style) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            char if char < ' ' || (style.ensure_ascii && (char > '~')) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            char => out.push(char),
        }
    }
    out.push('"');
}
