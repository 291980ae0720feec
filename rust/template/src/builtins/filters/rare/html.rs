//! Filters that make HTML, or make text of it.

use crate::builtins::arguments::Args;
use crate::builtins::filters::{plain_str, remade, unsupported};
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::markup::{self, escape_value};
use crate::value::operators::{truth, type_error, undefined_error, value_error};
use crate::value::text::Text;
use crate::value::unicode;

/// Markup of the text with `&`, `<`, `>` and the quotes escaped; markup is left as it is.
pub fn escape<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("escape")?;
    let escaped = escape_value(machine, value)?;
    machine.memory.text(escaped)
}

/// The same, but markup is escaped once more.
pub fn forceescape<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("forceescape")?;
    let text = plain_str(machine, value)?;
    let escaped = markup::escape(&mut machine.memory, text)?;
    machine.memory.text(escaped)
}

/// `xmlattr(autospace=True)`: the entries of a dict as attributes of a tag.
pub fn xmlattr<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [autospace] = args.bind("xmlattr", ["autospace"], 0)?;
    let autospace = autospace.is_none_or(truth);
    let dict = match value {
        Value::Dict(dict) => dict,
        Value::Undefined(undefined) => return Err(undefined_error(undefined)),
        value => return Err(type_error(format!("'{}' object has no attribute 'items'", value.type_name()))),
    };
    let mut pieces = Vec::new();
    for (key, value) in dict.iter() {
        if matches!(value, Value::None | Value::Undefined(_)) {
            continue;
        }
        let name = key.as_str().ok_or_else(|| type_error("expected string or bytes-like object"))?;
        if name.contains([' ', '\t', '\n', '\r', '\u{b}', '\u{c}', '/', '>', '=']) {
            return Err(value_error(format!("Invalid character in attribute name: {name:?}")));
        }
        machine.memory.reserve(5 * size_of::<Text<'_>>())?;
        if autospace || !pieces.is_empty() {
            pieces.push(Text::template(" "));
        }
        pieces.push(escape_value(machine, key)?);
        pieces.push(Text::template("=\""));
        pieces.push(escape_value(machine, value)?);
        pieces.push(Text::template("\""));
    }
    let joined = machine.memory.concat(&pieces)?;
    machine.memory.text(joined)
}

/// The text between the tags, white space collapsed, character references replaced.
pub fn striptags<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    args.none("striptags")?;
    let text = plain_str(machine, value)?;
    machine.memory.look_at_each(text.str.len())?;
    machine.memory.reserve(3 * text.str.len())?;
    let outside = without_tags(text.str);
    let words: Vec<_> = outside.split(unicode::is_space).filter(|word| !word.is_empty()).collect();
    let collapsed = words.join(" ");
    remade(machine, text, &unescaped(&collapsed)?)
}

fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start..];
        let end = match tag.strip_prefix("<!--") {
            Some(comment) => comment.find("-->").map(|end| end + "<!---->".len()),
            None => tag.find('>').map(|end| end + 1),
        };
        let Some(end) = end else {
            break;
        };
        out.push_str(&rest[..start]);
        rest = &tag[end..];
    }
    out.push_str(rest);
    out
}

/// `html.unescape`, for the references that texts escaped by Jinja2 have; it knows 2231 more.
fn unescaped(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        let (before, reference) = rest.split_at(start);
        out.push_str(before);
        let (replacement, length) = reference_value(reference)?;
        out.push_str(replacement);
        rest = &reference[length..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The replacement of the reference that the text starts with, and that reference's length.
fn reference_value(text: &str) -> Result<(&'static str, usize)> {
    const KNOWN: [(&str, &str); 8] = [
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", "\u{a0}"),
    ];
    if let Some((name, replacement)) = KNOWN.iter().find(|(name, _)| text.starts_with(name)) {
        return Ok((replacement, name.len()));
    }
    let mut after = text.bytes().skip(1);
    match (after.next(), after.next()) {
        // No reference has a name of one letter.
        (Some(b'#'), _) => {}
        (Some(first), Some(second)) if first.is_ascii_alphabetic() && second.is_ascii_alphanumeric() => {}
        _ => return Ok(("&", 1)),
    }
    Err(unsupported("the filter 'striptags' meets a character reference that it does not know"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_references() {
        let table = [
            ("<p>a <b>b</b></p>", "a b"),
            ("a<!-- <b> -->b", "ab"),
            ("a < b", "a < b"),
            ("a <b", "a <b"),
            ("a<!-- b>", "a<!-- b>"),
            ("<!-->-->x", "x"),
        ];
        for (text, expected) in table {
            assert_eq!(without_tags(text), expected);
        }
        assert_eq!(unescaped("&lt;a&#39;&amp;amp; AT&T & b").unwrap(), "<a'&amp; AT&T & b");
        assert!(unescaped("&copy;").is_err());
        assert!(unescaped("&#65;").is_err());
    }
}
