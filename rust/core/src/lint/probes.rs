//! Made-up conversations, and what a template does to their turns.
//!
//! In: a template that compiles. Out: for each conversation whether the prompt of a target is a prefix of the
//! target's own rendering, whether earlier turns are rewritten once more follow, and the rows of the layout `merged`.
//! What that means for training is said in `findings`.

use everyturn_template::Arena;

use crate::chat_template::ThinkingFormat;
use crate::chat_template::{ChatTemplate, Prepared};
use crate::conversation::{Conversation, Message, Role};
use crate::error::{Error, Result};
use crate::json::{Object, Value, object};
use crate::options::{PromptMismatch, ThinkingPolicy};
use crate::prompt_text::common_prefix;
use crate::target::{render_alone, says_reasoning};

/// Targets of each conversation.
pub(super) const TARGETS: usize = 3;
/// Some templates take ids of nine letters and digits only.
pub(super) const CALL_ID: &str = "callQ0001";
pub(super) const TOOL_NAME: &str = "everyturn_look_up";

/// Where the answers of a conversation have reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reasoning {
    None,
    /// In a field of its own.
    Field,
    /// Between tags, at the start of the content.
    Inline,
}

/// A conversation and what the template does to it.
pub(super) struct Probed {
    pub name: &'static str,
    pub conversation: Conversation,
    /// An error: the template refuses a rendering.
    pub is_prefix: Result<bool>,
    pub rewriting: Option<Rewriting>,
    /// Under the options that are recommended. `None`: not every target can be rendered.
    pub rows: Option<usize>,
    /// Why a target whose prompt is a prefix cannot be closed.
    pub unclosed: Option<Error>,
}

/// How the rendering of an earlier turn changes once more turns follow; the first that fits is the most specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rewriting {
    /// Its reasoning is gone.
    ThinkingCut,
    /// Only the last turn has an empty thinking block.
    EmptyThinkBlock,
    /// The stop, or a header after it, is another at the end.
    EndToken,
    /// The template shows the date: what is rendered on another day differs.
    Date,
    Other,
}

impl Rewriting {
    pub fn name(self) -> &'static str {
        match self {
            Self::ThinkingCut => "thinking_cut",
            Self::EmptyThinkBlock => "empty_think_block",
            Self::EndToken => "end_token",
            Self::Date => "date",
            Self::Other => "other",
        }
    }
}

/// A word that no template contains.
pub(super) fn word(what: &str, number: usize) -> String {
    format!("everyturn{what}{number}Q")
}

pub(super) fn message(role: Role, fields: &[(&str, Value)]) -> Message {
    let role_field = [("role".into(), role.name().into())];
    let others = fields.iter().map(|(key, value)| ((*key).into(), value.clone()));
    let fields: Object = role_field.into_iter().chain(others).collect();
    Message { fields, ..Message::saying(role, Value::Null) }
}

fn text(role: Role, what: &str, number: usize) -> Message {
    Message::saying(role, word(what, number).as_str().into())
}

fn call(number: usize) -> Value {
    let arguments = object(&[("place", word("Argument", number).as_str().into())]);
    let function = object(&[("name", TOOL_NAME.into()), ("arguments", arguments)]);
    let call = [("type", "function".into()), ("id", CALL_ID.into()), ("function", function)];
    Value::Array(vec![object(&call)])
}

pub(super) fn tools() -> Value {
    let place = object(&[("type", "string".into()), ("description", "a place".into())]);
    let parameters = object(&[
        ("type", "object".into()),
        ("properties", object(&[("place", place)])),
        ("required", Value::Array(vec!["place".into()])),
    ]);
    let function = object(&[
        ("name", TOOL_NAME.into()),
        ("description", "look something up".into()),
        ("parameters", parameters),
    ]);
    Value::Array(vec![object(&[("type", "function".into()), ("function", function)])])
}

/// Three targets; with tools the first one is a call.
pub(super) fn conversation(with_tools: bool, reasoning: Reasoning) -> Conversation {
    let answer = |number: usize, calls: bool| {
        let said = word("Answer", number);
        let thought = word("Reason", number);
        let mut fields = Vec::new();
        if calls {
            fields.push(("tool_calls", call(number)));
        } else if reasoning == Reasoning::Inline {
            let content = format!("<think>\n{thought}\n</think>\n\n{said}");
            fields.push(("content", content.as_str().into()));
        } else {
            fields.push(("content", said.as_str().into()));
        }
        if reasoning == Reasoning::Field {
            fields.push(("reasoning_content", thought.as_str().into()));
        }
        message(Role::Assistant, &fields)
    };
    let mut messages = vec![text(Role::User, "Question", 0), answer(0, with_tools)];
    if with_tools {
        let content = ("content", word("Result", 0).as_str().into());
        messages.push(message(Role::Tool, &[content, ("tool_call_id", CALL_ID.into())]));
    } else {
        messages.push(text(Role::User, "Question", 1));
    }
    messages.extend([answer(1, false), text(Role::User, "Question", 2), answer(2, false)]);
    Conversation { messages, tools: with_tools.then(tools), ..Conversation::default() }
}

