//! What encodes a segment of text: the reference, or a fast engine where that was proven to give the same ids.
//!
//! In: `tokenizer.json`, a choice. Out: ids of segments without tokens to cut at. The fast engine is loaded beside the
//! reference where it is sure to be needed, else when there is enough to encode; until then, and for every segment that
//! it is not trusted with, the reference does it.

mod fast;
mod fast_config;
mod guard;
mod reference;
mod verify;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use xxhash_rust::xxh3::xxh3_64;

pub use reference::{Encoding, Reference, encode_error};

use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::options::EngineChoice;
use crate::panics::catch_panics;
use crate::tokenizer::segments::Cutter;
use fast::{FastEngine, Refusal};
use verify::verified;

/// Something that encodes a segment of text. Ids are appended.
pub trait Engine: Send + Sync {
    fn encode_segment(&self, text: &str, ids: &mut Vec<i32>) -> Result<()>;
}

/// Below this much text, loading the fast engine is not worth it: the reference encodes three times as much while it is
/// loaded, but more text mostly follows.
const WORTH_LOADING: usize = 1 << 20;
/// One segment in this many is encoded by both.
const AUDIT_ONE_IN: u64 = 1024;

/// The engines of one tokenizer.
pub struct Engines {
    pub reference: Reference,
    choice: EngineChoice,
    fast: OnceLock<Result<FastEngine, Refusal>>,
    /// What the fast engine is made of.
    json: Vec<u8>,
    /// Bytes that the reference has encoded instead.
    owed: AtomicUsize,
    /// The process that is loading it. A process that was forked meanwhile loads its own.
    loading: AtomicU32,
}

/// What was read of a `tokenizer.json`.
pub struct Loaded {
    pub reference: Reference,
    /// `None`: it is loaded when it is needed.
    fast: Option<Result<FastEngine, Refusal>>,
}

impl Loaded {
    /// The reference alone, or both at the same time.
    pub fn of(json: &[u8], with_fast: bool) -> Result<Self> {
        if !with_fast {
            return Ok(Self { reference: Reference::from_bytes(json)?, fast: None });
        }
        thread::scope(|scope| {
            let fast = scope.spawn(|| load_fast(json));
            let reference = Reference::from_bytes(json)?;
            // A panic there was caught.
            Ok(Self { reference, fast: fast.join().ok() })
        })
    }
}

/// The fast engine before anything is known of it.
fn load_fast(json: &[u8]) -> Result<FastEngine, Refusal> {
    catch_panics(|| FastEngine::load(json))
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error.text)
    }
}

/// The same once it has given the reference's ids.
fn verified_fast(
    fast: FastEngine,
    json: &[u8],
    reference: &Reference,
    cutter: &Cutter,
) -> Result<FastEngine, Refusal> {
    catch_panics(|| verified(fast, json, reference, cutter))
}

impl Engines {
    pub fn new(loaded: Loaded, json: &[u8], choice: EngineChoice, cutter: &Cutter) -> Self {
        let Loaded { reference, fast } = loaded;
        let fast = fast.map(|fast| fast.and_then(|fast| verified_fast(fast, json, &reference, cutter)));
        Self {
            // What is there is not made again.
            json: if fast.is_some() { Vec::new() } else { json.to_vec() },
            fast: fast.map_or_else(OnceLock::new, OnceLock::from),
            reference,
            choice,
            owed: AtomicUsize::new(0),
            loading: AtomicU32::new(0),
        }
    }

    /// An error if the fast engine cannot be used. It is loaded now if it was not before.
    pub fn demand_fast(&self, cutter: &Cutter) -> Result<()> {
        match self.fast.get_or_init(|| self.load_fast(cutter)) {
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

    fn load_fast(&self, cutter: &Cutter) -> Result<FastEngine, Refusal> {
        load_fast(&self.json).and_then(|fast| verified_fast(fast, &self.json, &self.reference, cutter))
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
            // Another thread of this process loads it. It will encode in a tenth of the time, or less, what the
            // reference encodes meanwhile.
            return self.fast.wait().as_ref().ok();
        }
        let loaded = self.load_fast(cutter);
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
