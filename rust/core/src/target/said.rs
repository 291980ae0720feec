//! What a message says.
//!
//! In: a message. Out: its texts, its reasoning and its tool calls, each with the part of the record that the template
//! is given for it. Whether they are in a text is found in `left_out`.

use std::ops::Range;

use everyturn_template::is_space;
use memchr::memmem;

use crate::chat_template::{Part, PartName, RecordParts};
use crate::conversation::{CLOSE_THINKING, Message, OPEN_THINKING, REASONING_KEYS, Role, function_of};
use crate::json::{Object, Value};

/// One thing that a message says.
#[derive(Debug, Clone)]
pub struct Said<'m> {
    pub what: What,
    /// `None`: the template is not given it.
    pub part: Option<Part>,
    pub words: Words<'m>,
}

/// Words of what is said; any of them shows that it is there.
#[derive(Debug, Clone, Copy)]
pub enum Words<'m> {
    Text(&'m str),
    /// The texts, the keys and the numbers of a value.
    Of(&'m Value),
}

impl Words<'_> {
    pub fn any(self, is_there: &mut dyn FnMut(&str) -> bool) -> bool {
        match self {
            Self::Text(text) => is_there(text),
            Self::Of(Value::String(text)) => is_there(text),
            Self::Of(Value::Array(items)) => items.iter().any(|item| Self::Of(item).any(is_there)),
            Self::Of(Value::Object(object)) => {
                object.iter().any(|(key, value)| is_there(key) || Self::Of(value).any(is_there))
            }
            Self::Of(scalar) => spellings(scalar).iter().any(|spelling| is_there(spelling)),
        }
    }
}

/// How templates print a number, a boolean or a null: as Python does, and as JSON has it.
pub fn spellings(scalar: &Value) -> Vec<String> {
    match scalar {
        Value::Bool(true) => ["True", "true"].map(str::to_owned).into(),
        Value::Bool(false) => ["False", "false"].map(str::to_owned).into(),
        Value::Null => ["None", "null"].map(str::to_owned).into(),
        Value::Number(number) => vec![number.to_string()],
        _ => Vec::new(),
    }
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

/// Appends everything that a message says; it has this number among those that the template is given.
pub fn add_said<'m>(said: &mut Vec<Said<'m>>, message: &'m Message, parts: &RecordParts, number: usize) {
    let message_part = parts.find(&[PartName::Messages, item(number)]);
    let find = |names: &[PartName]| message_part.and_then(|message| parts.find_in(message, names));
    // A text may be given as a list of one part, and parts that were joined are one text.
    let find_text = |at: usize| find(&[PartName::Content, item(at)]).or_else(|| find(&[PartName::Content]));
    let mut say = |what, part, words| said.push(Said { what, part, words });
    let is_assistant = message.role == Role::Assistant;
    match message.fields.get("content") {
        Some(Value::String(text)) => {
            // Text that is nothing but reasoning is reasoning.
            let reasoning = inline_reasoning(text).filter(|_| is_assistant);
            let answer =
                reasoning.clone().and_then(|reasoning| text.get(reasoning.end + CLOSE_THINKING.len()..));
            // A tag alone says nothing of an assistant.
            let is_tag = is_assistant && text.trim() == OPEN_THINKING;
            if !is_blank(answer.unwrap_or(text)) && !is_tag {
                say(What::Text, find_text(0), Words::Text(text));
            } else if let Some(reasoning) = reasoning.and_then(|reasoning| text.get(reasoning))
                && !is_blank(reasoning)
            {
                say(What::Reasoning, find_text(0), Words::Text(reasoning));
            }
        }
        Some(Value::Array(content)) => {
            for (at, part) in content.iter().enumerate() {
                let text = part.as_object().and_then(|part| part.get("text")?.as_str()).unwrap_or_default();
                if !is_blank(text) {
                    say(What::Text, find_text(at), Words::Text(text));
                }
            }
        }
        _ => {}
    }
    if let Some(reasoning) = reasoning_field(message) {
        say(What::Reasoning, find(&[PartName::Reasoning]), Words::Text(reasoning));
    }
    for (at, call) in calls(message).enumerate() {
        if let Some(name) = call.get("name").and_then(Value::as_str) {
            say(What::Called(at), find(&[PartName::Calls, item(at), PartName::Called]), Words::Text(name));
        }
        if let Some(arguments) = call.get("arguments").filter(|arguments| says_something(arguments)) {
            let part = find(&[PartName::Calls, item(at), PartName::Arguments]);
            say(What::Arguments(at), part, Words::Of(arguments));
        }
    }
}

/// The reasoning of a message, if it has any that is not blank: from a field of its own, or from the start of its
/// content.
pub fn says_reasoning(message: &Message) -> Option<&str> {
    let inline = || {
        let content = message.fields.get("content").and_then(Value::as_str)?;
        content.get(inline_reasoning(content)?).filter(|reasoning| !is_blank(reasoning))
    };
    reasoning_field(message).or_else(inline)
}

fn reasoning_field(message: &Message) -> Option<&str> {
    let field = REASONING_KEYS.into_iter().find_map(|key| message.fields.get(key));
    field.and_then(Value::as_str).filter(|reasoning| !is_blank(reasoning))
}

/// The bytes of a content before `</think>`, without the opening tag.
pub fn inline_reasoning(content: &str) -> Option<Range<usize>> {
    let end = memmem::find(content.as_bytes(), CLOSE_THINKING.as_bytes())?;
    let start = content[..end].find(OPEN_THINKING).map_or(0, |at| at + OPEN_THINKING.len());
    Some(start..end)
}

/// Nothing but white space, as Python has it.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

/// The functions that a message calls.
pub fn calls(message: &Message) -> impl Iterator<Item = &Object> {
    let calls = message.fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
    calls.iter().filter_map(function_of)
}

/// Whether arguments are more than an empty object.
fn says_something(arguments: &Value) -> bool {
    match arguments {
        Value::String(text) => !["", "{}", "null"].contains(&text.trim()),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
        _ => false,
    }
}

pub fn item(number: usize) -> PartName {
    PartName::Item(u32::try_from(number).unwrap_or(u32::MAX))
}
