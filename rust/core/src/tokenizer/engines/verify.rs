//! Whether the fast engine gives the reference's ids with a tokenizer.
//!
//! In: a tokenizer and the reference. Out: the fast engine, except for the characters that it is not trusted with, or why it is
//! not trusted at all. What was found
//! is kept in the user's cache folder under a hash of the tokenizer, the engines and what is asked, because asking takes
//! seconds.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::Engine;
use super::fast::{FastEngine, Refusal};
use super::guard::{Guard, SWEPT};
use super::reference::Reference;
use crate::hash::sha256;
use crate::tokenizer::segments::Cutter;

/// Raised whenever other questions are asked.
const SUITE: u32 = 2;
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The fast engine of a tokenizer, guarded where it reads otherwise than the reference.
pub fn verified(
    engine: FastEngine,
    json: &[u8],
    reference: &Reference,
    cutter: &Cutter,
) -> Result<FastEngine, Refusal> {
    let engine = engine.for_segments_of(cutter);
    let guard = guard(json, &engine, reference, cutter)?;
    Ok(engine.guarded_by(guard))
}

/// The characters to guard, found now or before.
fn guard(
    tokenizer_json: &[u8],
    fast: &FastEngine,
    reference: &Reference,
    cutter: &Cutter,
) -> Result<Guard, Refusal> {
    let path = cache_path(tokenizer_json);
    if let Some(found) = path.as_deref().and_then(read) {
        return found.map(Guard::of);
    }
    let found = Asking { fast, reference, cutter }.ask();
    if let Some(path) = path {
        // What cannot be kept is found again.
        let _ = write(&path, &found);
    }
    found.map(Guard::of)
}

fn cache_path(tokenizer_json: &[u8]) -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let in_home = || Some(named("HOME")?.join(".cache"));
    // Windows has neither of the first two.
    let folder = named("XDG_CACHE_HOME").or_else(in_home).or_else(|| named("LOCALAPPDATA"))?;
    let versions = [FastEngine::NAME, Reference::NAME, env!("CARGO_PKG_VERSION")].map(str::as_bytes);
    let name = sha256(versions.into_iter().chain([&SUITE.to_le_bytes()[..], tokenizer_json]));
    Some(folder.join("everyturn").join("engines").join(format!("{name}.json")))
}

fn read(path: &Path) -> Option<Result<Vec<u32>, Refusal>> {
    let known: Json = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    if let Some(reason) = known.get("refused").and_then(Json::as_str) {
        return Some(Err(Refusal(reason.to_owned())));
    }
    let guard = known.get("guard")?.as_array()?;
    guard.iter().map(|c| u32::try_from(c.as_u64()?).ok()).collect::<Option<_>>().map(Ok)
}

/// Written aside and renamed, so that no other process reads half of it.
fn write(path: &Path, found: &Result<Vec<u32>, Refusal>) -> std::io::Result<()> {
    let known = match found {
        Ok(guard) => json!({"fast": FastEngine::NAME, "reference": Reference::NAME, "guard": guard}),
        Err(Refusal(reason)) => {
            json!({"fast": FastEngine::NAME, "reference": Reference::NAME, "refused": reason})
        }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&aside, known.to_string())?;
    fs::rename(&aside, path)
}

struct Asking<'e> {
    fast: &'e FastEngine,
    reference: &'e Reference,
    cutter: &'e Cutter,
}

