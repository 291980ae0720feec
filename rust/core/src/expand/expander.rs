//! Where a record comes in, and what a fault costs.
//!
//! In: a line of JSONL, or what was read of it. Out: its samples and its report. No I/O and no threads; a panic of a
//! dependency becomes an error of this record. Which errors end the run is said here: under `on_error="raise"` each
//! fault that no policy asked to skip.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use everyturn_template::Arena;

use super::preflight::preflight;
use super::record::{Scratch, Work};
use super::stage_times::Stage;
use super::trace::Trace;
use super::workspace::{Workspace, Workspaces};
use crate::conversation::{Conversation, Format, Renames, check_is_record, unknown_format};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value, write};
use crate::layout::{Arrangement, Sample};
use crate::model::Renderer;
use crate::options::{
    ControlTokenPolicy, HeaderPolicy, OnError, Options, Overflow, PromptMismatch, ThinkingPolicy,
};
use crate::panics::catch_panics;
use crate::read::Record;
use crate::report::Report;
use crate::samples::{KeptValues, kept_values};

/// More threads than any machine has cores for.
const MAX_THREADS: usize = 1024;

/// A model and what to make of conversations for it.
pub struct Expander {
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) options: Options,
    pub(crate) workspaces: Workspaces,
}

/// A record that was read: it can be expanded more than once.
pub struct ReadRecord {
    /// Equal for conversations that are the same; see [`Conversation::id`].
    pub conversation_id: u128,
    pub format: Format,
    pub conversation: Conversation,
    /// What its samples carry along.
    pub kept: KeptValues,
}

/// What became of a record.
#[derive(Default)]
pub struct Outcome {
    pub conversation_id: u128,
    pub samples: Vec<Sample>,
    /// What they carry along.
    pub kept: KeptValues,
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
        if options.keep_texts && !options.provenance {
            let text =
                "keep_texts is for rules about tokens whose provenance is known: it needs provenance=True";
            return Err(Error::new(ErrorKind::Options, text));
        }
        if options.provenance {
            // Made now: a process that is forked later need not wait for a thread that it does not have.
            renderer.tokenizer.token_bytes();
        }
        check_layout(&renderer, &options)?;
        check_header(&renderer, options.header)?;
        check_thinking(&renderer, options.thinking)?;
        Ok(Self { renderer, options, workspaces: Workspaces::default() })
    }

    pub fn renderer(&self) -> &Arc<Renderer> {
        &self.renderer
    }

    /// Reads one record.
    pub fn read(&self, record: Record<'_>, workspace: &mut Workspace) -> Result<ReadRecord> {
        catch_panics(|| {
            let Some(bytes) = record.bytes else {
                return Err(line_too_long(self.options.read.max_line_bytes));
            };
            let Workspace { parser, times, .. } = workspace;
            let options = &self.options.read.record;
            let mut repeated = Vec::new();
            let value = times.measure(Stage::Parse, || {
                let line = options.parse(parser, bytes)?;
                repeated = parser.take_repeated_keys();
                Renames::held_by(line, options.non_finite, &mut repeated)
            })?;
            let mut kept = match &value {
                Value::Object(object) => kept_values(object, &options.keep),
                // A list of messages has no keys.
                _ => kept_values(&Object::default(), &options.keep),
            };
            let value = options.renames.renamed(value)?;
            let format = self.format_of(&value, record)?;
            let value = format.with_key(value);
            let mut conversation =
                times.measure(Stage::Convert, || Conversation::from_record(&value, format, options))?;
            conversation.unused.repeated_keys.splice(..0, repeated);
            let conversation_id = times.measure(Stage::Convert, || conversation.id());
            if self.options.provenance {
                kept.push(Some(write(&conversation.facts(self.options.keep_texts))));
            }
            Ok(ReadRecord { conversation_id, format, conversation, kept })
        })
    }

    /// Expands one record; nothing is returned once `cancelled` is set.
    pub fn expand_record(
        &self,
        record: Record<'_>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
    ) -> Outcome {
        let read = self.read(record, workspace);
        self.expand_read(record, read.as_ref(), workspace, cancelled)
    }

    /// Expands a record that was read, or says what it costs that it could not be.
    pub fn expand_read(
        &self,
        record: Record<'_>,
        read: Result<&ReadRecord, &Error>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
    ) -> Outcome {
        self.expand_with(record, read, workspace, cancelled, None)
    }

    /// Expands a record that was read, and says what was decided on the way.
    pub(crate) fn expand_traced(
        &self,
        record: Record<'_>,
        read: &ReadRecord,
        workspace: &mut Workspace,
    ) -> (Outcome, Trace) {
        let mut trace = Trace::default();
        let outcome =
            self.expand_with(record, Ok(read), workspace, &AtomicBool::new(false), Some(&mut trace));
        (outcome, trace)
    }

    fn expand_with(
        &self,
        record: Record<'_>,
        read: Result<&ReadRecord, &Error>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
        trace: Option<&mut Trace>,
    ) -> Outcome {
        let result = read
            .map_err(Error::clone)
            .and_then(|read| catch_panics(|| self.expand_conversation(read, workspace, cancelled, trace)));
        let mut outcome = result.unwrap_or_else(|error| {
            let mut outcome = Outcome::default();
            outcome.report.records_dropped.insert(error.kind.name(), 1);
            outcome.report.faults.push(error);
            outcome
        });
        outcome.report.records_read = 1;
        outcome.report.locate(record.file, record.line);
        if self.options.on_error == OnError::Raise {
            outcome.error = outcome.report.faults.iter().find(|fault| !self.is_skipped(fault.kind)).cloned();
        }
        outcome
    }

    /// True for faults that an option other than `on_error` drops.
    fn is_skipped(&self, kind: ErrorKind) -> bool {
        match kind {
            ErrorKind::PromptMismatch => self.options.prompt_mismatch == PromptMismatch::Skip,
            ErrorKind::TooLong => self.options.overflow == Overflow::Drop,
            _ => false,
        }
    }

    fn expand_conversation(
        &self,
        read: &ReadRecord,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
        mut trace: Option<&mut Trace>,
    ) -> Result<Outcome> {
        let Workspace { encoder, times, .. } = workspace;
        let conversation = &read.conversation;
        let arena = Arena::new();
        if let Some(trace) = &mut trace {
            trace.start(conversation, self.options.train_on);
        }
        let prepared =
            times.measure(Stage::Convert, || self.renderer.template.prepare(&arena, conversation))?;
        if let Some(trace) = &mut trace {
            trace.add_prepared(&prepared);
        }
        let mut report = Report::default();
        preflight(&self.options, &self.renderer, conversation, &prepared, &mut report)?;
        let mut work = Work::new(&self.renderer, &self.options, conversation, &prepared, report);
        work.trace = trace;
        let samples = work.samples(&mut Scratch { encoder, times }, cancelled).unwrap_or_default();
        let report = work.finish(&samples);
        let (conversation_id, kept) = (read.conversation_id, read.kept.clone());
        Ok(Outcome { conversation_id, samples, kept, report, error: None })
    }

    /// The format of a record: as it is given, as the option says, or as its own keys show. The records of a file
    /// before the one that shows its format have none of these.
    fn format_of(&self, value: &Value, record: Record<'_>) -> Result<Format> {
        let renames = &self.options.read.record.renames;
        check_is_record(value, renames)?;
        let format = record.format.or(self.options.read.input_format).or_else(|| renames.format_of(value));
        format.ok_or_else(|| unknown_format(value, record.columns_of))
    }
}

