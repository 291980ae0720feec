//! The blocks of thinking in what a target is trained to write.
//!
//! In: a message and its prompt and completion. Out: whether the model learns to think nothing, or to think twice. Which
//! tags a template writes is found out by `chat_template::thinking`.

use super::render::Rendered;
use super::said::{inline_reasoning, says_reasoning};
use crate::chat_template::ThinkingFormat;
use crate::conversation::{CLOSE_THINKING, Message, OPEN_THINKING};
use crate::json::Value;

/// More bytes than the tags have that a prompt ends with.
const TAGS: usize = 128;

/// Whether a target without reasoning is trained to write a block of thinking that is empty.
pub fn has_empty_thinking(
    format: Option<&ThinkingFormat>,
    message: &Message,
    rendered: &Rendered<'_>,
) -> bool {
    let Some(format) = format.filter(|_| says_reasoning(message).is_none()) else { return false };
    let completion = rendered.turn().trim_start();
    if let Some(inside) = completion.strip_prefix(format.open_tag()) {
        return inside.trim_start().starts_with(format.close_tag());
    }
    let ends = |tag| rendered.prompt.text().end(TAGS).trim_end().ends_with(tag);
    completion.starts_with(format.close_tag()) && ends(format.open_tag())
}

/// Whether one block of thinking follows another: the template writes its own before that of a content, or closes one in
/// the prompt.
pub fn has_two_thinking_blocks(
    format: Option<&ThinkingFormat>,
    message: &Message,
    rendered: &Rendered<'_>,
) -> bool {
    let Some(format) = format else { return false };
    let completion = rendered.turn().trim_start();
    let prompt = rendered.prompt.text().end(TAGS);
    let opens = |text: &str| text.starts_with(format.open_tag()) || text.starts_with(OPEN_THINKING);
    if prompt.trim_end().ends_with(format.close_tag()) {
        return opens(completion);
    }
    let first = completion
        .strip_prefix(format.open_tag())
        .or_else(|| prompt.trim_end().ends_with(format.open_tag()).then_some(completion));
    let Some((_, after)) = first.and_then(|first| first.split_once(format.close_tag())) else {
        return false;
    };
    let after = after.trim_start();
    // A content may have its reasoning without the tag that opens it.
    let content = message.fields.get("content").and_then(Value::as_str);
    let said = content.and_then(|content| content.get(inline_reasoning(content)?)).map(str::trim);
    let said = said.filter(|said| !said.is_empty());
    opens(after) || said.is_some_and(|said| after.starts_with(said) && after.contains(CLOSE_THINKING))
}
