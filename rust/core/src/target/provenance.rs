//! What wrote each token: the template, or which part of which message.
//!
//! In: a text with where its bytes come from, and its ids, of a target or of a whole conversation. Out: for each id the
//! message that it is of, and what of it. Where ids and bytes are known to belong together is used; in between, tokens are
//! walked by their bytes, and only where that fails the text there is encoded again. A token of several writers is the
//! first's that is not the template.

use std::ops::Range;

use everyturn_template::{Source, Span};

use super::encode::Encoded;
use super::render::Rendered;
use super::said::inline_reasoning;
use crate::chat_template::{Prepared, Writer, WrittenBy, Wrote};
use crate::conversation::{CLOSE_THINKING, Message, Role};
use crate::error::Result;
use crate::tokenizer::{Checkpoint, Known, Tokenizer, ranges_from};

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

/// What wrote the tokens of the targets of a conversation, one after the other. Of a target that begins as the one before
/// only the rest is looked at.
#[derive(Default)]
pub struct TokenWriters {
    found: Vec<Provenance>,
    /// So many bytes and ids at the start of the next target are those of the one that this is known of, at least.
    same: Option<Checkpoint>,
}

impl TokenWriters {
    /// The target encoded now has at least its first `text` bytes and `ids` ids in common with the one encoded before.
    pub fn share(&mut self, text: usize, ids: usize) {
        self.same = self.same.map(|same| Checkpoint { text: same.text.min(text), ids: same.ids.min(ids) });
    }

    /// What wrote the tokens of a target, prompt and completion.
    pub fn find(
        &mut self,
        writers: &Writers<'_>,
        rendered: &Rendered<'_>,
        encoded: &Encoded<'_>,
        known: &mut Known,
    ) -> Result<&[Provenance]> {
        let same = self.same.take().unwrap_or(Checkpoint { text: 0, ids: 0 });
        let is_same = |at: &&Checkpoint| at.text <= same.text && at.ids <= same.ids;
        let from = encoded.checkpoints.iter().take_while(is_same).last().copied();
        let from = from.unwrap_or(Checkpoint { text: 0, ids: 0 });
        self.found.truncate(from.ids);
        self.found.extend(writers.of_target(rendered, encoded, from, known)?);
        self.same = Some(Checkpoint { text: usize::MAX, ids: usize::MAX });
        Ok(&self.found)
    }

    /// What wrote the tokens of the last target.
    pub fn found(&self) -> &[Provenance] {
        &self.found
    }
}

impl Writers<'_> {
    /// What wrote the tokens of a target, prompt and completion, from a checkpoint on.
    fn of_target(
        &self,
        rendered: &Rendered<'_>,
        encoded: &Encoded<'_>,
        from: Checkpoint,
        known: &mut Known,
    ) -> Result<Vec<Provenance>> {
        let [head, tail] = rendered.prompt.text().after(from.text).parts();
        let text = [head, tail, &rendered.completion.text].concat();
        let moved = |at: &Checkpoint| Checkpoint { text: at.text - from.text, ids: at.ids - from.ids };
        let first = encoded.checkpoints.partition_point(|at| at.ids <= from.ids);
        let mut checkpoints: Vec<_> = encoded.checkpoints[first..].iter().map(moved).collect();
        let border = Checkpoint { text: rendered.prompt.text().len(), ids: encoded.prompt };
        let continuation = encoded.border_merged.then(|| moved(&border));
        checkpoints.extend(continuation);
        let plain = &rendered.plain[rendered.plain.partition_point(|token| token.end <= from.text)..];
        let tokenized = Tokenized {
            text: &text,
            ids: &encoded.ids[from.ids..],
            checkpoints: &checkpoints,
            plain: &ranges_from(plain, from.text),
            continuation: continuation.map(|border| border.text),
        };
        self.of_tokens(rendered.spans_from(from.text), &tokenized, known)
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
            let bytes = from.text..to.text;
            if let Some(provenance) = pieces.only_writer(&bytes) {
                found.resize(to.ids, provenance);
            } else {
                let places = self.places(of, &bytes, &of.ids[from.ids..to.ids], known)?;
                let places = places.into_iter().map(|at| at.start + from.text..at.end + from.text);
                found.extend(places.map(|bytes| pieces.first_writer(&bytes).unwrap_or_default()));
            }
            from = *to;
        }
        Ok(found)
    }

    /// The bytes of each token between two checkpoints. Encoding the text again always tells.
    fn places(
        &self,
        of: &Tokenized<'_>,
        bytes: &Range<usize>,
        ids: &[i32],
        known: &mut Known,
    ) -> Result<Vec<Range<usize>>> {
        let text = &of.text[bytes.clone()];
        if let Some(places) = self.tokenizer.token_bytes().walk(text, ids) {
            return Ok(places);
        }
        let first = of.plain.partition_point(|token| token.end <= bytes.start);
        let until = of.plain.partition_point(|token| token.start < bytes.end);
        let plain = ranges_from(of.plain.get(first..until).unwrap_or_default(), bytes.start);
        let continuation = of.continuation.filter(|border| *border == bytes.start).map(|_| 0);
        let encoding = self.tokenizer.encode_with_offsets(text, &plain, continuation, known)?;
        Ok(encoding.with_ids(ids)?.bytes)
    }

    fn pieces(&self, spans: impl Iterator<Item = Span>, length: usize) -> WrittenBy<Provenance> {
        let mut pieces = WrittenBy::default();
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
                    pieces.push(start + inside, Provenance { kind: TextKind::Reasoning, ..provenance });
                }
                if inside == at - start {
                    provenance.kind = TextKind::Reasoning;
                }
            }
            pieces.push(at, provenance);
        }
        if at < length {
            pieces.push(length, Provenance::default());
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

impl Writer for Provenance {
    fn is_template(self) -> bool {
        self.kind == TextKind::Template
    }
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
