//! The `tokenizers` library: what it gives is what "the ids of a text" means here.

use std::ops::Range;

use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::BPE;
use tokenizers::{
    AddedVocabulary, DecoderWrapper, Encoding as LibraryEncoding, Model, NormalizerWrapper, OffsetType,
    PostProcessorWrapper, PreTokenizer, PreTokenizerWrapper, Tokenizer as HfTokenizer, TokenizerImpl,
};

use super::Engine;
use crate::error::{Error, ErrorKind, Result};

pub struct Reference {
    library: HfTokenizer,
    plain: Plain,
}

/// The steps of the library's `encode` without its first, which finds added tokens.
struct Plain(AddedVocabulary);

/// The ids of a text with the bytes each came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    pub ids: Vec<i32>,
    pub bytes: Vec<Range<usize>>,
}

impl Encoding {
    pub fn of(library: &HfTokenizer, text: &str) -> Result<Self> {
        let encoding = library.encode(text, false).map_err(|cause| encode_error(&*cause))?;
        Ok(Self::from_library(&encoding))
    }

    /// The offsets are those of these ids only if the text has them again.
    pub fn with_ids(self, ids: &[i32]) -> Result<Self> {
        if self.ids != ids {
            let text =
                "the tokenizer gives a text other ids when it is asked for their offsets; please report it";
            return Err(Error::new(ErrorKind::Internal, text));
        }
        Ok(self)
    }

    fn from_library(encoding: &LibraryEncoding) -> Self {
        Self {
            ids: signed(encoding.get_ids()),
            bytes: encoding.get_offsets().iter().map(|(start, end)| *start..*end).collect(),
        }
    }
}

impl Plain {
    fn encode(&self, library: &HfTokenizer, text: &str, offsets: OffsetType) -> Result<LibraryEncoding> {
        let encode = || {
            let mut words = self.0.extract_and_normalize(library.get_normalizer(), text);
            if let Some(pre_tokenizer) = library.get_pre_tokenizer() {
                pre_tokenizer.pre_tokenize(&mut words)?;
            }
            library.get_model().tokenize_in_pretokenized(&mut words, None)?;
            words.into_encoding(None, 0, offsets)
        };
        encode().map_err(|cause| encode_error(&*cause))
    }
}

impl Reference {
    pub const NAME: &str = "tokenizers 0.23.2";

    pub fn from_bytes(json: &[u8]) -> Result<Self> {
        let error = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Model, format!("tokenizer.json cannot be read: {error}"))
        };
        let mut whole = library_of(json).map_err(|cause| error(&cause))?;
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
        Ok(Self { library: whole, plain: Plain(AddedVocabulary::new()) })
    }

    pub fn library(&self) -> &HfTokenizer {
        &self.library
    }

    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Vec<i32>> {
        let encoding =
            self.library.encode_fast(text, add_special_tokens).map_err(|cause| encode_error(&*cause))?;
        Ok(signed(encoding.get_ids()))
    }

    /// Appends the ids of a text in which no added token is recognised.
    pub fn encode_plain(&self, text: &str, ids: &mut Vec<i32>) -> Result<()> {
        self.encode_plain_with(&self.library, text, ids)
    }

    /// The same by another form of the library's tokenizer.
    pub fn encode_plain_with(&self, library: &HfTokenizer, text: &str, ids: &mut Vec<i32>) -> Result<()> {
        let encoding = self.plain.encode(library, text, OffsetType::None)?;
        ids.extend(encoding.get_ids().iter().map(|id| id.cast_signed()));
        Ok(())
    }

    pub fn encode_with_bytes(&self, text: &str) -> Result<Encoding> {
        Encoding::of(&self.library, text)
    }

    /// The same with their bytes.
    pub fn encode_plain_with_bytes(&self, text: &str) -> Result<Encoding> {
        let encoding = self.plain.encode(&self.library, text, OffsetType::Byte)?;
        Ok(Encoding::from_library(&encoding))
    }

    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.library.decode(ids, false).map_err(|cause| encode_error(&*cause))
    }
}

/// The library's tokenizer of a file. Where a model may be of any kind the library makes two generic forms of the file
/// before its own, which take half of the time; a model that turns out to be BPE is read without them, by the same code.
fn library_of(json: &[u8]) -> tokenizers::Result<HfTokenizer> {
    type OfBpe =
        TokenizerImpl<BPE, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;
    serde_json::from_slice::<OfBpe>(json).map_or_else(|_| HfTokenizer::from_bytes(json), |bpe| Ok(bpe.into()))
}

impl Engine for Reference {
    fn encode_segment(&self, text: &str, ids: &mut Vec<i32>) -> Result<()> {
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
