//! A model's tokenizer: text to ids as the `tokenizers` library gives them, never with special tokens added.
//!
//! In: the bytes of `tokenizer.json`. Out: ids of a text, ids of a text that continues another, text of ids, and the
//! control tokens. The template writes every special token itself, so none is added here.

mod continuation;
mod control_tokens;

use std::ops::Range;

use tokenizers::Tokenizer as HfTokenizer;
use tokenizers::models::ModelWrapper;

pub use control_tokens::ControlTokens;

use crate::error::{Error, ErrorKind, Result};

pub struct Tokenizer {
    whole: HfTokenizer,
    /// The same without the word-start prefix; `None` where the tokenizer puts none.
    unprefixed: Option<HfTokenizer>,
    control_tokens: ControlTokens,
}

/// The ids of a text with the bytes each came from.
pub struct Encoding {
    pub ids: Vec<i32>,
    pub bytes: Vec<Range<usize>>,
}

impl Tokenizer {
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
        Ok(Self {
            unprefixed: continuation::unprefixed(&whole).map_err(|cause| error(&cause))?,
            control_tokens: ControlTokens::of(&whole)?,
            whole,
        })
    }

    pub fn control_tokens(&self) -> &ControlTokens {
        &self.control_tokens
    }

    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.whole.token_to_id(token)
    }

    /// The ids of a text.
    pub fn encode(&self, text: &str) -> Result<Vec<i32>> {
        let encoding = self.whole.encode_fast(text, false).map_err(|cause| encode_error(&*cause))?;
        Ok(signed(encoding.get_ids()))
    }

    /// The ids that other programs get who let the tokenizer add its special tokens to what a template wrote.
    pub fn encode_with_special_tokens(&self, text: &str) -> Result<Vec<i32>> {
        let encoding = self.whole.encode_fast(text, true).map_err(|cause| encode_error(&*cause))?;
        Ok(signed(encoding.get_ids()))
    }

    /// The ids of a text, and for each the bytes of the text it stands for.
    pub fn encode_with_bytes(&self, text: &str) -> Result<Encoding> {
        let encoding = self.whole.encode(text, false).map_err(|cause| encode_error(&*cause))?;
        Ok(Encoding {
            ids: signed(encoding.get_ids()),
            bytes: encoding.get_offsets().iter().map(|(start, end)| *start..*end).collect(),
        })
    }

    /// The ids of a text that continues another one: no word-start prefix is put before it.
    ///
    /// Up to the first control token the text is encoded without the prefix; from there on as ever, because the
    /// tokenizer starts anew behind a control token wherever it stands.
    pub fn encode_continuation(&self, text: &str) -> Result<Vec<i32>> {
        let Some(unprefixed) = &self.unprefixed else {
            return self.encode(text);
        };
        let whole = self.encode_with_bytes(text)?;
        let control = whole.ids.iter().position(|id| self.control_tokens.contains_id(*id));
        let split = control.map_or(text.len(), |i| whole.bytes[i].start);
        let head = unprefixed.encode_fast(&text[..split], false).map_err(|cause| encode_error(&*cause))?;
        let mut ids = signed(head.get_ids());
        if let Some(control) = control {
            ids.extend_from_slice(&whole.ids[control..]);
        }
        Ok(ids)
    }

    /// The text of ids, control tokens included.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.whole.decode(ids, false).map_err(|cause| encode_error(&*cause))
    }
}

fn encode_error(cause: &(dyn std::error::Error + Send + Sync)) -> Error {
    Error::new(ErrorKind::Encode, format!("the tokenizer failed: {cause}"))
}

/// Ids are below 2^31: `from_bytes` has checked the vocabulary.
fn signed(ids: &[u32]) -> Vec<i32> {
    ids.iter().map(|id| id.cast_signed()).collect()
}
