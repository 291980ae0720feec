//! The ids of texts that were encoded before.
//!
//! Bounded: what was not looked up since the last clearing but one is forgotten.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::Tokenizer;
use crate::error::Result;

/// Bytes of texts and ids that each of the two halves may hold.
const HALF_BYTES: usize = 8 << 20;
/// Longer texts seldom come twice, except those that the incremental encoding keeps.
const MAX_TEXT: usize = 64 << 10;

/// What one thread remembers of the segments that it has encoded.
#[derive(Default)]
pub struct SegmentCache {
    recognised: Memo,
    /// Those that come after plain text.
    continued: Memo,
    /// Those in which added tokens are plain text.
    plain: Memo,
}

impl SegmentCache {
    /// Appends the ids of these bytes of a text, without tokens to cut at; what is in the ranges `plain` of the text
    /// is plain text, and encoded apart from the rest.
    pub fn encode(
        &mut self,
        tokenizer: &Tokenizer,
        text: &str,
        bytes: Range<usize>,
        plain: &[Range<usize>],
        ids: &mut Vec<i32>,
    ) -> Result<()> {
        let mut from = bytes.start;
        for range in plain {
            let between = &text[from..range.start];
            if from == bytes.start {
                self.encode_recognised(tokenizer, between, ids)?;
            } else {
                self.encode_continued(tokenizer, between, ids)?;
            }
            self.encode_plain(tokenizer, &text[range.clone()], ids)?;
            from = range.end;
        }
        let rest = &text[from..bytes.end];
        if plain.is_empty() {
            self.encode_recognised(tokenizer, rest, ids)
        } else {
            self.encode_continued(tokenizer, rest, ids)
        }
    }

    fn encode_recognised(&mut self, tokenizer: &Tokenizer, segment: &str, ids: &mut Vec<i32>) -> Result<()> {
        self.recognised.get_or_encode(segment, ids, |ids| tokenizer.encode_segment(segment, ids))
    }

    fn encode_continued(&mut self, tokenizer: &Tokenizer, segment: &str, ids: &mut Vec<i32>) -> Result<()> {
        let encode = |text: &str, ids: &mut Vec<i32>| tokenizer.encode_segment(text, ids);
        self.continued.get_or_encode(segment, ids, |ids| tokenizer.after_line_break(segment, ids, encode))
    }

    fn encode_plain(&mut self, tokenizer: &Tokenizer, segment: &str, ids: &mut Vec<i32>) -> Result<()> {
        let encode = |text: &str, ids: &mut Vec<i32>| tokenizer.encode_plain(text, ids);
        self.plain.get_or_encode(segment, ids, |ids| tokenizer.after_line_break(segment, ids, encode))
    }
}

#[derive(Default)]
struct Memo {
    young: Half,
    old: Half,
    bytes: usize,
}

type Half = HashMap<Box<str>, Box<[i32]>, BuildHasherDefault<Xxh3Hasher>>;

impl Memo {
    /// Appends the ids of a text, which `encode` appends where they are not known.
    pub fn get_or_encode(
        &mut self,
        text: &str,
        ids: &mut Vec<i32>,
        encode: impl FnOnce(&mut Vec<i32>) -> Result<()>,
    ) -> Result<()> {
        if text.is_empty() || self.get(text, ids) {
            return Ok(());
        }
        let start = ids.len();
        encode(ids)?;
        self.insert(text, &ids[start..]);
        Ok(())
    }

    /// Appends the ids of a text, if they are known.
    fn get(&mut self, text: &str, ids: &mut Vec<i32>) -> bool {
        if let Some(known) = self.young.get(text) {
            ids.extend_from_slice(known);
            return true;
        }
        let Some((text, known)) = self.old.remove_entry(text) else { return false };
        ids.extend_from_slice(&known);
        self.keep(text, known);
        true
    }

    fn insert(&mut self, text: &str, ids: &[i32]) {
        if text.len() <= MAX_TEXT {
            self.keep(text.into(), ids.into());
        }
    }

    fn keep(&mut self, text: Box<str>, ids: Box<[i32]>) {
        self.bytes += text.len() + size_of_val(&*ids) + size_of::<(Box<str>, Box<[i32]>)>();
        self.young.insert(text, ids);
        if self.bytes > HALF_BYTES {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.bytes = 0;
        }
    }
}

/// xxh3 of all that is written.
#[derive(Default)]
struct Xxh3Hasher(u64);

impl Hasher for Xxh3Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }

    /// What ends a `str`, so that no text runs into the next one: there is only one.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_kept_and_the_rest_forgotten() {
        let mut memo = Memo::default();
        memo.insert("kept", &[1, 2]);
        let long = "x".repeat(MAX_TEXT);
        for i in 0..400 {
            memo.insert(&format!("{i}{}", &long[..MAX_TEXT - 3]), &[i]);
            let mut ids = Vec::new();
            assert!(memo.get("kept", &mut ids));
            assert_eq!(ids, [1, 2]);
        }
        assert!(!memo.get(&format!("0{}", &long[..MAX_TEXT - 3]), &mut Vec::new()));
        let held: usize = memo.young.keys().chain(memo.old.keys()).map(|text| text.len()).sum();
        assert!(held <= 2 * HALF_BYTES + MAX_TEXT);
    }
}
