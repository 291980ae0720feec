//! A conversation to its samples and its report.
//!
//! In: a conversation, prepared for the template, and the options. Out: rows, and an account of every target. Which
//! targets there are, what each is shown, how it is rendered, encoded and arranged are stages of their own.

use std::sync::atomic::{AtomicBool, Ordering};

use super::account::Account;
use super::preflight::after_another_answer;
use super::stage_times::StageTimes;
use super::trace::Trace;
use super::view::{Unread, View};
use crate::chat_template::Prepared;
use crate::conversation::{Conversation, Message};
use crate::error::{Error, ErrorKind};
use crate::layout::{Arrangement, Sample, TokenWeights, WholeConversation, normalize, set_token_weights};
use crate::model::Renderer;
use crate::options::{ControlTokenPolicy, Options};
use crate::report::{Report, cause, warning};
use crate::target::{ContextMarks, Encoder, Foreign, How, Targets, TokenWriters, targets};
use crate::tokenizer::Known;

/// The record was left because the run is being ended.
pub struct Cancelled;

/// What a thread uses from conversation to conversation.
pub struct Scratch<'t> {
    pub encoder: &'t mut Encoder,
    pub times: &'t mut StageTimes,
}

/// The targets of one conversation on their way, and what happened to them.
pub struct Work<'a> {
    pub renderer: &'a Renderer,
    pub options: &'a Options,
    pub arrangement: Arrangement,
    pub conversation: &'a Conversation,
    pub prepared: &'a Prepared<'a>,
    pub report: Report,
    pub unread: Unread,
    /// What is known of the prompts of the view at hand.
    pub context: ContextMarks<'a>,
    /// What is known of the tokens of the targets in the view at hand.
    pub token_writers: TokenWriters,
    pub account: Account,
    /// Of targets with parts that have weights of their own.
    pub token_weights: TokenWeights,
    /// Texts whose offsets were found for them.
    pub offsets: Known,
    /// For those who ask what was decided.
    pub trace: Option<&'a mut Trace>,
    /// In the order in which they were met.
    faults: Vec<Error>,
}

impl<'a> Work<'a> {
    pub fn new(
        renderer: &'a Renderer,
        options: &'a Options,
        conversation: &'a Conversation,
        prepared: &'a Prepared<'a>,
        report: Report,
    ) -> Self {
        let (unread, faults, arrangement) = (Unread::default(), Vec::new(), Arrangement::of(options));
        let (context, account) = (ContextMarks::default(), Account::default());
        Self {
            renderer,
            options,
            arrangement,
            conversation,
            prepared,
            report,
            unread,
            context,
            token_writers: TokenWriters::default(),
            account,
            token_weights: TokenWeights::default(),
            offsets: Known::default(),
            trace: None,
            faults,
        }
    }

    pub fn samples(
        &mut self,
        scratch: &mut Scratch<'_>,
        cancelled: &AtomicBool,
    ) -> Result<Vec<Sample>, Cancelled> {
        let targets = targets(self.conversation, self.options.train_on);
        self.report.targets_found = targets.len() as u64;
        let mut rows = self.arrangement.rows();
        if self.arrangement.has_targets() {
            self.fill(&mut *rows, &targets, scratch, cancelled)?;
        } else {
            for target in targets {
                rows.add_unencoded(target);
            }
        }
        let arranged = rows.finish(WholeConversation {
            prepared: self.prepared,
            conversation: self.conversation,
            tokenizer: &self.renderer.tokenizer,
            encoder: scratch.encoder,
            foreign: self.foreign(),
            rejects_made: self.options.control_tokens == ControlTokenPolicy::Reject,
            max_length: self.options.max_length,
            keeps_provenance: self.options.provenance,
        });
        self.count_made(&arranged.made);
        self.report.warn(warning::INEXACT_TARGETS, arranged.inexact);
        self.report.warn(warning::POSITIONS_REPEATED, arranged.repeated);
        let mut samples = arranged.samples;
        samples.iter_mut().for_each(Sample::mark_answers);
        let messages = &self.conversation.messages;
        let is_weighted = |at: usize| messages.get(at).is_some_and(|of| !of.part_weights.is_empty());
        let unweighed = set_token_weights(&mut samples, &self.token_weights, is_weighted);
        samples.retain(|sample| !sample.targets.is_empty() || !self.arrangement.has_targets());
        unweighed.into_iter().chain(arranged.lost).for_each(|error| self.lose(error));
        self.faults.extend(arranged.fault);
        if let Some(rendering) = arranged.rendering {
            self.count_left_out_of(&rendering);
            if let Some(trace) = &mut self.trace {
                trace.add_rendering(rendering, self.prepared);
            }
        }
        normalize(&mut samples, self.options.normalize);
        Ok(samples)
    }

    /// The renderings of targets, each with its index among the prepared messages.
    pub fn rendered<'v, 'p, 'm>(
        &self,
        prepared: &'v Prepared<'p>,
        targets: impl Iterator<Item = (usize, &'m Message)>,
    ) -> Targets<'v, 'p>
    where
        'a: 'v,
    {
        let Options { prompt_mismatch: policy, thinking, header, .. } = *self.options;
        Targets::new(prepared, How { policy, thinking, header, foreign: self.foreign() }, targets)
    }

    fn foreign(&self) -> Foreign<'a> {
        let Renderer { tokenizer, control_tokens, .. } = self.renderer;
        match self.options.control_tokens {
            ControlTokenPolicy::Literal => Foreign::Plain { control_tokens },
            ControlTokenPolicy::Warn | ControlTokenPolicy::Reject => {
                Foreign::Named { tokenizer, control_tokens }
            }
            ControlTokenPolicy::Allow => Foreign::Recognised,
        }
    }

    /// What can be seen of the messages before anything is rendered, where it explains why a target is lost.
    fn likely_cause(&self, error: &Error) -> Option<String> {
        let target = error.location.message?;
        match error.kind {
            ErrorKind::PromptMismatch => after_another_answer(self.conversation, target),
            ErrorKind::Template => {
                // The first place is always among those that are kept.
                let place = self.report.warning_places.get(warning::ARGUMENTS_NOT_JSON)?.first()?;
                let at = place.location.message.filter(|at| *at <= target)?;
                Some(format!("message {at}: {}", place.text))
            }
            _ => None,
        }
    }

    pub fn lose(&mut self, mut error: Error) {
        if let Some(cause) = self.likely_cause(&error) {
            error.text = format!("{} ({cause})", error.text);
        }
        *self.report.targets_dropped.entry(error.kind.name()).or_default() += 1;
        self.faults.push(error);
    }

    pub fn finish(mut self, samples: &[Sample]) -> Report {
        // What a template that stopped has not looked at, it may read.
        if !self.faults.iter().any(|fault| fault.kind == ErrorKind::Template) {
            self.unread.keep_unread_in(&View::whole(self.prepared));
            for (message, key) in self.unread.of_messages() {
                if !self.account.covers(message, key) {
                    self.report.unread_keys.add(key, 1);
                }
            }
            self.unread.of_tools().for_each(|key| self.report.unread_keys.add(key, 1));
        }
        for name in self.renderer.template.unread_arguments_of(self.conversation) {
            self.report.unread_arguments.add(name, 1);
        }
        if let Some(trace) = self.trace {
            trace.dropped = self.account.dropped;
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

pub fn check(cancelled: &AtomicBool) -> Result<(), Cancelled> {
    if cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
}
