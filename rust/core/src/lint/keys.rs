//! What a template reads of a message and of its variables, and what it adds on its own.
//!
//! In: a template that compiles. Out: for each key of a conversation whether it is rendered, and
//! the text that replaces a missing system message. Found by rendering distinctive words.

use super::probes::{Reasoning, conversation, message, rendered, word};
use crate::chat_template::ChatTemplate;
use crate::conversation::{Conversation, Message, Role};
use crate::error::Error;
use crate::json::{Object, Value, object};
use crate::prompt_text::common_prefix;
use crate::tokenizer::ControlTokens;

/// Another id than that of the call, in the same form.
const OTHER_ID: &str = "callQ0002";

/// The keys, each with whether its value changes a rendering.
pub(super) fn keys(template: &ChatTemplate) -> [(&'static str, bool); 6] {
    [
        ("reasoning_content", reads_reasoning(template)),
        ("tool_calls", reads_calls(template)),
        ("tool_call_id", reads_call_id(template)),
        ("name", reads_name(template)),
        ("tools", reads_tools(template)),
        ("documents", reads_documents(template)),
    ]
}

fn contains(template: &ChatTemplate, conversation: &Conversation, word: &str) -> bool {
    rendered(template, conversation).is_ok_and(|text| text.contains(word))
}

/// The first messages of the conversation.
fn first(conversation: &Conversation, count: usize) -> Conversation {
    Conversation { messages: conversation.messages[..count].to_vec(), ..conversation.clone() }
}

/// Whether the reasoning of an answer is rendered.
pub(super) fn reads_reasoning(template: &ChatTemplate) -> bool {
    [false, true].into_iter().any(|with_tools| {
        let conversation = conversation(with_tools, Reasoning::Field);
        // The reasoning of earlier turns may be cut.
        [(2, 0), (4, 1), (6, 2)]
            .into_iter()
            .any(|(count, number)| contains(template, &first(&conversation, count), &word("Reason", number)))
    })
}

fn reads_calls(template: &ChatTemplate) -> bool {
    let with_tools = conversation(true, Reasoning::None);
    let without = Conversation { tools: None, ..with_tools.clone() };
    let is_there = |conversation: &Conversation, count| {
        contains(template, &first(conversation, count), &word("Argument", 0))
    };
    [2, 3, 6].into_iter().any(|count| is_there(&with_tools, count) || is_there(&without, count))
}

/// Whether another value makes another text.
fn differs(template: &ChatTemplate, one: &Conversation, change: impl Fn(&mut Message)) -> bool {
    let mut other = one.clone();
    other.messages.iter_mut().for_each(change);
    match (rendered(template, one), rendered(template, &other)) {
        (Ok(one), Ok(other)) => one != other,
        _ => false,
    }
}

fn reads_call_id(template: &ChatTemplate) -> bool {
    differs(template, &conversation(true, Reasoning::None), |message| {
        if message.role == Role::Tool {
            message.fields.insert("tool_call_id", OTHER_ID.into());
        }
    })
}

fn reads_name(template: &ChatTemplate) -> bool {
    [Role::User, Role::Assistant, Role::Tool].into_iter().any(|role| {
        differs(template, &conversation(role == Role::Tool, Reasoning::None), |message| {
            if message.role == role {
                message.fields.insert("name", word("Name", 0).as_str().into());
            }
        })
    })
}

fn reads_tools(template: &ChatTemplate) -> bool {
    let plain = conversation(false, Reasoning::None);
    let with_tools = Conversation { tools: Some(super::probes::tools()), ..plain };
    [1, 6].into_iter().any(|count| contains(template, &first(&with_tools, count), super::probes::TOOL_NAME))
}

fn reads_documents(template: &ChatTemplate) -> bool {
    let said = word("Document", 0);
    let document = object(&[("title", said.as_str().into()), ("text", said.as_str().into())]);
    let template_kwargs: Object = [("documents".into(), Value::Array(vec![document]))].into_iter().collect();
    let plain = Conversation { template_kwargs, ..conversation(false, Reasoning::None) };
    contains(template, &first(&plain, 1), &said)
}

/// What the template says in place of a system message.
pub(super) struct System {
    /// The text that it injects where none is given.
    pub default: Option<String>,
    /// Why it refuses one.
    pub refusal: Option<Error>,
}

pub(super) fn system(template: &ChatTemplate, control_tokens: &ControlTokens) -> System {
    let plain = conversation(false, Reasoning::None);
    let said = message(Role::System, &[("content", word("System", 0).as_str().into())]);
    let mut with_system = first(&plain, 1);
    with_system.messages.insert(0, said);
    let refusal =
        rendered(template, &first(&plain, 1)).ok().and_then(|_| rendered(template, &with_system).err());
    System { default: injected(template, control_tokens, &plain), refusal }
}

/// What comes before the first question and not before a later one.
fn injected(template: &ChatTemplate, control_tokens: &ControlTokens, plain: &Conversation) -> Option<String> {
    let before = |count: usize, number: usize| {
        let text = rendered(template, &first(plain, count)).ok()?;
        let at = text.find(&word("Question", number))?;
        Some(text[..at].to_owned())
    };
    let (opening, later) = (before(1, 0)?, before(3, 1)?);
    let shared = common_suffix(&opening, &later);
    let tokens = control_tokens.all(&opening);
    // Not within a token.
    let mut end = opening.len() - shared;
    let around = tokens.iter().find(|(after, token)| (after - token.text.len()..*after).contains(&end));
    if let Some((after, token)) = around
        && after - token.text.len() < end
    {
        end = *after;
    }
    let mut texts = Vec::new();
    let mut start = 0;
    for (after, token) in tokens.iter().filter(|(after, _)| *after <= end) {
        texts.push(&opening[start..after - token.text.len()]);
        start = *after;
    }
    texts.push(opening.get(start..end).unwrap_or_default());
    let texts: Vec<&str> = texts.into_iter().map(without_role).filter(|text| says_something(text)).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// The header of a message says whose it is.
fn without_role(text: &str) -> &str {
    let text = text.trim_start_matches(['<', '>']).trim();
    let roles = ["system", "developer", "user", "System:", "SYSTEM:"];
    let rest = |role: &&str| {
        text.strip_prefix(*role).filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    };
    roles.iter().find_map(rest).map_or(text, str::trim)
}

/// Three words, or one that nobody says in a header: a placeholder, a setting.
fn says_something(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count();
    words > 2 || text.contains('_') || text.chars().any(|char| char.is_alphabetic() && is_unspaced(char))
}

/// Chinese and Japanese put no blanks between words.
fn is_unspaced(char: char) -> bool {
    ('\u{3040}'..='\u{9fff}').contains(&char)
}

fn common_suffix(a: &str, b: &str) -> usize {
    let reverse = |text: &str| text.chars().rev().collect::<String>();
    common_prefix(&reverse(a), &reverse(b))
}
