//! The ids of a text with the bytes that each encodes.
//!
//! In: a text that was encoded, which ranges of it are plain text, and where its completion was encoded
//! alone. Out: the same ids, each with its offsets in the text. It encodes with the library, which is slow where it gives
//! offsets: for inspecting samples, not for making them. Where samples are made, only how many tokens start before a byte
//! is asked for, which mostly takes no offsets.

use std::collections::HashMap;
use std::ops::Range;

use super::continuation::Unprefixed;
use super::control_tokens::PlainRanges;
use super::{Checkpoint, Encoding, LINE_BREAK, Tokenizer, ranges_from};
use crate::error::Result;

/// The segments of texts that were encoded before: those of a conversation have most of them in common.
#[derive(Default)]
pub struct Known(HashMap<Box<str>, Encoding>);

impl Tokenizer {
    /// The ids of a text; what starts at the byte `continuation` is encoded as what continues the rest.
    pub fn encode_with_offsets(
        &self,
        text: &str,
        plain: &[Range<usize>],
        continuation: Option<usize>,
        known: &mut Known,
    ) -> Result<Encoding> {
        let Some(border) = continuation else { return self.encode_known(text, plain, known) };
        let (prompt, completion) = text.split_at(border);
        let of_prompt = &plain[..plain.partition_point(|range| range.end <= border)];
        let of_completion = &plain[plain.partition_point(|range| range.start < border)..];
        let of_completion = ranges_from(of_completion, border);
        let mut encoding = self.encode_known(prompt, of_prompt, known)?;
        encoding.append(self.encode_continuation_with_bytes(completion, &of_completion)?, border);
        Ok(encoding)
    }

    /// How many tokens of a text start before a byte. `ids` and `checkpoints` are those of the text.
    pub fn tokens_before(
        &self,
        byte: usize,
        text: &str,
        ids: &[i32],
        checkpoints: &[Checkpoint],
    ) -> Result<usize> {
        let next = checkpoints.partition_point(|cut| cut.text <= byte);
        let from = next.checked_sub(1).map_or(Checkpoint { text: 0, ids: 0 }, |last| checkpoints[last]);
        let found = self.cutter.next(text, from.text);
        // After a cut there is a checkpoint, or nothing, and before that the id of its token.
        let end = checkpoints.get(next).map_or(ids.len(), |after| after.ids) - usize::from(found.is_some());
        let cut = found.map_or(text.len(), |cut| cut.start);
        if byte <= from.text {
            return Ok(from.ids);
        }
        if byte >= cut {
            return Ok(end + usize::from(byte > cut));
        }
        let (segment, border) = (&text[from.text..cut], byte - from.text);
        let mut parts = Vec::with_capacity(end - from.ids);
        self.encode_segment(&segment[..border], &mut parts)?;
        let before = parts.len();
        self.encode_segment(&segment[border..], &mut parts)?;
        if parts == ids[from.ids..end] {
            return Ok(from.ids + before);
        }
        // A token reaches over the border, or a word starts there otherwise.
        let encoding = self.encode_with_bytes(segment)?.with_ids(&ids[from.ids..end])?;
        Ok(from.ids + encoding.bytes.partition_point(|token| token.start < border))
    }

    /// The ids of a text, segment by segment; what is in the ranges `plain` is plain text.
    fn encode_known(&self, text: &str, plain: &[Range<usize>], known: &mut Known) -> Result<Encoding> {
        let (mut whole, mut from) = (Encoding::default(), 0);
        let (mut of_cuts, mut of_text) = (PlainRanges::new(plain), PlainRanges::new(plain));
        let mut segment = |bytes: Range<usize>, whole: &mut Encoding| match of_text.touching(&bytes) {
            [] => self.add_segment(&text[bytes.clone()], bytes.start, known, whole),
            plain => {
                let plain = ranges_from(plain, bytes.start);
                whole.append(self.literal_with_bytes(&text[bytes.clone()], &plain, false)?, bytes.start);
                Ok(())
            }
        };
        while let Some(cut) = self.cutter.next_outside(text, from, &mut of_cuts) {
            segment(from..cut.start, &mut whole)?;
            whole.ids.push(cut.id);
            whole.bytes.push(cut.start..cut.end);
            from = cut.end;
        }
        segment(from..text.len(), &mut whole)?;
        Ok(whole)
    }

