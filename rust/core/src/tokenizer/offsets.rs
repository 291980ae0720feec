//! The ids of a target with the bytes that each stands for.
//!
//! In: prompt and completion, and which of the control tokens in them are plain text. Out: the ids exactly as `encode`
//! gives them, each with its place in prompt and completion together. It encodes with the library, which is slow where
//! it tells places: for those who look at samples, not for those who make them.

use std::collections::HashMap;
use std::ops::Range;

use super::control_tokens::Part;
use super::{Encoding, Tokenizer};
use crate::error::Result;

/// The pieces of texts that were encoded before: those of a conversation have most of them in common.
#[derive(Default)]
pub struct Known(HashMap<Box<str>, Encoding>);

impl Tokenizer {
    /// The ids of a target, with their bytes.
    pub fn encode_target_with_bytes(
        &self,
        prompt: &str,
        completion: &str,
        plain: &[Range<usize>],
        known: &mut Known,
    ) -> Result<Encoding> {
        let whole = prompt.to_owned() + completion;
        if !plain.is_empty() {
            return self.literal_with_bytes(&whole, plain);
        }
        let whole = self.encode_known(&whole, known)?;
        let mut alone = self.encode_known(prompt, known)?;
        if whole.ids.starts_with(&alone.ids) {
            return Ok(whole);
        }
        alone.append(self.continuation_with_bytes(completion)?, prompt.len());
        Ok(alone)
    }

    /// The ids of a text, piece by piece.
    pub fn encode_known(&self, text: &str, known: &mut Known) -> Result<Encoding> {
        let (mut whole, mut from) = (Encoding::default(), 0);
        while let Some(cut) = self.cutter.next(text, from) {
            self.add_piece(&text[from..cut.start], from, known, &mut whole)?;
            whole.ids.push(cut.id);
            whole.bytes.push(cut.start..cut.end);
            from = cut.end;
        }
        self.add_piece(&text[from..], from, known, &mut whole)?;
        Ok(whole)
    }

    fn add_piece(&self, piece: &str, at: usize, known: &mut Known, whole: &mut Encoding) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        if !known.0.contains_key(piece) {
            known.0.insert(piece.into(), self.encode_with_bytes(piece)?);
        }
        if let Some(encoding) = known.0.get(piece) {
            whole.append(encoding.clone(), at);
        }
        Ok(())
    }

    /// As `encode_continuation`.
    fn continuation_with_bytes(&self, text: &str) -> Result<Encoding> {
        let mut whole = self.encode_with_bytes(text)?;
        let Some(unprefixed) = &self.unprefixed else {
            return Ok(whole);
        };
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

    /// As `encode_literal`.
    fn literal_with_bytes(&self, text: &str, plain: &[Range<usize>]) -> Result<Encoding> {
        let mut whole = Encoding::default();
        for part in self.control_tokens().parts(text, plain) {
            match part {
                Part::Control { id, bytes } => {
                    whole.ids.push(id);
                    whole.bytes.push(bytes);
                }
                Part::Text { bytes, .. } if bytes.is_empty() => {}
                Part::Text { bytes, is_plain: true } => {
                    let encoding = self.reference().encode_plain_with_bytes(&text[bytes.clone()])?;
                    whole.append(encoding, bytes.start);
                }
                Part::Text { bytes, .. } => {
                    whole.append(self.encode_with_bytes(&text[bytes.clone()])?, bytes.start);
                }
            }
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
