//! What wrote each token: the template, or which part of which message.
//!
//! In: a text with where its bytes come from, and its ids, of a target or of a whole conversation. Out: for each id the
//! message that it is of, and what of it. Where ids and bytes are known to belong together is used; in between, tokens are
//! walked by their bytes, and only where that fails the text is encoded again. A token of several writers is the
//! first's that is not the template.

use std::ops::Range;

use everyturn_template::{Source, Span};

use super::encode::Encoded;
use super::render::Rendered;
use super::said::inline_reasoning;
use crate::chat_template::{Prepared, Wrote};
use crate::conversation::{CLOSE_THINKING, Message, Role};
use crate::error::Result;
use crate::tokenizer::{Checkpoint, Known, Tokenizer};

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum TextKind {
    /// Text of the template, control tokens included.
    #[default]
    Template = 0,
    /// What a message says.
    Content = 1,
    /// What an assistant thinks, in a field of its own or in the content, its tags included.
    Reasoning = 2,
    ToolCall = 3,
    ToolResult = 4,
    System = 5,
    /// Definitions of tools.
    Tools = 6,
    /// The token that ends an answer.
    Stop = 7,
    /// Anything else of the record: a template argument, or text made of several parts.
    Record = 8,
}

/// In the order of their numbers, with their names.
const KINDS: [(TextKind, &str); 9] = [
    (TextKind::Template, "template"),
    (TextKind::Content, "content"),
    (TextKind::Reasoning, "reasoning"),
    (TextKind::ToolCall, "tool_call"),
    (TextKind::ToolResult, "tool_result"),
    (TextKind::System, "system"),
    (TextKind::Tools, "tools"),
    (TextKind::Stop, "stop"),
    (TextKind::Record, "record"),
];

impl TextKind {
    /// In the order of their numbers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(_, name)| *name)
    }

    /// The template's, where a number is not known.
    pub fn of_number(number: u8) -> Self {
        KINDS.get(usize::from(number)).map(|(kind, _)| *kind).unwrap_or_default()
    }
}

/// What belongs to no message.
const NO_MESSAGE: i32 = -1;

/// What wrote a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    /// The message of the conversation; -1 for what belongs to none. There is one of this for each token: it is small.
    pub message: i32,
    pub kind: TextKind,
    /// It is of an answer that the sample trains, or would train if its tokens weighed anything: the model must emit it.
    pub is_answer: bool,
}

/// The conversation that texts are of.
#[derive(Clone, Copy)]
pub struct Writers<'w> {
    pub prepared: &'w Prepared<'w>,
    pub messages: &'w [Message],
    /// The message of the conversation at an index among those that were prepared.
    pub message_at: &'w dyn Fn(usize) -> usize,
    pub tokenizer: &'w Tokenizer,
}

/// A text and its ids.
#[derive(Clone, Copy)]
pub struct Tokenized<'t> {
    pub text: &'t str,
    pub ids: &'t [i32],
    /// Where they are known to belong together, in order.
    pub checkpoints: &'t [Checkpoint],
    pub plain: &'t [Range<usize>],
    /// The byte at which a completion starts that was encoded by itself.
    pub continuation: Option<usize>,
}

/// Some bytes of a text, up to an end, and what wrote them.
struct Piece {
    end: usize,
    provenance: Provenance,
}

