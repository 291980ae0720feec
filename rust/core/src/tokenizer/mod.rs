//! A model's tokenizer: text to ids as the `tokenizers` library gives them, never with special tokens added.
//!
//! In: the bytes of `tokenizer.json`. Out: ids of a text, ids of a text that continues another, text of ids, and the
//! control tokens. The template writes every special token itself, so none is added here.

mod bounds;
mod continuation;
mod control_tokens;
mod engines;
mod extraction;
mod incremental;
mod long_texts;
mod offsets;
mod rebuilt;
mod segment_cache;
mod segments;
mod swallowed;
mod token_bytes;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use tokenizers::Tokenizer as HfTokenizer;

pub use bounds::MAX_BYTES;
pub use control_tokens::{Candidate, ControlTokens, FoundToken, StopToken};
pub use engines::Encoding;
pub use incremental::{Checkpoint, IncrementalEncoding};
pub use offsets::Known;
pub use rebuilt::{Difference, Parts, difference};
pub use segment_cache::SegmentCache;

use crate::error::{Error, ErrorKind, Result};
use crate::options::{EngineChoice, LimitFactor};
use continuation::Unprefixed;
use engines::{Engines, Loaded, Reference, encode_error};
use long_texts::LongTexts;
use segments::Cutter;
pub use token_bytes::Spelling;
use token_bytes::TokenBytes;

/// What a piece of text is encoded after, so that no word starts with it.
const LINE_BREAK: &str = "\n";

pub struct Tokenizer {
    engines: Engines,
    cutter: Cutter,
    /// The same without the word-start prefix; `None` where the tokenizer puts none.
    unprefixed: Option<Unprefixed>,
    /// Where long texts may be cut in which added tokens are recognised, and those in which they are plain text.
    long_texts: Option<LongTexts>,
    long_plain_texts: Option<LongTexts>,
    /// Those of all added tokens, white space included.
    added_ids: HashSet<u32>,
    /// The ids of a line break.
    line_break: Vec<i32>,
    /// Made when they are first asked for.
    token_bytes: OnceLock<TokenBytes>,
}

impl Tokenizer {
    /// `needs_fast`: so much will be encoded that the fast engine is worth loading now, while the library reads the file.
    pub fn from_bytes(
        json: &[u8],
        engine: EngineChoice,
        needs_fast: bool,
        limits: LimitFactor,
    ) -> Result<Self> {
        bounds::check(json, limits)?;
        let with_fast = match engine {
            EngineChoice::Reference => false,
            EngineChoice::Fast => true,
            EngineChoice::Auto => needs_fast,
        };
        let loaded = Loaded::of(json, with_fast)?;
        let library = loaded.reference.library();
        let unprefixed = continuation::unprefixed(library).map_err(|cause| {
            Error::new(ErrorKind::Model, format!("tokenizer.json cannot be read: {cause}"))
        })?;
        let cutter = Cutter::of(library)?;
        let long_texts = |has_added| {
            let is_cut = unprefixed.as_ref().is_none_or(|unprefixed| !unprefixed.is_for_words);
            is_cut.then(|| LongTexts::of(library, has_added, limits)).flatten()
        };
        let tokenizer = Self {
            long_texts: long_texts(!cutter.covers_all()),
            long_plain_texts: long_texts(false),
            unprefixed,
            added_ids: library.get_added_tokens_decoder().into_keys().collect(),
            line_break: loaded.reference.encode(LINE_BREAK, false)?,
            engines: Engines::new(loaded, json, engine, &cutter),
            cutter,
            token_bytes: OnceLock::new(),
        };
        if engine == EngineChoice::Fast {
            tokenizer.engines.demand_fast(&tokenizer.cutter)?;
        }
        Ok(tokenizer)
    }

    /// Its added tokens, each of which may be a control token of a model.
    pub fn added_tokens(&self) -> Result<ControlTokens> {
        ControlTokens::candidates(self.library())
    }

    /// A description of what encodes.
    pub fn engine(&self) -> String {
        self.engines.describe()
    }

    fn cutter(&self) -> &Cutter {
        &self.cutter
    }

    fn reference(&self) -> &Reference {
        &self.engines.reference
    }

