//! The layout of `train_on="all_tokens"`: the whole conversation rendered once, and every token has a label, save those
//! of messages and records whose weight is 0.

use super::{Arranged, Rows, Sample, Trained, WholeConversation, too_long};
use crate::conversation::Weight;
use crate::error::Result;
use crate::target::{Encoded, Target};

#[derive(Default)]
pub struct AllTokens {
    targets: Vec<Target>,
}

impl Rows for AllTokens {
    fn add(&mut self, target: Target, _: &Encoded<'_>, _: usize) -> Option<usize> {
        self.targets.push(target);
        None
    }

    fn add_unencoded(&mut self, target: Target) -> bool {
        self.targets.push(target);
        true
    }

    fn finish(self: Box<Self>, mut whole: WholeConversation<'_>) -> Arranged {
        self.arrange(&mut whole).unwrap_or_else(|error| Arranged::failed(&error, &self.targets))
    }
}

impl AllTokens {
    fn arrange(&self, whole: &mut WholeConversation<'_>) -> Result<Arranged> {
        let rendering = whole.render()?;
        let of_record = whole.conversation.weight.unwrap_or(Weight::ONE);
        if of_record == Weight::ZERO {
            return Ok(Arranged::default());
        }
        let mut weights = vec![of_record; rendering.ids.len()];
        for (i, message) in whole.conversation.messages.iter().enumerate() {
            let weight = match message.weight {
                None => of_record,
                // That of an answer is multiplied already.
                Some(weight) if message.is_answer() => weight,
                Some(weight) => weight.times(of_record).map_err(|error| error.at_message(i))?,
            };
            if weight != of_record {
                let tokens = rendering.tokens_of(i).map_err(|error| error.at_message(i))?;
                weights[tokens].fill(weight);
            }
        }
        if let Some(max_length) = whole.max_length.filter(|most| rendering.ids.len() > *most) {
            return Err(too_long(rendering.ids.len(), max_length));
        }
        let targets = self.targets.iter().map(|target| target.message).collect();
        let row = Sample {
            trained: runs(&weights),
            ids: rendering.ids,
            provenance: rendering.provenance,
            targets,
            ..Sample::default()
        };
        let (made, rendering) = (rendering.made, Some(rendering.rendering));
        Ok(Arranged { samples: vec![row], made, rendering, ..Arranged::default() })
    }
}

/// Runs of tokens of one weight above 0.
fn runs(weights: &[Weight]) -> Vec<Trained> {
    let mut runs = Vec::new();
    let mut start = 0;
    for run in weights.chunk_by(|a, b| a == b) {
        let tokens = start..start + run.len();
        start = tokens.end;
        if run[0] > Weight::ZERO {
            runs.push(Trained { tokens, weight: run[0], message: None });
        }
    }
    runs
}
