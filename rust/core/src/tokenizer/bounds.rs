//! Whether a `tokenizer.json` may be handed to the library.
//!
//! In: its bytes. Out: an error where loading it, or encoding with it, may take memory or time out of proportion to the
//! file: the library believes what a file says of its own sizes, and ends the process where memory ends. Nothing is
//! checked here that the library itself answers with an error.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result};
use crate::options::{LimitFactor, RAISED};

/// The largest published files have 35 MB.
pub const MAX_BYTES: usize = 64 << 20;
/// The largest published vocabularies have 0.3 million tokens.
const MAX_TOKENS: usize = 1 << 21;
/// The bytes of all tokens of a Unigram vocabulary, each of which is a node of a tree: XLM-R has 2 MB.
const MAX_UNIGRAM_BYTES: usize = 8 << 20;
/// Added tokens take the square of their number to load; the models that have most are those for speech.
const MAX_ADDED: usize = 1 << 17;
/// Bytes of an added token.
const MAX_ADDED_BYTES: usize = 4096;
/// Tables go up to the greatest id, so it may not be far beyond the number of tokens, or this.
const MANY_IDS: usize = 1 << 20;
/// Bytes of a regular expression: published ones have some hundred.
const MAX_PATTERN_BYTES: usize = 16 << 10;
/// Parts of normalizers, pre-tokenizers and decoders.
const MAX_PARTS: usize = 256;
/// How many times as long as a text its normalized or decoded text may be.
const MAX_GROWTH: usize = 64;

/// An error if a `tokenizer.json` is out of bounds.
pub fn check(json: &[u8], limits: LimitFactor) -> Result<()> {
    let most = limits.times(MAX_BYTES);
    if json.len() > most {
        return Err(refused(&format!("it has {} bytes, more than {most}{RAISED}", json.len())));
    }
    let shape: Shape = serde_json::from_slice(json).map_err(|cause| unread(&cause))?;
    shape.check(limits).map_err(|reason| refused(&reason))
}

fn unread(cause: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Model, format!("tokenizer.json cannot be read: {cause}"))
}

fn refused(reason: &str) -> Error {
    Error::new(ErrorKind::Model, format!("tokenizer.json is refused before it is loaded: {reason}"))
}

/// What of the file is looked at.
#[derive(Deserialize)]
struct Shape {
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Json,
    #[serde(default)]
    pre_tokenizer: Json,
    #[serde(default)]
    decoder: Json,
    #[serde(default)]
    model: ModelShape,
}

#[derive(Deserialize)]
struct Added {
    id: u64,
    content: Length,
}

#[derive(Default, Deserialize)]
struct ModelShape {
    #[serde(default)]
    vocab: Vocabulary,
    /// Of Unigram models only.
    unk_id: Option<IgnoredAny>,
}

impl Shape {
    fn check(&self, limits: LimitFactor) -> Result<(), String> {
        let vocabulary = &self.model.vocab;
        let most = limits.times(MAX_TOKENS);
        if vocabulary.tokens > most {
            return Err(format!("its vocabulary has {} tokens, more than {most}{RAISED}", vocabulary.tokens));
        }
        let most = limits.times(MAX_UNIGRAM_BYTES);
        if (vocabulary.is_list || self.model.unk_id.is_some()) && vocabulary.bytes > most {
            let bytes = vocabulary.bytes;
            return Err(format!("the tokens of its vocabulary have {bytes} bytes, more than {most}{RAISED}"));
        }
        self.check_added(limits)?;
        let mut parts = 0;
        for (name, part) in [
            ("normalizer", &self.normalizer),
            ("pre_tokenizer", &self.pre_tokenizer),
            ("decoder", &self.decoder),
        ] {
            let growth =
                growth_of(part, &mut parts, limits).map_err(|reason| format!("its {name} {reason}"))?;
            let most = limits.times(MAX_GROWTH);
            if growth > most {
                return Err(format!("its {name} can make a text more than {most} times as long{RAISED}"));
            }
        }
        Ok(())
    }

