//! A header that the template writes before an answer, and not at the end of the answer's prompt.
//!
//! In: a turn's rendering after its prompt. Out: where its header goes: no server writes it, so that the model must,
//! unless the caller has it belong to the prompt. What headers look like is found out by `chat_template::header`.

use std::ops::Range;

use crate::chat_template::{Prepared, Shown};
use crate::error::{Error, ErrorKind, Result};
use crate::options::HeaderPolicy;

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
    /// Of the turn that has `text` after its prompt; `is_by_template` says of the first bytes whether nobody else wrote
    /// them.
    fn of(
        prepared: &Prepared<'_>,
        policy: HeaderPolicy,
        starts_with: impl Fn(&str) -> bool,
        is_by_template: impl Fn(usize) -> bool,
    ) -> Result<Self> {
        let Some(header) = prepared.header() else { return Ok(Self::Prompt) };
        let length = header.text.len();
        if starts_with(&header.text) && is_by_template(length) {
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

    /// Of a turn in its own rendering, which begins with a prompt of so many bytes.
    pub fn in_rendering(
        prepared: &Prepared<'_>,
        policy: HeaderPolicy,
        full: &Shown<'_>,
        prompt: usize,
    ) -> Result<Self> {
        let starts_with = |header: &str| full.text.after(prompt).starts_with(header);
        let is_by_template = |length: usize| !has_words(prepared, full, prompt..prompt + length);
        Self::of(prepared, policy, starts_with, is_by_template)
    }

    /// Of a turn that a policy made.
    pub fn in_text(prepared: &Prepared<'_>, policy: HeaderPolicy, text: &str) -> Result<Self> {
        Self::of(prepared, policy, |header| text.starts_with(header), |_| true)
    }

    /// How many bytes of the turn belong to the prompt.
    pub fn moved(self) -> usize {
        if let Self::Moved(length) = self { length } else { 0 }
    }

    /// How many bytes of the completion are the header.
    pub fn in_completion(self) -> usize {
        if let Self::Completion(length) = self { length } else { 0 }
    }
}

/// Whether somebody wrote any of these bytes of a rendering.
pub fn has_words(prepared: &Prepared<'_>, shown: &Shown<'_>, bytes: Range<usize>) -> bool {
    let mut end = bytes.start.min(shown.text.head.len());
    let mut spans = shown.spans_from(end).map(|span| {
        let start = end;
        end += span.len as usize;
        (start..end, span)
    });
    spans
        .by_ref()
        .take_while(|(span, _)| span.start < bytes.end)
        .any(|(span, found)| span.end > bytes.start && prepared.is_by_somebody(found.source))
}
