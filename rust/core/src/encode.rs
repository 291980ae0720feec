//! A rendered target to ids.
//!
//! In: prompt and completion as text. Out: the prompt's ids exactly as a server encodes the prompt, and the
//! completion's ids. Where the tokenizer would merge over the border the border is forced.

use crate::error::Result;
use crate::render::Rendered;
use crate::tokenizer::Tokenizer;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub prompt: Vec<i32>,
    pub completion: Vec<i32>,
    /// The ids of the whole do not start with the prompt's: the completion was encoded as a continuation.
    pub border_merged: bool,
}

pub fn encode(tokenizer: &Tokenizer, rendered: Rendered) -> Result<Encoded> {
    let prompt = tokenizer.encode(&rendered.prompt)?;
    let mut text = rendered.prompt;
    text.push_str(&rendered.completion.text);
    let whole = tokenizer.encode(&text)?;
    if let Some(completion) = whole.strip_prefix(&*prompt) {
        return Ok(Encoded { completion: completion.to_vec(), prompt, border_merged: false });
    }
    Ok(Encoded {
        completion: tokenizer.encode_continuation(&rendered.completion.text)?,
        prompt,
        border_merged: true,
    })
}
