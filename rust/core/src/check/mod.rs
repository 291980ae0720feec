//! What is wrong with records: all of it, not only the first.
//!
//! In: sources, and an expander if its findings are wanted, too. Out: the lines of a chunk with their offsets in its
//! bytes, and of each line what the readers refuse, what expansion loses or has to say, and an outline of its messages:
//! what is merely unwise is found by others, in that outline. Samples are thrown away.

mod outline;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::conversation::{
    Conversation, Format, Renames, as_record, check_is_record, id_of_bytes, unknown_format,
};
use crate::error::{Error, Result};
use crate::expand::{Expander, ReadRecord, Workspace, Workspaces, line_too_long, warn_of_reading};
use crate::read::{Chunks, FileChunk, LineText, ReadOptions, Record, Source, Step, StreamOptions};
use crate::report::Report;
use crate::run::{Ordered, Pool, Work};
use crate::samples::KeptValues;
use outline::outline_json;

/// How records are read, and what they are expanded with.
pub struct Checker {
    reading: ReadOptions,
    /// With its own options, but `on_error` is without effect.
    expander: Option<Arc<Expander>>,
    /// Where there is no expander to borrow from.
    workspaces: Workspaces,
}

/// What was found of a record.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The format that it was read by.
    pub format: Option<Format>,
    /// The format that its own keys show.
    pub own_format: Option<Format>,
    /// As samples carry it; where the record cannot be read, the hash of its bytes.
    pub conversation_id: u128,
    /// Without file and line.
    pub faults: Vec<Error>,
    /// What expansion counted, or without one what reading did; `None` where the record cannot be read.
    pub report: Option<Report>,
    /// The messages by the record's own format, or that of its file, as JSON text; `None` if there is neither.
    pub outline: Option<String>,
}

/// A line that is not blank.
#[derive(Debug, Clone)]
pub struct CheckedLine {
    pub number: u64,
    /// Its range in the chunk's bytes, without its newline; `None`: it was too long.
    pub range: Option<Range<usize>>,
    pub found: Found,
}

impl Checker {
    pub fn new(reading: ReadOptions, expander: Option<Arc<Expander>>) -> Self {
        Self { reading, expander, workspaces: Workspaces::default() }
    }

    /// Finds what is wrong with one record.
    pub fn check_record(&self, record: Record<'_>) -> Found {
        self.on_record(record, &mut Workspace::default(), &AtomicBool::new(false))
    }

    /// Reads a record; says in any case what is found of it.
    fn read(
        &self,
        record: Record<'_>,
        workspace: &mut Workspace,
        found: &mut Found,
    ) -> Result<ReadRecord, Vec<Error>> {
        let bytes = record.bytes.ok_or_else(|| vec![line_too_long(self.reading.max_line_bytes)])?;
        found.conversation_id = id_of_bytes(bytes);
        found.format = self.reading.input_format.or(record.format);
        let options = &self.reading.record;
        let value = options.parse(workspace.parser(), bytes);
        let mut repeated = workspace.parser().take_repeated_keys();
        let value = value.and_then(|line| Renames::held_by(line, options.non_finite, &mut repeated));
        let value = value.and_then(|value| options.renames.renamed(value));
        let value = value.map_err(|error| vec![error])?;
        found.own_format = options.renames.format_of(&value);
        found.format = found.format.or(found.own_format);
        check_is_record(&value, &options.renames).map_err(|error| vec![error])?;
        let value = match found.format {
            Some(format) => format.with_key(value),
            None => value,
        };
        let object = as_record(&value).map_err(|error| vec![error])?;
        found.outline = found.own_format.or(found.format).map(|format| outline_json(object, format, options));
        let format = found.format.ok_or_else(|| vec![unknown_format(&value, record.columns_of)])?;
        let mut conversation = Conversation::read(&value, format, options)?;
        conversation.unused.repeated_keys.splice(..0, repeated);
        found.conversation_id = conversation.id();
        let (conversation_id, kept) = (found.conversation_id, KeptValues::new());
        Ok(ReadRecord { conversation_id, format, conversation, kept })
    }
}

impl Work for Checker {
    type Output = Found;
    type Made = CheckedChunk;

    fn workspaces(&self) -> &Workspaces {
        self.expander.as_ref().map_or(&self.workspaces, |expander| expander.workspaces())
    }

    fn on_record(&self, record: Record<'_>, workspace: &mut Workspace, cancelled: &AtomicBool) -> Found {
        let mut found = Found::default();
        match (self.read(record, workspace, &mut found), &self.expander) {
            (Ok(read), Some(expander)) => {
                let mut report = expander.expand_read(record, Ok(&read), workspace, cancelled).report;
                found.faults = std::mem::take(&mut report.faults);
                found.report = Some(report);
            }
            (Ok(read), None) => {
                let mut report = Report::default();
                warn_of_reading(&read.conversation, &mut report);
                found.report = Some(report);
            }
            (Err(faults), _) => found.faults = faults,
        }
        for fault in &mut found.faults {
            (fault.location.file, fault.location.line) = (None, None);
        }
        found
    }

    fn on_chunk(&self, chunk: FileChunk, found: Vec<Found>) -> CheckedChunk {
        let lines = chunk.chunk.lines.into_iter().zip(found).map(|(line, found)| CheckedLine {
            number: line.number,
            range: match line.text {
                LineText::Bytes(range) => Some(range),
                LineText::TooLong => None,
            },
            found,
        });
        (chunk.chunk.bytes, lines.collect(), chunk.chunk.is_made)
    }
}

/// The bytes of a chunk, its lines, and whether they are not those of the file but made of them.
pub type CheckedChunk = (Vec<u8>, Vec<CheckedLine>, bool);

/// The lines of sources, checked in order and with bounded memory.
pub struct CheckStream(Ordered<Checker>);

impl CheckStream {
    pub fn open(
        checker: Arc<Checker>,
        pool: Arc<Pool>,
        sources: Vec<Source>,
        options: StreamOptions,
    ) -> Self {
        let chunks = Chunks::open(sources, options, checker.reading.clone());
        Self(Ordered::new(checker, pool, chunks))
    }

    /// The next chunk; `None` at the end. `go_on` is asked every 100 ms.
    pub fn next_chunk(&mut self, go_on: &mut dyn FnMut() -> bool) -> Step<Option<CheckedChunk>> {
        self.0.next_chunk(go_on)
    }
}
