//! A text and its ids, rewritten from some offset on again and again.
//!
//! In: texts that mostly begin as the one before did, and which parts of them are plain text. Out: the ids of
//! each, exactly as of the whole text. Only what comes after the last offset to cut at in the common prefix is
//! encoded.

use std::ops::Range;

use super::control_tokens::PlainRanges;
use super::{SegmentCache, Tokenizer};
use crate::error::Result;
use crate::prompt_text::{PromptText, common_items};

#[derive(Default)]
pub struct IncrementalEncoding {
    text: String,
    /// The ranges of the text that are plain text.
    plain: Vec<Range<usize>>,
    ids: Vec<i32>,
    cuts: Vec<Checkpoint>,
}

/// Right after a token that the text is cut at: the ids before it are those of the bytes before it, whatever follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    pub text: usize,
    pub ids: usize,
}

impl IncrementalEncoding {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn ids(&self) -> &[i32] {
        &self.ids
    }

    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.cuts
    }

    /// The ids after the last offset to cut at: they may change when the text continues.
    pub fn tail(&self) -> &[i32] {
        &self.ids[self.cuts.last().map_or(0, |cut| cut.ids)..]
    }

    /// Lets the text be its first `shared` bytes and then `rest`; what is in the ranges `plain`, which are in
    /// order, is plain text. Returns how many of the ids are still those from before, at least.
    pub fn write(
        &mut self,
        shared: usize,
        rest: PromptText<'_>,
        plain: &[Range<usize>],
        tokenizer: &Tokenizer,
        segments: &mut SegmentCache,
    ) -> Result<usize> {
        let same = self.keep_plain(plain).min(shared);
        self.keep_cuts(same, tokenizer);
        let from = self.cuts.last().copied().unwrap_or(Checkpoint { text: 0, ids: 0 });
        self.text.truncate(shared);
        rest.parts().into_iter().for_each(|part| self.text.push_str(part));
        self.ids.truncate(from.ids);
        let done = self.encode(from.text, tokenizer, segments);
        if done.is_err() {
            self.clear();
        }
        done.map(|()| from.ids)
    }

    /// Takes over which ranges are plain text. Returns the first byte of one that is so in one text only.
    fn keep_plain(&mut self, plain: &[Range<usize>]) -> usize {
        let same = common_items(&self.plain, plain);
        let next =
            [&*self.plain, plain].map(|ranges| ranges.get(same).map_or(usize::MAX, |range| range.start));
        self.plain.truncate(same);
        self.plain.extend_from_slice(&plain[same..]);
        next[0].min(next[1])
    }

    /// Takes over the checkpoints in the first `same` bytes. A token that takes the white space after it may take more
    /// where other text follows.
    fn keep_cuts(&mut self, same: usize, tokenizer: &Tokenizer) {
        self.cuts.truncate(self.cuts.partition_point(|cut| cut.text <= same));
        let takes_more = |cut: &Checkpoint| {
            cut.text == same && tokenizer.cutter().takes_space_after(self.ids[cut.ids - 1])
        };
        if self.cuts.last().is_some_and(takes_more) {
            self.cuts.pop();
        }
    }

    fn encode(&mut self, mut from: usize, tokenizer: &Tokenizer, segments: &mut SegmentCache) -> Result<()> {
        let plain = &self.plain[self.plain.partition_point(|range| range.end <= from)..];
        let (mut of_cuts, mut of_text) = (PlainRanges::new(plain), PlainRanges::new(plain));
        let mut segment = |bytes: Range<usize>, ids: &mut Vec<i32>| {
            let plain = of_text.touching(&bytes);
            segments.encode(tokenizer, &self.text, bytes, plain, ids)
        };
        while let Some(cut) = tokenizer.cutter().next_outside(&self.text, from, &mut of_cuts) {
            segment(from..cut.start, &mut self.ids)?;
            self.ids.push(cut.id);
            if !cut.is_open {
                self.cuts.push(Checkpoint { text: cut.end, ids: self.ids.len() });
            }
            from = cut.end;
        }
        segment(from..self.text.len(), &mut self.ids)
    }

    /// The bytes that its largest part may hold.
    pub fn capacity(&self) -> usize {
        let lists = [
            self.plain.capacity() * size_of::<Range<usize>>(),
            self.ids.capacity() * size_of::<i32>(),
            self.cuts.capacity() * size_of::<Checkpoint>(),
        ];
        lists.into_iter().fold(self.text.capacity(), usize::max)
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.plain.clear();
        self.ids.clear();
        self.cuts.clear();
    }
}
