//! What of a conversation each target is shown, and its position in the rows.
//!
//! In: the targets of a conversation, how long prompts and samples may be. Out: rows. A target whose prompt is too long
//! is rendered again without the oldest exchanges, as a server would send it; which of them is said in
//! `target::window`. A target is never cut.

use std::mem;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;

use everyturn_template::Arena;

use super::record::{Cancelled, Scratch, Work, check};
use super::stage_times::{Stage, StageTimes};
use super::view::View;
use crate::chat_template::refuse_made;
use crate::error::{ErrorKind, Result};
use crate::layout::{Rows, too_long};
use crate::options::{ControlTokenPolicy, Options, Overflow};
use crate::report::warning;
use crate::target::{
    Encoded, Exchanges, FewestDropped, Rendered, Target, Targets, TokenWriters, Writers, prompt_too_long,
    weigh_bytes, weigh_tokens,
};

/// Where the targets of a conversation go.
struct Filling<'f, 't> {
    rows: &'f mut dyn Rows,
    scratch: &'f mut Scratch<'t>,
    exchanges: Exchanges,
    /// How many exchanges the last target lost that did not fit.
    likely: usize,
}

/// The targets that are shown the same part of the conversation.
struct Shown<'s, 'v, 'a> {
    view: &'s View<'v, 'a>,
    targets: Targets<'v, 'a>,
}

/// A target that was rendered and encoded, and the rows that may take it.
struct Candidate<'c> {
    target: Target,
    rendered: Rendered<'c>,
    encoded: Encoded<'c>,
    view: &'c View<'c, 'c>,
    rows: &'c mut dyn Rows,
    times: &'c mut StageTimes,
}

