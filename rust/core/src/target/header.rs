//! A header that the template writes before an answer, and not at the end of the answer's prompt.
//!
//! In: a turn's rendering after its prompt. Out: where its header goes: no server writes it, so that the model must,
//! unless the caller has it belong to the prompt. What headers look like is found out by `chat_template::header`.

use crate::chat_template::Prepared;
use crate::error::{Error, ErrorKind, Result};
use crate::options::HeaderPolicy;
use crate::traced_text::TracedText;

/// Where the header of a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderPlace {
    /// At the end of the prompt that the template writes, or there is none.
    Prompt,
    /// At the start of the completion, with this many bytes.
    Completion(usize),
    /// At the end of the prompt, which got these bytes from the turn.
    Moved(usize),
}

impl HeaderPlace {
    /// Of a turn, which is what comes after a prompt. Words that read like the header are none.
    pub fn of(prepared: &Prepared<'_>, policy: HeaderPolicy, turn: &TracedText) -> Result<Self> {
        let Some(header) = prepared.header() else { return Ok(Self::Prompt) };
        let length = header.text.len();
        if turn.text.starts_with(&header.text) && !prepared.has_words(&turn.spans, 0..length) {
            return Ok(match policy {
                HeaderPolicy::AsRendered => Self::Completion(length),
                HeaderPolicy::Context => Self::Moved(length),
            });
        }
        if policy == HeaderPolicy::Context && !header.is_in_prompts {
            let text = format!(
                "header=\"context\": the turn does not start with {:?}, as turns of this template do",
                header.text
            );
            return Err(Error::new(ErrorKind::PromptMismatch, text));
        }
        Ok(Self::Prompt)
    }

    /// Whether the prompt got the header from the turn.
    pub fn is_moved(self) -> bool {
        matches!(self, Self::Moved(_))
    }

    /// How many bytes of the completion are the header.
    pub fn in_completion(self) -> usize {
        if let Self::Completion(length) = self { length } else { 0 }
    }
}
