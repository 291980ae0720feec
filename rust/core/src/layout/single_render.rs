//! The layout `conversation`: the whole conversation rendered once, with a mask.
//!
//! In: the targets with what inference would show for each. Out: one row. Where the template rewrites history the row
//! shows a target a context that inference never does; such targets are counted.

use super::whole::OneRendering;
use super::{Arranged, Rows, Sample, WholeConversation, too_long};
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::target::{Encoded, Target};

#[derive(Default)]
pub struct SingleRender {
    targets: Vec<Target>,
    /// For each target, where prompt and completion could be made.
    ids: Vec<Option<Ids>>,
}

/// Where a target is in the one rendering.
struct Place {
    tokens: Range<usize>,
    /// It is there as inference would show it.
    is_exact: bool,
}

struct Ids {
    prompt: Vec<i32>,
    completion: Vec<i32>,
}

impl Rows for SingleRender {
    fn add(&mut self, target: Target, encoded: &Encoded<'_>, _: usize) -> Option<usize> {
        let (prompt, completion) = encoded.ids.split_at(encoded.prompt);
        self.targets.push(target);
        self.ids.push(Some(Ids { prompt: prompt.to_vec(), completion: completion.to_vec() }));
        None
    }

    /// The one rendering may still hold the message.
    fn add_unencoded(&mut self, target: Target) -> bool {
        self.targets.push(target);
        self.ids.push(None);
        true
    }

    fn finish(self: Box<Self>, mut whole: WholeConversation<'_>) -> Arranged {
        if self.targets.is_empty() {
            return Arranged::default();
        }
        let targets = self.targets.clone();
        self.arrange(&mut whole).unwrap_or_else(|error| Arranged::failed(&error, &targets))
    }
}

impl SingleRender {
    /// Renders the conversation once and finds the targets in it.
    fn arrange(self, whole: &mut WholeConversation<'_>) -> Result<Arranged> {
        let rendering = whole.render()?;
        let mut places: Vec<(Target, Result<Place>)> = Vec::with_capacity(self.targets.len());
        let mut end_of_exact = 0;
        for (target, ids) in self.targets.into_iter().zip(self.ids) {
            let exact = ids.and_then(|ids| ids.tokens_in(&rendering));
            // A template that leaves out history may show two targets the same.
            let place = match exact.filter(|tokens| tokens.start >= end_of_exact) {
                Some(tokens) => {
                    end_of_exact = tokens.end;
                    Ok(Place { tokens, is_exact: true })
                }
                None => rendering.tokens_of(target.message).map(|tokens| Place { tokens, is_exact: false }),
            };
            places.push((target, place));
        }
        lose_what_overlaps(&mut places);
        let (mut row, mut arranged) = (Sample::default(), Arranged::default());
        for (target, place) in places {
            match place {
                Ok(Place { tokens, is_exact }) => {
                    arranged.inexact += u64::from(!is_exact);
                    row.push_trained(tokens, target);
                }
                Err(error) => arranged.lost.push(error.at_message(target.message)),
            }
        }
        row.ids = rendering.ids;
        row.provenance = rendering.provenance;
        if let Some(max_length) = whole.max_length {
            let length = row.ids.len();
            let lost = shorten(&mut row, max_length).into_iter();
            arranged.lost.extend(lost.map(|message| too_long(length, max_length).at_message(message)));
        }
        if !row.targets.is_empty() {
            arranged.samples.push(row);
        }
        (arranged.made, arranged.rendering) = (rendering.made, Some(rendering.rendering));
        Ok(arranged)
    }
}

impl Ids {
    /// The completion's tokens, if the rendering goes as inference would.
    fn tokens_in(&self, rendering: &OneRendering<'_>) -> Option<Range<usize>> {
        let rest = rendering.ids.strip_prefix(&*self.prompt)?;
        let start = self.prompt.len();
        rest.starts_with(&self.completion).then(|| start..start + self.completion.len())
    }
}

/// A target that is not placed exactly is lost where it is not apart from the others, in their order.
fn lose_what_overlaps(places: &mut [(Target, Result<Place>)]) {
    let tokens = |(_, place): &(Target, Result<Place>)| place.as_ref().ok().map(|place| place.tokens.clone());
    let all: Vec<Option<Range<usize>>> = places.iter().map(tokens).collect();
    for (at, (_, place)) in places.iter_mut().enumerate() {
        let Ok(Place { tokens, is_exact: false }) = place else { continue };
        let (before, after) = (&all[..at], &all[at + 1..]);
        let is_apart = before.iter().flatten().all(|other| other.end <= tokens.start)
            && after.iter().flatten().all(|other| tokens.end <= other.start);
        if !is_apart {
            let text = "what the template writes because of this message is another target's, too";
            *place = Err(Error::new(ErrorKind::NotLocated, text));
        }
    }
}

/// Cuts a row after the last target that ends within `max_length`; the targets after it are returned.
fn shorten(sample: &mut Sample, max_length: usize) -> Vec<usize> {
    if sample.ids.len() <= max_length {
        return Vec::new();
    }
    let fits = sample.trained.partition_point(|trained| trained.tokens.end <= max_length);
    sample.trained.truncate(fits);
    let length = sample.trained.last().map_or(0, |trained| trained.tokens.end);
    sample.ids.truncate(length);
    sample.provenance.truncate(length);
    sample.targets.split_off(fits)
}
