//! A tokenizer without its word-start prefix.
//!
//! SentencePiece-like tokenizers put a blank before every text (the normalizer Prepend, the pre-tokenizer
//! Metaspace, ByteLevel's `add_prefix_space`), as if a word started there. A completion that continues a prompt
//! starts none.

use serde_json::Value as Json;
use tokenizers::Tokenizer as HfTokenizer;
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A tokenizer without the prefix.
pub(super) struct Unprefixed {
    pub library: HfTokenizer,
    /// The prefix was put before each word, so only the first word of a text goes without.
    pub is_for_words: bool,
}

/// The same tokenizer without the prefix; `None` if it puts none.
pub(super) fn unprefixed(tokenizer: &HfTokenizer) -> Result<Option<Unprefixed>, Failure> {
    let mut normalizer = serde_json::to_value(tokenizer.get_normalizer())?;
    let mut pre_tokenizer = serde_json::to_value(tokenizer.get_pre_tokenizer())?;
    let is_for_words = splits_at_spaces(&pre_tokenizer);
    let changed = [without_prefix(&mut normalizer), without_prefix(&mut pre_tokenizer)];
    if !changed.contains(&true) {
        return Ok(None);
    }
    let mut copy = tokenizer.clone();
    copy.with_normalizer(serde_json::from_value::<Option<NormalizerWrapper>>(normalizer)?)?;
    copy.with_pre_tokenizer(serde_json::from_value::<Option<PreTokenizerWrapper>>(pre_tokenizer)?);
    Ok(Some(Unprefixed { library: copy, is_for_words }))
}

/// Whether a pre-tokenizer in its JSON form takes white space for the end of a word, which is not encoded.
fn splits_at_spaces(part: &Json) -> bool {
    let inner = part.get("pretokenizers").and_then(Json::as_array);
    match part.get("type").and_then(Json::as_str) {
        Some("WhitespaceSplit" | "Whitespace" | "BertPreTokenizer") => true,
        _ => inner.is_some_and(|parts| parts.iter().any(splits_at_spaces)),
    }
}

/// Edits a normalizer or pre-tokenizer in its JSON form; true if there was a prefix.
fn without_prefix(part: &mut Json) -> bool {
    let kind = part.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "Prepend" => {
            *part = Json::Null;
            true
        }
        "Metaspace" => {
            let prefixed = part.get("prepend_scheme").and_then(Json::as_str) != Some("never");
            part["prepend_scheme"] = "never".into();
            prefixed
        }
        "ByteLevel" => {
            let prefixed = part.get("add_prefix_space").and_then(Json::as_bool) == Some(true);
            part["add_prefix_space"] = false.into();
            prefixed
        }
        "Sequence" => ["normalizers", "pretokenizers"].into_iter().any(|list| {
            let Some(parts) = part.get_mut(list).and_then(Json::as_array_mut) else {
                return false;
            };
            let changed: Vec<bool> = parts.iter_mut().map(without_prefix).collect();
            parts.retain(|part| !part.is_null());
            changed.contains(&true)
        }),
        _ => false,
    }
}