/// The error for a line that was not kept.
pub(crate) fn line_too_long(max_line_bytes: usize) -> Error {
    let text = format!("the line is longer than max_line_bytes ({max_line_bytes})");
    Error::new(ErrorKind::LineTooLong, text)
}

/// A template that knows thinking and has no switch for it asks for it always, or never.
fn check_thinking(renderer: &Renderer, thinking: ThinkingPolicy) -> Result<()> {
    let mut variants = renderer.template.variants().map(|variant| &variant.thinking);
    let has_no_switch = variants.all(|thinking| thinking.switches.is_empty() && thinking.format.is_some());
    if thinking == ThinkingPolicy::Match && has_no_switch {
        let text = "thinking=\"match\": the chat template has no argument that switches thinking";
        return Err(Error::new(ErrorKind::Options, text));
    }
    Ok(())
}

/// What is not known cannot be moved into prompts.
fn check_header(renderer: &Renderer, policy: HeaderPolicy) -> Result<()> {
    let has_header = renderer.template.variants().any(|variant| variant.header.is_some());
    if policy == HeaderPolicy::Context && !has_header {
        let text = "header=\"context\": the chat template has no header of answers that its prompts may lack";
        return Err(Error::new(ErrorKind::Options, text));
    }
    Ok(())
}

/// Some options are for samples that are made target by target.
fn check_layout(renderer: &Renderer, options: &Options) -> Result<()> {
    let arrangement = Arrangement::of(options);
    if !arrangement.is_rendered_once() {
        return Ok(());
    }
    let shortens = matches!(options.overflow, Overflow::ShrinkHistory | Overflow::TruncatePrompt);
    let asked = [
        ("control_tokens=\"literal\"", options.control_tokens == ControlTokenPolicy::Literal),
        ("thinking=\"match\"", options.thinking == ThinkingPolicy::Match),
        ("a stop_token that is appended", renderer.template.appends_stops()),
        ("history_turns", options.history_turns.is_some()),
        ("max_prompt_tokens", options.max_prompt_tokens.is_some()),
        ("an overflow that shortens prompts", shortens),
        ("header=\"context\"", options.header == HeaderPolicy::Context && !arrangement.has_targets()),
    ];
    match asked.into_iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((name, _)) => Err(Error::new(
            ErrorKind::Options,
            format!(
                "{name} needs samples that are made target by target: it cannot be combined with \
                 layout=\"conversation\" or train_on=\"all_tokens\""
            ),
        )),
    }
}
