//! The layout `conversation`: the whole conversation rendered once, with a mask.
//!
//! In: the targets with what inference would show for each. Out: one row. Where the template rewrites history the row
//! shows a target a context that inference never does; such targets are counted.

use std::ops::Range;

use super::{Arranged, Rows, Sample, WholeConversation, too_long};
use crate::error::{Error, ErrorKind, Result};
use crate::prompt_text::common_items;
use crate::target::{Encoded, Target};

#[derive(Default)]
pub struct SingleRender {
    targets: Vec<Target>,
    /// For each target, where prompt and completion could be made.
    ids: Vec<Option<Ids>>,
    /// How many ids at the start the target compared last has in common with the last of these, at least.
    same: usize,
}

/// Where a target is in the one rendering.
struct Located {
    tokens: Range<usize>,
    /// It is there as inference would show it.
    is_exact: bool,
}

/// The ids of a target, without those that it has in common with the one before it.
struct Ids {
    same: usize,
    rest: Vec<i32>,
    /// Which of all of them are the completion's.
    completion: Range<usize>,
}

impl Rows for SingleRender {
    fn compare(&mut self, target: &Encoded<'_>) {
        self.same = self.same.min(target.same);
    }

    fn add(&mut self, target: Target, encoded: &Encoded<'_>, _: usize) -> Option<usize> {
        let (same, completion) = (self.same, encoded.prompt..encoded.ids.len());
        self.targets.push(target);
        self.ids.push(Some(Ids { same, rest: encoded.ids[same..].to_vec(), completion }));
        self.same = usize::MAX;
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
        let mut places: Vec<(Target, Result<Located>)> = Vec::with_capacity(self.targets.len());
        let mut end_of_exact = 0;
        // How much of the rendering is as inference would show the target compared last.
        let mut common = 0;
        for (target, ids) in self.targets.into_iter().zip(self.ids) {
            let exact = ids.and_then(|ids| ids.tokens_in(&rendering.ids, &mut common));
            // A template that leaves out history may show two targets the same.
            let place = match exact.filter(|tokens| tokens.start >= end_of_exact) {
                Some(tokens) => {
                    end_of_exact = tokens.end;
                    Ok(Located { tokens, is_exact: true })
                }
                None => rendering.tokens_of(target.message).map(|tokens| Located { tokens, is_exact: false }),
            };
            places.push((target, place));
        }
        lose_what_overlaps(&mut places);
        let (mut row, mut arranged) = (Sample::default(), Arranged::default());
        for (target, place) in places {
            match place {
                Ok(Located { tokens, is_exact }) => {
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
    /// The completion's tokens, if the rendering goes as inference would. `common`: how many ids it has in common with the
    /// target before this one, and then with this one.
    fn tokens_in(self, rendering: &[i32], common: &mut usize) -> Option<Range<usize>> {
        // What it parts at is in what the targets have in common, or not.
        if *common >= self.same {
            *common = self.same + common_items(&rendering[self.same..], &self.rest);
        }
        (*common == self.completion.end).then_some(self.completion)
    }
}

/// A target that is not placed exactly is lost where it is not apart from the others, in their order.
fn lose_what_overlaps(places: &mut [(Target, Result<Located>)]) {
    let tokens =
        |(_, place): &(Target, Result<Located>)| place.as_ref().ok().map(|place| place.tokens.clone());
    let all: Vec<Option<Range<usize>>> = places.iter().map(tokens).collect();
    for (at, (_, place)) in places.iter_mut().enumerate() {
        let Ok(Located { tokens, is_exact: false }) = place else { continue };
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layout::cases::{Case, fill, is_compared_only, targets};

    /// The rule word for word.
    fn tokens_slowly(targets: &[Case], rendering: &[i32]) -> Vec<Option<Range<usize>>> {
        let added = targets.iter().enumerate().filter(|(message, _)| !is_compared_only(*message));
        let tokens = |(prompt, completion, _): &Case| {
            let ids = [prompt.clone(), completion.clone()].concat();
            rendering.starts_with(&ids).then_some(prompt.len()..ids.len())
        };
        added.map(|(_, case)| tokens(case)).collect()
    }

    proptest! {
        #[test]
        fn a_target_is_in_the_rendering_that_starts_with_its_prompt_and_completion(
            targets in targets(0..6), more in prop::collection::vec(0..2, 0..3), as_last in any::<bool>(),
        ) {
            let mut rows = SingleRender::default();
            fill(&mut rows, &targets);
            let last = targets.last().filter(|_| as_last).cloned().unwrap_or_default();
            let rendering = [last.0, last.1, more].concat();
            let mut common = 0;
            let found: Vec<_> =
                rows.ids.into_iter().flatten().map(|ids| ids.tokens_in(&rendering, &mut common)).collect();
            prop_assert_eq!(found, tokens_slowly(&targets, &rendering));
        }
    }
}
