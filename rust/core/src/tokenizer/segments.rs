//! Where a text may be cut so that its segments encode as the whole does.
//!
//! In: the added tokens of a tokenizer. Out: those at which every text can be cut: the ids of the whole are the ids of
//! the segments with the token's own id between them. That holds for a token which the tokenizer takes out of the raw
//! text before anything else, always and whatever is around it; each condition below is one of those.

use std::collections::{HashMap, HashSet};

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};
use serde_json::Value as Json;
use tokenizers::{AddedToken, Tokenizer as HfTokenizer};

use super::control_tokens::{PlainRanges, after_character};
use super::extraction::unsearchable;
use crate::error::Result;

/// Finds the tokens to cut at.
pub struct Cutter {
    finder: Option<AhoCorasick>,
    ids: Vec<i32>,
    /// Every added token is one to cut at, so that none is left in a segment.
    covers_all: bool,
}

/// A token to cut at, in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub start: usize,
    pub end: usize,
    pub id: i32,
}

impl Cutter {
    pub(super) fn of(tokenizer: &HfTokenizer) -> Result<Self> {
        let mut added: Vec<(u32, AddedToken)> = tokenizer.get_added_tokens_decoder().into_iter().collect();
        added.sort_by_key(|(id, _)| *id);
        let kept = if starts_anew(tokenizer) { cuttable(&added) } else { HashSet::new() };
        let cuts: Vec<_> = added.iter().filter(|(id, _)| kept.contains(id)).collect();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .start_kind(StartKind::Unanchored)
            .build(cuts.iter().map(|(_, token)| &token.content))
            .map_err(unsearchable)?;
        Ok(Self {
            finder: (!cuts.is_empty()).then_some(finder),
            ids: cuts.iter().map(|(id, _)| id.cast_signed()).collect(),
            covers_all: cuts.len() == added.len(),
        })
    }

    pub fn covers_all(&self) -> bool {
        self.covers_all
    }

    /// The first offset at or after `from` to cut at.
    pub fn next(&self, text: &str, from: usize) -> Option<Cut> {
        let input = Input::new(text).range(from..).anchored(Anchored::No);
        let found = self.finder.as_ref()?.find(input)?;
        Some(Cut { start: found.start(), end: found.end(), id: self.ids[found.pattern()] })
    }

    /// The same, of those that touch no plain text. What is before it does not change with what comes after it:
    /// nothing that reaches into a token to cut at hides it.
    pub(super) fn next_outside(
        &self,
        text: &str,
        mut from: usize,
        plain: &mut PlainRanges<'_>,
    ) -> Option<Cut> {
        loop {
            let cut = self.next(text, from)?;
            if !plain.touch(&(cut.start..cut.end)) {
                return Some(cut);
            }
            from = after_character(text, cut.start);
        }
    }
}

/// Whether what comes after an added token is encoded as if a text began there. All of the library's parts see one
/// segment at a time, except Metaspace when it marks the first segment alone.
fn starts_anew(tokenizer: &HfTokenizer) -> bool {
    fn marks_the_first(part: &Json) -> bool {
        match part {
            Json::Object(fields) => {
                fields.get("prepend_scheme").and_then(Json::as_str) == Some("first")
                    || fields.values().any(marks_the_first)
            }
            Json::Array(items) => items.iter().any(marks_the_first),
            _ => false,
        }
    }
    // What cannot be looked at is not relied on.
    let pre_tokenizer = serde_json::to_value(tokenizer.get_pre_tokenizer());
    !tokenizer.get_added_vocabulary().get_encode_special_tokens()
        && pre_tokenizer.is_ok_and(|part| !marks_the_first(&part))
}

/// The tokens that are found wherever they stand.
fn cuttable(added: &[(u32, AddedToken)]) -> HashSet<u32> {
    let raw: Vec<_> =
        added.iter().filter(|(_, token)| !token.normalized && !token.content.is_empty()).collect();
    let mut kept: HashSet<u32> = raw
        .iter()
        .filter(|(_, token)| !token.lstrip && !token.rstrip && !token.single_word)
        .map(|(id, _)| *id)
        .collect();
    // A neighbour that strips white space, or must be a single word, may look into this one.
    if added.iter().any(|(_, token)| token.lstrip || token.rstrip || token.single_word) {
        let edge = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || c.is_alphanumeric() || c == '_');
        let closed = |token: &AddedToken| {
            !edge(token.content.chars().next()) && !edge(token.content.chars().next_back())
        };
        kept.retain(|id| raw.iter().any(|(known, token)| known == id && closed(token)));
    }
    for id in overlapped(&raw) {
        kept.remove(&id);
    }
    kept
}

