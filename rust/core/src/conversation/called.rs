//! Which call a tool's result answers.
//!
//! In: the messages of a conversation, one after the other. Out: for each result the call that it is of, where that is
//! known: by its id, wherever in the conversation the call was made; without one by its name and its place among the
//! results that follow a message with calls.

use std::collections::HashMap;
use std::ops::Range;

use super::Message;
use super::calls::function_of;
use crate::json::Value;

/// How many calls of one message are looked through for a name.
const MOST_BY_NAME: usize = 1000;

/// The calls of a conversation so far.
#[derive(Default)]
pub struct Calls<'m> {
    all: Vec<Call<'m>>,
    /// Of several with one id, the last.
    by_id: HashMap<&'m str, usize>,
    /// Those of the last message with calls, while nothing but results came after it.
    open: Range<usize>,
}

pub struct Call<'m> {
    /// The place of the message that makes it.
    pub message: usize,
    pub name: Option<&'m str>,
    id: Option<&'m str>,
    is_answered: bool,
}

impl<'m> Calls<'m> {
    /// Takes the calls of a message that is no result; returns them.
    pub fn make(&mut self, at: usize, message: &'m Message) -> &[Call<'m>] {
        let start = self.all.len();
        let calls = message.fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
        self.all.extend(calls.iter().filter_map(|call| call_of(at, call)));
        self.open = start..self.all.len();
        for number in self.open.clone() {
            if let Some(id) = self.all[number].id {
                self.by_id.insert(id, number);
            }
        }
        &self.all[start..]
    }

    /// The call that a result answers.
    pub fn answer(&mut self, result: &Message) -> Option<&Call<'m>> {
        let text = |key: &str| result.fields.get(key).and_then(Value::as_str);
        let (id, name) = (text("tool_call_id"), text("name"));
        let by_id = id.and_then(|id| self.by_id.get(id).copied());
        let number = by_id.or_else(|| self.by_order(id.is_some(), name))?;
        self.all[number].is_answered = true;
        while self.open.clone().next().is_some_and(|first| self.all[first].is_answered) {
            self.open.start += 1;
        }
        self.all.get(number)
    }

    /// The first call without a result, of this name if there is one; a result whose id is unknown answers none that has
    /// another.
    fn by_order(&self, has_id: bool, name: Option<&str>) -> Option<usize> {
        let is_open = |number: &usize| {
            let call = &self.all[*number];
            !(call.is_answered || has_id && call.id.is_some())
        };
        let mut open = self.open.clone().take(MOST_BY_NAME).filter(is_open);
        let first = open.clone().next();
        name.and_then(|name| open.find(|number| self.all[*number].name == Some(name))).or(first)
    }
}

fn call_of(message: usize, call: &Value) -> Option<Call<'_>> {
    Some(Call {
        message,
        name: function_of(call)?.get("name").and_then(Value::as_str),
        id: call.as_object()?.get("id").and_then(Value::as_str),
        is_answered: false,
    })
}