    fn check_added(&self, limits: LimitFactor) -> Result<(), String> {
        let count = self.added_tokens.len();
        let most = limits.times(MAX_ADDED);
        if count > most {
            return Err(format!("it has {count} added tokens, more than {most}{RAISED}"));
        }
        let most = limits.times(MANY_IDS.max(4 * (self.model.vocab.tokens + count))) as u64;
        let ids = self.added_tokens.iter().map(|added| added.id).chain([self.model.vocab.greatest]);
        if let Some(id) = ids.into_iter().find(|id| *id >= most) {
            return Err(format!("the id {id} is far beyond the number of its tokens{RAISED}"));
        }
        let most = limits.times(MAX_ADDED_BYTES);
        let long = self.added_tokens.iter().find(|added| added.content.0 > most);
        long.map_or(Ok(()), |added| {
            Err(format!(
                "the added token {} has {} bytes, more than {most}{RAISED}",
                added.id, added.content.0
            ))
        })
    }
}

/// How many times as long as a text a part may make it; `parts` counts the parts.
fn growth_of(part: &Json, parts: &mut usize, limits: LimitFactor) -> Result<usize, String> {
    *parts += 1;
    let most = limits.times(MAX_PARTS);
    if *parts > most {
        return Err(format!("has more than {most} parts{RAISED}"));
    }
    let text = |name: &str| part.get(name).and_then(Json::as_str);
    let lists = ["normalizers", "pretokenizers", "decoders"];
    let inner = lists.iter().filter_map(|list| part.get(list)?.as_array()).flatten();
    let mut growth = 1_usize;
    for inner in inner {
        growth = growth.saturating_mul(growth_of(inner, parts, limits)?);
    }
    let pattern = part.get("pattern").and_then(|pattern| pattern.get("Regex")?.as_str());
    let most = limits.times(MAX_PATTERN_BYTES);
    if pattern.is_some_and(|pattern| pattern.len() > most) {
        return Err(format!("has a regular expression of more than {most} bytes{RAISED}"));
    }
    Ok(growth.saturating_mul(match part.get("type").and_then(Json::as_str) {
        // An expression may match a single byte, and nothing between any two.
        Some("Replace") => {
            let replaced = part.get("pattern").and_then(|pattern| pattern.get("String")?.as_str());
            let new = text("content").map_or(0, str::len);
            replaced.map_or(1 + new, |replaced| new.div_ceil(replaced.len().max(1))).max(1)
        }
        // A text may be one byte long.
        Some("Prepend") => 1 + text("prepend").map_or(0, str::len),
        Some("Precompiled") => growth_of_charsmap(text("precompiled_charsmap").unwrap_or_default())?,
        _ => 1,
    }))
}

/// A map of SentencePiece: the size of its tree in bytes, the tree, and what characters become, each ended by a NUL.
fn growth_of_charsmap(encoded: &str) -> Result<usize, String> {
    let invalid = |what: &str| format!("has a charsmap {what}");
    let bytes = base64::decode(encoded).map_err(|cause| invalid(&format!("that is not base64: {cause}")))?;
    let (size, rest) = bytes.split_first_chunk().ok_or_else(|| invalid("that is cut off"))?;
    let size = u32::from_le_bytes(*size) as usize;
    let texts = rest.get(size / 4 * 4..).ok_or_else(|| invalid("that is cut off"))?;
    Ok(texts.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0).max(1))
}

/// The tokens of a model: names with ids, or pairs of name and score.
#[derive(Default)]
struct Vocabulary {
    tokens: usize,
    bytes: usize,
    greatest: u64,
    is_list: bool,
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counting;

