//! Added tokens as the `tokenizers` library itself finds them in a text.
//!
//! In: the added tokens of a tokenizer. Out: where they are in a text, where that takes more than comparing bytes: some
//! match only after the normalizer, or only as a word of their own. It is slower than a search for their bytes by far.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use tokenizers::models::bpe::BPE;
use tokenizers::{AddedToken, OffsetReferential, OffsetType, Tokenizer as HfTokenizer};

use crate::error::{Error, ErrorKind, Result};

pub(super) struct Extraction {
    /// The tokens and the normalizer, and a model that knows nothing.
    library: HfTokenizer,
    /// The place of a token among those that were given, by its id here.
    places: HashMap<u32, usize>,
    /// The normalizer leaves ASCII as it is.
    keeps_ascii: bool,
}

/// Normalizers that change nothing in an ASCII text.
const UNICODE_FORMS: [&str; 4] = ["NFC", "NFD", "NFKC", "NFKD"];

impl Extraction {
    /// `None`: a token is wherever its bytes are.
    pub fn of(tokenizer: &HfTokenizer, added: &[(u32, AddedToken)]) -> Result<Option<Self>> {
        let are_words = added.iter().any(|(_, token)| token.single_word);
        let are_normalized = added.iter().any(|(_, token)| token.normalized);
        let normalizer = serde_json::to_value(tokenizer.get_normalizer()).map_err(unsearchable)?;
        let mut types = Vec::new();
        normalizers(&normalizer, &mut types);
        if !are_words && (!are_normalized || types.is_empty()) {
            return Ok(None);
        }
        let mut library = HfTokenizer::new(BPE::default());
        library.with_normalizer(tokenizer.get_normalizer().cloned()).map_err(unsearchable)?;
        let tokens = added.iter().map(|(_, token)| token.clone());
        library.add_tokens(tokens).map_err(unsearchable)?;
        let place = |(place, (_, token)): (usize, &(u32, AddedToken))| {
            library.token_to_id(&token.content).map(|id| (id, place))
        };
        let places = added.iter().enumerate().filter_map(place).collect();
        let keeps_ascii = !are_words && types.iter().all(|kind| UNICODE_FORMS.contains(kind));
        Ok(Some(Self { library, places, keeps_ascii }))
    }

    /// Whether a text may hold other tokens than those whose bytes are in it.
    pub fn is_needed(&self, text: &str) -> bool {
        !(self.keeps_ascii && text.is_ascii())
    }

    /// The tokens in a text with their places among those that were given, in order, without white space that they
    /// take with them.
    pub fn find(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let added = self.library.get_added_vocabulary();
        let pieces = added.extract_and_normalize(self.library.get_normalizer(), text);
        let pieces = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte).into_iter();
        let found = pieces.filter_map(|(_, (start, end), tokens)| {
            let place = *self.places.get(&tokens.as_ref()?.first()?.id)?;
            let piece = text.get(start..end)?;
            let start = start + (piece.len() - piece.trim_start().len());
            Some((start..start + piece.trim().len(), place))
        });
        found.collect()
    }
}

pub(super) fn unsearchable(cause: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Model,
        format!("tokenizer.json has added tokens that cannot be searched for: {cause}"),
    )
}

/// The types of the normalizers in a normalizer's JSON form.
fn normalizers<'j>(part: &'j serde_json::Value, types: &mut Vec<&'j str>) {
    match part.get("normalizers").and_then(serde_json::Value::as_array) {
        Some(inner) => inner.iter().for_each(|inner| normalizers(inner, types)),
        None => types.extend(part.get("type").and_then(serde_json::Value::as_str)),
    }
}