impl Asking<'_> {
    fn ask(&self) -> Result<Vec<u32>, Refusal> {
        let blocks: Vec<u32> = (0x80..SWEPT).step_by(BLOCK as usize).collect();
        let guard: Vec<u32> = shared_out(&blocks, |first| self.differing(*first, first + BLOCK)).concat();
        let seen = Guard::of(guard.iter().copied());
        let texts = self.texts();
        let wrong = shared_out(&texts, |text| {
            let guarded = seen.is_in(text);
            if guarded || self.agree(text) { Vec::new() } else { vec![text.clone()] }
        });
        match wrong.into_iter().flatten().next() {
            Some(text) => Err(Refusal(format!(
                "{} gives other ids than {} for {text:?}",
                FastEngine::NAME,
                Reference::NAME
            ))),
            None => Ok(guard),
        }
    }

    /// Whether both encode every segment of a text alike.
    fn agree(&self, text: &str) -> bool {
        let (mut from, mut mine, mut theirs) = (0, Vec::new(), Vec::new());
        loop {
            let cut = self.cutter.next(text, from);
            let segment = &text[from..cut.map_or(text.len(), |cut| cut.start)];
            mine.clear();
            theirs.clear();
            let done = [
                self.fast.encode_segment(segment, &mut mine),
                self.reference.encode_segment(segment, &mut theirs),
            ];
            if mine != theirs || done.iter().any(Result::is_err) {
                return false;
            }
            match cut {
                Some(cut) => from = cut.end,
                None => return true,
            }
        }
    }

    /// The characters of a range for which they differ.
    fn differing(&self, first: u32, end: u32) -> Vec<u32> {
        let text: String =
            (first..end).filter_map(char::from_u32).flat_map(|c| ['a', c, ' ', c, '1']).collect();
        if self.agree(&text) {
            return Vec::new();
        }
        if end - first == 1 {
            return vec![first];
        }
        let middle = first + (end - first) / 2;
        [self.differing(first, middle), self.differing(middle, end)].concat()
    }

    /// The texts that both must encode alike: fragments that tokenizers are known to differ in, side by side; what is
    /// in the vocabulary, alone and between spaces; random ids as text.
    fn texts(&self) -> Vec<String> {
        let library = self.reference.library();
        let mut random = Random(SEED);
        let mut added: Vec<String> =
            library.get_added_tokens_decoder().into_values().map(|token| token.content).collect();
        added.sort_unstable();
        added.truncate(200);
        let mut texts = Vec::new();
        for _ in 0..MIXTURES {
            let mut text = String::new();
            for _ in 0..=random.below(8) {
                match random.below(8) {
                    0 if !added.is_empty() => text.push_str(&added[random.below(added.len())]),
                    _ => text.push_str(FRAGMENTS[random.below(FRAGMENTS.len())]),
                }
            }
            texts.push(text);
        }
        let size = u32::try_from(library.get_vocab_size(true)).unwrap_or(u32::MAX);
        let ids: Vec<u32> = (0..size).collect();
        let mut words = shared_out(&ids, |id| library.decode(&[*id], false).unwrap_or_default());
        words.retain(|word| !word.is_empty());
        texts.extend(words.chunks(32).map(|words| words.join(" ")));
        let random_ids: Vec<Vec<u32>> = (0..RANDOM_TEXTS)
            .map(|_| (0..20).map(|_| u32::try_from(random.below(size as usize)).unwrap_or(0)).collect())
            .collect();
        texts.extend(shared_out(&random_ids, |ids| library.decode(ids, false).unwrap_or_default()));
        texts.extend(words);
        texts
    }
}

/// Characters that are asked about together.
const BLOCK: u32 = 64;
const MIXTURES: usize = 8000;
const RANDOM_TEXTS: usize = 3000;

const FRAGMENTS: [&str; 64] = [
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    " \n",
    "\n ",
    "\u{a0}",
    "\u{3000}",
    "\u{2028}",
    "\u{200b}",
    "\u{feff}",
    "a",
    "Ab",
    "the",
    " the",
    "don't",
    "I'LL",
    "we've",
    "'s",
    "'S",
    "'Re",
    "x's'",
    "_",
    "__init__",
    "camelCase",
    "0",
    "12",
    "123",
    "1234567",
    "3.14",
    "-1e-9",
    "٣٤",
    "①",
    "½",
    "!",
    "?!",
    "...",
    "#$%&",
    "(a)",
    "{\"k\": [1]}",
    "</tag>",
    "<|",
    "|>",
    "https://a.b/c?d=e",
    "été",
    "e\u{301}",
    "A\u{30a}",
    "ﬁ",
    "ß",
    "İi",
    "你好",
    "日本語テキスト",
    "안녕",
    "สวัสดี",
    "שלום",
    "हिन्दी",
    "🙂",
    "👩‍👩‍👧",
    "🇩🇪",
    "\u{0}",
    "\u{7f}",
];

/// xorshift: the same questions each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % end.max(1)
    }
}

/// Asks about all items on all cores, in their order.
fn shared_out<T: Sync, R: Send>(items: &[T], ask: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let part = items.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let ask = &ask;
        let parts: Vec<_> = items
            .chunks(part)
            .map(|items| scope.spawn(move || items.iter().map(ask).collect::<Vec<R>>()))
            .collect();
        // A panic there is one here, and the caller's to catch.
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
