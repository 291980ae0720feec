//! The fast JSON reader: simd-json's tape, turned into values.
//!
//! It hands over to `strict` what simd-json reads wrongly (escapes of surrogates: a lone one would silently become
//! NUL) or cannot read (integers beyond 64 bits), and everything that it refuses, so that errors have one source.

use std::sync::Arc;

use memchr::memmem;
use simd_json::{Buffers, Node, StaticNode, Tape};

use super::{MAX_DEPTH, Number, Object, Value, strict};
use crate::error::Result;

/// The memory of longer texts is not kept: it would lie beside all that is made of such a text.
const KEPT_BYTES: usize = 1 << 20;

/// Reads JSON texts one after the other, with memory that it keeps.
#[derive(Default)]
pub struct Parser {
    memory: Memory,
    repeated: Vec<Arc<str>>,
}

/// What a text is read in.
struct Memory {
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Default for Memory {
    fn default() -> Self {
        let buffers = Buffers::with_max_depth(0, MAX_DEPTH);
        Self { scratch: Vec::new(), buffers, tape: Tape(Vec::new()) }
    }
}

impl Parser {
    /// Reads one JSON text.
    pub fn parse(&mut self, bytes: &[u8]) -> Result<Value> {
        self.parse_or(bytes, strict::parse_noting)
    }

    /// Reads one JSON text in which `NaN`, `Infinity`, `-Infinity` and floats beyond 64 bits are numbers, as Python's
    /// `json` reads them.
    pub fn parse_with_constants(&mut self, bytes: &[u8]) -> Result<Value> {
        self.parse_or(bytes, |bytes, repeated| {
            strict::utf8(bytes).and_then(|text| strict::parse_with_constants_noting(text, repeated))
        })
    }

    /// The keys that an object of the text that was read last has twice; of their values the last one was taken.
    pub fn take_repeated_keys(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.repeated)
    }

    fn parse_or(
        &mut self,
        bytes: &[u8],
        strict: impl FnOnce(&[u8], &mut Vec<Arc<str>>) -> Result<Value>,
    ) -> Result<Value> {
        self.repeated.clear();
        if !has_surrogate_escape(bytes)
            && let Some(value) = self.parse_fast(bytes)
        {
            return Ok(value);
        }
        self.repeated.clear();
        strict(bytes, &mut self.repeated)
    }

    /// `None`: not for this reader.
    fn parse_fast(&mut self, bytes: &[u8]) -> Option<Value> {
        let Memory { scratch, buffers, tape: kept } = &mut self.memory;
        scratch.clear();
        scratch.extend_from_slice(bytes);
        let mut tape = std::mem::replace(kept, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape(scratch, buffers, &mut tape);
        let value = filled.ok().and_then(|()| read(&mut tape.0.iter(), 0, &mut self.repeated));
        *kept = tape.reset();
        if scratch.capacity() > KEPT_BYTES {
            self.memory = Memory::default();
        }
        value
    }
}

pub fn has_surrogate_escape(bytes: &[u8]) -> bool {
    memmem::find_iter(bytes, b"\\u").any(|at| matches!(bytes.get(at + 2), Some(b'd' | b'D')))
}

fn read(
    nodes: &mut std::slice::Iter<'_, Node<'_>>,
    depth: usize,
    repeated: &mut Vec<Arc<str>>,
) -> Option<Value> {
    Some(match nodes.next()? {
        Node::String(text) => Value::String(Arc::from(*text)),
        Node::Static(StaticNode::Null) => Value::Null,
        Node::Static(StaticNode::Bool(bool)) => Value::Bool(*bool),
        Node::Static(StaticNode::I64(int)) => Value::Number(Number::Int(*int)),
        // Beyond i64: rare, and the strict reader keeps its text.
        Node::Static(StaticNode::U64(int)) => Value::Number(Number::Int(i64::try_from(*int).ok()?)),
        Node::Static(StaticNode::F64(float)) if float.is_finite() => Value::Number(Number::Float(*float)),
        Node::Array { len, .. } if depth < MAX_DEPTH => {
            let mut items = Vec::with_capacity(*len);
            for _ in 0..*len {
                items.push(read(nodes, depth + 1, repeated)?);
            }
            Value::Array(items)
        }
        Node::Object { len, .. } if depth < MAX_DEPTH => {
            let mut pairs = Vec::with_capacity(*len);
            for _ in 0..*len {
                let Node::String(key) = nodes.next()? else {
                    return None;
                };
                pairs.push((Arc::from(*key), read(nodes, depth + 1, repeated)?));
            }
            Value::Object(Object::from_pairs_noting(pairs, repeated))
        }
        Node::Static(_) | Node::Array { .. } | Node::Object { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(text: &[u8]) {
        let fast = Parser::default().parse_fast(text);
        if let Some(fast) = fast
            && !has_surrogate_escape(text)
        {
            let strict = strict::parse(text);
            assert_eq!(
                format!("{:?}", strict.as_ref()),
                format!("{:?}", Ok::<_, crate::Error>(&fast)),
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn what_the_fast_reader_takes_the_strict_one_reads_alike() {
        for text in [
            "-0",
            "-0.0",
            "0",
            "1E5",
            "1e-400",
            "123456789012345678",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "-9223372036854775809",
            "0.1",
            "1.7976931348623157e308",
            "2.2250738585072014e-308",
            "9007199254740993.0",
            "123456789012345678901234567890.5",
            r#""\u0000""#,
            r#"{"a":{"a":[1,2,{}]},"a":[]}"#,
            "[]",
            "{}",
            "[1,]",
            "tru",
            "\"\u{7f}\"",
            "[1] 2",
            "",
            " ",
            "1.",
            ".5",
            "+1",
        ] {
            both(text.as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_json_like_text_is_read_alike(text in r#"[\[\]{}:,"\\/bfnrtu0-9eE+\-. aé]{0,24}"#) {
            both(text.as_bytes());
        }

        #[test]
        fn any_float_is_read_alike(float in any::<f64>(), digits in 0usize..25) {
            both(format!("{float:.digits$e}").as_bytes());
            both(format!("[{float}]").as_bytes());
        }
    }
}