impl Writers<'_> {
    /// What wrote the tokens of a target, prompt and completion.
    pub fn of_target(
        &self,
        rendered: &Rendered<'_>,
        encoded: &Encoded<'_>,
        known: &mut Known,
    ) -> Result<Vec<Provenance>> {
        let text = rendered.whole_text();
        let border = rendered.prompt.text().len();
        let mut checkpoints = encoded.checkpoints.to_vec();
        if encoded.border_merged {
            checkpoints.push(Checkpoint { text: border, ids: encoded.prompt });
        }
        let continuation = encoded.border_merged.then_some(border);
        let tokenized = Tokenized {
            text: &text,
            ids: encoded.ids,
            checkpoints: &checkpoints,
            plain: &rendered.plain,
            continuation,
        };
        self.of_tokens(rendered.spans(), &tokenized, known)
    }

    /// What wrote each token of a text that has these spans, as far as they go.
    pub fn of_tokens(
        &self,
        spans: impl Iterator<Item = Span>,
        of: &Tokenized<'_>,
        known: &mut Known,
    ) -> Result<Vec<Provenance>> {
        let pieces = self.pieces(spans, of.text.len());
        let mut found = Vec::with_capacity(of.ids.len());
        let end = Checkpoint { text: of.text.len(), ids: of.ids.len() };
        let mut from = Checkpoint { text: 0, ids: 0 };
        for to in of.checkpoints.iter().chain([&end]) {
            let first = pieces.partition_point(|piece| piece.end <= from.text);
            match pieces.get(first) {
                Some(piece) if piece.end >= to.text => found.resize(to.ids, piece.provenance),
                _ => {
                    let (text, ids) = (&of.text[from.text..to.text], &of.ids[from.ids..to.ids]);
                    let Some(places) = self.tokenizer.token_bytes().walk(text, ids) else {
                        return self.by_encoding(&pieces, of, known);
                    };
                    let places = places.into_iter().map(|at| at.start + from.text..at.end + from.text);
                    found.extend(places.map(|bytes| writer_of(&pieces, &bytes)));
                }
            }
            from = *to;
        }
        Ok(found)
    }

    /// The same by encoding the text again, which always tells.
    fn by_encoding(
        &self,
        pieces: &[Piece],
        of: &Tokenized<'_>,
        known: &mut Known,
    ) -> Result<Vec<Provenance>> {
        let encoding = self.tokenizer.encode_with_offsets(of.text, of.plain, of.continuation, known)?;
        Ok(encoding.with_ids(of.ids)?.bytes.iter().map(|bytes| writer_of(pieces, bytes)).collect())
    }

    fn pieces(&self, spans: impl Iterator<Item = Span>, length: usize) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut push = |end: usize, provenance: Provenance| match pieces.last_mut() {
            Some(last) if last.provenance == provenance => last.end = end,
            _ => pieces.push(Piece { end, provenance }),
        };
        let mut at = 0;
        // Where the reasoning ends in the content of the message looked at last.
        let mut thought: Option<(usize, usize)> = None;
        for span in spans.filter(|span| span.len > 0) {
            let start = at;
            at += span.len as usize;
            let wrote = self.prepared.wrote(span.source);
            let mut provenance = self.provenance_of(wrote);
            if let (Wrote::Content(index), Source::Input { start: from, .. }) = (wrote, span.source)
                && provenance.kind == TextKind::Content
            {
                let ends = match thought {
                    Some((known, ends)) if known == index => ends,
                    _ => self.reasoning_in_content(index),
                };
                thought = Some((index, ends));
                let inside = ends.saturating_sub(from as usize).min(at - start);
                if inside > 0 {
                    push(start + inside, Provenance { kind: TextKind::Reasoning, ..provenance });
                }
                if inside == at - start {
                    provenance.kind = TextKind::Reasoning;
                }
            }
            push(at, provenance);
        }
        if at < length {
            push(length, Provenance::default());
        }
        pieces
    }

    /// Where reasoning ends that an assistant has at the start of its content.
    fn reasoning_in_content(&self, index: usize) -> usize {
        let is_answer =
            self.messages.get((self.message_at)(index)).is_some_and(|of| of.role == Role::Assistant);
        let content = self.prepared.content_of_answer(index).filter(|_| is_answer);
        let reasoning = content.and_then(|(text, _)| inline_reasoning(text));
        reasoning.map_or(0, |reasoning| reasoning.end + CLOSE_THINKING.len())
    }

    fn provenance_of(&self, wrote: Wrote) -> Provenance {
        let of = |index: usize, kind| Provenance {
            kind,
            message: number((self.message_at)(index)),
            is_answer: false,
        };
        match wrote {
            Wrote::Template => Provenance::default(),
            Wrote::Content(index) => {
                let role = self.messages.get((self.message_at)(index)).map(|message| message.role);
                of(
                    index,
                    match role {
                        Some(Role::System | Role::Developer) => TextKind::System,
                        Some(Role::Tool) => TextKind::ToolResult,
                        _ => TextKind::Content,
                    },
                )
            }
            Wrote::Reasoning(index) => of(index, TextKind::Reasoning),
            Wrote::Call(index) => of(index, TextKind::ToolCall),
            Wrote::Tools => Provenance { kind: TextKind::Tools, ..Provenance::default() },
            Wrote::Record => Provenance { kind: TextKind::Record, ..Provenance::default() },
        }
    }
}

/// The first writer of some bytes that is not the template, or the template.
fn writer_of(pieces: &[Piece], bytes: &Range<usize>) -> Provenance {
    let first = pieces.partition_point(|piece| piece.end <= bytes.start);
    let until = pieces.partition_point(|piece| piece.end < bytes.end);
    let touched = pieces.get(first..=until.min(pieces.len().saturating_sub(1))).unwrap_or_default();
    let mut writers = touched.iter().map(|piece| piece.provenance);
    writers
        .clone()
        .find(|writer| writer.kind != TextKind::Template)
        .or_else(|| writers.next())
        .unwrap_or_default()
}

impl Default for Provenance {
    /// The template's.
    fn default() -> Self {
        Self { message: NO_MESSAGE, kind: TextKind::Template, is_answer: false }
    }
}

impl Provenance {
    /// The same in an answer that a row trains: what the template wrote there is the message's, too.
    pub fn in_answer(self, message: usize, is_last: bool) -> Self {
        let kind = if is_last { TextKind::Stop } else { self.kind };
        Self { kind, message: number(message), is_answer: true }
    }

    /// The same where no answer is trained.
    pub fn in_context(self) -> Self {
        match self.kind {
            TextKind::Template | TextKind::Stop => Self::default(),
            _ => Self { is_answer: false, ..self },
        }
    }
}

/// A conversation has far fewer messages than 2^31.
fn number(message: usize) -> i32 {
    i32::try_from(message).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_stands_at_its_number() {
        for (number, (kind, name)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, number, "{name}");
        }
        assert_eq!(TextKind::of_number(u8::MAX), TextKind::Template);
    }
}
