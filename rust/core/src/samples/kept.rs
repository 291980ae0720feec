//! What samples carry along of their records: the values of keys that nobody reads otherwise.
//!
//! In: records and the names of keys. Out: a column of JSON texts for each name, with a value for each record that has
//! samples, and of which of these records each sample is. What types the values have is not known here.

use super::table::signed;
use crate::json::{Object, write};

/// The kept values of one record, in the order of the names; `None` where it has none.
pub type KeptValues = Vec<Option<String>>;

/// The columns of kept values, in the order of the names; none where nothing is kept or no record has samples.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    pub columns: Vec<Texts>,
    /// The index of each sample's record among the values of a column.
    pub rows: Vec<i64>,
}

/// JSON texts one after the other; an empty one is a value that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    pub bytes: Vec<u8>,
    /// Text i is `bytes[offsets[i]..offsets[i + 1]]`.
    pub offsets: Vec<i64>,
}

/// What a record has under the names.
pub fn kept_values(record: &Object, names: &[String]) -> KeptValues {
    let value = |name: &String| record.get(name).filter(|value| !value.is_null()).map(write);
    names.iter().map(value).collect()
}

impl Kept {
    /// Adds a record's values for its samples.
    pub fn push(&mut self, values: &KeptValues, samples: usize) {
        if samples == 0 || values.is_empty() {
            return;
        }
        self.columns.resize_with(values.len(), Texts::default);
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value.as_deref().unwrap_or_default());
        }
        let record = self.columns.first().map_or(0, Texts::len) - 1;
        self.rows.resize(self.rows.len() + samples, record);
    }

    /// Adds those of later records.
    pub fn append(&mut self, later: Self) {
        let before = self.columns.first().map_or(0, Texts::len);
        self.columns.resize_with(self.columns.len().max(later.columns.len()), Texts::default);
        for (mine, later) in self.columns.iter_mut().zip(later.columns) {
            mine.append(&later);
        }
        self.rows.extend(later.rows.into_iter().map(|record| before + record));
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: Vec::new(), offsets: vec![0] }
    }
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.push(signed(self.bytes.len()));
    }

    fn append(&mut self, later: &Self) {
        let end = signed(self.bytes.len());
        self.bytes.extend_from_slice(&later.bytes);
        self.offsets.extend(later.offsets.iter().skip(1).map(|offset| end + offset));
    }

    fn len(&self) -> i64 {
        signed(self.offsets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[Option<&str>]) -> KeptValues {
        values.iter().map(|value| value.map(str::to_owned)).collect()
    }

    #[test]
    fn a_value_is_held_once_for_all_samples_of_its_record() {
        let mut kept = Kept::default();
        kept.push(&values(&[Some("1"), None]), 2);
        kept.push(&values(&[Some("2"), Some("[]")]), 0);
        kept.push(&values(&[None, Some("\"x\"")]), 1);
        assert_eq!(kept.rows, [0, 0, 1]);
        assert_eq!(kept.columns[0], Texts { bytes: b"1".to_vec(), offsets: vec![0, 1, 1] });
        assert_eq!(kept.columns[1], Texts { bytes: b"\"x\"".to_vec(), offsets: vec![0, 0, 3] });
    }

    #[test]
    fn parts_put_together_are_the_whole() {
        let records = [values(&[Some("1")]), values(&[None]), values(&[Some("3")])];
        let of = |records: &[KeptValues]| {
            let mut kept = Kept::default();
            for record in records {
                kept.push(record, 2);
            }
            kept
        };
        for cut in 0..=records.len() {
            let mut parts = of(&records[..cut]);
            parts.append(Kept::default());
            parts.append(of(&records[cut..]));
            assert_eq!(parts, of(&records));
        }
    }
}
