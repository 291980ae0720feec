//! Where a text may be cut so that its segments encode as the whole does.
//!
//! In: the added tokens of a tokenizer. Out: those at which every text can be cut: the ids of the whole are the ids of
//! the segments with the token's own id between them. That holds for a token which the tokenizer takes out of the raw
//! text before anything else, always and whatever is around it; each condition below is one of those. White space that
//! a token takes with it is in no segment.

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
    tokens: Vec<CutToken>,
    /// Those that take the white space after them.
    take_space_after: HashSet<i32>,
    /// Every added token is one to cut at, so that none is left in a segment.
    covers_all: bool,
}

struct CutToken {
    id: i32,
    /// It takes the white space before it, and after it.
    strips: [bool; 2],
}

/// A token to cut at, in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// With the white space that it takes.
    pub start: usize,
    pub end: usize,
    pub id: i32,
    /// It takes the white space after it, and the text ends there: what follows may be more of it.
    pub is_open: bool,
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
        let token = |(id, token): &(u32, AddedToken)| CutToken {
            id: id.cast_signed(),
            strips: [token.lstrip, token.rstrip],
        };
        let tokens: Vec<_> = cuts.iter().map(|cut| token(cut)).collect();
        Ok(Self {
            finder: (!cuts.is_empty()).then_some(finder),
            take_space_after: tokens.iter().filter(|token| token.strips[1]).map(|token| token.id).collect(),
            covers_all: cuts.len() == added.len(),
            tokens,
        })
    }

    pub fn covers_all(&self) -> bool {
        self.covers_all
    }

    /// Whether a token to cut at takes the white space after it.
    pub(super) fn takes_space_after(&self, id: i32) -> bool {
        self.take_space_after.contains(&id)
    }

    /// The first offset at or after `from` to cut at; a segment starts at `from`.
    pub fn next(&self, text: &str, from: usize) -> Option<Cut> {
        self.next_outside(text, from, &mut PlainRanges::new(&[]))
    }

    /// The same, of those that touch no plain text, of which they take no white space, either. What is before it does not
    /// change with what comes after it: nothing that reaches into a token to cut at hides it.
    pub(super) fn next_outside(&self, text: &str, from: usize, plain: &mut PlainRanges<'_>) -> Option<Cut> {
        let finder = self.finder.as_ref()?;
        let mut search = from;
        loop {
            let found = finder.find(Input::new(text).range(search..).anchored(Anchored::No))?;
            let (token, range) = (&self.tokens[found.pattern()], found.range());
            let [before, after] = token.strips;
            let blanks = if before { from + text[from..range.start].trim_end().len() } else { range.start };
            let start = match plain.touching(&(blanks..range.end)).last() {
                Some(last) if last.end > range.start => {
                    search = after_character(text, range.start);
                    continue;
                }
                Some(last) => last.end,
                None => blanks,
            };
            let cut = Cut { start, end: range.end, id: token.id, is_open: false };
            return Some(if after { cut.with_space_after(text, range.start, plain) } else { cut });
        }
    }
}

