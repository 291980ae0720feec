//! The `tokenizers` library: what it gives is what "the ids of a text" means here.

use std::ops::Range;
use std::sync::OnceLock;

use tokenizers::Tokenizer as HfTokenizer;
use tokenizers::models::ModelWrapper;

use super::Engine;
use crate::error::{Error, ErrorKind, Result};

pub struct Reference {
    library: HfTokenizer,
    /// The same without added tokens, made when it is needed.
    plain: OnceLock<HfTokenizer>,
}

/// The ids of a text with the bytes each came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    pub ids: Vec<i32>,
    pub bytes: Vec<Range<usize>>,
}

impl Encoding {
    pub fn of(library: &HfTokenizer, text: &str) -> Result<Self> {
        let encoding = library.encode(text, false).map_err(|cause| encode_error(&*cause))?;
        Ok(Self {
            ids: signed(encoding.get_ids()),
            bytes: encoding.get_offsets().iter().map(|(start, end)| *start..*end).collect(),
        })
    }
}

impl Reference {
    pub const NAME: &str = "tokenizers 0.23.2";

    pub fn from_bytes(json: &[u8]) -> Result<Self> {
        let error = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Model, format!("tokenizer.json cannot be read: {error}"))
        };
        let mut whole = HfTokenizer::from_bytes(json).map_err(|cause| error(&cause))?;
        // Stored truncation and padding would cut or fill samples behind our back.
        whole.with_truncation(None).map_err(|cause| error(&cause))?;
        whole.with_padding(None);
        if let ModelWrapper::BPE(bpe) = whole.get_model()
            && bpe.dropout.is_some_and(|dropout| dropout > 0.0)
        {
            return Err(error(&"BPE dropout makes ids random"));
        }
        if i32::try_from(whole.get_vocab_size(true)).is_err() {
            return Err(error(&"the vocabulary does not fit 32-bit ids"));
        }
        Ok(Self { library: whole, plain: OnceLock::new() })
    }

    pub fn library(&self) -> &HfTokenizer {
        &self.library
    }

    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Vec<i32>> {
        let encoding =
            self.library.encode_fast(text, add_special_tokens).map_err(|cause| encode_error(&*cause))?;
        Ok(signed(encoding.get_ids()))
    }

    /// The library without added tokens.
    fn plain(&self) -> &HfTokenizer {
        self.plain.get_or_init(|| {
            let mut plain = HfTokenizer::new(self.library.get_model().clone());
            // Neither can fail: there are no added tokens to be normalized.
            let _ = plain.with_normalizer(self.library.get_normalizer().cloned());
            plain.with_pre_tokenizer(self.library.get_pre_tokenizer().cloned());
            plain
        })
    }

    /// Appends the ids of a text in which no added token is recognised.
    pub fn encode_plain(&self, text: &str, ids: &mut Vec<i32>) -> Result<()> {
        let encoding = self.plain().encode_fast(text, false).map_err(|cause| encode_error(&*cause))?;
        ids.extend(encoding.get_ids().iter().map(|id| id.cast_signed()));
        Ok(())
    }

    pub fn encode_with_bytes(&self, text: &str) -> Result<Encoding> {
        Encoding::of(&self.library, text)
    }

    pub fn encode_plain_with_bytes(&self, text: &str) -> Result<Encoding> {
        Encoding::of(self.plain(), text)
    }

    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.library.decode(ids, false).map_err(|cause| encode_error(&*cause))
    }
}

impl Engine for Reference {
    fn encode_piece(&self, text: &str, ids: &mut Vec<i32>) -> Result<()> {
        let encoding = self.library.encode_fast(text, false).map_err(|cause| encode_error(&*cause))?;
        ids.extend(encoding.get_ids().iter().map(|id| id.cast_signed()));
        Ok(())
    }
}

pub fn encode_error(cause: &(dyn std::error::Error + Send + Sync)) -> Error {
    Error::new(ErrorKind::Encode, format!("the tokenizer failed: {cause}"))
}

/// Ids are below 2^31: `from_bytes` has checked the vocabulary.
pub fn signed(ids: &[u32]) -> Vec<i32> {
    ids.iter().map(|id| id.cast_signed()).collect()
}