impl Work<'_> {
    /// Puts each target into the rows; those that cannot be are lost by name.
    pub fn fill(
        &mut self,
        rows: &mut dyn Rows,
        targets: &[Target],
        scratch: &mut Scratch<'_>,
        cancelled: &AtomicBool,
    ) -> Result<(), Cancelled> {
        let roles = self.conversation.messages.iter().map(|message| Some(message.role));
        let mut filling = Filling { rows, scratch, exchanges: Exchanges::of(roles), likely: 0 };
        let history_turns = self.options.history_turns;
        let mut left = targets;
        while let Some(first) = left.first() {
            let least = |target: &Target| *filling.exchanges.bounds(target.message, history_turns).start();
            let dropped = least(first);
            let is_alone = self.is_sent_alone(first);
            let same =
                left.iter().take_while(|target| least(target) == dropped && !self.is_sent_alone(target));
            let same = if is_alone { 1 } else { same.count() };
            let (shown, others) = left.split_at(same);
            self.fill_view(shown, dropped, &mut filling, cancelled)?;
            left = others;
        }
        Ok(())
    }

    /// Whether a server shows the messages before a target otherwise than where those after it follow.
    fn is_sent_alone(&self, target: &Target) -> bool {
        self.prepared.changes_until().is_some_and(|until| target.message < until)
    }

    /// The targets before which the same exchanges are dropped, if no more have to be.
    fn fill_view(
        &mut self,
        targets: &[Target],
        dropped: usize,
        filling: &mut Filling<'_, '_>,
        cancelled: &AtomicBool,
    ) -> Result<(), Cancelled> {
        let until = targets.last().map_or(0, |target| target.message + 1);
        let is_part = dropped > 0 || targets.iter().any(|target| self.is_sent_alone(target));
        let kept = is_part.then(|| filling.exchanges.kept(dropped, until));
        let filled = self.with_view(kept, targets, |work, shown| {
            for target in targets.iter().copied() {
                check(cancelled)?;
                if let Err(error) = work.place(target, shown, filling) {
                    // What inference would show is not known; some layouts find the message without it.
                    let unknown = matches!(error.kind, ErrorKind::PromptMismatch | ErrorKind::NoStopToken);
                    if !(unknown && filling.rows.add_unencoded(target)) {
                        work.lose(error.at_message(target.message));
                    }
                }
            }
            Ok(())
        });
        filled.unwrap_or_else(|error| {
            for target in targets {
                self.lose(error.clone().at_message(target.message));
            }
            Ok(())
        })
    }

    /// Adds a target as it is shown, or, where it does not fit and may be shown less, with less.
    fn place(
        &mut self,
        target: Target,
        shown: &mut Shown<'_, '_, '_>,
        filling: &mut Filling<'_, '_>,
    ) -> Result<()> {
        let bounds = filling.exchanges.bounds(target.message, self.options.history_turns);
        if bounds.start() == bounds.end() {
            return self.with_candidate(target, shown, filling, Self::add);
        }
        if self.with_candidate(target, shown, filling, Self::add_if_it_fits)? {
            return Ok(());
        }
        // Other texts are encoded now.
        shown.targets.set_taken(false);
        self.shrink(target, &bounds, filling)
    }

    /// Adds a target without as many of the oldest exchanges as it takes.
    fn shrink(
        &mut self,
        target: Target,
        bounds: &RangeInclusive<usize>,
        filling: &mut Filling<'_, '_>,
    ) -> Result<()> {
        let mut search = FewestDropped::new(bounds, filling.likely);
        let mut added = None;
        while let Some(dropped) = search.next_try() {
            // What would be the answer is added at once: it need not be rendered again.
            let fits = if search.is_answer_if_it_fits(dropped) {
                let fits = self.without(dropped, target, filling, Self::add_if_it_fits);
                added = matches!(fits, Ok(true)).then_some(dropped);
                fits
            } else {
                self.without(dropped, target, filling, |work, candidate| Ok(work.fits(&candidate)))
            };
            // What cannot be rendered does not fit; the last attempt says why.
            search.record(dropped, fits.unwrap_or(false));
        }
        let dropped = search.found().unwrap_or(*bounds.end());
        if added != Some(dropped) {
            self.without(dropped, target, filling, Self::add)?;
        }
        filling.likely = dropped;
        self.report.warn(warning::HISTORY_SHRUNK, 1);
        Ok(())
    }

    /// Shows a target the conversation without the oldest exchanges.
    fn without<T>(
        &mut self,
        dropped: usize,
        target: Target,
        filling: &mut Filling<'_, '_>,
        then: impl FnOnce(&mut Self, Candidate<'_>) -> Result<T>,
    ) -> Result<T> {
        let kept = filling.exchanges.kept(dropped, target.message + 1);
        self.with_view(Some(kept), &[target], |work, shown| {
            work.with_candidate(target, shown, filling, then)
        })?
    }

    /// Renders and encodes a target.
    fn with_candidate<T>(
        &mut self,
        target: Target,
        shown: &mut Shown<'_, '_, '_>,
        filling: &mut Filling<'_, '_>,
        then: impl FnOnce(&mut Self, Candidate<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut is_encoded = false;
        let done = self.with_encoded(target, shown, filling, |work, candidate| {
            is_encoded = true;
            then(work, candidate)
        });
        shown.targets.set_taken(is_encoded);
        done
    }

    fn with_encoded<T>(
        &mut self,
        target: Target,
        shown: &mut Shown<'_, '_, '_>,
        filling: &mut Filling<'_, '_>,
        then: impl FnOnce(&mut Self, Candidate<'_>) -> Result<T>,
    ) -> Result<T> {
        let Filling { rows, scratch: Scratch { encoder, times }, .. } = filling;
        let message = &self.conversation.messages[target.message];
        let index = shown.view.index_of(target.message);
        let rendered = times.measure(Stage::Render, || shown.targets.render(message, index))?;
        if self.options.control_tokens == ControlTokenPolicy::Reject {
            refuse_made(&rendered.made)?;
        }
        self.context.share(rendered.same);
        let tokenizer = &self.renderer.tokenizer;
        let encoded = times.measure(Stage::Encode, || encoder.encode(tokenizer, &rendered))?;
        self.token_writers.share(rendered.same, encoded.same);
        times.measure(Stage::Layout, || rows.compare(&encoded));
        then(self, Candidate { target, rendered, encoded, view: shown.view, rows: &mut **rows, times })
    }

    fn fits(&self, candidate: &Candidate<'_>) -> bool {
        !wants_less_history(self.options, &candidate.encoded)
    }

    fn add_if_it_fits(&mut self, candidate: Candidate<'_>) -> Result<bool> {
        if !self.fits(&candidate) {
            return Ok(false);
        }
        self.add(candidate).map(|()| true)
    }

    /// Adds a target, without the first tokens of its prompt where that is asked for.
    fn add(&mut self, candidate: Candidate<'_>) -> Result<()> {
        let Candidate { target, rendered, encoded, view, rows, times } = candidate;
        // One rendering of the whole conversation is held to the lengths as a whole.
        let cut = if self.arrangement.is_rendered_once() { 0 } else { to_cut(self.options, &encoded)? };
        self.weigh_parts(target, view, &rendered, &encoded)?;
        let writers = times.measure(Stage::Account, || self.token_writers(view, &rendered, &encoded))?;
        let encoded = Encoded { provenance: writers.found(), ..encoded };
        let row = times.measure(Stage::Layout, || rows.add(target, &encoded, cut));
        self.report.warn(warning::PROMPT_TRUNCATED, (cut > 0).into());
        times.measure(Stage::Account, || self.count(target.message, view, &rendered, &encoded));
        if let (Some(trace), Some(row)) = (&mut self.trace, row) {
            trace.add_target((row, target.message), view, rendered, &encoded, cut);
        }
        self.token_writers = writers;
        Ok(())
    }

    /// What wrote the tokens of a target, where somebody asks; it is to be given back.
    fn token_writers(
        &mut self,
        view: &View<'_, '_>,
        rendered: &Rendered<'_>,
        encoded: &Encoded<'_>,
    ) -> Result<TokenWriters> {
        let mut found = mem::take(&mut self.token_writers);
        if self.options.provenance && !self.arrangement.is_rendered_once() {
            let writers = Writers {
                prepared: view.prepared,
                messages: &self.conversation.messages,
                message_at: &|index| view.message_at(index),
                tokenizer: &self.renderer.tokenizer,
            };
            found.find(&writers, rendered, encoded, &mut self.offsets)?;
        }
        Ok(found)
    }

    /// Weighs the tokens of a target with parts that have weights of their own.
    fn weigh_parts(
        &mut self,
        target: Target,
        view: &View<'_, '_>,
        rendered: &Rendered<'_>,
        encoded: &Encoded<'_>,
    ) -> Result<()> {
        let message = &self.conversation.messages[target.message];
        if message.part_weights.is_empty() {
            return Ok(());
        }
        let weights = weigh_bytes(view.prepared, message, view.index_of(target.message), rendered)?;
        let border = rendered.prompt.text().len();
        let text = rendered.whole_text();
        let continuation = encoded.border_merged.then_some(border);
        let tokenizer = &self.renderer.tokenizer;
        let encoding =
            tokenizer.encode_with_offsets(&text, &rendered.plain, continuation, &mut self.offsets)?;
        let tokens = encoding.with_ids(encoded.ids)?.bytes.into_iter().skip(encoded.prompt);
        let tokens = tokens.map(|bytes| bytes.start.saturating_sub(border)..bytes.end.saturating_sub(border));
        self.token_weights.insert(target.message, weigh_tokens(tokens, target.weight, &weights));
        Ok(())
    }

    /// Shows targets some messages of the conversation, or all of them.
    fn with_view<T>(
        &mut self,
        kept: Option<Vec<usize>>,
        targets: &[Target],
        work: impl FnOnce(&mut Self, &mut Shown<'_, '_, '_>) -> T,
    ) -> Result<T> {
        // What is known of a prompt is known of those of its own view.
        let known = (mem::take(&mut self.context), mem::take(&mut self.token_writers));
        let done = self.with_fresh_view(kept, targets, work);
        (self.context, self.token_writers) = known;
        done
    }

    fn with_fresh_view<T>(
        &mut self,
        kept: Option<Vec<usize>>,
        targets: &[Target],
        work: impl FnOnce(&mut Self, &mut Shown<'_, '_, '_>) -> T,
    ) -> Result<T> {
        let Some(kept) = kept else {
            let view = View::whole(self.prepared);
            let targets = self.targets_in(&view, targets);
            return Ok(work(self, &mut Shown { view: &view, targets }));
        };
        let arena = Arena::new();
        let prepared = self.renderer.template.prepare_only(&arena, self.conversation, &kept)?;
        let view = View { prepared: &prepared, kept: Some(kept) };
        let targets = self.targets_in(&view, targets);
        let done = work(self, &mut Shown { view: &view, targets });
        self.unread.keep_unread_in(&view);
        Ok(done)
    }

    fn targets_in<'v, 'a>(&self, view: &View<'v, 'a>, targets: &[Target]) -> Targets<'v, 'a>
    where
        Self: 'v,
    {
        let messages = &self.conversation.messages;
        let indexed = targets.iter().map(|target| (view.index_of(target.message), &messages[target.message]));
        self.rendered(view.prepared, indexed)
    }
}

/// Whether a target is to be shown fewer exchanges.
fn wants_less_history(options: &Options, target: &Encoded<'_>) -> bool {
    options.max_prompt_tokens.is_some_and(|most| target.prompt > most)
        || options.overflow == Overflow::ShrinkHistory
            && options.max_length.is_some_and(|most| target.ids.len() > most)
}

/// How many of the prompt's first ids have to go.
fn to_cut(options: &Options, target: &Encoded<'_>) -> Result<usize> {
    let over = |length: usize, most: Option<usize>| most.map_or(0, |most| length.saturating_sub(most));
    let of_prompt = over(target.prompt, options.max_prompt_tokens);
    let of_all = over(target.ids.len(), options.max_length);
    let cut = of_prompt.max(of_all);
    // The first token of a row is predicted from nothing: one of the prompt's has to stay.
    if cut == 0 || options.overflow == Overflow::TruncatePrompt && cut < target.prompt {
        return Ok(cut);
    }
    Err(match (options.max_length, options.max_prompt_tokens) {
        (Some(max_length), _) if of_all > 0 => too_long(target.ids.len(), max_length),
        (_, most) => prompt_too_long(target.prompt, most.unwrap_or_default()),
    })
}
