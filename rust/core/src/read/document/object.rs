//! The keys of an object that may hold a list of records.
//!
//! In: the keys as they are read. Out: whether the object is a record by them, and why it cannot be read where it holds more
//! than one list of records, or beside it what belongs to each of them.

use crate::conversation::{Format, is_of_some_record};

/// An object of which it is open whether it is a record or holds a list of them.
#[derive(Debug, Default)]
pub struct OpenObject {
    /// The line on which it starts.
    pub line: u64,
    /// The key whose value is read.
    key: String,
    /// That key shows a format.
    shows_format: bool,
    /// The key of its list of records, once one is found.
    list: Option<String>,
    /// A key that belongs to a record.
    of_record: Option<String>,
}

impl OpenObject {
    pub fn starting_on(line: u64) -> Self {
        Self { line, ..Self::default() }
    }

    /// Whether it is known to hold a list of records: it is none itself then.
    pub fn holds_records(&self) -> bool {
        self.list.is_some()
    }

    /// Whether the key that was read last shows a format: the object is a record then.
    pub fn is_record_by_key(&self) -> bool {
        self.list.is_none() && self.shows_format
    }

    /// Notes a key and the name it is read by. Beside a list of records there must be none that all of them would need.
    pub fn note_key(&mut self, key: String, name: &str) -> Result<(), String> {
        if is_of_some_record(name) {
            self.of_record = Some(key.clone());
            self.check_beside()?;
        }
        self.shows_format = Format::from_key(name).is_some();
        self.key = key;
        Ok(())
    }

    pub fn begin_list(&mut self) -> Result<(), String> {
        if let Some(list) = &self.list {
            return Err(format!(
                "the object holds a second list of records, {:?} beside {list:?}: keep the one that is to be read, \
                 e.g. jq '.{list}'",
                self.key
            ));
        }
        if self.of_record.as_ref() == Some(&self.key) {
            self.of_record = None;
        }
        self.list = Some(self.key.clone());
        self.check_beside()
    }

    fn check_beside(&self) -> Result<(), String> {
        match (&self.list, &self.of_record) {
            (Some(list), Some(key)) => Err(format!(
                "the object holds a list of records, {list:?}, and beside it {key:?}, which belongs to a record: \
                 put it into each of them, or take it out"
            )),
            _ => Ok(()),
        }
    }
}
