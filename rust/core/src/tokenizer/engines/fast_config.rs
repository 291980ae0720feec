//! A `tokenizer.json` as the fast engine takes it.
//!
//! In: the bytes of the file. Out: its value, with each merge as one text where that says the same as the pair that it is
//! in newer files. The engine reads both, copies the value several times on the way to its tables, and there are as many
//! merges as tokens.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

pub fn read_config(json: &[u8]) -> serde_json::Result<Json> {
    let mut file = serde_json::Deserializer::from_slice(json);
    let config = MergesAt(&["model", "merges"]).deserialize(&mut file)?;
    file.end()?;
    Ok(config)
}

/// Reads a value that has merges at this path of keys.
struct MergesAt<'p>(&'p [&'p str]);

impl<'de> DeserializeSeed<'de> for MergesAt<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        if self.0.is_empty() {
            let merges = Vec::<Merge>::deserialize(deserializer)?;
            return Ok(Json::Array(merges.into_iter().map(|merge| merge.0).collect()));
        }
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MergesAt<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = match self.0 {
                [first, rest @ ..] if *first == key => entries.next_value_seed(MergesAt(rest))?,
                _ => entries.next_value()?,
            };
            object.insert(key, value);
        }
        Ok(Json::Object(object))
    }
}

/// A merge: a text or a list of two.
struct Merge(Json);

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MergeVisitor).map(Self)
    }
}

struct MergeVisitor;

impl<'de> Visitor<'de> for MergeVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a merge")
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Json, A::Error> {
        let (left, right) = (parts.next_element::<Part<'de>>()?, parts.next_element::<Part<'de>>()?);
        let (Some(Part(left)), Some(Part(right)), None) = (left, right, parts.next_element::<Part<'de>>()?)
        else {
            return Err(A::Error::custom("a merge is not of two tokens"));
        };
        // What is one text is parted at its first space.
        if left.contains(' ') || right.contains(' ') {
            return Ok(Json::Array(vec![left.into_owned().into(), right.into_owned().into()]));
        }
        Ok(Json::String([left, right].join(" ")))
    }
}

/// A text of the file, copied only where it has escapes.
struct Part<'j>(Cow<'j, str>);

impl<'de> Deserialize<'de> for Part<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;
        impl<'de> Visitor<'de> for PartVisitor {
            type Value = Part<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Part<'de>, E> {
                Ok(Part(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Part<'de>, E> {
                Ok(Part(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(PartVisitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]

    use serde_json::json;

    use super::*;

    #[test]
    fn merges_become_one_text_where_a_space_parts_them_again() {
        let file = json!({
            "model": {"type": "BPE", "merges": [["a", "b"], "c d", ["e f", "g"], ["\u{120}x", "\"y"]], "vocab": {"a": 1}},
            "merges": [["not", "those"]],
        });
        let mut expected = file.clone();
        expected["model"]["merges"] = json!(["a b", "c d", ["e f", "g"], "\u{120}x \"y"]);
        assert_eq!(read_config(&serde_json::to_vec(&file).unwrap()).unwrap(), expected);
    }

    #[test]
    fn a_file_without_merges_is_read_as_it_is() {
        let file = json!({"model": {"type": "WordPiece", "vocab": {}}, "normalizer": null, "added_tokens": [{"id": 1}]});
        assert_eq!(read_config(&serde_json::to_vec(&file).unwrap()).unwrap(), file);
    }

    #[test]
    fn what_is_no_merge_is_an_error() {
        for merges in
            [json!([["a"]]), json!([["a", "b", "c"]]), json!([1]), json!({"a": "b"}), json!([[1, 2]])]
        {
            let file = json!({"model": {"merges": merges}});
            assert!(read_config(&serde_json::to_vec(&file).unwrap()).is_err(), "{merges}");
        }
    }
}
