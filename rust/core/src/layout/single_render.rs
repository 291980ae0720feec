//! The layout `conversation`: the whole conversation rendered once, with a mask.
//!
//! In: the targets with what inference would show for each. Out: one row. Where the template rewrites history the row
//! shows a target a context that inference never does; such targets are counted.

use super::whole::OneRendering;
use super::{Arranged, Rows, Sample, WholeConversation, too_long};
use crate::chat_template::locate;
use crate::conversation::Role;
use crate::error::Result;
use crate::target::{Encoded, Target};

#[derive(Default)]
pub struct SingleRender {
    targets: Vec<Target>,
    /// For each target, where prompt and completion could be made.
    ids: Vec<Option<Ids>>,
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
        let (mut row, mut arranged) = (Sample::default(), Arranged::default());
        for (target, ids) in self.targets.into_iter().zip(self.ids) {
            if let Some(tokens) = ids.and_then(|ids| ids.tokens_in(&rendering)) {
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
    /// The completion's tokens, if the rendering goes as inference would.
    fn tokens_in(&self, rendering: &OneRendering<'_>) -> Option<std::ops::Range<usize>> {
        let rest = rendering.ids.strip_prefix(&*self.prompt)?;
        let start = self.prompt.len();
        rest.starts_with(&self.completion).then(|| start..start + self.completion.len())
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
