//! A text and its ids, written on from some place again and again.
//!
//! In: texts that mostly begin as the one before did. Out: the ids of each, exactly as of the whole text. Only what
//! stands behind the last place to cut at in the common beginning is encoded.

use super::{SegmentCache, Tokenizer};
use crate::error::Result;
use crate::prompt_text::PromptText;

#[derive(Default)]
pub struct IncrementalEncoding {
    text: String,
    ids: Vec<i32>,
    cuts: Vec<Checkpoint>,
}

/// Right behind a token that the text is cut at.
#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    text: usize,
    ids: usize,
}

impl IncrementalEncoding {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn ids(&self) -> &[i32] {
        &self.ids
    }

    /// The ids behind the last place to cut at: they may change when the text goes on.
    pub fn tail(&self) -> &[i32] {
        &self.ids[self.cuts.last().map_or(0, |cut| cut.ids)..]
    }

    /// Lets the text be its first `shared` bytes and then `rest`. Returns how many of the ids are still those from
    /// before, at least.
    pub fn write(
        &mut self,
        shared: usize,
        rest: PromptText<'_>,
        tokenizer: &Tokenizer,
        segments: &mut SegmentCache,
    ) -> Result<usize> {
        self.cuts.truncate(self.cuts.partition_point(|cut| cut.text <= shared));
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

    fn encode(&mut self, mut from: usize, tokenizer: &Tokenizer, segments: &mut SegmentCache) -> Result<()> {
        while let Some(cut) = tokenizer.cutter().next(&self.text, from) {
            segments.encode(tokenizer, &self.text[from..cut.start], &mut self.ids)?;
            self.ids.push(cut.id);
            self.cuts.push(Checkpoint { text: cut.end, ids: self.ids.len() });
            from = cut.end;
        }
        segments.encode(tokenizer, &self.text[from..], &mut self.ids)
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.ids.clear();
        self.cuts.clear();
    }
}
