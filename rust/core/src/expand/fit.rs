//! What of a conversation each target is shown, and its place in the rows.
//!
//! In: the targets of a conversation, how long prompts and samples may be. Out: rows. A target whose prompt is too long
//! is rendered anew without the oldest exchanges, as a server would send it; which of them is said in `target::window`.
//! A target is never cut.

use std::sync::atomic::AtomicBool;

use everyturn_template::Arena;

use super::record::{Cancelled, Scratch, Work, check, too_long};
use super::stage_times::Stage;
use crate::chat_template::Prepared;
use crate::error::Result;
use crate::layout::{Rows, Sample};
use crate::options::{Options, Overflow};
use crate::report::warning;
use crate::target::{Encoded, Exchanges, Target, Targets, fewest, prompt_too_long};

/// The messages that a target is shown.
pub struct View<'v, 'a> {
    pub prepared: &'v Prepared<'a>,
    /// Their places in the conversation; `None`: it is shown whole.
    kept: Option<Vec<usize>>,
}

impl<'v, 'a> View<'v, 'a> {
    pub fn whole(prepared: &'v Prepared<'a>) -> Self {
        Self { prepared, kept: None }
    }

    /// Where a message of the conversation lies in the view.
    fn place_of(&self, message: usize) -> usize {
        self.kept.as_ref().and_then(|kept| kept.binary_search(&message).ok()).unwrap_or(message)
    }

    /// Which message of the conversation lies there.
    pub fn message_at(&self, place: usize) -> usize {
        self.kept.as_ref().and_then(|kept| kept.get(place).copied()).unwrap_or(place)
    }
}

/// What to do with a target that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// Nothing: it is only asked.
    Ask,
    Add,
    /// It is added, fits or not, or there is an error.
    Last,
}

/// Where the targets of a conversation go.
struct Filling<'t> {
    rows: Rows,
    scratch: Scratch<'t>,
    exchanges: Exchanges,
    /// How many exchanges the last target lost that did not fit.
    likely: usize,
}

impl Work<'_> {
    /// Puts each target into the rows; those that cannot be are lost by name.
    pub fn fill(
        &mut self,
        rows: Rows,
        targets: &[Target],
        scratch: Scratch<'_>,
        cancelled: &AtomicBool,
    ) -> std::result::Result<Vec<Sample>, Cancelled> {
        let roles = self.conversation.messages.iter().map(|message| Some(message.role));
        let mut filling = Filling { rows, scratch, exchanges: Exchanges::of(roles), likely: 0 };
        let history_turns = self.expander.options.history_turns;
        let mut left = targets;
        while let Some(first) = left.first() {
            let least = filling.exchanges.bounds(first.message, history_turns).0;
            let same = |target: &&Target| filling.exchanges.bounds(target.message, history_turns).0 == least;
            let (shown, others) = left.split_at(left.iter().take_while(same).count());
            self.fill_view(shown, least, &mut filling, cancelled)?;
            left = others;
        }
        Ok(filling.rows.into_samples())
    }

    /// The targets that are shown the same part of the conversation.
    fn fill_view(
        &mut self,
        targets: &[Target],
        least: usize,
        filling: &mut Filling<'_>,
        cancelled: &AtomicBool,
    ) -> std::result::Result<(), Cancelled> {
        let until = targets.last().map_or(0, |target| target.message + 1);
        let kept = (least > 0).then(|| filling.exchanges.kept(least, until));
        self.with_view(kept, |work, view| {
            let mut rendered = work.targets_in(view, targets);
            for target in targets.iter().copied() {
                check(cancelled)?;
                let most = filling.exchanges.bounds(target.message, work.expander.options.history_turns).1;
                let trial = if least < most { Trial::Add } else { Trial::Last };
                let added = work.try_target(target, (view, &mut rendered), filling, trial);
                let added =
                    added.and_then(
                        |added| {
                            if added { Ok(()) } else { work.shrink(target, (least, most), filling) }
                        },
                    );
                if let Err(error) = added {
                    work.lose(error.at_message(target.message));
                }
            }
            Ok(())
        })
    }

    /// Adds a target without as many of the oldest exchanges as it takes.
    fn shrink(
        &mut self,
        target: Target,
        (least, most): (usize, usize),
        filling: &mut Filling<'_>,
    ) -> Result<()> {
        let (mut added, likely) = (None, filling.likely);
        let mut attempt = |work: &mut Self, dropped: usize, trial: Trial| {
            let kept = filling.exchanges.kept(dropped, target.message + 1);
            work.with_view(Some(kept), |work, view| {
                let mut rendered = work.targets_in(view, &[target]);
                work.try_target(target, (view, &mut rendered), filling, trial)
            })
        };
        let found = fewest((least, likely, most), |dropped, sure| {
            // What cannot be rendered does not fit; the last attempt tells why.
            let fits = attempt(self, dropped, if sure { Trial::Add } else { Trial::Ask }).unwrap_or(false);
            added = (fits && sure).then_some(dropped);
            fits
        });
        let dropped = found.unwrap_or(most);
        if added != Some(dropped) {
            attempt(self, dropped, Trial::Last)?;
        }
        filling.likely = dropped;
        self.report.warn(warning::HISTORY_SHRUNK, 1);
        Ok(())
    }

    /// Renders and encodes a target; true if it was added, or would be.
    fn try_target(
        &mut self,
        target: Target,
        (view, rendered): (&View<'_, '_>, &mut Targets<'_, '_>),
        filling: &mut Filling<'_>,
        trial: Trial,
    ) -> Result<bool> {
        let Filling { rows, scratch: Scratch { encoder, times }, .. } = filling;
        let (message, options) = (&self.conversation.messages[target.message], &self.expander.options);
        let place = view.place_of(target.message);
        let (shown, encoded) = self.encode(message, place, rendered, (encoder, times))?;
        times.of(Stage::Layout, || rows.meet(&encoded));
        if trial != Trial::Last && wants_less_history(options, &encoded) {
            return Ok(false);
        }
        if trial == Trial::Ask {
            return Ok(true);
        }
        let cut = to_cut(options, &encoded)?;
        times.of(Stage::Layout, || match cut {
            0 => rows.add(&encoded, target.message, target.weight),
            cut => rows.add_cut(&encoded, cut, target.message, target.weight),
        });
        self.report.warn(warning::PROMPT_TRUNCATED, (cut > 0).into());
        self.count(message, &shown, encoded.border_merged);
        Ok(true)
    }

    /// Shows some messages of the conversation, or all of them.
    fn with_view<T>(
        &mut self,
        kept: Option<Vec<usize>>,
        work: impl FnOnce(&mut Self, &View<'_, '_>) -> T,
    ) -> T {
        let Some(kept) = kept else {
            let whole = View::whole(self.prepared);
            return work(self, &whole);
        };
        let arena = Arena::new();
        let template = &self.expander.renderer.template;
        let prepared = template.prepare_only(&arena, self.conversation, &kept);
        let view = View { prepared: &prepared, kept: Some(kept) };
        let done = work(self, &view);
        self.unread.look(&view);
        done
    }

    fn targets_in<'v, 'a>(&self, view: &View<'v, 'a>, targets: &[Target]) -> Targets<'v, 'a>
    where
        Self: 'v,
    {
        let places: Vec<usize> = targets.iter().map(|target| view.place_of(target.message)).collect();
        self.rendered(view.prepared, &places)
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
