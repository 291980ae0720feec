//! Where a message is in a rendering of the whole conversation.
//!
//! In: a prepared conversation, its whole text, a message. Out: the bytes that are there because of that message,
//! found by rendering with the message's words exchanged and looking at what stays. Used where the prompt and the
//! completion of a target are not a literal piece of the whole, so there is no better answer.

use std::ops::Range;

use everyturn_template::{Arena, Node};

use super::input::Values;
use super::{Prepared, TurnEnd};
use crate::conversation::Role;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};
use crate::prompt_text::common_prefix;

/// Two words with different first and last letters, so that one of them differs from the message at each end.
const WORDS: [&str; 2] = ["AeveryturnA", "ZeveryturnZ"];

/// The bytes of message `index` in `whole`, through the stop token if the message is an assistant's.
pub fn locate(prepared: &Prepared<'_>, whole: &str, index: usize, role: Role) -> Result<Range<usize>> {
    let (mut start, mut end) = (whole.len(), 0);
    for word in WORDS {
        let other = exchanged(prepared, index, role, word)?;
        start = start.min(common_prefix(whole, &other));
        end = end.max(whole.len() - common_suffix(whole, &other));
    }
    end = end.max(start);
    if role == Role::Assistant
        && let Some(stop) = stop_after(prepared.turn_end(), &whole[end..])
    {
        end += stop;
    }
    if start == end {
        return Err(Error::new(ErrorKind::NotLocated, "the one rendering holds nothing of this message"));
    }
    Ok(start..end)
}

fn exchanged(prepared: &Prepared<'_>, index: usize, role: Role, word: &str) -> Result<String> {
    let fields: Object =
        [("role".into(), role.name().into()), ("content".into(), Value::from(word))].into_iter().collect();
    let arena = Arena::new();
    let mut values = Values::new(&arena);
    let mut messages = prepared.messages.items().to_vec();
    if let Some(message) = messages.get_mut(prepared.place(index)) {
        *message = values.message(Node::NONE, index, &fields);
    }
    let messages = values.inputs.list(Node::NONE, &messages);
    let text = prepared.render_messages(messages, false, &[])?.text;
    if text.contains(word) {
        return Ok(text);
    }
    Err(Error::new(ErrorKind::NotLocated, "the template does not print this message"))
}

/// How many bytes the stop token at the start of a text takes, with white space before it.
fn stop_after(turn_end: &TurnEnd, text: &str) -> Option<usize> {
    let space = text.len() - text.trim_start().len();
    turn_end
        .possible_stops()
        .find(|stop| text[space..].starts_with(&*stop.text))
        .map(|stop| space + stop.text.len())
}

fn common_suffix(a: &str, b: &str) -> usize {
    let mut length = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    while !a.is_char_boundary(a.len() - length) {
        length -= 1;
    }
    length
}
