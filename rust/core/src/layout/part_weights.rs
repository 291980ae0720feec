//! Targets whose tokens do not all weigh the same.
//!
//! In: samples, and of some targets what each of their tokens weighs. Out: the samples with their trained tokens in runs
//! of one weight; what weighs nothing is not trained. A target of which the sample holds other tokens is lost.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Sample, Trained};
use crate::conversation::Weight;
use crate::error::{Error, ErrorKind};

/// Weights of the tokens of targets, by the message.
pub type TokenWeights = BTreeMap<usize, Vec<Weight>>;

/// Sets the weights of tokens; the targets of `weighted` have weights of their own. Returns those that are lost.
pub fn set_token_weights(
    samples: &mut [Sample],
    weights: &TokenWeights,
    weighted: impl Fn(usize) -> bool,
) -> Vec<Error> {
    let mut lost = Vec::new();
    if weights.is_empty()
        && !samples.iter().flat_map(|sample| &sample.targets).any(|target| weighted(*target))
    {
        return lost;
    }
    for sample in samples {
        let mut runs = Vec::new();
        for trained in std::mem::take(&mut sample.trained) {
            let Some(message) = trained.message.filter(|message| weighted(*message)) else {
                runs.push(trained);
                continue;
            };
            let weights = weights.get(&message).filter(|weights| weights.len() == trained.tokens.len());
            if let Some(weights) = weights {
                let of_target = runs_of(&trained.tokens, weights, message);
                if of_target.is_empty() {
                    sample.targets.retain(|target| *target != message);
                    let text =
                        "none of its tokens has a weight above 0: nothing of the message would be trained";
                    lost.push(Error::new(ErrorKind::Weight, text).at_message(message));
                }
                runs.extend(of_target);
            } else {
                sample.targets.retain(|target| *target != message);
                let text = "parts of the message have weights of their own, and this layout shows it otherwise than \
                            inference: it is not known which tokens they weigh";
                lost.push(Error::new(ErrorKind::Weight, text).at_message(message));
            }
        }
        sample.trained = runs;
    }
    lost
}

/// Neighbouring tokens of one weight, without those that weigh nothing.
fn runs_of(tokens: &Range<usize>, weights: &[Weight], message: usize) -> Vec<Trained> {
    let mut runs = Vec::new();
    let mut start = tokens.start;
    for run in weights.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        if run[0] > Weight::ZERO {
            runs.push(Trained { tokens: start..end, weight: run[0], message: Some(message) });
        }
        start = end;
    }
    runs
}
