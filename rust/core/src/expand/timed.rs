//! How long each stage takes, for the benchmark.
//!
//! In: an expander and lines. Out: seconds by stage, of one thread.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::expander::Expander;
use super::stage_times::{Stage, StageTimes};
use super::workspace::Workspace;
use crate::error::Result;
use crate::read::Record;
use crate::samples::{SampleOrigin, Samples};

/// Expands lines on this thread; seconds by stage. The first error ends it.
pub fn stage_times<'l>(
    expander: &Expander,
    lines: impl Iterator<Item = &'l [u8]>,
) -> Result<Vec<(&'static str, f64)>> {
    let (file, go_on): (Arc<str>, _) = ("".into(), AtomicBool::new(false));
    let mut workspace = Workspace { times: StageTimes::measured(), ..Workspace::default() };
    let mut samples = Samples::of(expander.options.layout);
    for (at, bytes) in (1..).zip(lines) {
        let record = Record { bytes: Some(bytes), file: &file, line: at, format: None, columns_of: None };
        let outcome = expander.expand_record(record, &mut workspace, &go_on);
        if let Some(error) = outcome.error {
            return Err(error);
        }
        let origin = SampleOrigin { file: 0, line: 0, conversation_id: outcome.conversation_id };
        workspace.times.measure(Stage::Copy, || {
            samples.push(&outcome.samples, origin);
        });
    }
    Ok(workspace.times.seconds())
}
