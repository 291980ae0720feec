//! The one rendering of a whole conversation, for layouts that are made of it.
//!
//! In: a prepared conversation. Out: its text and ids, and which tokens encode which bytes.

use std::ops::Range;

use crate::chat_template::Prepared;
use crate::conversation::{Conversation, Role};
use crate::error::Result;
use crate::target::Encoder;
use crate::tokenizer::{Encoding, Tokenizer};

/// A conversation, and what renders and encodes it.
pub struct WholeConversation<'w> {
    pub prepared: &'w Prepared<'w>,
    pub conversation: &'w Conversation,
    pub tokenizer: &'w Tokenizer,
    pub encoder: &'w mut Encoder,
    /// The most tokens of a row.
    pub max_length: Option<usize>,
}

/// The text and the ids of a whole conversation.
pub(super) struct OneRendering<'w> {
    pub text: String,
    pub ids: Vec<i32>,
    tokenizer: &'w Tokenizer,
    /// Which bytes each token came from, found out when it is first asked for: it takes the reference engine.
    offsets: Option<Encoding>,
}

impl<'w> WholeConversation<'w> {
    pub(super) fn render(&mut self) -> Result<OneRendering<'w>> {
        let text = whole_text(self.prepared, self.conversation)?;
        let ids = self.encoder.encode_text(self.tokenizer, &text)?.to_vec();
        Ok(OneRendering { text, ids, tokenizer: self.tokenizer, offsets: None })
    }
}

impl OneRendering<'_> {
    /// The tokens that start within a range of bytes; one that starts before it belongs to the context.
    pub fn tokens_in(&mut self, bytes: &Range<usize>) -> Result<Range<usize>> {
        let encoding = match &mut self.offsets {
            Some(encoding) => encoding,
            none => none.insert(self.tokenizer.encode_with_bytes(&self.text)?),
        };
        let start = encoding.bytes.partition_point(|token| token.start < bytes.start);
        let end = encoding.bytes.partition_point(|token| token.start < bytes.end);
        Ok(start..end.max(start))
    }
}

/// The one rendering; a last turn that only a next header would end gets that header's stop token.
pub fn whole_text(prepared: &Prepared<'_>, conversation: &Conversation) -> Result<String> {
    let mut text = prepared.render(conversation.messages.len(), false)?.text;
    if let Some(last) = conversation.messages.last().filter(|last| last.role == Role::Assistant) {
        prepared.turn_end().append_next_header(&mut text, last.calls_tools());
    }
    Ok(text)
}
