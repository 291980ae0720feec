//! A rendered target to ids.
//!
//! In: prompt and completion as text. Out: the prompt's ids exactly as a server encodes the prompt, and the
//! completion's ids. Where the tokenizer would merge over the border the border is forced.

use super::render::Rendered;
use crate::error::{Error, ErrorKind, Result};
use crate::prompt_text::PromptText;
use crate::tokenizer::{IncrementalEncoding, SegmentCache, Tokenizer};

/// Encodes targets one after the other: what a target has in common with the one before it is not encoded again.
#[derive(Default)]
pub struct Encoder {
    encoding: IncrementalEncoding,
    segments: SegmentCache,
    /// The ids of a target whose border was forced.
    forced: Vec<i32>,
    /// So many of the ids in `encoding` are those of the last target.
    valid: usize,
    prompt_tail: Vec<i32>,
}

/// The ids of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded<'e> {
    /// The prompt's, then the completion's.
    pub ids: &'e [i32],
    /// How many of them are the prompt's.
    pub prompt: usize,
    /// How many at the start are those of the target encoded before, at least.
    pub same: usize,
    /// The ids of the whole do not start with the prompt's: the completion was encoded as a continuation.
    pub border_merged: bool,
}

impl Encoder {
    pub fn encode(&mut self, tokenizer: &Tokenizer, rendered: &Rendered<'_>) -> Result<Encoded<'_>> {
        if !rendered.plain.is_empty() {
            return self.encode_literal(tokenizer, rendered);
        }
        let (prompt, completion) = (rendered.prompt.text(), &*rendered.completion.text);
        let encoding = &mut self.encoding;
        let shared = PromptText::from(encoding.text()).common(&prompt, rendered.same);
        let kept = encoding.write(shared, prompt.behind(shared), tokenizer, &mut self.segments)?;
        let same = kept.min(self.valid);
        let tail = encoding.tail();
        let prompt_ids = encoding.ids().len();
        let from = prompt_ids - tail.len();
        self.prompt_tail.clear();
        self.prompt_tail.extend_from_slice(tail);
        encoding.write(prompt.len(), completion.into(), tokenizer, &mut self.segments)?;
        if encoding.ids()[from..].starts_with(&self.prompt_tail) {
            self.valid = encoding.ids().len();
            return Ok(Encoded { ids: encoding.ids(), prompt: prompt_ids, same, border_merged: false });
        }
        self.valid = from;
        self.forced.clear();
        self.forced.extend_from_slice(&encoding.ids()[..from]);
        self.forced.extend_from_slice(&self.prompt_tail);
        self.forced.extend(tokenizer.encode_continuation(completion)?);
        Ok(Encoded { ids: &self.forced, prompt: prompt_ids, same, border_merged: true })
    }

    /// The ids of a text that is no target.
    pub fn encode_text(&mut self, tokenizer: &Tokenizer, text: &str) -> Result<&[i32]> {
        self.valid = 0;
        let text = PromptText::from(text);
        let shared = PromptText::from(self.encoding.text()).common(&text, 0);
        self.encoding.write(shared, text.behind(shared), tokenizer, &mut self.segments)?;
        Ok(self.encoding.ids())
    }

    /// The same where some control tokens are plain text.
    fn encode_literal(&mut self, tokenizer: &Tokenizer, rendered: &Rendered<'_>) -> Result<Encoded<'_>> {
        // What `encoding` holds says nothing of which control tokens were text.
        self.encoding.clear();
        self.valid = 0;
        let prompt = rendered.prompt.text().to_text();
        let whole = prompt.clone() + &rendered.completion.text;
        let in_prompt = rendered.plain.partition_point(|token| token.end <= prompt.len());
        let prompt = tokenizer.encode_literal(&prompt, &rendered.plain[..in_prompt], &mut self.segments)?;
        self.forced = tokenizer.encode_literal(&whole, &rendered.plain, &mut self.segments)?;
        if !self.forced.starts_with(&prompt) {
            return Err(Error::new(
                ErrorKind::Encode,
                "the completion starts within a token of the whole, and control tokens are plain text in it",
            ));
        }
        Ok(Encoded { ids: &self.forced, prompt: prompt.len(), same: 0, border_merged: false })
    }
}
