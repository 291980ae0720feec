//! A rendered target to ids.
//!
//! In: prompt and completion as text. Out: the prompt's ids exactly as a server encodes the prompt, and the
//! completion's ids. Where the tokenizer would merge over the border the border is forced.

use super::id_guard::Checked;
use super::provenance::Provenance;
use super::render::Rendered;
use crate::error::Result;
use crate::prompt_text::PromptText;
use crate::tokenizer::{Checkpoint, IncrementalEncoding, SegmentCache, Tokenizer, ranges_from};

/// Encodes targets one after the other: what a target has in common with the one before it is not encoded again.
#[derive(Default)]
pub struct Encoder {
    encoding: IncrementalEncoding,
    segments: SegmentCache,
    /// The ids of a target whose border was forced.
    forced: Vec<i32>,
    /// So many of the ids in `encoding` are those of the last target.
    valid: usize,
    prompt_tail: Vec<i32>,
}

/// The ids of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoded<'e> {
    /// The prompt's, then the completion's.
    pub ids: &'e [i32],
    /// How many of them are the prompt's.
    pub prompt: usize,
    /// How many at the start are those of the target encoded before, at least.
    pub same: usize,
    /// The ids of the whole do not start with the prompt's: the completion was encoded as a continuation.
    pub border_merged: bool,
    /// Where ids and bytes are known to belong together, in order; none from where a border was forced.
    pub checkpoints: &'e [Checkpoint],
    /// What wrote each of the ids; empty where nobody asks.
    pub provenance: &'e [Provenance],
}

impl Encoded<'_> {
    /// Whether the stop token, which is the last one, is in the completion before its end, too: a server would have
    /// stopped there.
    pub fn stops_early(&self) -> bool {
        let completion = self.ids.get(self.prompt..).unwrap_or_default();
        completion.split_last().is_some_and(|(stop, before)| before.contains(stop))
    }
}

impl Encoder {
    pub fn encode(&mut self, tokenizer: &Tokenizer, rendered: &Rendered<'_>) -> Result<Encoded<'_>> {
        let (prompt, completion) = (rendered.prompt.text(), &*rendered.completion.text);
        let plain = &rendered.plain;
        let of_prompt = &plain[..plain.partition_point(|token| token.end <= prompt.len())];
        let encoding = &mut self.encoding;
        let shared = PromptText::from(encoding.text()).common(&prompt, rendered.same);
        let kept = encoding.write(shared, prompt.after(shared), of_prompt, tokenizer, &mut self.segments)?;
        let same = kept.min(self.valid);
        let tail = encoding.tail();
        let prompt_ids = encoding.ids().len();
        let from = prompt_ids - tail.len();
        self.prompt_tail.clear();
        self.prompt_tail.extend_from_slice(tail);
        encoding.write(prompt.len(), completion.into(), plain, tokenizer, &mut self.segments)?;
        if encoding.ids()[from..].starts_with(&self.prompt_tail) {
            if let Some(guard) = &rendered.guard {
                self.valid = 0;
                let ids = Checked { text: encoding.text(), ids: encoding.ids(), plain, continuation: None };
                guard.check(tokenizer, &ids, &checkpoints(encoding, same, usize::MAX))?;
            }
            self.valid = encoding.ids().len();
            let (ids, checkpoints) = (encoding.ids(), encoding.checkpoints());
            return Ok(Encoded { ids, prompt: prompt_ids, same, checkpoints, ..Encoded::default() });
        }
        self.valid = from;
        self.forced.clear();
        self.forced.extend_from_slice(&encoding.ids()[..from]);
        self.forced.extend_from_slice(&self.prompt_tail);
        let of_completion = &plain[plain.partition_point(|token| token.start < prompt.len())..];
        let of_completion = ranges_from(of_completion, prompt.len());
        self.forced.extend(tokenizer.encode_continuation(completion, &of_completion)?);
        if let Some(guard) = &rendered.guard {
            self.valid = 0;
            let border = Checkpoint { text: prompt.len(), ids: prompt_ids };
            let mut known = checkpoints(encoding, same, from);
            known.push(border);
            let continuation = Some(border.text);
            let ids = Checked { text: encoding.text(), ids: &self.forced, plain, continuation };
            guard.check(tokenizer, &ids, &known)?;
            self.valid = from;
        }
        let known = encoding.checkpoints();
        let checkpoints = &known[..known.partition_point(|checkpoint| checkpoint.ids <= from)];
        let (ids, border_merged) = (&*self.forced, true);
        Ok(Encoded { ids, prompt: prompt_ids, same, border_merged, checkpoints, ..Encoded::default() })
    }

    /// Gives back memory that holds more than this: the next target is encoded from its start. A short text may have come
    /// after a long one.
    pub fn shrink_to(&mut self, bytes: usize) {
        if self.encoding.capacity() > bytes {
            self.encoding = IncrementalEncoding::default();
            self.valid = 0;
        }
        for ids in [&mut self.forced, &mut self.prompt_tail] {
            ids.clear();
            ids.shrink_to(bytes / size_of::<i32>());
        }
    }

    /// Where ids and bytes of what was encoded last are known to belong together, in order.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        self.encoding.checkpoints()
    }