    fn add_segment(&self, segment: &str, at: usize, known: &mut Known, whole: &mut Encoding) -> Result<()> {
        if segment.is_empty() {
            return Ok(());
        }
        if !known.0.contains_key(segment) {
            known.0.insert(segment.into(), self.encode_with_bytes(segment)?);
        }
        if let Some(encoding) = known.0.get(segment) {
            whole.append(encoding.clone(), at);
        }
        Ok(())
    }

    /// As `encode_continuation`.
    pub(super) fn encode_continuation_with_bytes(
        &self,
        text: &str,
        plain: &[Range<usize>],
    ) -> Result<Encoding> {
        if !plain.is_empty() {
            return self.literal_with_bytes(text, plain, true);
        }
        let Some(Unprefixed { library, is_for_words }) = &self.unprefixed else {
            return self.encode_with_bytes(text);
        };
        let mut rest = self.encode_with_bytes(text)?;
        let added = rest.ids.iter().position(|id| self.added_ids.contains(&id.cast_unsigned()));
        let mut split = added.map_or(text.len(), |at| rest.bytes[at].start);
        if let (true, Some(space)) = (is_for_words, text[..split].find(char::is_whitespace)) {
            split = space;
        }
        // No token reaches over the split.
        let at = rest.bytes.partition_point(|bytes| bytes.start < split);
        let mut head = Encoding::of(library, &text[..split])?;
        head.append(Encoding { ids: rest.ids.split_off(at), bytes: rest.bytes.split_off(at) }, 0);
        Ok(head)
    }

    /// The ids of a text in which these ranges are plain text; `continues`: other text comes before it.
    fn literal_with_bytes(&self, text: &str, plain: &[Range<usize>], continues: bool) -> Result<Encoding> {
        let (mut whole, mut from) = (Encoding::default(), 0);
        let recognised = |text: &str| self.encode_with_bytes(text);
        let literally = |text: &str| self.reference().encode_plain_with_bytes(text);
        for range in plain {
            let between = &text[from..range.start];
            whole.append(
                match (from, continues) {
                    (0, false) => recognised(between),
                    (0, true) => self.encode_continuation_with_bytes(between, &[]),
                    _ => self.after_line_break_with_bytes(between, recognised),
                }?,
                from,
            );
            let token = self.after_line_break_with_bytes(&text[range.clone()], literally)?;
            whole.append(token, range.start);
            from = range.end;
        }
        whole.append(self.after_line_break_with_bytes(&text[from..], recognised)?, from);
        Ok(whole)
    }

    /// As `after_line_break`.
    fn after_line_break_with_bytes(
        &self,
        text: &str,
        encode: impl Fn(&str) -> Result<Encoding>,
    ) -> Result<Encoding> {
        if text.is_empty() {
            return Ok(Encoding::default());
        }
        let mut encoding = encode(&format!("{LINE_BREAK}{text}"))?;
        if !encoding.ids.starts_with(&self.line_break) {
            return encode(text);
        }
        encoding.ids.drain(..self.line_break.len());
        encoding.bytes.drain(..self.line_break.len());
        for bytes in &mut encoding.bytes {
            *bytes = bytes.start.saturating_sub(LINE_BREAK.len())..bytes.end.saturating_sub(LINE_BREAK.len());
        }
        Ok(encoding)
    }
}

impl Encoding {
    /// Adds the ids of a text that starts at this byte.
    fn append(&mut self, more: Self, at: usize) {
        self.ids.extend(more.ids);
        self.bytes.extend(more.bytes.into_iter().map(|bytes| bytes.start + at..bytes.end + at));
    }
}
