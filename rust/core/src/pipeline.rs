//! One record through all stages.
//!
//! In: a line of JSONL. Out: its samples and its report. No I/O and no threads; a panic of a dependency becomes an
//! error of this record. Which errors end the run is said here: under `on_error="raise"` each fault that no policy
//! asked to skip.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use everyturn_template::Arena;
use xxhash_rust::xxh3::xxh3_128;

use crate::chat_template::Prepared;
use crate::conversation::{Conversation, Format, Message, Role, part_texts};
use crate::encode::{Encoded, Encoder};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Value};
use crate::layout::{Rows, Sample};
use crate::options::{ControlTokenPolicy, Layout, OnError, Options, Overflow, PromptMismatch, TrainOn};
use crate::render::{Foreign, Rendered, Targets, Way, lost};
use crate::renderer::Renderer;
use crate::report::{Report, cause, warning};
use crate::stage_times::{Stage, StageTimes};
use crate::target::{Target, targets};
use crate::whole::{self, WholeTarget};

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

/// A line of an input.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// `None`: the line was longer than the limit.
    pub bytes: Option<&'a [u8]>,
    pub file: &'a Arc<str>,
    pub line: u64,
    /// `None`: nothing in the file told its format.
    pub format: Option<Format>,
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

/// The record was left because the run is being ended.
struct Cancelled;

/// The targets of one conversation on their way, and what happened to them.
struct Work<'a> {
    expander: &'a Expander,
    conversation: &'a Conversation,
    prepared: &'a Prepared<'a>,
    report: Report,
    /// In the order in which they were met.
    faults: Vec<Error>,
}

