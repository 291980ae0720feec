//! `{"conversation": [{"human", "assistant"}]}`, as ms-swift has it, or with `input` and `output`, as xtuner has it.
//!
//! An exchange is a message of the user and one of the assistant; what else stands in it is the answer's, but for a
//! `system`, which comes first.

use super::{Declaration, Format, given, is_nothing, list, openai};
use crate::conversation::message::{CALL_KEYS, REASONING_KEYS};
use crate::conversation::outline::Outline;
use crate::conversation::renames::Renames;
use crate::conversation::role::Role;
use crate::json::{Object, Value};

pub(super) const DECLARATION: Declaration = Declaration {
    keys: &[EXCHANGES],
    item_keys: &[SYSTEM, PAIRS[0].0, PAIRS[0].1, PAIRS[1].0, PAIRS[1].1],
    marks: &[EXCHANGES],
    fits: Some(fits),
    outline,
    rewrite: |outline| outline.rewrite(messages, |_| false),
    ..openai::DECLARATION
};

const EXCHANGES: &str = "conversation";
const SYSTEM: &str = "system";

/// The keys of a question and its answer.
const PAIRS: [(&str, &str); 2] = [("human", "assistant"), ("input", "output")];

fn fits(record: &Object, renames: &Renames) -> bool {
    let exchanges = given(record, EXCHANGES).and_then(Value::as_array).unwrap_or_default();
    let is_exchange = |item: &Value| renames.is_item_of(item, &DECLARATION, |item| pair(item).is_some());
    !exchanges.is_empty() && exchanges.iter().all(is_exchange)
}

fn pair(exchange: &Object) -> Option<(&'static str, &'static str)> {
    PAIRS.into_iter().find(|(question, _)| exchange.contains_key(question))
}

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    if let Some(exchanges) = list(&mut outline, record, EXCHANGES, Format::Exchanges) {
        outline.push_list(EXCHANGES, exchanges, openai::item, true);
    }
    outline
}

/// Whether an exchange without a text of the assistant has an answer.
fn answers(exchange: &Object) -> bool {
    let mut keys = CALL_KEYS.iter().chain(&REASONING_KEYS);
    keys.any(|key| exchange.get(key).is_some_and(|value| !is_nothing(value)))
}

fn messages(exchange: &Object) -> Option<Vec<Value>> {
    let (question, answer) = pair(exchange)?;
    let message = |role: Role, content: &Value| {
        [("role".into(), role.name().into()), ("content".into(), content.clone())].into_iter()
    };
    let mut messages: Vec<Object> = Vec::new();
    let system = given(exchange, SYSTEM).filter(|system| system.as_str() != Some(""));
    messages.extend(system.map(|system| message(Role::System, system).collect()));
    messages.extend(given(exchange, question).map(|text| message(Role::User, text).collect()));
    let others = exchange.iter().filter(|(key, _)| ![SYSTEM, question, answer].contains(&&***key));
    let others = others.filter(|(_, value)| !value.is_null());
    let mut others = others.map(|(key, value)| (key.clone(), value.clone())).peekable();
    match (given(exchange, answer), messages.last_mut()) {
        (Some(text), _) => messages.push(message(Role::Assistant, text).chain(others).collect()),
        // Without an answer the question has them, so that none is lost.
        (None, Some(last)) if !answers(exchange) => {
            *last = last.iter().map(|(key, value)| (key.clone(), value.clone())).chain(others).collect();
        }
        (None, _) if others.peek().is_some() => {
            messages.push(message(Role::Assistant, &Value::Null).chain(others).collect());
        }
        (None, _) => {}
    }
    Some(messages.into_iter().map(Value::Object).collect())
}
