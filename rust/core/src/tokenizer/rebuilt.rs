//! A tokenizer beside the one that transformers makes of it, compared by their ids.
//!
//! In: the tokenizer of `tokenizer.json`, what a class of transformers builds instead, tokens that it adds. Out: which
//! parts differ, and the first of a battery of texts that gets other ids. Which class it is, is not decided here.

use serde_json::Value as Json;
use tokenizers::{
    AddedToken, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper, Tokenizer as HfTokenizer,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Texts on which parts of tokenizers are known to differ.
const BATTERY: [&str; 22] = [
    "year 2024: 12345 100.0 1,000,000",
    " leading",
    "  two leading",
    "Hello world",
    "trailing ",
    "a  b   c",
    "a\n\nb\n c\r\nd\t\te",
    "   \n  x",
    "\n",
    "x.\n\n\ny",
    "I'm you'RE We'll they'd",
    "na\u{ef}ve cafe\u{301} \u{fb01} \u{2167} \u{bd}",
    "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940} \u{e44}\u{e17}\u{e22}",
    "\u{65e5}\u{672c}\u{8a9e}\u{30c6}\u{30ad}\u{30b9}\u{30c8} \u{d55c}\u{ad6d}\u{c5b4}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f389}",
    "\u{a0}\u{3000}x\u{200b}",
    "x==y;//{}[]()<>!?",
    "\u{2581}under \u{2581}",
    "def f(x):\n    return x  # c\n",
    "QqQqQqQqQqQqQqQqQqQqQq camelCase ABCdef",
    "http://a.b/c?d=1&e=2",
    "\u{0}\u{7f}",
];
/// At most as many added tokens are tried.
const TRIED_TOKENS: usize = 64;

/// What a class builds in place of what `tokenizer.json` has.
pub struct Parts {
    pub normalizer: Json,
    pub pre_tokenizer: Json,
    pub model: Json,
    /// The added tokens, by their ids; `None`: those of `tokenizer.json`.
    pub added: Option<Vec<AddedToken>>,
}

/// The difference between two tokenizers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The parts that differ, by their names in `tokenizer.json`.
    pub parts: Vec<&'static str>,
    pub text: String,
    /// The number of its ids by `tokenizer.json`, and by transformers.
    pub lengths: (usize, usize),
}

/// The first difference; `None`: no text of the battery gets other ids. An error: the class cannot make anything of
/// this file.
pub fn difference(
    library: &HfTokenizer,
    parts: Option<&Parts>,
    more: &[AddedToken],
) -> Result<Option<Difference>, Failure> {
    let mut differing = Vec::new();
    if let Some(parts) = parts {
        let ModelWrapper::BPE(_) = library.get_model() else {
            return Err("its model is not BPE".into());
        };
        let pairs = [
            ("normalizer", serde_json::to_value(library.get_normalizer())?, &parts.normalizer),
            ("pre_tokenizer", serde_json::to_value(library.get_pre_tokenizer())?, &parts.pre_tokenizer),
        ];
        differing
            .extend(pairs.into_iter().filter(|(_, ours, theirs)| !same(ours, theirs)).map(|(name, ..)| name));
        if !same_model(library, &parts.model) {
            differing.push("model");
        }
    }
    if has_other_added(library, parts, more) {
        differing.push("added_tokens");
    }
    if differing.is_empty() {
        return Ok(None);
    }
    let mut other = match parts {
        Some(parts) => rebuilt(library, parts)?,
        None => library.clone(),
    };
    other.add_tokens(more.to_vec())?;
    first_text(library, &other, differing)
}

fn first_text(
    library: &HfTokenizer,
    other: &HfTokenizer,
    parts: Vec<&'static str>,
) -> Result<Option<Difference>, Failure> {
    let tokens = |tokenizer: &HfTokenizer| {
        let mut tokens: Vec<_> = tokenizer.get_added_tokens_decoder().into_iter().collect();
        tokens.sort_by_key(|(id, _)| *id);
        tokens.into_iter().map(|(_, token)| token.content).collect::<Vec<_>>()
    };
    let (ours, theirs) = (tokens(library), tokens(other));
    let only = |these: &[String], those: &[String]| {
        let known: std::collections::HashSet<&String> = those.iter().collect();
        these.iter().filter(|token| !known.contains(token)).take(TRIED_TOKENS).cloned().collect::<Vec<_>>()
    };
    let tried =
        ours.iter().take(TRIED_TOKENS).cloned().chain(only(&theirs, &ours)).chain(only(&ours, &theirs));
    let texts = BATTERY.iter().map(|&text| text.to_owned());
    for text in texts.chain(tried.map(|token| format!("a {token} b{token}\n 1"))) {
        let ours = library.encode_fast(text.as_str(), false)?;
        let theirs = other.encode_fast(text.as_str(), false)?;
        if ours.get_ids() != theirs.get_ids() {
            let lengths = (ours.get_ids().len(), theirs.get_ids().len());
            return Ok(Some(Difference { parts, text, lengths }));
        }
    }
    Ok(None)
}