    /// The tokenizer of the `tokenizers` library.
    pub fn library(&self) -> &HfTokenizer {
        self.reference().library()
    }

    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.reference().library().token_to_id(token)
    }

    /// The ids of a text.
    pub fn encode(&self, text: &str) -> Result<Vec<i32>> {
        let (mut ids, mut from) = (Vec::new(), 0);
        while let Some(cut) = self.cutter.next(text, from) {
            self.encode_segment(&text[from..cut.start], &mut ids)?;
            ids.push(cut.id);
            from = cut.end;
        }
        self.encode_segment(&text[from..], &mut ids)?;
        Ok(ids)
    }

    /// Appends the ids of a text without tokens to cut at.
    fn encode_segment(&self, text: &str, ids: &mut Vec<i32>) -> Result<()> {
        let encode = |text: &str, ids: &mut Vec<i32>| self.engines.encode_segment(text, &self.cutter, ids);
        let continuing = |library: &HfTokenizer, text: &str, ids: &mut Vec<i32>| {
            let encoding = library.encode_fast(text, false).map_err(|cause| encode_error(&*cause))?;
            ids.extend(encoding.get_ids().iter().map(|id| id.cast_signed()));
            Ok(())
        };
        self.cut(self.long_texts.as_ref(), text, ids, encode, continuing)
    }

    /// Appends the ids of a text in which added tokens are plain text.
    fn encode_plain(&self, text: &str, ids: &mut Vec<i32>) -> Result<()> {
        let reference = self.reference();
        let encode = |text: &str, ids: &mut Vec<i32>| reference.encode_plain(text, ids);
        let continuing = |library: &HfTokenizer, text: &str, ids: &mut Vec<i32>| {
            reference.encode_plain_with(library, text, ids)
        };
        self.cut(self.long_plain_texts.as_ref(), text, ids, encode, continuing)
    }

    /// Appends the ids of a text, piece by piece if it is long: of its first piece by `encode`, and so of the others
    /// unless the tokenizer puts a prefix before a text.
    fn cut(
        &self,
        long_texts: Option<&LongTexts>,
        text: &str,
        ids: &mut Vec<i32>,
        encode: impl Fn(&str, &mut Vec<i32>) -> Result<()>,
        continuing: impl Fn(&HfTokenizer, &str, &mut Vec<i32>) -> Result<()>,
    ) -> Result<()> {
        let Some(long_texts) = long_texts else { return encode(text, ids) };
        let unprefixed = self.unprefixed.as_ref().map(|unprefixed| &unprefixed.library);
        let library = unprefixed.unwrap_or(self.library());
        let mut from = 0;
        while from < text.len() {
            let end = long_texts.end_of_piece(library, text, from)?.unwrap_or(text.len());
            match unprefixed {
                Some(library) if from > 0 => continuing(library, &text[from..end], ids)?,
                _ => encode(&text[from..end], ids)?,
            }
            from = end;
        }
        Ok(())
    }

    /// The ids that other programs get who let the tokenizer add its special tokens to what a template wrote.
    pub fn encode_with_special_tokens(&self, text: &str) -> Result<Vec<i32>> {
        self.reference().encode(text, true)
    }

    /// The ids of a text, and for each the bytes of the text that it encodes.
    pub fn encode_with_bytes(&self, text: &str) -> Result<Encoding> {
        self.reference().encode_with_bytes(text)
    }

    /// The ids of a text that continues another one: no word-start prefix is put before it. The bytes in the ranges
    /// `plain` are plain text.
    ///
    /// Up to the first added token the text is encoded without the prefix; from there on as usual, because the
    /// tokenizer starts anew after an added token wherever it is.
    pub fn encode_continuation(&self, text: &str, plain: &[Range<usize>]) -> Result<Vec<i32>> {
        if plain.is_empty() && self.unprefixed.is_none() {
            return self.encode(text);
        }
        self.encode_continuation_with_bytes(text, plain).map(|encoding| encoding.ids)
    }

    /// The ids of what comes after other text, without those of the line break that was put before it: what
    /// transformers does with `sanitize_control_tokens`, id for id. `encode` appends the ids of a text.
    fn after_line_break(
        &self,
        text: &str,
        ids: &mut Vec<i32>,
        encode: impl Fn(&str, &mut Vec<i32>) -> Result<()>,
    ) -> Result<()> {
        let start = ids.len();
        encode(&format!("{LINE_BREAK}{text}"), ids)?;
        if ids[start..].starts_with(&self.line_break) {
            ids.drain(start..start + self.line_break.len());
            return Ok(());
        }
        ids.truncate(start);
        encode(text, ids)
    }

    /// The ids of a text as those of its segments, however it may be cut.
    #[cfg(test)]
    pub fn encode_parts(&self, text: &str, plain: &[Range<usize>]) -> Result<Vec<i32>> {
        let mut ids = Vec::new();
        SegmentCache::default().encode(self, text, 0..text.len(), plain, &mut ids)?;
        Ok(ids)
    }

    /// Calls `found` for each control token that a text holds or becomes. Where it may come of other text than its own,
    /// only the ids show it.
    pub fn visit_control_tokens(
        &self,
        text: &str,
        control_tokens: &ControlTokens,
        found: &mut impl FnMut(&Arc<str>),
    ) -> Result<()> {
        if !control_tokens.may_be_disguised() {
            control_tokens.visit(text, found);
            return Ok(());
        }
        let ids = self.encode(text)?.into_iter().filter(|id| control_tokens.is_control(*id));
        ids.filter_map(|id| control_tokens.text_of(id)).for_each(found);
        Ok(())
    }

    /// The bytes that each token stands for.
    pub fn token_bytes(&self) -> &TokenBytes {
        self.token_bytes.get_or_init(|| TokenBytes::of(self.library()))
    }

    /// The text of ids, control tokens included.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.reference().decode(ids)
    }
}

/// Ranges of a text as ranges of what it has from this byte on.
pub(crate) fn ranges_from(ranges: &[Range<usize>], byte: usize) -> Vec<Range<usize>> {
    ranges.iter().map(|range| range.start.saturating_sub(byte)..range.end.saturating_sub(byte)).collect()
}
