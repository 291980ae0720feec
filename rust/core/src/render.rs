//! One target to its prompt and its completion, as text.
//!
//! In: a prepared conversation, a target, what to do where the prompt is no prefix of the turn's own rendering. Out:
//! the prompt that a server would send at that point, what the model must then emit, through its stop token, and
//! which way led there. Nothing is guessed: a policy that cannot tell is an error.

use crate::chat_template::{ClosedTurn, Prepared, Said, Turn};
use crate::conversation::Message;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::Value;
use crate::options::PromptMismatch;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub prompt: String,
    pub completion: ClosedTurn,
    pub way: Way,
}

/// How prompt and completion of a target were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The prompt is a prefix of the turn's own rendering.
    Exact,
    MatchThinking,
    Splice,
    CommonPrefix,
}

/// Renders target `message` of the conversation.
pub fn render(
    prepared: &Prepared<'_>,
    message: &Message,
    index: usize,
    policy: PromptMismatch,
) -> Result<Rendered> {
    if index == 0 {
        return Err(Error::new(
            ErrorKind::EmptyPrompt,
            "the conversation starts with this message: there is no prompt to answer",
        ));
    }
    let prompt = prepared.render(index, true)?.text;
    let mut full = prepared.render(index + 1, false)?;
    let (turn, way) = if full.text.starts_with(&prompt) {
        let text = full.text.split_off(prompt.len());
        (Turn { prompt, text }, Way::Exact)
    } else {
        let reasoning = reasoning(message).into_iter().find(|said| !said.trim().is_empty());
        let said = Said { message: index, reasoning: reasoning.unwrap_or_default() };
        let found = match policy {
            PromptMismatch::Error | PromptMismatch::Skip => None,
            PromptMismatch::MatchThinking => {
                prepared.match_thinking(said).map(|turn| (turn, Way::MatchThinking))
            }
            PromptMismatch::Splice => prepared.splice(said, &prompt, &full).map(|turn| (turn, Way::Splice)),
            PromptMismatch::CommonPrefix => {
                prepared.common_prefix(said, &prompt, &full).map(|turn| (turn, Way::CommonPrefix))
            }
        };
        found.ok_or_else(|| mismatch(&prompt, &full.text, policy))?
    };
    let completion = prepared.turn_end().close(turn.text, message.calls_tools()).ok_or_else(|| {
        Error::new(
            ErrorKind::NoStopToken,
            "the template does not end this turn with the stop token that it ends others with",
        )
    })?;
    Ok(Rendered { prompt: turn.prompt, completion, way })
}

fn mismatch(prompt: &str, full: &str, policy: PromptMismatch) -> Error {
    let same = prompt.bytes().zip(full.bytes()).take_while(|(a, b)| a == b).count();
    let tail = |text: &str| {
        let start = (0..=same).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        excerpt(&text[start..])
    };
    let tried = match policy {
        PromptMismatch::MatchThinking => "; no thinking flag of the template cures that",
        PromptMismatch::Splice | PromptMismatch::CommonPrefix => {
            "; the message's own text cannot be told from the rest of the rendering"
        }
        _ => "",
    };
    Error::new(
        ErrorKind::PromptMismatch,
        format!(
            "the prompt is no prefix of the turn's own rendering: the prompt goes on with {}, the rendering with \
             {}{tried}",
            tail(prompt),
            tail(full)
        ),
    )
}
/// What a message says that its completion does not hold: it would not be learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    pub reasoning: bool,
    pub tool_calls: bool,
    /// Nothing is left but the stop token.
    pub everything: bool,
}

/// Compares a message with its completion.
pub fn lost(message: &Message, completion: &ClosedTurn) -> Lost {
    let text = &completion.text;
    Lost {
        reasoning: reasoning(message)
            .into_iter()
            .any(|said| !said.trim().is_empty() && !text.contains(said.trim())),
        tool_calls: tool_names(message).any(|name| !text.contains(name)),
        everything: text[..completion.stop_at].trim().is_empty(),
    }
}

/// The reasoning of a message, from its own field and from the start of its content.
fn reasoning(message: &Message) -> Vec<&str> {
    let field = ["reasoning_content", "thinking", "reasoning"]
        .into_iter()
        .find_map(|key| message.fields.get(key))
        .and_then(Value::as_str);
    let inline = message.fields.get("content").and_then(Value::as_str).and_then(inline_reasoning);
    field.into_iter().chain(inline).collect()
}

/// What stands before `</think>` in a content, without the opening tag.
fn inline_reasoning(content: &str) -> Option<&str> {
    let (before, _) = content.split_once("</think>")?;
    Some(before.split_once("<think>").map_or(before, |(_, reasoning)| reasoning))
}

/// The names of the functions that a message calls.
fn tool_names(message: &Message) -> impl Iterator<Item = &str> {
    let calls = message.fields.get("tool_calls").and_then(Value::as_array).unwrap_or_default();
    calls.iter().filter_map(|call| {
        let call = call.as_object()?;
        call.get("function").and_then(Value::as_object).unwrap_or(call).get("name")?.as_str()
    })
}