impl Expander {
    pub fn new(renderer: Arc<Renderer>, options: Options) -> Result<Self> {
        if options.max_length == Some(0) {
            return Err(Error::new(ErrorKind::Options, "max_length must be at least 1"));
        }
        if options.num_threads.is_some_and(|threads| threads > MAX_THREADS) {
            return Err(Error::new(ErrorKind::Options, format!("num_threads must be at most {MAX_THREADS}")));
        }
        let in_one = options.layout == Layout::Conversation || options.train_on == TrainOn::AllTokens;
        if options.control_tokens == ControlTokenPolicy::Literal && in_one {
            let text = "control_tokens=\"literal\" is for samples that are made target by target: not for the layout \
                        \"conversation\", nor for train_on=\"all_tokens\"";
            return Err(Error::new(ErrorKind::Options, text));
        }
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

    /// Expands one record; nothing is returned once `cancelled` is set.
    pub fn expand_record(
        &self,
        record: Record<'_>,
        workspace: &mut Workspace,
        cancelled: &AtomicBool,
    ) -> Outcome {
        let work = AssertUnwindSafe(|| self.try_expand(record, workspace, cancelled));
        let result = catch_unwind(work).unwrap_or_else(|panic| Err(Error::from_panic(&*panic)));
        let mut outcome = result.unwrap_or_else(|error| {
            let mut outcome = Outcome::default();
            outcome.report.records_dropped.insert(error.kind.name(), 1);
            outcome.report.faults.push(error);
            outcome
        });
        outcome.report.records_read = 1;
        for fault in &mut outcome.report.faults {
            fault.place.file = Some(record.file.clone());
            fault.place.line = Some(record.line);
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
        let mut work = Work {
            expander: self,
            prepared: &prepared,
            conversation: &conversation,
            report: Report::default(),
            faults: Vec::new(),
        };
        work.look_at_messages()?;
        let samples = work.samples((encoder, times), cancelled).unwrap_or_default();
        Ok(Outcome { conversation_id: xxh3_128(bytes), report: work.finish(&samples), samples, error: None })
    }

    fn format_of(&self, value: &Value, of_file: Option<Format>) -> Result<Format> {
        crate::conversation::as_record(value)?;
        self.options.input_format.or(of_file).ok_or_else(|| crate::conversation::unknown_format(value))
    }
}

impl<'a> Work<'a> {
    /// Control tokens, weights in odd places, parts: what can be seen without rendering.
    fn look_at_messages(&mut self) -> Result<()> {
        let adaptations = self.prepared.adaptations;
        self.report.warn(warning::PARTS_JOINED, adaptations.joined_parts);
        self.report.warn(warning::ARGUMENTS_CONVERTED, adaptations.converted_arguments);
        self.report.warn(warning::CONTENT_FILLED, adaptations.filled_contents);
        let ignored = |message: &&Message| {
            message.role != Role::Assistant && message.weight.is_some_and(|weight| weight > 0.0)
        };
        if self.expander.options.train_on != TrainOn::AllTokens {
            let count = self.conversation.messages.iter().filter(ignored).count();
            self.report.warn(warning::WEIGHT_IGNORED, count as u64);
        }
        if self.expander.options.control_tokens != ControlTokenPolicy::Allow {
            self.find_control_tokens()?;
        }
        Ok(())
    }

    fn find_control_tokens(&mut self) -> Result<()> {
        let control_tokens = self.expander.renderer.tokenizer.control_tokens();
        let found = &mut self.report.control_tokens;
        let mut first = None;
        for (i, message) in self.conversation.messages.iter().enumerate() {
            let mut note = |token: &Arc<str>| {
                first.get_or_insert_with(|| (Some(i), token.clone()));
                *found.entry(token.clone()).or_default() += 1;
            };
            for (key, value) in message.fields.iter() {
                match value.as_array().filter(|_| &**key == "content") {
                    // A template may print the texts of parts without anything between them.
                    Some(parts) => control_tokens.visit_text(&part_texts(parts).concat(), &mut note),
                    None => control_tokens.visit(value, &mut note),
                }
            }
        }
        let kwargs = Value::Object(self.conversation.template_kwargs.clone());
        for value in [self.conversation.tools.as_ref(), Some(&kwargs)].into_iter().flatten() {
            control_tokens.visit(value, &mut |token| {
                first.get_or_insert_with(|| (None, token.clone()));
                *found.entry(token.clone()).or_default() += 1;
            });
        }
        let Some((message, token)) = first else {
            return Ok(());
        };
        if self.expander.options.control_tokens == ControlTokenPolicy::Reject {
            let mut error =
                Error::new(ErrorKind::ControlToken, format!("the text holds the control token {token:?}"));
            error.place.message = message;
            return Err(error);
        }
        if self.expander.options.control_tokens == ControlTokenPolicy::Warn {
            self.report.warn(warning::CONTROL_TOKENS, 1);
        }
        Ok(())
    }

    fn samples(
        &mut self,
        (encoder, times): (&mut Encoder, &mut StageTimes),
        cancelled: &AtomicBool,
    ) -> std::result::Result<Vec<Sample>, Cancelled> {
        let options = &self.expander.options;
        let targets = targets(self.conversation, options.train_on);
        self.report.targets_found = targets.len() as u64;
        if options.train_on == TrainOn::AllTokens {
            return Ok(self.all_tokens(&targets));
        }
        if options.layout == Layout::Conversation {
            return self.whole(&targets, (encoder, times), cancelled);
        }
        let mut rows = match options.layout {
            Layout::PerTurn => Rows::per_turn(),
            Layout::Merged | Layout::Conversation => Rows::merged(),
        };
        let mut rendered = self.rendered(&targets);
        for target in targets {
            check(cancelled)?;
            let encoded = self.encode_target(target, &mut rendered, (encoder, times));
            let added = encoded.and_then(|encoded| {
                times.of(Stage::Layout, || {
                    rows.meet(&encoded);
                    self.check_length(&encoded)?;
                    rows.add(&encoded, target.message, target.weight);
                    Ok(())
                })
            });
            if let Err(error) = added {
                self.lose(error.at_message(target.message));
            }
        }
        Ok(rows.into_samples())
    }

    fn rendered(&self, targets: &[Target]) -> Targets<'a, 'a> {
        let messages: Vec<usize> = targets.iter().map(|target| target.message).collect();
        let options = &self.expander.options;
        let foreign = match options.control_tokens {
            ControlTokenPolicy::Literal => Foreign::Plain {
                control_tokens: self.expander.renderer.tokenizer.control_tokens(),
                in_record: !self.report.control_tokens.is_empty(),
            },
            _ => Foreign::Recognised,
        };
        Targets::new(self.prepared, options.prompt_mismatch, foreign, &messages)
    }

    fn encode_target<'e>(
        &mut self,
        target: Target,
        rendered: &mut Targets<'_, '_>,
        (encoder, times): (&'e mut Encoder, &mut StageTimes),
    ) -> Result<Encoded<'e>> {
        let message = &self.conversation.messages[target.message];
        let rendered = times.of(Stage::Render, || rendered.render(message, target.message))?;
        let tokenizer = &self.expander.renderer.tokenizer;
        let encoded = times.of(Stage::Encode, || encoder.encode(tokenizer, &rendered))?;
        self.count(message, &rendered);
        self.report.warn(warning::BORDER_MERGES, encoded.border_merged.into());
        Ok(encoded)
    }

    /// Counts what is to be known of a target.
    fn count(&mut self, message: &Message, rendered: &Rendered<'_>) {
        let lost = lost(message, &rendered.completion);
        match rendered.way {
            Way::Exact => {}
            Way::MatchThinking => self.report.warn(warning::MATCHED_THINKING, 1),
            Way::Splice => self.report.warn(warning::SPLICED, 1),
            Way::CommonPrefix => self.report.warn(warning::COMMON_PREFIX, 1),
        }
        self.report.warn(warning::REASONING_DROPPED, lost.reasoning.into());
        self.report.warn(warning::TOOL_CALLS_DROPPED, lost.tool_calls.into());
        self.report.warn(warning::EMPTY_TARGETS, lost.everything.into());
        self.report.warn(warning::STOPS_EARLY, rendered.completion.stops_early.into());
    }

    fn check_length(&self, target: &Encoded<'_>) -> Result<()> {
        match self.expander.options.max_length {
            Some(max_length) if target.ids.len() > max_length => Err(too_long(target.ids.len(), max_length)),
            _ => Ok(()),
        }
    }

    fn lose(&mut self, error: Error) {
        *self.report.targets_dropped.entry(error.kind.name()).or_default() += 1;
        self.faults.push(error);
    }

    fn whole(
        &mut self,
        targets: &[Target],
        (encoder, times): (&mut Encoder, &mut StageTimes),
        cancelled: &AtomicBool,
    ) -> std::result::Result<Vec<Sample>, Cancelled> {
        let mut kept = Vec::with_capacity(targets.len());
        let mut rendered = self.rendered(targets);
        for target in targets.iter().copied() {
            check(cancelled)?;
            match self.encode_target(target, &mut rendered, (encoder, times)) {
                Ok(encoded) => kept.push(WholeTarget { target, encoded: Some(encoded.into()) }),
                // What inference would show cannot be told; the one rendering may still hold the message.
                Err(error) if matches!(error.kind, ErrorKind::PromptMismatch | ErrorKind::NoStopToken) => {
                    kept.push(WholeTarget { target, encoded: None });
                }
                Err(error) => self.lose(error.at_message(target.message)),
            }
        }
        if kept.is_empty() {
            return Ok(Vec::new());
        }
        let messages: Vec<usize> = kept.iter().map(|kept| kept.target.message).collect();
        let tokenizer = &self.expander.renderer.tokenizer;
        match whole::whole(self.prepared, self.conversation, tokenizer, kept) {
            Ok(whole) => {
                self.report.warn(warning::INEXACT_TARGETS, whole.inexact);
                whole.lost.into_iter().for_each(|error| self.lose(error));
                Ok(self.shortened(whole.sample))
            }
            Err(error) => {
                for message in messages {
                    self.lose(error.clone().at_message(message));
                }
                Ok(Vec::new())
            }
        }
    }

    fn shortened(&mut self, mut sample: Sample) -> Vec<Sample> {
        let length = sample.ids.len();
        if let Some(max_length) = self.expander.options.max_length {
            for message in whole::shorten(&mut sample, max_length) {
                self.lose(too_long(length, max_length).at_message(message));
            }
        }
        if sample.targets.is_empty() { Vec::new() } else { vec![sample] }
    }

    fn all_tokens(&mut self, targets: &[Target]) -> Vec<Sample> {
        let tokenizer = &self.expander.renderer.tokenizer;
        let sample =
            whole::all_tokens(self.prepared, self.conversation, tokenizer, targets).and_then(|sample| {
                match self.expander.options.max_length {
                    Some(max_length) if sample.ids.len() > max_length => {
                        Err(too_long(sample.ids.len(), max_length))
                    }
                    _ => Ok(sample),
                }
            });
        match sample {
            Ok(sample) => vec![sample],
            Err(error) => {
                for target in targets {
                    self.lose(error.clone().at_message(target.message));
                }
                if targets.is_empty() {
                    self.faults.push(error);
                }
                Vec::new()
            }
        }
    }

    fn finish(mut self, samples: &[Sample]) -> Report {
        for key in self.prepared.unread_keys() {
            *self.report.unread_keys.entry(key.into()).or_default() += 1;
        }
        let lost: u64 = self.report.targets_dropped.values().sum();
        self.report.targets_trained = self.report.targets_found - lost;
        if samples.is_empty() {
            let cause = if self.faults.is_empty() { cause::NO_TARGET } else { cause::ALL_TARGETS_DROPPED };
            self.report.records_dropped.insert(cause, 1);
        } else {
            self.report.records_kept = 1;
        }
        for sample in samples {
            self.report.rows += 1;
            self.report.tokens += sample.ids.len() as u64;
            self.report.trained_tokens +=
                sample.trained.iter().map(|trained| trained.tokens.len() as u64).sum::<u64>();
        }
        self.report.faults = self.faults;
        self.report
    }
}

fn check(cancelled: &AtomicBool) -> std::result::Result<(), Cancelled> {
    if cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
}

fn too_long(length: usize, max_length: usize) -> Error {
    Error::new(
        ErrorKind::TooLong,
        format!("the sample has {length} tokens, more than max_length ({max_length})"),
    )
}
