//! How records are read, whatever their format.

use std::sync::Arc;

use super::renames::Renames;
use crate::choice::choices;

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
}

/// How records are read.
#[derive(Debug, Clone, Default)]
pub struct RecordOptions {
    pub renames: Arc<Renames>,
    pub undesired: Undesired,
    pub media: Media,
    /// Keys of records whose values samples carry along.
    pub keep: Vec<String>,
}