/// The conversations, from the plainest on.
pub(super) fn conversations() -> [(&'static str, Conversation); 5] {
    [
        ("plain", conversation(false, Reasoning::None)),
        ("reasoning", conversation(false, Reasoning::Field)),
        ("inline_reasoning", conversation(false, Reasoning::Inline)),
        ("tools", conversation(true, Reasoning::None)),
        ("tools_with_reasoning", conversation(true, Reasoning::Field)),
    ]
}

/// Renders a whole conversation.
pub(super) fn rendered(template: &ChatTemplate, conversation: &Conversation) -> Result<String> {
    let arena = Arena::new();
    Ok(template.prepare(&arena, conversation)?.render(conversation.messages.len(), false)?.text)
}

/// Looks at one conversation; `later` is the same template on another day.
pub(super) fn probe(
    template: &ChatTemplate,
    later: &ChatTemplate,
    (name, conversation): (&'static str, Conversation),
) -> Probed {
    let arena = Arena::new();
    let prepared = match template.prepare(&arena, &conversation) {
        Ok(prepared) => prepared,
        Err(error) => {
            let (is_prefix, rewriting) = (Err(error), None);
            return Probed { name, conversation, is_prefix, rewriting, rows: None, unclosed: None };
        }
    };
    let is_prefix = is_prefix(&prepared, &conversation);
    let format = template.variant_for(conversation.tools.as_ref()).thinking.format.as_ref();
    let rewriting = is_prefix.as_ref().ok().and_then(|_| {
        let shows_date = || {
            let today = prepared.render(1, false).ok()?.text;
            let arena = Arena::new();
            let then = later.prepare(&arena, &conversation).ok()?.render(1, false).ok()?.text;
            (today != then).then_some(Rewriting::Date)
        };
        rewriting(&prepared, &conversation, format).or_else(shows_date)
    });
    let unclosed = (is_prefix == Ok(true))
        .then(|| first_error(&prepared, &conversation, PromptMismatch::Error))
        .flatten();
    drop(prepared);
    Probed { name, conversation, is_prefix, rewriting, rows: None, unclosed }
}

pub(super) fn targets(conversation: &Conversation) -> impl Iterator<Item = (usize, &Message)> {
    conversation.messages.iter().enumerate().filter(|(_, message)| message.role == Role::Assistant)
}

pub(super) fn is_prefix(prepared: &Prepared<'_>, conversation: &Conversation) -> Result<bool> {
    let mut all = true;
    for (target, _) in targets(conversation) {
        let prompt = prepared.render(target, true)?.text;
        all &= prepared.render(target + 1, false)?.text.starts_with(&prompt);
    }
    Ok(all)
}

fn first_error(
    prepared: &Prepared<'_>,
    conversation: &Conversation,
    policy: PromptMismatch,
) -> Option<Error> {
    targets(conversation).find_map(|(target, message)| {
        render_alone(prepared, message, target, policy, ThinkingPolicy::AsRendered).err()
    })
}

pub(super) fn rewriting(
    prepared: &Prepared<'_>,
    conversation: &Conversation,
    format: Option<&ThinkingFormat>,
) -> Option<Rewriting> {
    let whole = prepared.render(conversation.messages.len(), false).ok()?.text;
    targets(conversation)
        .filter_map(|(target, message)| {
            let own = prepared.render(target + 1, false).ok()?.text;
            (!whole.starts_with(&own)).then(|| told_apart(message, &own, &whole, format))
        })
        .min()
}

/// What became of the last turn of `own` in `whole`.
fn told_apart(message: &Message, own: &str, whole: &str, format: Option<&ThinkingFormat>) -> Rewriting {
    if says_reasoning(message).is_some_and(|said| own.contains(said.trim()) && !whole.contains(said.trim())) {
        return Rewriting::ThinkingCut;
    }
    let parted = common_prefix(own, whole);
    let content = message.fields.get("content").and_then(Value::as_str);
    let content = content.and_then(|content| content.lines().last());
    // A call is known by its argument, which is numbered as its reasoning would be.
    let said = content.map_or_else(|| word("Argument", 0), str::to_owned);
    let Some(at) = own.rfind(&said) else {
        return Rewriting::Other;
    };
    if parted >= at + said.len() {
        return Rewriting::EndToken;
    }
    let before = |text: &str, at: usize| {
        let between = text.get(parted..at).unwrap_or_default();
        format.is_some_and(|format| between.contains(format.close_tag()))
    };
    let kept = whole.find(&said).is_some_and(|at| before(whole, at));
    if before(own, at) && !kept { Rewriting::EmptyThinkBlock } else { Rewriting::Other }
}

/// The rows of the layout `merged`, counted from the texts; `None` where a target cannot be rendered.
pub(super) fn rows(
    template: &ChatTemplate,
    conversation: &Conversation,
    policy: PromptMismatch,
    thinking: ThinkingPolicy,
) -> Option<usize> {
    let arena = Arena::new();
    let prepared = template.prepare(&arena, conversation).ok()?;
    let mut rows: Vec<String> = Vec::new();
    for (target, message) in targets(conversation) {
        let (prompt, completion) = render_alone(&prepared, message, target, policy, thinking).ok()?;
        let longest = rows.iter_mut().filter(|row| prompt.starts_with(&**row)).max_by_key(|row| row.len());
        let text = prompt.clone() + &completion.text;
        match longest {
            Some(row) => *row = text,
            None => rows.push(text),
        }
    }
    Some(rows.len())
}