        impl<'de> Visitor<'de> for Counting {
            type Value = Vocabulary;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
                let mut found = Vocabulary::default();
                while let Some((Length(bytes), id)) = map.next_entry::<Length, u64>()? {
                    found.tokens += 1;
                    found.bytes += bytes;
                    found.greatest = found.greatest.max(id);
                }
                Ok(found)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vocabulary, A::Error> {
                let mut found = Vocabulary { is_list: true, ..Vocabulary::default() };
                while let Some((Length(bytes), _)) = list.next_element::<(Length, IgnoredAny)>()? {
                    found.tokens += 1;
                    found.bytes += bytes;
                }
                Ok(found)
            }
        }

        deserializer.deserialize_any(Counting)
    }
}

/// How many bytes a text has.
struct Length(usize);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Measuring;

        impl Visitor<'_> for Measuring {
            type Value = Length;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Length, E> {
                Ok(Length(text.len()))
            }
        }

        deserializer.deserialize_str(Measuring)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]

    use serde_json::json;

    use super::*;

    fn reason(file: &Json) -> Option<String> {
        reason_within(file, LimitFactor::ONE)
    }

    fn reason_within(file: &Json, limits: LimitFactor) -> Option<String> {
        check(&serde_json::to_vec(file).unwrap(), limits).err().map(|error| error.text)
    }

    fn charsmap(size: u32, texts: &str) -> Json {
        let bytes = [&size.to_le_bytes()[..], &[0; 4], texts.as_bytes()].concat();
        json!({"normalizer": {"type": "Precompiled", "precompiled_charsmap": base64::encode(bytes)}})
    }

    #[test]
    fn what_would_take_more_than_its_size_allows_is_refused() {
        let replace = |content: usize| json!({"type": "Replace", "pattern": {"String": "a"}, "content": "a".repeat(content)});
        let table = [
            (json!({"added_tokens": [{"id": (1_u64 << 31) + 7, "content": "x"}]}), "the id 2147483655"),
            (json!({"model": {"vocab": {"a": u32::MAX}}}), "the id 4294967295"),
            (charsmap(u32::MAX, ""), "charsmap that is cut off"),
            (charsmap(4, &"x".repeat(100)), "more than 64 times as long"),
            (json!({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "!!"}}), "base64"),
            (json!({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}), "cut off"),
            (json!({"normalizer": replace(100)}), "more than 64 times as long"),
            (
                json!({"decoder": {"type": "Sequence", "decoders": [replace(10), replace(10)]}}),
                "its decoder can make a text more than 64",
            ),
            (
                json!({"normalizer": {"type": "Prepend", "prepend": "a".repeat(1000)}}),
                "its normalizer can make",
            ),
            (
                json!({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a".repeat(20_000)}}}),
                "regular expression of more than 16384 bytes",
            ),
            (
                json!({"normalizer": {"type": "Sequence", "normalizers": vec![json!({"type": "NFC"}); 300]}}),
                "more than 256 parts",
            ),
            (
                json!({"added_tokens": [{"id": 1, "content": "x".repeat(5000)}]}),
                "has 5000 bytes, more than 4096",
            ),
            (
                json!({"model": {"vocab": [["x".repeat(9 << 20), 0.0]]}}),
                "tokens of its vocabulary have 9437184 bytes",
            ),
        ];
        for (file, expected) in table {
            let reason = reason(&file).unwrap_or_default();
            assert!(reason.contains(expected), "{reason}: not {expected}");
        }
        let long = json!({"added_tokens": [{"id": 1, "content": "x".repeat(5000)}]});
        assert_eq!(reason_within(&long, LimitFactor::new(2).unwrap()), None, "limits can be raised");
    }

    #[test]
    fn what_models_have_is_not_refused() {
        for file in [
            json!({}),
            json!({"normalizer": null, "model": {"vocab": {"a": 0}, "merges": []}}),
            json!({"added_tokens": [{"id": 1_000_000, "content": "x"}]}),
            json!({"normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "\u{2581}"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"},
            ]}}),
            charsmap(4, "replacement\0"),
        ] {
            assert_eq!(reason(&file), None, "{file}");
        }
    }
}