fn rebuilt(library: &HfTokenizer, parts: &Parts) -> Result<HfTokenizer, Failure> {
    let mut model = library.get_model().clone();
    if let ModelWrapper::BPE(bpe) = &mut model {
        let text = |name: &str| parts.model.get(name).and_then(Json::as_str).map(str::to_owned);
        let flag = |name: &str| parts.model.get(name).and_then(Json::as_bool).unwrap_or_default();
        bpe.unk_token = text("unk_token");
        bpe.continuing_subword_prefix = text("continuing_subword_prefix");
        bpe.end_of_word_suffix = text("end_of_word_suffix");
        bpe.fuse_unk = flag("fuse_unk");
        bpe.byte_fallback = flag("byte_fallback");
        bpe.ignore_merges = flag("ignore_merges");
        bpe.clear_cache();
    }
    let mut other = HfTokenizer::new(model);
    other.with_normalizer(serde_json::from_value::<Option<NormalizerWrapper>>(parts.normalizer.clone())?)?;
    other.with_pre_tokenizer(serde_json::from_value::<Option<PreTokenizerWrapper>>(
        parts.pre_tokenizer.clone(),
    )?);
    let added = if let Some(added) = &parts.added {
        added.clone()
    } else {
        let mut tokens: Vec<_> = library.get_added_tokens_decoder().into_iter().collect();
        tokens.sort_by_key(|(id, _)| *id);
        tokens.into_iter().map(|(_, token)| token).collect()
    };
    other.add_tokens(added)?;
    Ok(other)
}

/// Offsets have no part in ids, and an empty sequence does nothing.
fn same(ours: &Json, theirs: &Json) -> bool {
    essence(ours) == essence(theirs)
}

fn essence(part: &Json) -> Json {
    match part {
        Json::Object(fields) => {
            let lists = ["normalizers", "pretokenizers"];
            let is_empty = |name| fields.get(name).and_then(Json::as_array).is_some_and(Vec::is_empty);
            if lists.into_iter().any(is_empty) {
                return Json::Null;
            }
            let kept = fields.iter().filter(|(name, _)| *name != "trim_offsets");
            Json::Object(kept.map(|(name, value)| (name.clone(), essence(value))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(essence).collect()),
        other => other.clone(),
    }
}

fn same_model(library: &HfTokenizer, theirs: &Json) -> bool {
    let ModelWrapper::BPE(bpe) = library.get_model() else {
        return false;
    };
    let text = |name: &str| theirs.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let flag = |name: &str| theirs.get(name).and_then(Json::as_bool).unwrap_or_default();
    bpe.unk_token.as_deref().unwrap_or_default() == text("unk_token")
        && bpe.continuing_subword_prefix.as_deref().unwrap_or_default() == text("continuing_subword_prefix")
        && bpe.end_of_word_suffix.as_deref().unwrap_or_default() == text("end_of_word_suffix")
        && (bpe.fuse_unk, bpe.byte_fallback, bpe.ignore_merges)
            == (flag("fuse_unk"), flag("byte_fallback"), flag("ignore_merges"))
}

fn has_other_added(library: &HfTokenizer, parts: Option<&Parts>, more: &[AddedToken]) -> bool {
    let known = library.get_added_tokens_decoder();
    let is_known = |token: &AddedToken| {
        library
            .token_to_id(&token.content)
            .and_then(|id| known.get(&id))
            .is_some_and(|ours| flags(ours) == flags(token))
    };
    let added = parts.and_then(|parts| parts.added.as_deref());
    added.is_some_and(|added| added.len() != known.len() || !added.iter().all(is_known))
        || !more.iter().all(is_known)
}

fn flags(token: &AddedToken) -> [bool; 4] {
    [token.single_word, token.lstrip, token.rstrip, token.normalized]
}