/// The tokens that another one may hide: one that starts before it and reaches into it, or starts with it.
fn overlapped(raw: &[&(u32, AddedToken)]) -> Vec<u32> {
    let mut whole: HashMap<&str, u32> = HashMap::new();
    let mut beginning: HashMap<&str, Vec<u32>> = HashMap::new();
    for (id, token) in raw {
        whole.insert(&token.content, *id);
        for (end, _) in token.content.char_indices().skip(1) {
            beginning.entry(&token.content[..end]).or_default().push(*id);
        }
    }
    let mut hidden = Vec::new();
    for (id, token) in raw {
        for (start, _) in token.content.char_indices() {
            let rest = &token.content[start..];
            // Tokens that begin with all that is left of this one.
            if start > 0 {
                hidden.extend(beginning.get(rest).into_iter().flatten().filter(|found| *found != id));
            }
            // Tokens that this one contains.
            let ends = rest.char_indices().skip(1).map(|(end, _)| end).chain([rest.len()]);
            let inside = ends.filter_map(|end| whole.get(&rest[..end]).copied());
            hidden.extend(inside.filter(|found| found != id));
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]

    use tokenizers::models::bpe::BPE;

    use super::*;

    fn token(content: &str) -> AddedToken {
        AddedToken { content: content.into(), normalized: false, special: true, ..AddedToken::default() }
    }

    fn kept(tokens: &[AddedToken]) -> Vec<u32> {
        let added: Vec<_> = (0..).zip(tokens.iter().cloned()).collect();
        let mut kept: Vec<_> = cuttable(&added).into_iter().collect();
        kept.sort_unstable();
        kept
    }

    #[test]
    fn tokens_that_nothing_can_hide_are_cut_at() {
        assert_eq!(kept(&[token("<a>"), token("<b>")]), [0, 1]);
        assert_eq!(kept(&[token("aba")]), [0]);
    }

    #[test]
    fn tokens_that_a_longer_one_hides_are_not() {
        assert_eq!(kept(&[token("<a>"), token("<a>\n")]), [1]);
        assert_eq!(kept(&[token("<a>"), token("x<a>")]), [1]);
        assert_eq!(kept(&[token("<a>"), token("x<a")]), [1]);
        // Of two newlines in a row the longer token takes both, wherever it is.
        assert_eq!(kept(&[token("\n"), token("\n\n")]), [1]);
    }

    #[test]
    fn pieces_encode_as_the_whole_does() {
        let words: Vec<String> = texts(3).collect();
        for (one, two) in words.iter().flat_map(|one| words.iter().map(move |two| (one, two))) {
            let letters = [("a".to_owned(), 0), ("b".to_owned(), 1)];
            let model = BPE::builder().vocab_and_merges(letters, vec![]).build().unwrap();
            let mut library = HfTokenizer::new(model);
            library.add_special_tokens([token(one), token(two)]).unwrap();
            let cutter = Cutter::of(&library).unwrap();
            let encode = |text: &str| library.encode_fast(text, false).unwrap().get_ids().to_vec();
            for text in texts(6) {
                let (mut ids, mut from) = (Vec::new(), 0);
                while let Some(cut) = cutter.next(&text, from) {
                    ids.extend(encode(&text[from..cut.start]));
                    ids.push(cut.id.cast_unsigned());
                    from = cut.end;
                }
                ids.extend(encode(&text[from..]));
                assert_eq!(ids, encode(&text), "{text} with {one} and {two}");
            }
        }
    }

    /// Every text of one to `longest` letters out of a and b.
    fn texts(longest: u32) -> impl Iterator<Item = String> {
        (1..=longest).flat_map(|length| {
            let letter = |bits: u32, place: u32| if bits >> place & 1 == 0 { 'a' } else { 'b' };
            (0..1_u32 << length).map(move |bits| (0..length).map(|place| letter(bits, place)).collect())
        })
    }

    #[test]
    fn tokens_that_look_at_their_neighbours_are_not() {
        let strips = AddedToken { lstrip: true, ..token("<s>") };
        assert_eq!(kept(&[strips, token("<a>"), token("word"), token(" <b>")]), [1]);
        let of_text = AddedToken { normalized: true, ..token("<t>") };
        assert_eq!(kept(&[of_text, token("<a>")]), [1]);
    }
}
