//! What a message says.
//!
//! In: a message. Out: its texts, its reasoning and its tool calls, each with the part of the record that the template
//! is given for it. Whether they are in a text is found in `left_out`.

use std::ops::Range;

use crate::chat_template::{Name, Part, Parts};
use crate::conversation::Message;
use crate::json::{Object, Value};

/// One thing that a message says.
#[derive(Debug, Clone)]
pub struct Said<'m> {
    pub what: What,
    /// `None`: the template is not given it.
    pub part: Option<Part>,
    /// Words of it; of several, any would show that it is there.
    pub words: Vec<&'m str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The content, or one part of it.
    Text,
    Reasoning,
    /// The name of the function of a call, by the number of the call.
    Called(usize),
    /// The arguments of a call.
    Arguments(usize),
}

/// Everything that a message says; it has this number among those that the template is given.
pub fn said<'m>(message: &'m Message, parts: &Parts, number: usize) -> Vec<Said<'m>> {
    let message_part = parts.find(&[Name::Messages, item(number)]);
    let find = |names: &[Name]| message_part.and_then(|message| parts.find_in(message, names));
    let mut said = Vec::new();
    let mut say = |what, part, words| said.push(Said { what, part, words });
    match message.fields.get("content") {
        Some(Value::String(text)) if !text.trim().is_empty() => {
            say(What::Text, find(&[Name::Content]), vec![&**text]);
        }
        Some(Value::Array(content)) => {
            for (at, part) in content.iter().enumerate() {
                let text = part.as_object().and_then(|part| part.get("text")?.as_str()).unwrap_or_default();
                if !text.trim().is_empty() {
                    // Where parts were joined they are one text.
                    let own = find(&[Name::Content, item(at)]);
                    say(What::Text, own.or_else(|| find(&[Name::Content])), vec![text]);
                }
            }
        }
        _ => {}
    }
    if let Some(reasoning) = reasoning_field(message) {
        say(What::Reasoning, find(&[Name::Reasoning]), vec![reasoning]);
    }
    for (at, call) in calls(message).enumerate() {
        if let Some(name) = call.get("name").and_then(Value::as_str) {
            say(What::Called(at), find(&[Name::Calls, item(at), Name::Called]), vec![name]);
        }
        let words = call.get("arguments").map(words_of).unwrap_or_default();
        if !words.is_empty() {
            say(What::Arguments(at), find(&[Name::Calls, item(at), Name::Arguments]), words);
        }
    }
    said
}

/// The reasoning of a message, if it has any that is not blank: from a field of its own, or from the start of its
/// content.
pub fn says_reasoning(message: &Message) -> Option<&str> {
    let inline = || {
        let content = message.fields.get("content").and_then(Value::as_str)?;
        content.get(inline_reasoning(content)?).filter(|reasoning| !reasoning.trim().is_empty())
    };
    reasoning_field(message).or_else(inline)
}

fn reasoning_field(message: &Message) -> Option<&str> {
    let field =
        ["reasoning_content", "thinking", "reasoning"].into_iter().find_map(|key| message.fields.get(key));
    field.and_then(Value::as_str).filter(|reasoning| !reasoning.trim().is_empty())
}

/// The bytes of a content before `</think>`, without the opening tag.
pub fn inline_reasoning(content: &str) -> Option<Range<usize>> {
    const OPEN: &str = "<think>";
    let end = content.find("</think>")?;
    let start = content[..end].find(OPEN).map_or(0, |at| at + OPEN.len());
    Some(start..end)
}

/// The functions that a message calls.
pub fn calls(message: &Message) -> impl Iterator<Item = &Object> {
    let calls = message.fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
    calls.iter().filter_map(|call| {
        let call = call.as_object()?;
        Some(call.get("function").and_then(Value::as_object).unwrap_or(call))
    })
}

/// Texts and keys of a value; none where it says nothing.
fn words_of(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if ["", "{}", "null"].contains(&text.trim()) => Vec::new(),
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(words_of).collect(),
        Value::Object(object) => {
            object.iter().flat_map(|(key, value)| std::iter::once(&**key).chain(words_of(value))).collect()
        }
        _ => Vec::new(),
    }
}

pub fn item(number: usize) -> Name {
    Name::Item(u32::try_from(number).unwrap_or(u32::MAX))
}
