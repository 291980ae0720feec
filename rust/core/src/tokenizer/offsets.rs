//! The ids of a text with the bytes that each encodes.
//!
//! In: a text that was encoded, which of the control tokens in it are plain text, and where its completion was encoded
//! alone. Out: the same ids, each with its offsets in the text. It encodes with the library, which is slow where it gives
//! offsets: for inspecting samples, not for making them.

use std::collections::HashMap;
use std::ops::Range;

use tokenizers::Tokenizer as HfTokenizer;

use super::control_tokens::{Part, PlainRanges};
use super::{Encoding, Tokenizer, ranges_from};
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

    /// The ids of a text, segment by segment; the control tokens in the ranges `plain` are plain text.
    fn encode_known(&self, text: &str, plain: &[Range<usize>], known: &mut Known) -> Result<Encoding> {
        let (mut whole, mut from) = (Encoding::default(), 0);
        let (mut of_cuts, mut of_text) = (PlainRanges::new(plain), PlainRanges::new(plain));
        let library = self.reference().library();
        let mut segment = |bytes: Range<usize>, whole: &mut Encoding| match of_text.touching(&bytes) {
            [] => self.add_segment(&text[bytes.clone()], bytes.start, known, whole),
            plain => {
                let plain = ranges_from(plain, bytes.start);
                whole.append(self.literal_with_bytes(&text[bytes.clone()], &plain, library)?, bytes.start);
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
        let unprefixed = self.unprefixed.as_ref().unwrap_or(self.reference().library());
        if !plain.is_empty() {
            return self.literal_with_bytes(text, plain, unprefixed);
        }
        let mut whole = self.encode_with_bytes(text)?;
        let control = whole.ids.iter().position(|id| self.control_tokens().contains_id(*id));
        let split = control.map_or(text.len(), |at| whole.bytes[at].start);
        let mut head = Encoding::of(unprefixed, &text[..split])?;
        if let Some(control) = control {
            head.append(
                Encoding { ids: whole.ids.split_off(control), bytes: whole.bytes.split_off(control) },
                0,
            );
        }
        Ok(head)
    }

    /// The ids of a text in which some control tokens are plain text; `first` encodes what comes before the first that
    /// is none.
    fn literal_with_bytes(
        &self,
        text: &str,
        plain: &[Range<usize>],
        first: &HfTokenizer,
    ) -> Result<Encoding> {
        let (mut whole, mut library) = (Encoding::default(), first);
        for part in self.control_tokens().parts(text, plain) {
            match part {
                Part::Control { id, bytes } => {
                    whole.ids.push(id);
                    whole.bytes.push(bytes);
                }
                Part::Text { bytes, .. } if bytes.is_empty() => {}
                Part::Text { bytes, is_plain } => {
                    let text = &text[bytes.clone()];
                    let encoding = if is_plain {
                        self.reference().encode_plain_with_bytes(library, text)?
                    } else {
                        Encoding::of(library, text)?
                    };
                    whole.append(encoding, bytes.start);
                }
            }
            library = self.reference().library();
        }
        Ok(whole)
    }
}

impl Encoding {
    /// Adds the ids of a text that starts at this byte.
    fn append(&mut self, more: Self, at: usize) {
        self.ids.extend(more.ids);
        self.bytes.extend(more.bytes.into_iter().map(|bytes| bytes.start + at..bytes.end + at));
    }
}
