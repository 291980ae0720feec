//! How records are read, whatever their format.

use std::sync::Arc;

use super::renames::Renames;
use crate::choice::choices;
use crate::error::Result;
use crate::json::{Parser, Value};

choices! {
    /// The choices that a caller has when records are read.
    fn record_choices;

    /// What answers are that their record calls undesired.
    Undesired of "undesired" {
        #[default]
        Error = "error",
        /// They are not trained.
        Skip = "skip",
        /// What says so is not looked at.
        Ignore = "ignore",
    }

    /// What images, sounds and videos of a record are.
    Media of "media" {
        #[default]
        Error = "error",
        /// They are left out, and what marks their places is text.
        Text = "text",
    }

    /// What `NaN`, `Infinity` and floats beyond 64 bits of a record are.
    NonFinite of "non_finite" {
        #[default]
        Error = "error",
        /// Numbers, as Python's `json` reads them.
        Read = "read",
    }
}

/// How records are read.
#[derive(Debug, Clone, Default)]
pub struct RecordOptions {
    pub renames: Arc<Renames>,
    pub undesired: Undesired,
    pub media: Media,
    pub non_finite: NonFinite,
    /// Keys of records whose values samples carry along.
    pub keep: Vec<String>,
}

impl RecordOptions {
    /// Reads the JSON text of a record.
    pub(crate) fn parse(&self, parser: &mut Parser, text: &[u8]) -> Result<Value> {
        match self.non_finite {
            NonFinite::Error => parser.parse(text),
            NonFinite::Read => parser.parse_with_constants(text),
        }
    }
}
