//! A conversation to its samples and its report.
//!
//! In: a conversation, prepared for the template, and the options. Out: rows, and an account of every target. Which
//! targets there are, what each is shown, how it is rendered, encoded and arranged are stages of their own.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::expander::Expander;
use super::fit::View;
use super::stage_times::{Stage, StageTimes};
use crate::chat_template::Prepared;
use crate::conversation::{Conversation, Message};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Rows, Sample, WholeTarget, normalize};
use crate::options::{ControlTokenPolicy, Layout, TrainOn};
use crate::report::{Report, cause, warning};
use crate::target::{Encoded, Encoder, Foreign, PromptMatch, Rendered, Target, Targets, lost, targets};

/// The record was left because the run is being ended.
pub struct Cancelled;

/// What a thread uses from conversation to conversation.
pub struct Scratch<'t> {
    pub encoder: &'t mut Encoder,
    pub times: &'t mut StageTimes,
}

/// The targets of one conversation on their way, and what happened to them.
pub struct Work<'a> {
    pub expander: &'a Expander,
    pub conversation: &'a Conversation,
    pub prepared: &'a Prepared<'a>,
    pub report: Report,
    pub unread: Unread,
    /// In the order in which they were met.
    faults: Vec<Error>,
}

impl<'a> Work<'a> {
    pub fn new(
        expander: &'a Expander,
        conversation: &'a Conversation,
        prepared: &'a Prepared<'a>,
        report: Report,
    ) -> Self {
        let (unread, faults) = (Unread::default(), Vec::new());
        Self { expander, conversation, prepared, report, unread, faults }
    }

    pub fn samples(
        &mut self,
        scratch: Scratch<'_>,
        cancelled: &AtomicBool,
    ) -> std::result::Result<Vec<Sample>, Cancelled> {
        let options = &self.expander.options;
        let targets = targets(self.conversation, options.train_on);
        self.report.targets_found = targets.len() as u64;
        let mut samples = match options.layout {
            _ if options.train_on == TrainOn::AllTokens => self.all_tokens(&targets, scratch.encoder),
            Layout::Conversation => self.whole(&targets, scratch, cancelled)?,
            Layout::PerTurn => self.fill(Rows::per_turn(), &targets, scratch, cancelled)?,
            Layout::Merged => self.fill(Rows::merged(), &targets, scratch, cancelled)?,
        };
        normalize(&mut samples, options.normalize);
        Ok(samples)
    }

    /// The renderings of targets, which lie at these places of what is prepared.
    pub fn rendered<'v, 'p>(&self, prepared: &'v Prepared<'p>, places: &[usize]) -> Targets<'v, 'p>
    where
        'a: 'v,
    {
        let options = &self.expander.options;
        let foreign = match options.control_tokens {
            ControlTokenPolicy::Literal => Foreign::Plain {
                control_tokens: self.expander.renderer.tokenizer.control_tokens(),
                in_record: !self.report.control_tokens.is_empty(),
            },
            _ => Foreign::Recognised,
        };
        Targets::new(prepared, options.prompt_mismatch, foreign, places)
    }

