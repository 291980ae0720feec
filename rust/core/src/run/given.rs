//! Records that the caller passes in, with their locations and formats.
//!
//! In: records, each with its file, line and format. Out: their samples, one report, and which record each sample is
//! of, as if they were the lines of a stream. No location is made up: samples, errors and faults carry what was given.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::Pool;
use super::stream::Gathered;
use super::{on_pool, on_records};
use crate::conversation::Format;
use crate::expand::Expander;
use crate::read::{LineText, Record, Step, line_text};
use crate::report::Report;
use crate::samples::Samples;

/// A record, and where it is.
#[derive(Debug, Clone)]
pub struct GivenRecord {
    pub file: Arc<str>,
    /// 1-based.
    pub line: u64,
    /// `None`: its own keys show it.
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
    /// The index of each sample's record among those that were given.
    pub records: Vec<i64>,
}

/// Expands records on the pool's threads. `go_on` is asked every 100 ms.
pub fn expand_records(
    expander: &Arc<Expander>,
    pool: &Pool,
    records: Vec<GivenRecord>,
    go_on: &mut dyn FnMut() -> bool,
) -> Step<GivenSamples> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let work = {
        let (expander, cancelled) = (expander.clone(), cancelled.clone());
        move || expand(&expander, &records, &cancelled)
    };
    on_pool(pool, go_on, work).inspect_err(|_| cancelled.store(true, Ordering::Relaxed))
}

fn expand(expander: &Expander, given: &[GivenRecord], cancelled: &AtomicBool) -> Step<GivenSamples> {
    let max_line_bytes = expander.options.read.max_line_bytes;
    let records: Vec<(usize, Record<'_>)> =
        given.iter().enumerate().filter_map(|(at, one)| Some((at, one.record(max_line_bytes)?))).collect();
    let outcomes = on_records(expander, records.par_iter().map(|(_, record)| *record), cancelled)?;
    let mut gathered = Gathered::of(expander);
    gathered.warn_of_model(expander);
    gathered.report.blank_lines = (given.len() - records.len()) as u64;
    let (mut files, mut seen, mut of_samples) = (Files::default(), HashSet::new(), Vec::new());
    for ((at, record), outcome) in records.into_iter().zip(outcomes) {
        let duplicates = expander.options.deduplicate.then_some(&mut seen);
        gathered.add(outcome, files.index(record.file), record.line, duplicates)?;
        of_samples.resize(gathered.samples.line.len(), i64::try_from(at).unwrap_or(i64::MAX));
    }
    let Gathered { samples, report, .. } = gathered;
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
        Some(Record { bytes, file: &self.file, line: self.line, format: self.format, columns_of: None })
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
