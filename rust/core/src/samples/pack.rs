//! Which samples share a pack.
//!
//! In: the lengths of the samples, the most tokens of a pack, and, where conversations are to stay together, the
//! number of each sample's conversation. Out: the samples in their new order, and where each pack begins in it.
//! Nothing but lengths is looked at, no token is moved, and no sample is cut or lost.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::options::PackStrategy;

/// Pack `i` holds the samples `order[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packs {
    /// Indices of samples.
    pub order: Vec<usize>,
    pub offsets: Vec<usize>,
    /// Conversations that are longer than a pack, and so are in several.
    pub spread_conversations: usize,
}

/// Samples that stay together: a range of the order by conversation, and their tokens.
struct Unit {
    samples: Range<usize>,
    length: usize,
}

/// Packs come in the order of their first sample, and the samples of a pack in the order of the input.
///
/// With `conversations` (one number a sample, any numbers), the samples of a conversation are next to each other in one
/// pack. A conversation longer than a pack is cut between samples into as few stretches as next-fit needs, and counted.
pub fn pack(
    lengths: &[usize],
    max_length: usize,
    strategy: PackStrategy,
    conversations: Option<&[i64]>,
) -> Result<Packs> {
    if let Some(sample) = lengths.iter().position(|length| *length > max_length) {
        let text =
            format!("sample {sample} has {} tokens, more than max_length ({max_length})", lengths[sample]);
        return Err(Error::new(ErrorKind::TooLong, text));
    }
    let order = conversations.map_or_else(|| (0..lengths.len()).collect(), by_conversation);
    let (units, spread_conversations) = match conversations {
        None => (order.iter().map(|i| Unit { samples: *i..*i + 1, length: lengths[*i] }).collect(), 0),
        Some(conversations) => stretches(&order, lengths, max_length, conversations),
    };
    let packs = match strategy {
        PackStrategy::BestFitDecreasing => best_fit_decreasing(&units, max_length),
        PackStrategy::Sequential => next_fit(units.iter().map(|unit| unit.length), max_length),
    };
    let mut packs_order = Vec::with_capacity(order.len());
    let mut offsets = Vec::with_capacity(packs.len() + 1);
    offsets.push(0);
    for units_of_pack in packs {
        for unit in units_of_pack {
            packs_order.extend_from_slice(&order[units[unit].samples.clone()]);
        }
        offsets.push(packs_order.len());
    }
    Ok(Packs { order: packs_order, offsets, spread_conversations })
}

/// The samples with those of a conversation side by side; conversations in the order of their first sample.
fn by_conversation(conversations: &[i64]) -> Vec<usize> {
    let mut ranks = HashMap::new();
    let rank_of: Vec<usize> = conversations
        .iter()
        .map(|conversation| {
            let next = ranks.len();
            *ranks.entry(*conversation).or_insert(next)
        })
        .collect();
    let mut order: Vec<usize> = (0..conversations.len()).collect();
    order.sort_by_key(|sample| rank_of[*sample]);
    order
}

/// The conversations as units, those longer than a pack cut, and how many were cut.
fn stretches(
    order: &[usize],
    lengths: &[usize],
    max_length: usize,
    conversations: &[i64],
) -> (Vec<Unit>, usize) {
    let (mut units, mut spread, mut start) = (Vec::new(), 0, 0);
    for of_one in order.chunk_by(|a, b| conversations[*a] == conversations[*b]) {
        let cut = next_fit(of_one.iter().map(|sample| lengths[*sample]), max_length);
        spread += usize::from(cut.len() > 1);
        for stretch in cut {
            let length = stretch.iter().map(|place| lengths[of_one[*place]]).sum();
            units.push(Unit { samples: start..start + stretch.len(), length });
            start += stretch.len();
        }
    }
    (units, spread)
}

/// In the order of the input; a new pack wherever the next one does not fit.
fn next_fit(lengths: impl Iterator<Item = usize>, max_length: usize) -> Vec<Vec<usize>> {
    let mut packs: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (i, length) in lengths.enumerate() {
        match packs.last_mut() {
            Some(pack) if length <= room => pack.push(i),
            _ => {
                packs.push(vec![i]);
                room = max_length;
            }
        }
        room -= length;
    }
    packs
}