    /// The target that lies at this place of what is rendered.
    pub fn encode<'r, 'e>(
        &self,
        message: &Message,
        place: usize,
        rendered: &'r mut Targets<'_, '_>,
        (encoder, times): (&'e mut Encoder, &mut StageTimes),
    ) -> Result<(Rendered<'r>, Encoded<'e>)> {
        let rendered = times.of(Stage::Render, || rendered.render(message, place))?;
        let tokenizer = &self.expander.renderer.tokenizer;
        let encoded = times.of(Stage::Encode, || encoder.encode(tokenizer, &rendered))?;
        Ok((rendered, encoded))
    }

    /// Counts what is to be known of a target.
    pub fn count(&mut self, message: &Message, rendered: &Rendered<'_>, border_merged: bool) {
        let lost = lost(message, &rendered.completion);
        match rendered.prompt_match {
            PromptMatch::Exact => {}
            PromptMatch::MatchThinking => self.report.warn(warning::MATCHED_THINKING, 1),
            PromptMatch::Splice => self.report.warn(warning::SPLICED, 1),
            PromptMatch::CommonPrefix => self.report.warn(warning::COMMON_PREFIX, 1),
        }
        self.report.warn(warning::REASONING_DROPPED, lost.reasoning.into());
        self.report.warn(warning::TOOL_CALLS_DROPPED, lost.tool_calls.into());
        self.report.warn(warning::EMPTY_TARGETS, lost.everything.into());
        self.report.warn(warning::STOPS_EARLY, rendered.completion.stops_early.into());
        self.report.warn(warning::BORDER_MERGES, border_merged.into());
    }

    pub fn lose(&mut self, error: Error) {
        *self.report.targets_dropped.entry(error.kind.name()).or_default() += 1;
        self.faults.push(error);
    }

    fn whole(
        &mut self,
        targets: &[Target],
        Scratch { encoder, times }: Scratch<'_>,
        cancelled: &AtomicBool,
    ) -> std::result::Result<Vec<Sample>, Cancelled> {
        let mut kept = Vec::with_capacity(targets.len());
        let places: Vec<usize> = targets.iter().map(|target| target.message).collect();
        let mut rendered = self.rendered(self.prepared, &places);
        for target in targets.iter().copied() {
            check(cancelled)?;
            let message = &self.conversation.messages[target.message];
            match self.encode(message, target.message, &mut rendered, (encoder, times)) {
                Ok((rendered, encoded)) => {
                    self.count(message, &rendered, encoded.border_merged);
                    kept.push(WholeTarget { target, encoded: Some(encoded.into()) });
                }
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
        match layout::whole(self.prepared, self.conversation, (tokenizer, encoder), kept) {
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
            for message in layout::shorten(&mut sample, max_length) {
                self.lose(too_long(length, max_length).at_message(message));
            }
        }
        if sample.targets.is_empty() { Vec::new() } else { vec![sample] }
    }

    fn all_tokens(&mut self, targets: &[Target], encoder: &mut Encoder) -> Vec<Sample> {
        let tokenizer = &self.expander.renderer.tokenizer;
        let sample = layout::all_tokens(self.prepared, self.conversation, (tokenizer, encoder), targets)
            .and_then(|sample| match self.expander.options.max_length {
                Some(max_length) if sample.ids.len() > max_length => {
                    Err(too_long(sample.ids.len(), max_length))
                }
                _ => Ok(sample),
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

    pub fn finish(mut self, samples: &[Sample]) -> Report {
        for key in self.unread.keys(self.prepared) {
            self.report.unread_keys.add(&key, 1);
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

pub fn check(cancelled: &AtomicBool) -> std::result::Result<(), Cancelled> {
    if cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
}

pub fn too_long(length: usize, max_length: usize) -> Error {
    Error::new(
        ErrorKind::TooLong,
        format!("the sample has {length} tokens, more than max_length ({max_length})"),
    )
}

/// The keys that no rendering of a message has looked at.
#[derive(Default)]
pub struct Unread(BTreeMap<usize, BTreeSet<Arc<str>>>);

impl Unread {
    /// Takes in what a view has rendered.
    pub fn look(&mut self, view: &View<'_, '_>) {
        for (place, keys) in view.prepared.unread_keys() {
            let keys = keys.into_iter().map(Arc::from).collect();
            match self.0.entry(view.message_at(place)) {
                Entry::Vacant(entry) => {
                    entry.insert(keys);
                }
                Entry::Occupied(mut entry) => entry.get_mut().retain(|key| keys.contains(key)),
            }
        }
    }

    /// A key for each message in which it is.
    fn keys(mut self, whole: &Prepared<'_>) -> Vec<Arc<str>> {
        self.look(&View::whole(whole));
        self.0.into_values().flatten().collect()
    }
}
