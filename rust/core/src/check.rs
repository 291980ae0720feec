//! What is wrong with records: all of it, not only the first.
//!
//! In: sources, and an expander if its findings are wanted, too. Out: the lines of a chunk with their places in its
//! bytes, and of each line what the readers refuse and what expansion loses or has to say. What is merely unwise is not
//! looked for here, and samples are thrown away.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_128;

use crate::conversation::{Format, as_record, faults, unknown_format};
use crate::error::{Error, ErrorKind, Result};
use crate::expand::{Expander, Workspace};
use crate::json::Parser;
use crate::read::{Chunks, FileChunk, Interruption, LineText, Record, Source, StreamOptions};
use crate::report::Report;
use crate::run::{Borrowed, Pool, on_pool};

/// How records are read, and what they are expanded with.
pub struct Checker {
    /// `None`: each file's first records tell.
    pub input_format: Option<Format>,
    pub max_line_bytes: usize,
    /// With its own options, but `on_error` is without effect.
    pub expander: Option<Arc<Expander>>,
}

/// What was found of a record.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The format that it was read by.
    pub format: Option<Format>,
    /// The format that its own keys tell.
    pub own_format: Option<Format>,
    /// As samples carry it: the hash of the record's bytes.
    pub conversation_id: u128,
    /// Without file and line.
    pub faults: Vec<Error>,
    /// What expansion counted, if there was one.
    pub report: Option<Report>,
}

/// A line that is not blank.
#[derive(Debug, Clone)]
pub struct CheckedLine {
    pub number: u64,
    /// Its place in the chunk's bytes, without its end; `None`: it was too long.
    pub place: Option<Range<usize>>,
    pub found: Found,
}

impl Checker {
    /// Looks at one record.
    pub fn look(&self, record: Record<'_>, parser: &mut Parser, workspace: &mut Workspace) -> Found {
        let Some(bytes) = record.bytes else {
            let text = format!("the line is longer than max_line_bytes ({})", self.max_line_bytes);
            return Found { faults: vec![Error::new(ErrorKind::LineTooLong, text)], ..Found::default() };
        };
        let mut found = Found { conversation_id: xxh3_128(bytes), ..Found::default() };
        found.format = self.input_format.or(record.format);
        match parser.parse(bytes) {
            Err(error) => found.faults.push(error),
            Ok(value) => {
                found.own_format = Format::detect(&value);
                found.faults = match (as_record(&value), found.format) {
                    (Err(error), _) => vec![error],
                    (Ok(_), None) => vec![unknown_format(&value)],
                    (Ok(_), Some(format)) => faults(&value, format),
                };
            }
        }
        if let (Some(expander), true) = (&self.expander, found.faults.is_empty()) {
            let record = Record { format: found.format, ..record };
            let mut report = expander.expand_record(record, workspace, &AtomicBool::new(false)).report;
            found.faults = std::mem::take(&mut report.faults);
            found.report = Some(report);
        }
        for fault in &mut found.faults {
            (fault.location.file, fault.location.line) = (None, None);
        }
        found
    }

    fn look_at(&self, chunk: &FileChunk, cancelled: &AtomicBool) -> Vec<CheckedLine> {
        let expander = self.expander.as_deref();
        let tools = || (Parser::default(), expander.map(Borrowed::of), Workspace::default());
        let lines = chunk.chunk.lines.par_iter().map_init(tools, |(parser, borrowed, idle), line| {
            let place = match &line.text {
                LineText::Bytes(place) => Some(place.clone()),
                LineText::TooLong => None,
            };
            let workspace = borrowed.as_mut().map_or(idle, |borrowed| &mut borrowed.workspace);
            let found = if cancelled.load(Ordering::Relaxed) {
                Found::default()
            } else {
                self.look(chunk.record(line), parser, workspace)
            };
            CheckedLine { number: line.number, place, found }
        });
        lines.collect()
    }
}

/// The bytes of a chunk, and its lines.
pub type CheckedChunk = (Vec<u8>, Vec<CheckedLine>);

/// The lines of sources, looked at in order and with bounded memory.
pub struct CheckStream {
    checker: Arc<Checker>,
    pool: Arc<Pool>,
    chunks: Chunks,
    cancelled: Arc<AtomicBool>,
}

impl CheckStream {
    pub fn open(
        checker: Arc<Checker>,
        pool: Arc<Pool>,
        sources: Vec<Source>,
        options: StreamOptions,
    ) -> Self {
        let taken = Arc::new(AtomicU64::new(0));
        let chunks = Chunks::open(sources, options, checker.max_line_bytes, checker.input_format, &taken);
        Self { checker, pool, chunks, cancelled: Arc::new(AtomicBool::new(false)) }
    }

    /// The next chunk; `None` at the end. `go_on` is asked every 100 ms.
    pub fn next_chunk(
        &mut self,
        go_on: &mut dyn FnMut() -> bool,
    ) -> std::result::Result<Option<CheckedChunk>, Interruption> {
        let Some(chunk) = self.chunks.next(go_on)? else {
            return Ok(None);
        };
        let (checker, cancelled) = (self.checker.clone(), self.cancelled.clone());
        let work = move || -> Result<CheckedChunk> {
            let lines = checker.look_at(&chunk, &cancelled);
            Ok((chunk.chunk.bytes, lines))
        };
        on_pool(&self.pool, &self.cancelled, go_on, work)?.map_err(Interruption::Failed).map(Some)
    }
}
