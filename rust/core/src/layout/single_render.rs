//! The layout `conversation`: the whole conversation rendered once, with a mask.
//!
//! In: the targets with what inference would show for each. Out: one row. Where the template rewrites history the row
//! shows a target a context that inference never does; such targets are counted.

use std::ops::Range;

use super::{Arranged, Rows, Sample, WholeConversation, too_long};
use crate::chat_template::locate;
use crate::conversation::Role;
use crate::error::Result;
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
        let (mut row, mut arranged) = (Sample::default(), Arranged::default());
        // How much of it is as inference would show the target compared last.
        let mut common = 0;
        for (target, ids) in self.targets.into_iter().zip(self.ids) {
            if let Some(tokens) = ids.and_then(|ids| ids.tokens_in(&rendering.ids, &mut common)) {
                row.push_trained(tokens, target);
                continue;
            }
            match locate(whole.prepared, rendering.text(), target.message, Role::Assistant) {
                Ok(bytes) => {
                    arranged.inexact += 1;
                    row.push_trained(rendering.tokens_in(&bytes)?, target);
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
        arranged.rendering = Some(rendering.rendering);
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
