//! What can be said of a conversation before anything is rendered.
//!
//! In: a conversation and the options. Out: warnings in the report, and an error where control tokens are to be
//! rejected.

use std::sync::Arc;

use super::nulls::warn_of_nulls;
use crate::chat_template::Prepared;
use crate::conversation::{Conversation, Message, Role, arguments_are_object, part_texts};
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Object, Value};
use crate::layout::Arrangement;
use crate::model::Renderer;
use crate::options::{ControlTokenPolicy, Options, TrainOn};
use crate::report::{Report, warning};

/// What the record holds and the conversation does not, control tokens, weights of messages that are not trained, what was adapted to the template.
pub fn preflight(
    options: &Options,
    renderer: &Renderer,
    conversation: &Conversation,
    prepared: &Prepared<'_>,
    report: &mut Report,
) -> Result<()> {
    warn_of_reading(conversation, report);
    warn_of_nulls(conversation, report);
    let adaptations = prepared.adaptations;
    report.warn(warning::PARTS_JOINED, adaptations.joined_parts);
    report.warn(warning::ARGUMENTS_EMPTIED, adaptations.emptied_arguments);
    report.warn(warning::ARGUMENTS_CONVERTED, adaptations.converted_arguments);
    report.warn(warning::CONTENT_FILLED, adaptations.filled_contents);
    report.warn(warning::EMPTY_LISTS_REMOVED, adaptations.empty_lists);
    let ignored = |message: &&Message| {
        (message.role != Role::Assistant || !message.may_be_target) && message.has_positive_weight()
    };
    if Arrangement::of(options).has_targets() {
        let count = conversation.messages.iter().filter(ignored).count();
        report.warn(warning::WEIGHT_IGNORED, count as u64);
    }
    if options.train_on == TrainOn::AllTokens
        && let Some(at) = conversation.messages.iter().position(|message| !message.part_weights.is_empty())
    {
        let text =
            "parts of the message have weights of their own, which train_on=\"all_tokens\" cannot follow";
        return Err(Error::new(ErrorKind::Weight, text).at_message(at));
    }
    if let Some(text) = prepared.fault_of_calls()
        && let Some(at) = conversation.messages.iter().position(Message::calls_tools)
    {
        return Err(Error::new(ErrorKind::Template, text).at_message(at));
    }
    match options.control_tokens {
        ControlTokenPolicy::Allow => Ok(()),
        policy => find_control_tokens(renderer, conversation, policy, report),
    }
}

/// What no model is needed for.
pub fn warn_of_reading(conversation: &Conversation, report: &mut Report) {
    count_unused(conversation, report);
    warn_of_messages(conversation, report);
}

fn count_unused(conversation: &Conversation, report: &mut Report) {
    let unused = &conversation.unused;
    for key in &unused.keys {
        report.unread_record_keys.add(key, 1);
    }
    for key in &unused.repeated_keys {
        report.warn_at(warning::REPEATED_KEYS, None, || has_twice(key));
    }
    report.warn(warning::MEDIA_LEFT_OUT, u64::from(unused.media));
    report.warn(warning::UNDESIRED_SKIPPED, u64::from(unused.is_undesired));
}

/// Of an answer that follows another one, which that is.
pub fn after_another_answer(conversation: &Conversation, at: usize) -> Option<String> {
    let is_answer = |at: usize| conversation.messages.get(at).is_some_and(|of| of.role == Role::Assistant);
    let before = at.checked_sub(1).filter(|before| is_answer(*before) && is_answer(at))?;
    Some(format!("message {before} is the assistant's, too"))
}

fn has_twice(key: &str) -> String {
    format!("an object has the key {} twice: the last value counts", excerpt(key))
}

/// What is most likely a fault of the record, whatever the template makes of it.
fn warn_of_messages(conversation: &Conversation, report: &mut Report) {
    for (at, message) in conversation.messages.iter().enumerate() {
        if let Some(text) = after_another_answer(conversation, at) {
            report.warn_at(warning::CONSECUTIVE_ASSISTANTS, at, || text);
        }
        for key in &message.unread_keys {
            report.unread_keys.add(key, 1);
        }
        if message.is_reordered {
            report.warn_at(warning::PARTS_REORDERED, at, || {
                "its parts are not in the order in which templates write them".into()
            });
        }
        let calls = message.fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
        for (number, call) in calls.iter().enumerate() {
            let mut repeated = Vec::new();
            if !arguments_are_object(call, &mut repeated) {
                report.warn_at(warning::ARGUMENTS_NOT_JSON, at, || {
                    format!("tool call {number}: the arguments are not a JSON object")
                });
            }
            for key in repeated {
                report.warn_at(warning::REPEATED_KEYS, at, || {
                    format!("tool call {number}: {}", has_twice(&key))
                });
            }
        }
    }
}

fn find_control_tokens(
    renderer: &Renderer,
    conversation: &Conversation,
    policy: ControlTokenPolicy,
    report: &mut Report,
) -> Result<()> {
    let found = &mut report.control_tokens;
    let mut first = None;
    for (i, message) in conversation.messages.iter().enumerate() {
        let mut note = |token: &Arc<str>| {
            first.get_or_insert_with(|| (Some(i), token.clone()));
            found.add(token, 1);
        };
        for (key, value) in message.fields.iter() {
            match value.as_array().filter(|_| &**key == "content") {
                // A template may print the texts of parts without anything between them.
                Some(parts) => visit_text(renderer, &part_texts(parts).concat(), &mut note),
                None => visit(renderer, value, &mut note),
            }?;
        }
    }
    let mut note = |token: &Arc<str>| {
        first.get_or_insert_with(|| (None, token.clone()));
        found.add(token, 1);
    };
    if let Some(tools) = &conversation.tools {
        visit(renderer, tools, &mut note)?;
    }
    visit_object(renderer, &conversation.template_kwargs, &mut note)?;
    let Some((message, token)) = first else {
        return Ok(());
    };
    if policy == ControlTokenPolicy::Reject {
        let mut error =
            Error::new(ErrorKind::ControlToken, format!("the text contains the control token {token:?}"));
        error.location.message = message;
        return Err(error);
    }
    if policy == ControlTokenPolicy::Warn {
        report.warn(warning::CONTROL_TOKENS, 1);
    }
    Ok(())
}

/// Calls `found` for each control token in the texts and keys of a value.
fn visit(renderer: &Renderer, value: &Value, found: &mut impl FnMut(&Arc<str>)) -> Result<()> {
    match value {
        Value::String(text) => visit_text(renderer, text, found),
        Value::Array(items) => items.iter().try_for_each(|item| visit(renderer, item, found)),
        Value::Object(object) => visit_object(renderer, object, found),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn visit_object(renderer: &Renderer, object: &Object, found: &mut impl FnMut(&Arc<str>)) -> Result<()> {
    object.iter().try_for_each(|(key, item)| {
        visit_text(renderer, key, found)?;
        visit(renderer, item, found)
    })
}

fn visit_text(renderer: &Renderer, text: &str, found: &mut impl FnMut(&Arc<str>)) -> Result<()> {
    renderer.tokenizer.visit_control_tokens(text, &renderer.control_tokens, found)
}
