//! What a row or a conversation weighs in training.
//!
//! In: the samples of one conversation. Out: the same with the weight of each trained token divided by the number of
//! trained tokens of its sample, or of the whole conversation. Weights that a record gives to its messages still count:
//! a sample of weight 0.5 adds up to 0.5.

use super::Sample;
use crate::options::Normalize;

pub fn normalize(samples: &mut [Sample], by: Normalize) {
    match by {
        Normalize::None => {}
        Normalize::Sample => samples.iter_mut().for_each(|sample| divide(std::slice::from_mut(sample))),
        Normalize::Conversation => divide(samples),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a conversation has far fewer tokens than 2^24")]
fn divide(samples: &mut [Sample]) {
    let trained = samples.iter().flat_map(|sample| &sample.trained).map(|trained| trained.tokens.len());
    let count = trained.sum::<usize>() as f32;
    for trained in samples.iter_mut().flat_map(|sample| &mut sample.trained) {
        trained.weight.0 /= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Weight;
    use crate::layout::Trained;

    fn weights(by: Normalize) -> Vec<f32> {
        let trained = |tokens, weight| Trained { tokens, weight: Weight(weight), message: None };
        let sample = |trained| Sample { trained, ..Sample::default() };
        let mut samples =
            [sample(vec![trained(1..3, 1.0), trained(5..7, 0.5)]), sample(vec![trained(2..6, 1.0)])];
        normalize(&mut samples, by);
        samples.iter().flat_map(|sample| sample.trained.iter().map(|trained| trained.weight.0)).collect()
    }

    #[test]
    fn weights_are_divided_by_the_number_of_trained_tokens() {
        assert_eq!(weights(Normalize::None), [1.0, 0.5, 1.0]);
        assert_eq!(weights(Normalize::Sample), [0.25, 0.125, 0.25]);
        assert_eq!(weights(Normalize::Conversation), [0.125, 0.0625, 0.125]);
    }
}
