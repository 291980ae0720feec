//! The fast engine: `fastokens`, for the configurations that it is known to implement, and only after it has given
//! the reference's ids for all that `verify` asks.

use serde_json::Value as Json;

use super::Engine;
use super::fast_config::read_config;
use super::guard::Guard;
use crate::error::{Error, ErrorKind, Result};
use crate::tokenizer::segments::Cutter;

pub struct FastEngine {
    tokenizer: fastokens::Tokenizer,
    /// Characters that it may read otherwise than the reference.
    guard: Guard,
    /// Added tokens may be in a segment.
    finds_added_tokens: bool,
}

/// Why the reference must encode.
#[derive(Debug, Clone)]
pub struct Refusal(pub String);

/// From this length on it starts its own threads, which we do not control.
const MAX_PIECE: usize = (64 << 10) - 1;

/// The parts of a `tokenizer.json` that it implements as the reference does.
const MODELS: [&str; 1] = ["BPE"];
const NORMALIZERS: [&str; 5] = ["NFC", "Lowercase", "Prepend", "Replace", "Sequence"];
const PRE_TOKENIZERS: [&str; 4] = ["ByteLevel", "Split", "Digits", "Sequence"];

impl FastEngine {
    pub const NAME: &str = "fastokens 0.3.5";

    /// The engine, not trusted with anything outside ASCII yet.
    pub fn load(json: &[u8]) -> Result<Self, Refusal> {
        let mut config = read_config(json).map_err(|cause| Refusal(cause.to_string()))?;
        check_shape(&config)?;
        for part in ["truncation", "padding"] {
            config[part] = Json::Null;
        }
        let tokenizer =
            fastokens::Tokenizer::from_json(config).map_err(|cause| Refusal(cause.to_string()))?;
        // The first text makes tables, too.
        let _ = tokenizer.encode_ordinary(" ");
        Ok(Self { tokenizer, guard: Guard::default(), finds_added_tokens: true })
    }

    /// The same, for the segments that this leaves of a text.
    pub fn for_segments_of(self, cutter: &Cutter) -> Self {
        Self { finds_added_tokens: !cutter.covers_all(), ..self }
    }

    /// The same, not trusted with these characters.
    pub fn guarded_by(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Whether it may encode this text.
    pub fn takes(&self, text: &str) -> bool {
        text.len() <= MAX_PIECE && !self.guard.is_in(text)
    }
}

impl Engine for FastEngine {
    fn encode_segment(&self, text: &str, ids: &mut Vec<i32>) -> Result<()> {
        let found = if self.finds_added_tokens {
            self.tokenizer.encode(text)
        } else {
            self.tokenizer.encode_ordinary(text)
        };
        let found = found
            .map_err(|cause| Error::new(ErrorKind::Encode, format!("the fast tokenizer failed: {cause}")))?;
        ids.extend(found.iter().map(|id| id.cast_signed()));
        Ok(())
    }
}

fn check_shape(config: &Json) -> Result<(), Refusal> {
    let kinds = [("model", &MODELS[..]), ("normalizer", &NORMALIZERS), ("pre_tokenizer", &PRE_TOKENIZERS)];
    for (part, known) in kinds {
        let mut types = Vec::new();
        collect_types(&config[part], part == "model", &mut types);
        // Older files leave the model's type out.
        if let Some(unknown) = types.iter().find(|kind| !known.contains(kind)) {
            return Err(Refusal(format!("its {part} is of type {unknown}")));
        }
    }
    Ok(())
}

fn collect_types<'j>(part: &'j Json, only_here: bool, types: &mut Vec<&'j str>) {
    types.extend(part.get("type").and_then(Json::as_str));
    if only_here {
        return;
    }
    for list in ["normalizers", "pretokenizers"] {
        for inner in part.get(list).and_then(Json::as_array).into_iter().flatten() {
            collect_types(inner, false, types);
        }
    }
}