/// The longest first, each into the pack that it fills best; of packs with equal room, the first.
fn best_fit_decreasing(units: &[Unit], max_length: usize) -> Vec<Vec<usize>> {
    let mut decreasing: Vec<usize> = (0..units.len()).collect();
    decreasing.sort_by_key(|unit| Reverse(units[*unit].length));
    let mut packs: Vec<Vec<usize>> = Vec::new();
    let mut by_room = BTreeSet::new();
    for unit in decreasing {
        let length = units[unit].length;
        let best = by_room.range((length, 0)..).next().copied();
        let (room, pack) = best.unwrap_or((max_length, packs.len()));
        if best.is_some() {
            by_room.remove(&(room, pack));
            packs[pack].push(unit);
        } else {
            packs.push(vec![unit]);
        }
        if room > length {
            by_room.insert((room - length, pack));
        }
    }
    for pack in &mut packs {
        pack.sort_unstable();
    }
    packs.sort_unstable_by_key(|pack| pack[0]);
    packs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use PackStrategy::{BestFitDecreasing, Sequential};

    fn packs(packs: &Packs) -> Vec<Vec<usize>> {
        packs.offsets.windows(2).map(|bounds| packs.order[bounds[0]..bounds[1]].to_vec()).collect()
    }

    fn pack_all(lengths: &[usize], max_length: usize, strategy: PackStrategy) -> Vec<Vec<usize>> {
        packs(&pack(lengths, max_length, strategy, None).unwrap())
    }

    #[test]
    fn the_best_fit_is_the_pack_with_the_least_room() {
        // 7 and 5 open packs; 4 fits after 5 alone, 3 fills the first, 1 the second.
        assert_eq!(pack_all(&[1, 3, 4, 5, 7], 10, BestFitDecreasing), [vec![0, 2, 3], vec![1, 4]]);
    }

    #[test]
    fn in_order_nothing_is_moved() {
        assert_eq!(pack_all(&[6, 5, 4, 1, 9], 10, Sequential), [vec![0], vec![1, 2, 3], vec![4]]);
    }

    #[test]
    fn nothing_makes_no_packs() {
        for strategy in [BestFitDecreasing, Sequential] {
            let none = pack(&[], 10, strategy, Some(&[])).unwrap();
            assert_eq!(none, Packs { order: vec![], offsets: vec![0], spread_conversations: 0 });
        }
    }

    #[test]
    fn a_sample_longer_than_a_pack_is_an_error() {
        let error = pack(&[3, 11], 10, BestFitDecreasing, None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLong);
        assert_eq!(error.text, "sample 1 has 11 tokens, more than max_length (10)");
    }

    #[test]
    fn a_conversation_longer_than_a_pack_is_spread_and_counted() {
        let spread = pack(&[6, 2, 6, 3], 10, BestFitDecreasing, Some(&[1, 2, 1, 1])).unwrap();
        assert_eq!(spread.spread_conversations, 1);
        assert_eq!(packs(&spread), [vec![0, 1], vec![2, 3]]);
    }

    fn samples() -> impl Strategy<Value = Vec<(usize, i64)>> {
        prop::collection::vec((0_usize..=20, 0_i64..6), 0..60)
    }

    fn strategies() -> impl Strategy<Value = PackStrategy> {
        prop_oneof![Just(BestFitDecreasing), Just(Sequential)]
    }

    proptest! {
        #[test]
        fn every_sample_lies_in_one_pack_that_is_not_too_long(
            samples in samples(), strategy in strategies(), together in any::<bool>()
        ) {
            let (lengths, conversations): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
            let packs = packs(&pack(&lengths, 20, strategy, together.then_some(&conversations)).unwrap());
            for pack in &packs {
                prop_assert!(!pack.is_empty());
                prop_assert!(pack.iter().map(|sample| lengths[*sample]).sum::<usize>() <= 20);
            }
            let mut all = packs.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
        }

        #[test]
        fn conversations_that_fit_lie_side_by_side(samples in samples(), strategy in strategies()) {
            let (lengths, conversations): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
            let result = pack(&lengths, 20, strategy, Some(&conversations)).unwrap();
            let mut spread = 0;
            for conversation in 0..6 {
                let total: usize =
                    (0..lengths.len()).filter(|i| conversations[*i] == conversation).map(|i| lengths[i]).sum();
                let holding = packs(&result)
                    .iter()
                    .filter(|pack| pack.iter().any(|sample| conversations[*sample] == conversation))
                    .map(|pack| pack.chunk_by(|a, b| conversations[*a] == conversations[*b])
                        .filter(|run| conversations[run[0]] == conversation).count())
                    .collect::<Vec<_>>();
                if total <= 20 {
                    prop_assert!(holding.iter().sum::<usize>() <= 1);
                }
                spread += usize::from(total > 20);
            }
            prop_assert_eq!(result.spread_conversations, spread);
        }

        #[test]
        fn packs_and_their_samples_come_in_the_order_of_the_input(samples in samples()) {
            let lengths: Vec<_> = samples.into_iter().map(|(length, _)| length).collect();
            let packs = pack_all(&lengths, 20, BestFitDecreasing);
            prop_assert!(packs.is_sorted_by_key(|pack| pack[0]));
            prop_assert!(packs.iter().all(|pack| pack.is_sorted()));
            prop_assert_eq!(pack_all(&lengths, 20, Sequential).concat(), (0..lengths.len()).collect::<Vec<_>>());
        }

        #[test]
        fn at_most_one_pack_is_half_empty(samples in samples()) {
            let lengths: Vec<_> = samples.into_iter().map(|(length, _)| length).collect();
            let filled = pack_all(&lengths, 20, BestFitDecreasing)
                .iter()
                .filter(|pack| 2 * pack.iter().map(|sample| lengths[*sample]).sum::<usize>() <= 20)
                .count();
            prop_assert!(filled <= 1);
        }
    }
}
