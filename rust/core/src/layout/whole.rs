//! The one rendering of a whole conversation, for layouts that are made of it.
//!
//! In: a prepared conversation. Out: its text and ids, and which tokens encode which bytes.

use std::collections::BTreeSet;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use crate::chat_template::{OneText, Prepared, Rendering, made_in, refuse_made};
use crate::conversation::{Conversation, Message, Role};
use crate::error::Result;
use crate::target::{Encoder, Foreign, Provenance, Tokenized, Writers};
use crate::tokenizer::{Checkpoint, Known, Tokenizer};

/// A conversation, and what renders and encodes it.
pub struct WholeConversation<'w> {
    pub prepared: &'w Prepared<'w>,
    pub conversation: &'w Conversation,
    pub tokenizer: &'w Tokenizer,
    pub encoder: &'w mut Encoder,
    /// Whether control tokens that are made of texts are looked for.
    pub foreign: Foreign<'w>,
    /// A rendering with such tokens is refused.
    pub rejects_made: bool,
    /// The most tokens of a row.
    pub max_length: Option<usize>,
    /// Rows keep what wrote their tokens.
    pub keeps_provenance: bool,
}

/// The text and the ids of a whole conversation.
pub(super) struct OneRendering<'w> {
    pub rendering: Rendering,
    /// The text as the template wrote it, where its last turn is closed otherwise.
    written: Option<String>,
    pub ids: Vec<i32>,
    /// The control tokens that the template makes of texts in it.
    pub made: BTreeSet<Arc<str>>,
    /// What wrote each of them; empty where nobody asks.
    pub provenance: Vec<Provenance>,
    prepared: &'w Prepared<'w>,
    messages: &'w [Message],
    tokenizer: &'w Tokenizer,
    checkpoints: Vec<Checkpoint>,
}

impl<'w> WholeConversation<'w> {
    /// The one rendering; a last turn that only a next header would end gets that header's stop token, which no span is
    /// of. Then also the text as the template wrote it.
    pub fn rendering(&self) -> Result<(Rendering, Option<String>)> {
        let messages = &self.conversation.messages;
        let mut rendering = self.prepared.render(messages.len(), false)?;
        let last = messages.last().filter(|last| last.role == Role::Assistant);
        let turn_end = self.prepared.turn_end();
        let closed = last.and_then(|last| turn_end.with_next_header(&rendering.text, last.calls_tools()));
        let written = closed.map(|closed| mem::replace(&mut rendering.text, closed));
        Ok((rendering, written))
    }

    pub(super) fn render(&mut self) -> Result<OneRendering<'w>> {
        let (rendering, written) = self.rendering()?;
        let made = match self.foreign {
            Foreign::Named { tokenizer, control_tokens } => {
                let text = written.as_ref().unwrap_or(&rendering.text);
                made_in(self.prepared, text, &rendering.spans, tokenizer, control_tokens)?
            }
            Foreign::Plain { .. } | Foreign::Recognised => BTreeSet::new(),
        };
        if self.rejects_made {
            refuse_made(&made)?;
        }
        let ids = self.encoder.encode_text(self.tokenizer, &rendering.text)?.to_vec();
        let provenance = if self.keeps_provenance { self.provenance(&rendering, &ids)? } else { Vec::new() };
        let checkpoints = self.encoder.checkpoints().to_vec();
        let (prepared, messages, tokenizer) = (self.prepared, &*self.conversation.messages, self.tokenizer);
        Ok(OneRendering {
            rendering,
            written,
            ids,
            made,
            provenance,
            prepared,
            messages,
            tokenizer,
            checkpoints,
        })
    }

    fn provenance(&self, rendering: &Rendering, ids: &[i32]) -> Result<Vec<Provenance>> {
        let writers = Writers {
            prepared: self.prepared,
            messages: &self.conversation.messages,
            message_at: &|index| index,
            tokenizer: self.tokenizer,
        };
        let checkpoints = self.encoder.checkpoints();
        let of = Tokenized { text: &rendering.text, ids, checkpoints, plain: &[], continuation: None };
        writers.of_tokens(rendering.spans.iter().copied(), &of, &mut Known::default())
    }
}

impl OneRendering<'_> {
    /// The tokens of a message, through the stop token if it is an assistant's.
    pub fn tokens_of(&self, message: usize) -> Result<Range<usize>> {
        let Rendering { text: closed, spans, .. } = &self.rendering;
        let written = self.written.as_deref().unwrap_or(closed);
        let text = OneText { messages: self.messages, written, spans, closed };
        self.tokens_in(&text.locate(self.prepared, message)?)
    }

    /// The tokens that start within a range of bytes; one that starts before it belongs to the context.
    fn tokens_in(&self, bytes: &Range<usize>) -> Result<Range<usize>> {
        let text = &self.rendering.text;
        let before = |byte| self.tokenizer.tokens_before(byte, text, &self.ids, &self.checkpoints);
        let start = before(bytes.start)?;
        Ok(start..before(bytes.end)?.max(start))
    }
}
