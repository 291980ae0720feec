//! Where a message is in a rendering of the whole conversation.
//!
//! In: a prepared conversation, its whole text, as the template wrote it and with its last turn closed, and a message.
//! Out: the bytes of the closed text that are there because of that message, found by rendering with the message's words
//! exchanged and looking at what stays. Used where the prompt and the completion of a target are not a literal piece of
//! the whole, so there is no better answer.

use std::ops::Range;

use everyturn_template::{Arena, Node, Span, cut_spans};

use super::input::Values;
use super::turn_end::HeaderStop;
use super::{Author, Prepared, TurnEnd};
use crate::conversation::{Message, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};
use crate::prompt_text::common_prefix;

/// Two words with different first and last letters, so that one of them differs from the message at each end.
const WORDS: [&str; 2] = ["AeveryturnA", "ZeveryturnZ"];

/// One rendering of messages, to be searched for them.
pub struct OneText<'t> {
    pub messages: &'t [Message],
    /// The text as the template wrote it, and where its parts come from.
    pub written: &'t str,
    pub spans: &'t [Span],
    /// The same text with its last turn closed.
    pub closed: &'t str,
}

impl OneText<'_> {
    /// The bytes of a message in the closed text, through the stop token if the message is an assistant's.
    pub fn locate(&self, prepared: &Prepared<'_>, index: usize) -> Result<Range<usize>> {
        let Self { messages, written, spans, closed } = self;
        let Some(message) = messages.get(index) else { return Err(not_located("there is no such message")) };
        let (mut start, mut end) = (written.len(), 0);
        for word in WORDS {
            let other = self.exchanged(prepared, index, message.role, word)?;
            start = start.min(common_prefix(written, &other));
            end = end.max(written.len() - common_suffix(written, &other));
        }
        let others =
            cut_spans(spans, start, end).find_map(|span| match prepared.author_of_words(span.source) {
                Author::Message(other) if other != prepared.given_as(index) => Some(other),
                _ => None,
            });
        if let Some(other) = others {
            let text =
                format!("what the template writes because of this message holds words of message {other}");
            return Err(not_located(text));
        }
        // White space that the template wrote last may not be in the closed text.
        start = start.min(closed.len());
        end = end.clamp(start, closed.len());
        if message.role == Role::Assistant
            && let Some(stop) = stop_after(prepared.turn_end(), &closed[end..])
        {
            end += stop;
        }
        if start == end {
            return Err(not_located("the one rendering holds nothing of this message"));
        }
        Ok(start..end)
    }

    fn exchanged(&self, prepared: &Prepared<'_>, index: usize, role: Role, word: &str) -> Result<String> {
        let fields: Object = [("role".into(), role.name().into()), ("content".into(), Value::from(word))]
            .into_iter()
            .collect();
        let arena = Arena::new();
        let mut values = Values::new(&arena);
        let message = values.message(Node::NONE, index, &fields);
        let text = prepared.render_exchanged(self.messages.len(), (index, message), &mut values)?.text;
        if text.contains(word) {
            return Ok(text);
        }
        Err(not_located("the template does not print this message"))
    }
}

fn not_located(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::NotLocated, text)
}

/// How many bytes the stop token at the start of a text takes, with what a header has before it, or white space.
fn stop_after(turn_end: &TurnEnd, text: &str) -> Option<usize> {
    let in_header = |header: &HeaderStop| {
        let (before, stop) = (&*header.before, &*header.stop.text);
        text.strip_prefix(before)?.starts_with(stop).then_some(before.len() + stop.len())
    };
    let space = text.len() - text.trim_start().len();
    let alone = || turn_end.possible_stops().find(|stop| text[space..].starts_with(&*stop.text));
    turn_end.headers().find_map(in_header).or_else(|| alone().map(|stop| space + stop.text.len()))
}

fn common_suffix(a: &str, b: &str) -> usize {
    let mut length = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    while !a.is_char_boundary(a.len() - length) {
        length -= 1;
    }
    length
}
