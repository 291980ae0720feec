//! Records that the caller has at hand, with their places and formats.
//!
//! In: records, each with its file, line and format. Out: their samples, one report, and which record each sample is of,
//! as if they were the lines of a stream. No place is made up: samples, errors and faults carry what was given.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::Pool;
use super::ordered::{Borrowed, Gathered, on_pool};
use crate::conversation::Format;
use crate::error::Result;
use crate::expand::{Expander, Outcome};
use crate::read::{Interruption, LineText, Record, line_text};
use crate::report::Report;
use crate::samples::Samples;

/// A record, and where it stands.
#[derive(Debug, Clone)]
pub struct GivenRecord {
    pub file: Arc<str>,
    /// 1-based.
    pub line: u64,
    /// `None`: its own keys tell.
    pub format: Option<Format>,
    /// A line without its `\n`, which may be blank; `None`: it was longer than the limit.
    pub text: Option<Vec<u8>>,
}

/// What came of records, in their order.
#[derive(Debug, Default)]
pub struct GivenSamples {
    pub samples: Samples,
    pub report: Report,
    /// The names of the files, to which the samples' indices point.
    pub files: Vec<Arc<str>>,
    /// The place of each sample's record among those that were given.
    pub records: Vec<i64>,
}

/// Expands records on the pool's threads. `go_on` is asked every 100 ms.
pub fn expand_records(
    expander: &Arc<Expander>,
    pool: &Pool,
    records: Vec<GivenRecord>,
    go_on: &mut dyn FnMut() -> bool,
) -> std::result::Result<GivenSamples, Interruption> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let work = {
        let (expander, cancelled) = (expander.clone(), cancelled.clone());
        move || expand(&expander, &records, &cancelled)
    };
    on_pool(pool, &cancelled, go_on, work)?.map_err(Interruption::Failed)
}

fn expand(expander: &Expander, records: &[GivenRecord], cancelled: &AtomicBool) -> Result<GivenSamples> {
    let outcomes: Vec<Option<Outcome>> = records
        .par_iter()
        .map_init(
            || Borrowed::of(expander),
            |borrowed, given| {
                let record = given.record(expander.options.read.max_line_bytes)?;
                if cancelled.load(Ordering::Relaxed) {
                    return None;
                }
                Some(expander.expand_record(record, &mut borrowed.workspace, cancelled))
            },
        )
        .collect();
    let mut gathered = Gathered::of_first(expander);
    let (mut files, mut seen, mut of_samples) = (Files::default(), HashSet::new(), Vec::new());
    for ((at, given), outcome) in records.iter().enumerate().zip(outcomes) {
        match outcome {
            Some(outcome) => {
                let copies = expander.options.deduplicate.then_some(&mut seen);
                gathered.add(outcome, files.index(&given.file), given.line, copies)?;
            }
            None => gathered.report.blank_lines += 1,
        }
        of_samples.resize(gathered.samples.line.len(), i64::try_from(at).unwrap_or(i64::MAX));
    }
    let Gathered { samples, report } = gathered;
    Ok(GivenSamples { samples, report, files: files.names, records: of_samples })
}

impl GivenRecord {
    /// The record as reading gives it; `None` if it is blank.
    fn record(&self, max_line_bytes: usize) -> Option<Record<'_>> {
        let bytes = match &self.text {
            None => None,
            Some(text) => match line_text(text, max_line_bytes)? {
                LineText::Bytes(range) => Some(&text[range]),
                LineText::TooLong => None,
            },
        };
        Some(Record { bytes, file: &self.file, line: self.line, format: self.format })
    }
}

/// The names of files, each once.
#[derive(Default)]
struct Files {
    names: Vec<Arc<str>>,
    known: HashMap<Arc<str>, i32>,
}

impl Files {
    fn index(&mut self, name: &Arc<str>) -> i32 {
        *self.known.entry(name.clone()).or_insert_with(|| {
            self.names.push(name.clone());
            i32::try_from(self.names.len() - 1).unwrap_or(i32::MAX)
        })
    }
}
