//! What encodes a segment of text: the reference, or a fast engine where that was proven to give the same ids.
//!
//! In: `tokenizer.json`, a choice. Out: ids of segments without tokens to cut at. The fast engine is loaded
//! when there is enough to encode; until then, and for every segment that it is not trusted with, the reference does
//! it.

mod fast;
mod guard;
mod reference;
mod verify;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use xxhash_rust::xxh3::xxh3_64;

pub use reference::{Encoding, Reference, encode_error};

use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::options::EngineChoice;
use crate::tokenizer::segments::Cutter;
use fast::{FastEngine, Refusal};
use verify::load_verified;

/// Something that encodes a segment of text. Ids are appended.
pub trait Engine: Send + Sync {
    fn encode_segment(&self, text: &str, ids: &mut Vec<i32>) -> Result<()>;
}

/// Below this much text, loading the fast engine takes longer than it saves.
const WORTH_LOADING: usize = 1 << 18;
/// One segment in this many is encoded by both.
const AUDIT_ONE_IN: u64 = 1024;

/// The engines of one tokenizer.
pub struct Engines {
    pub reference: Reference,
    choice: EngineChoice,
    fast: OnceLock<Result<FastEngine, Refusal>>,
    /// What the fast engine is made of, kept until then.
    json: Vec<u8>,
    /// Bytes that the reference has encoded instead.
    owed: AtomicUsize,
    /// The process that is loading it. A process that was forked meanwhile loads its own.
    loading: AtomicU32,
}

impl Engines {
    pub fn new(reference: Reference, json: &[u8], choice: EngineChoice) -> Self {
        Self {
            reference,
            choice,
            fast: OnceLock::new(),
            json: json.to_vec(),
            owed: AtomicUsize::new(0),
            loading: AtomicU32::new(0),
        }
    }

    /// Loads the fast engine now; an error if it cannot be used.
    pub fn demand_fast(&self, cutter: &Cutter) -> Result<()> {
        match self.fast.get_or_init(|| load_verified(&self.json, &self.reference, cutter)) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(Error::new(
                ErrorKind::Model,
                format!(
                    "the fast engine cannot be used with this tokenizer: {}; engine=\"auto\" takes the reference instead",
                    refusal.0
                ),
            )),
        }
    }

    /// A description of what encodes.
    pub fn describe(&self) -> String {
        match (self.choice, self.fast.get()) {
            (EngineChoice::Reference, _) => Reference::NAME.to_owned(),
            (_, None) => format!("{} (too little text so far for the fast engine)", Reference::NAME),
            (_, Some(Ok(_))) => format!("{}, verified against {}", FastEngine::NAME, Reference::NAME),
            (_, Some(Err(refusal))) => format!("{} ({})", Reference::NAME, refusal.0),
        }
    }

    fn fast(&self, bytes: usize, cutter: &Cutter) -> Option<&FastEngine> {
        if let Some(known) = self.fast.get() {
            return known.as_ref().ok();
        }
        if self.choice == EngineChoice::Reference
            || self.owed.fetch_add(bytes, Ordering::Relaxed) < WORTH_LOADING
        {
            return None;
        }
        let process = std::process::id();
        if self.loading.swap(process, Ordering::AcqRel) == process {
            return None;
        }
        // Nobody waits for it: other threads use the reference meanwhile.
        let loaded = load_verified(&self.json, &self.reference, cutter);
        self.fast.get_or_init(|| loaded).as_ref().ok()
    }

    /// Appends the ids of a segment.
    pub fn encode_segment(&self, text: &str, cutter: &Cutter, ids: &mut Vec<i32>) -> Result<()> {
        let start = ids.len();
        match self.fast(text.len(), cutter) {
            Some(fast) if fast.takes(text) && fast.encode_segment(text, ids).is_ok() => {
                if xxh3_64(text.as_bytes()).is_multiple_of(AUDIT_ONE_IN) {
                    self.audit(text, &ids[start..])?;
                }
                Ok(())
            }
            _ => {
                ids.truncate(start);
                self.reference.encode_segment(text, ids)
            }
        }
    }

    fn audit(&self, text: &str, ids: &[i32]) -> Result<()> {
        let mut expected = Vec::with_capacity(ids.len());
        self.reference.encode_segment(text, &mut expected)?;
        if ids == expected {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Internal,
            format!(
                "{} and {} give different ids for {}: use engine=\"reference\", and please report this",
                FastEngine::NAME,
                Reference::NAME,
                excerpt(text)
            ),
        ))
    }
}
