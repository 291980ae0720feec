//! How often each name occurs, where data decide what names there are.
//!
//! In: names and counts, in any order and in any parts. Out: the counts of the names that come first in the alphabet, a
//! bounded number of them, and the sum of all others. Which names are kept, and their counts, do not depend on how the
//! parts were added up.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The most names that are kept; more than any data whose keys are not data themselves.
pub const MAX_NAMES: usize = 200;
/// Longer names are cut: a key may be as long as a line.
const MAX_NAME_CHARS: usize = 100;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameCounts {
    named: BTreeMap<Arc<str>, u64>,
    omitted: u64,
}

impl NameCounts {
    pub fn add(&mut self, name: &Arc<str>, count: u64) {
        let name = shortened(name);
        if let Some(known) = self.named.get_mut(&name) {
            *known += count;
            return;
        }
        let is_full = self.named.len() == MAX_NAMES;
        if is_full && self.named.last_key_value().is_some_and(|(last, _)| *last < name) {
            self.omitted += count;
            return;
        }
        self.named.insert(name, count);
        if is_full && let Some((_, others)) = self.named.pop_last() {
            self.omitted += others;
        }
    }

    pub fn append(&mut self, other: Self) {
        self.omitted += other.omitted;
        for (name, count) in other.named {
            self.add(&name, count);
        }
    }

    /// The names that are kept, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.named.iter().map(|(name, count)| (&**name, *count))
    }

    /// The sum of the counts of all other names.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }
}

fn shortened(name: &Arc<str>) -> Arc<str> {
    match name.char_indices().nth(MAX_NAME_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(names: &[u16]) -> NameCounts {
        let mut counts = NameCounts::default();
        for name in names {
            counts.add(&name.to_string().into(), 1);
        }
        counts
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(names in prop::collection::vec(0..600_u16, 0..2000), cuts in prop::array::uniform2(0..2000_usize)) {
            let mut cuts = cuts.map(|cut| cut.min(names.len()));
            cuts.sort_unstable();
            let [one, two] = cuts;
            let mut sum = counts(&names[..one]);
            let mut rest = counts(&names[one..two]);
            rest.append(counts(&names[two..]));
            sum.append(rest);
            prop_assert_eq!(&sum, &counts(&names));
            let named: u64 = sum.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(named + sum.omitted(), names.len() as u64);
            prop_assert!(sum.iter().count() <= MAX_NAMES);
        }
    }

    #[test]
    fn the_first_names_of_the_alphabet_are_kept_and_long_ones_cut() {
        let mut counts = NameCounts::default();
        for number in (0..=MAX_NAMES).rev() {
            counts.add(&format!("{number:03}").into(), 1);
        }
        counts.add(&"0".repeat(1_000_000).into(), 1);
        let last = counts.iter().last().map(|(name, _)| name.to_owned());
        assert_eq!(last.as_deref(), Some("198"));
        assert_eq!(counts.omitted(), 2);
        assert_eq!(counts.iter().map(|(name, _)| name.chars().count()).max(), Some(MAX_NAME_CHARS + 1));
    }
}
