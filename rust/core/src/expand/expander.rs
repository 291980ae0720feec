//! Where a record comes in, and what a fault costs.
//!
//! In: a line of JSONL. Out: its samples and its report. No I/O and no threads; a panic of a dependency becomes an
//! error of this record. Which errors end the run is said here: under `on_error="raise"` each fault that no policy
//! asked to skip.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use everyturn_template::Arena;
use xxhash_rust::xxh3::xxh3_128;

use super::preflight::preflight;
use super::record::{Scratch, Work};
use super::stage_times::{Stage, StageTimes};
use crate::conversation::{Conversation, Format, as_record, unknown_format};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Value};
use crate::layout::Sample;
use crate::model::Renderer;
use crate::options::{ControlTokenPolicy, Layout, OnError, Options, Overflow, PromptMismatch, TrainOn};
use crate::panics::catch_panics;
use crate::read::{Record, Records, Source, StreamOptions};
use crate::report::Report;
use crate::target::Encoder;

/// More threads than any machine has cores for.
const MAX_THREADS: usize = 1024;

/// A model and what to make of conversations for it.
pub struct Expander {
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) options: Options,
    /// Those that no thread is using.
    workspaces: Mutex<Vec<Workspace>>,
}

/// What one thread uses from record to record.
#[derive(Default)]
pub struct Workspace {
    parser: json::Parser,
    encoder: Encoder,
    pub(crate) times: StageTimes,
}

/// What became of a record.
#[derive(Default)]
pub struct Outcome {
    pub conversation_id: u128,
    pub samples: Vec<Sample>,
    pub report: Report,
    /// The first fault that ends the run.
    pub error: Option<Error>,
}

impl Expander {
    pub fn new(renderer: Arc<Renderer>, options: Options) -> Result<Self> {
        let counts = [
            ("max_length", options.max_length),
            ("max_prompt_tokens", options.max_prompt_tokens),
            ("history_turns", options.history_turns),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == Some(0)) {
            return Err(Error::new(ErrorKind::Options, format!("{name} must be at least 1")));
        }
        if options.num_threads.is_some_and(|threads| threads > MAX_THREADS) {
            return Err(Error::new(ErrorKind::Options, format!("num_threads must be at most {MAX_THREADS}")));
        }
        check_layout(&options)?;
        Ok(Self { renderer, options, workspaces: Mutex::default() })
    }

    /// Takes a workspace that was used before, or a new one. It never waits: another thread may have held the lock when
    /// this process was forked.
    pub fn take_workspace(&self) -> Workspace {
        let free = self.workspaces.try_lock().ok().and_then(|mut free| free.pop());
        free.unwrap_or_default()
    }

    pub fn leave_workspace(&self, workspace: Workspace) {
        if let Ok(mut free) = self.workspaces.try_lock() {
            free.push(workspace);
        }
    }

    pub fn renderer(&self) -> &Arc<Renderer> {
        &self.renderer
    }

    /// The records of sources, read as this expander reads them.
    pub fn records(&self, sources: Vec<Source>, options: StreamOptions) -> Records {
        Records::open(sources, options, self.options.max_line_bytes, self.options.input_format)
    }

    /// Expands one record; nothing is returned once `cancelled` is set.
    pub fn expand_record(
        &self,
        record: Record<'_>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
    ) -> Outcome {
        let result = catch_panics(|| self.try_expand(record, workspace, cancelled)).flatten();
        let mut outcome = result.unwrap_or_else(|error| {
            let mut outcome = Outcome::default();
            outcome.report.records_dropped.insert(error.kind.name(), 1);
            outcome.report.faults.push(error);
            outcome
        });
        outcome.report.records_read = 1;
        for fault in &mut outcome.report.faults {
            fault.location.file = Some(record.file.clone());
            fault.location.line = Some(record.line);
        }
        if self.options.on_error == OnError::Raise {
            outcome.error = outcome.report.faults.iter().find(|fault| !self.is_skipped(fault.kind)).cloned();
        }
        outcome
    }

    /// True for faults that a policy of its own asks to leave out.
    fn is_skipped(&self, kind: ErrorKind) -> bool {
        match kind {
            ErrorKind::PromptMismatch => self.options.prompt_mismatch == PromptMismatch::Skip,
            ErrorKind::TooLong => self.options.overflow == Overflow::Drop,
            _ => false,
        }
    }

    fn try_expand(
        &self,
        record: Record<'_>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
    ) -> Result<Outcome> {
        let bytes = record.bytes.ok_or_else(|| {
            let text = format!("the line is longer than max_line_bytes ({})", self.options.max_line_bytes);
            Error::new(ErrorKind::LineTooLong, text)
        })?;
        let Workspace { parser, encoder, times } = workspace;
        let value = times.of(Stage::Parse, || parser.parse(bytes))?;
        let format = self.format_of(&value, record.format)?;
        let conversation = times.of(Stage::Convert, || Conversation::from_record(&value, format))?;
        let arena = Arena::new();
        let prepared = times.of(Stage::Convert, || self.renderer.template.prepare(&arena, &conversation));
        let mut report = Report::default();
        preflight(self, &conversation, &prepared, &mut report)?;
        let mut work = Work::new(self, &conversation, &prepared, report);
        let samples = work.samples(Scratch { encoder, times }, cancelled).unwrap_or_default();
        Ok(Outcome { conversation_id: xxh3_128(bytes), report: work.finish(&samples), samples, error: None })
    }

    pub(crate) fn format_of(&self, value: &Value, of_file: Option<Format>) -> Result<Format> {
        as_record(value)?;
        self.options.input_format.or(of_file).ok_or_else(|| unknown_format(value))
    }
}

/// Some options are for samples that are made target by target.
fn check_layout(options: &Options) -> Result<()> {
    if options.layout != Layout::Conversation && options.train_on != TrainOn::AllTokens {
        return Ok(());
    }
    let shortens = matches!(options.overflow, Overflow::ShrinkHistory | Overflow::TruncatePrompt);
    let asked = [
        ("control_tokens=\"literal\"", options.control_tokens == ControlTokenPolicy::Literal),
        ("history_turns", options.history_turns.is_some()),
        ("max_prompt_tokens", options.max_prompt_tokens.is_some()),
        ("an overflow that shortens prompts", shortens),
    ];
    match asked.into_iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((name, _)) => Err(Error::new(
            ErrorKind::Options,
            format!(
                "{name} is for samples that are made target by target: not for the layout \"conversation\", nor for \
                 train_on=\"all_tokens\""
            ),
        )),
    }
}