    /// The ids of a text that is not a target.
    pub fn encode_text(&mut self, tokenizer: &Tokenizer, text: &str) -> Result<&[i32]> {
        self.valid = 0;
        let text = PromptText::from(text);
        let shared = PromptText::from(self.encoding.text()).common(&text, 0);
        self.encoding.write(shared, text.after(shared), &[], tokenizer, &mut self.segments)?;
        Ok(self.encoding.ids())
    }
}

/// Where ids and bytes are known to belong together: from the last such place in the first `same` ids, up to the id `most`.
fn checkpoints(encoding: &IncrementalEncoding, same: usize, most: usize) -> Vec<Checkpoint> {
    let known = encoding.checkpoints();
    let first = known.partition_point(|checkpoint| checkpoint.ids <= same).checked_sub(1);
    let start = first.map_or(Checkpoint { text: 0, ids: 0 }, |first| known[first]);
    let after = known[first.map_or(0, |first| first + 1)..].iter().copied();
    [start].into_iter().chain(after.take_while(|checkpoint| checkpoint.ids <= most)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]

    use std::ops::Range;
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::chat_template::ClosedTurn;
    use crate::options::{EngineChoice, LimitFactor};
    use crate::target::header::HeaderPlace;
    use crate::target::render::{Prompt, PromptMatch};
    use crate::traced_text::TracedText;

    const DEMO: &[u8] = include_bytes!("../../../../python/everyturn/models/demo/tokenizer.json");
    const TOKENS: [&str; 4] = ["<|im_start|>", "<|im_end|>", "<think>", "</think>"];

    /// The built-in tokenizer; one that puts a letter before texts and of whose tokens one takes the white space after it
    /// with it; one whose tokens take what is before and after them, or must be words; one that cannot be cut anywhere.
    static TOKENIZERS: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| {
        let demo: Json = serde_json::from_slice(DEMO).unwrap();
        let with = |flags: &dyn Fn(&str) -> &'static [&'static str]| {
            let mut changed = demo.clone();
            for token in changed["added_tokens"].as_array_mut().unwrap() {
                for flag in flags(token["content"].as_str().unwrap()) {
                    token[*flag] = true.into();
                }
            }
            changed
        };
        let mut prefixed = with(&|token| if token == TOKENS[1] { &["rstrip"] } else { &[] });
        prefixed["normalizer"] = json!({"type": "Prepend", "prepend": "a"});
        let stripping = with(&|token| match token {
            "<|im_start|>" => &["lstrip"],
            "<|im_end|>" => &["lstrip", "rstrip"],
            "<think>" => &["rstrip"],
            "</think>" => &["single_word"],
            _ => &[],
        });
        let uncut = with(&|_| &["normalized"]);
        let load = |json: &Json| {
            Tokenizer::from_bytes(
                &serde_json::to_vec(json).unwrap(),
                EngineChoice::Reference,
                false,
                LimitFactor::ONE,
            )
            .unwrap()
        };
        [demo.clone(), prefixed, stripping, uncut].iter().map(load).collect()
    });

    /// A text, and whether it is a control token that is plain text.
    type Part = (String, bool);

    fn part() -> impl Strategy<Value = Part> {
        prop_oneof![
            "[a-c \n\u{2003}]{0,5}".prop_map(|text| (text, false)),
            Just(("<|im_".to_owned(), false)),
            (prop::sample::select(&TOKENS[..]), any::<bool>())
                .prop_map(|(token, is_plain)| (token.to_owned(), is_plain)),
        ]
    }

    /// Each target keeps some parts of the one before, may change one of them, and adds others.
    fn targets() -> impl Strategy<Value = Vec<(Vec<Part>, usize)>> {
        let change = (any::<prop::sample::Index>(), prop::option::of(any::<prop::sample::Index>()));
        let target = (
            change,
            prop::bool::weighted(0.3),
            prop::collection::vec(part(), 0..5),
            any::<prop::sample::Index>(),
        );
        prop::collection::vec(target, 1..7).prop_map(|targets| {
            let mut parts: Vec<Part> = Vec::new();
            let mut made = Vec::new();
            for ((kept, changed), is_rewritten, more, border) in targets {
                if is_rewritten {
                    parts.truncate(kept.index(parts.len() + 1));
                }
                if let (Some(changed), false) = (changed, parts.is_empty()) {
                    let part = changed.get(&parts).clone();
                    let at = changed.index(parts.len());
                    parts[at].1 = !part.1 && TOKENS.contains(&&*part.0);
                }
                parts.extend(more);
                made.push((parts.clone(), border.index(parts.len() + 1)));
            }
            made
        })
    }

    fn rendered((parts, border): &(Vec<Part>, usize), before: &str) -> Rendered<'static> {
        let mut plain: Vec<Range<usize>> = Vec::new();
        let mut text = String::new();
        for (part, is_plain) in parts {
            if *is_plain {
                plain.push(text.len()..text.len() + part.len());
            }
            text += part;
        }
        let prompt: String = parts[..*border].iter().map(|(part, _)| part.as_str()).collect();
        let completion = text[prompt.len()..].to_owned();
        let same = PromptText::from(before).common(&text.as_str().into(), 0);
        Rendered {
            arguments: Vec::new(),
            is_asked_not_to_think: false,
            prompt: Prompt::Own(TracedText { text: prompt, spans: Vec::new() }),
            same,
            completion: ClosedTurn { text: completion, stop_at: 0, is_stop_appended: false },
            prompt_match: PromptMatch::Exact,
            header: HeaderPlace::Prompt,
            plain,
            made: std::collections::BTreeSet::new(),
            guard: None,
            completion_spans: Vec::new(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn tokens_before_a_byte_are_those_that_offsets_show(
            parts in prop::collection::vec(part(), 0..8),
            tokenizer in 0..4_usize,
        ) {
            let tokenizer = &TOKENIZERS[tokenizer];
            let text: String = parts.iter().map(|(part, _)| part.as_str()).collect();
            let mut encoder = Encoder::default();
            let ids = encoder.encode_text(tokenizer, &text).unwrap().to_vec();
            let encoding = tokenizer.encode_with_bytes(&text).unwrap();
            prop_assert_eq!(&encoding.ids, &ids);
            for byte in (0..=text.len()).filter(|byte| text.is_char_boundary(*byte)) {
                let found = tokenizer.tokens_before(byte, &text, &ids, encoder.checkpoints()).unwrap();
                prop_assert_eq!(found, encoding.bytes.partition_point(|token| token.start < byte));
            }
        }

        #[test]
        fn what_was_encoded_before_makes_no_difference(targets in targets(), tokenizer in 0..4_usize) {
            let tokenizer = &TOKENIZERS[tokenizer];
            let (mut encoder, mut before, mut ids) = (Encoder::default(), String::new(), Vec::new());
            for target in &targets {
                let rendered = rendered(target, &before);
                let mut fresh = Encoder::default();
                let alone = fresh.encode(tokenizer, &Rendered { same: 0, ..rendered.clone() }).unwrap();
                let encoded = encoder.encode(tokenizer, &rendered).unwrap();
                prop_assert_eq!(encoded.ids, alone.ids);
                prop_assert_eq!(encoded.prompt, alone.prompt);
                prop_assert_eq!(encoded.border_merged, alone.border_merged);
                prop_assert_eq!(&encoded.ids[..encoded.same], &ids[..encoded.same]);
                ids = encoded.ids.to_vec();
                before = rendered.prompt.text().to_text() + &rendered.completion.text;
            }
        }

        #[test]
        fn pieces_of_a_text_with_plain_tokens_encode_as_the_whole_does(
            targets in targets(),
            tokenizer in 0..4_usize,
        ) {
            let tokenizer = &TOKENIZERS[tokenizer];
            for target in &targets {
                let rendered = rendered(target, "");
                let text = rendered.prompt.text().to_text() + &rendered.completion.text;
                let mut encoder = Encoder::default();
                let encoded = encoder.encode(tokenizer, &rendered).unwrap();
                let whole = tokenizer.encode_parts(&text, &rendered.plain).unwrap();
                if !encoded.border_merged {
                    prop_assert_eq!(encoded.ids, whole);
                }
            }
        }
    }

    #[test]
    fn what_is_shared_is_not_encoded_again_where_control_tokens_are_plain_text() {
        let part = |text: &str| (text.to_owned(), TOKENS[1] == text);
        let turn = ["<|im_start|>", "say ", TOKENS[1], " loud", "<think>"].map(part);
        let mut encoder = Encoder::default();
        let (mut parts, mut before, mut known) = (turn.to_vec(), String::new(), 0);
        for _ in 0..4 {
            let border = parts.len() - 1;
            let rendered = rendered(&(parts.clone(), border), &before);
            let encoded = encoder.encode(&TOKENIZERS[0], &rendered).unwrap();
            assert!(encoded.same >= known, "{} of {known} ids were kept", encoded.same);
            known = encoded.ids.len();
            before = rendered.prompt.text().to_text() + &rendered.completion.text;
            parts.extend(turn.clone());
        }
    }

    #[test]
    fn what_a_long_text_took_is_given_back_after_a_short_one() {
        let mut encoder = Encoder::default();
        for text in ["long ".repeat(1 << 10), "short".to_owned()] {
            encoder.encode_text(&TOKENIZERS[0], &text).unwrap();
        }
        encoder.shrink_to(1 << 10);
        assert_eq!(encoder.encoding.capacity(), 0);
        encoder.encode_text(&TOKENIZERS[0], "short").unwrap();
        encoder.shrink_to(1 << 10);
        assert_eq!(encoder.encoding.text(), "short");
    }

    #[test]
    fn the_border_is_forced_where_control_tokens_are_plain_text() {
        let part = |text: &str| (text.to_owned(), TOKENS.contains(&text));
        let parts = ["a", TOKENS[1], " b", "\n", "\n", TOKENS[2], "c"].map(part).to_vec();
        for tokenizer in TOKENIZERS.iter() {
            let rendered = rendered(&(parts.clone(), 4), "");
            let mut encoder = Encoder::default();
            let encoded = encoder.encode(tokenizer, &rendered).unwrap();
            assert!(encoded.border_merged);
            assert!(encoded.ids.iter().all(|id| !tokenizer.added_tokens().unwrap().contains_id(*id)));
        }
    }
}