impl Cut {
    /// The same with the white space after the token that starts at this byte, up to plain text.
    fn with_space_after(self, text: &str, token: usize, plain: &mut PlainRanges<'_>) -> Self {
        let end = text.len() - text[self.end..].trim_start().len();
        match plain.touching(&(token..end)).first() {
            Some(first) => Self { end: first.start, ..self },
            None => Self { end, is_open: end == text.len(), ..self },
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
    let strips = |token: &AddedToken| token.lstrip || token.rstrip;
    let ends = |token: &AddedToken| [token.content.chars().next(), token.content.chars().next_back()];
    let mut kept: Vec<_> = raw.iter().filter(|(_, token)| !token.single_word).collect();
    // The white space that a token takes may hold another one, or a part of it.
    let is_blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    if raw.iter().any(|(_, token)| ends(token).into_iter().any(is_blank)) {
        kept.retain(|(_, token)| !strips(token));
    }
    // A neighbour that takes white space, or must be a single word, may look into this one. What is no ASCII character
    // may be a part of a word.
    if added.iter().any(|(_, token)| strips(token) || token.single_word) {
        let is_closed = |c: Option<char>| c.is_some_and(|c| c.is_ascii_punctuation() && c != '_');
        kept.retain(|(_, token)| ends(token).into_iter().all(is_closed));
    }
    let mut kept: HashSet<u32> = kept.into_iter().map(|(id, _)| *id).collect();
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

    use proptest::prelude::*;
    use tokenizers::models::bpe::BPE;
    use tokenizers::normalizers::Prepend;

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

    fn encode(library: &HfTokenizer, text: &str) -> Vec<u32> {
        library.encode_fast(text, false).unwrap().get_ids().to_vec()
    }

    fn encode_pieces(library: &HfTokenizer, cutter: &Cutter, text: &str) -> Vec<u32> {
        let (mut ids, mut from) = (Vec::new(), 0);
        while let Some(cut) = cutter.next(text, from) {
            ids.extend(encode(library, &text[from..cut.start]));
            ids.push(cut.id.cast_unsigned());
            from = cut.end;
        }
        ids.extend(encode(library, &text[from..]));
        ids
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
            for text in texts(6) {
                let ids = encode_pieces(&library, &cutter, &text);
                assert_eq!(ids, encode(&library, &text), "{text} with {one} and {two}");
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
        // A mark is a part of a word, and its character is no letter.
        let word = AddedToken { single_word: true, ..token("<w>") };
        assert_eq!(kept(&[word, token("<a>"), token("\u{301}<b>")]), [1]);
    }

    #[test]
    fn tokens_that_take_white_space_are_where_no_token_is_in_it() {
        let strips =
            [AddedToken { lstrip: true, ..token("<s>") }, AddedToken { rstrip: true, ..token("<e>") }];
        assert_eq!(kept(&[&strips[..], &[token("<a>")]].concat()), [0, 1, 2]);
        assert_eq!(kept(&[&strips[..], &[token("\n\n"), token("<a>")]].concat()), [3]);
        let of_text = AddedToken { normalized: true, ..token("\n\n") };
        assert_eq!(kept(&[&strips[..], &[of_text]].concat()), [0, 1]);
    }

    /// A token of a few characters that may look at its neighbours. White space that takes white space is none: the
    /// library fails on it where another token has taken it.
    fn looking() -> impl Strategy<Value = AddedToken> {
        let flag = || prop::bool::weighted(0.3);
        let text = prop_oneof![4 => "[<>.]{1,3}", 1 => "[<>. a\u{301}]{1,2}"];
        (text, flag(), flag(), prop::bool::weighted(0.15), prop::bool::weighted(0.2)).prop_map(
            |(content, lstrip, rstrip, single_word, normalized)| AddedToken {
                lstrip: lstrip && !content.trim().is_empty(),
                rstrip,
                single_word,
                normalized,
                ..token(&content)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn pieces_encode_as_the_whole_does_where_tokens_look_at_their_neighbours(
            tokens in prop::collection::vec(looking(), 1..5),
            texts in prop::collection::vec("([<>. \u{2003}a\u{301}]|<>|[.]<| \n){0,9}", 12),
            is_prefixed in any::<bool>(),
        ) {
            let vocabulary = ["<", ">", ".", " ", "\n", "\u{2003}", "a", "\u{301}", "_", "aa"];
            let mut id = 0..;
            let vocabulary = vocabulary.map(|token| (token.to_owned(), id.next().unwrap()));
            let merges = vec![("a".to_owned(), "a".to_owned())];
            let model = BPE::builder().vocab_and_merges(vocabulary, merges);
            let mut library = HfTokenizer::new(model.build().unwrap());
            if is_prefixed {
                library.with_normalizer(Some(Prepend::new("_".into()))).unwrap();
            }
            library.add_tokens(tokens.iter().cloned()).unwrap();
            let cutter = Cutter::of(&library).unwrap();
            for text in &texts {
                prop_assert_eq!(encode_pieces(&library, &cutter, text), encode(&library, text), "{:?} with {:?}", text, &tokens);
            }
        }
    }
}
