//! How long each stage takes, for the benchmark.
//!
//! In: an expander and lines. Out: seconds by stage, of one thread. Nothing is measured where nobody asks.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::expander::Expander;
use super::workspace::Workspace;
use crate::error::Result;
use crate::read::Record;
use crate::samples::{SampleOrigin, Samples};

/// The stages, in the order of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Parse,
    /// Records to conversations, and these to the template's values.
    Convert,
    Render,
    /// Cutting at control tokens, too.
    Encode,
    Layout,
    /// Into flat arrays.
    Copy,
}

impl Stage {
    pub const ALL: [(Self, &str); 6] = [
        (Self::Parse, "parse"),
        (Self::Convert, "convert"),
        (Self::Render, "render"),
        (Self::Encode, "encode"),
        (Self::Layout, "layout"),
        (Self::Copy, "copy"),
    ];
}

#[derive(Debug, Default)]
pub struct StageTimes(Option<[Duration; Stage::ALL.len()]>);

impl StageTimes {
    /// Runs a stage, and measures it if that is wanted.
    #[inline]
    pub fn measure<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let Some(times) = &mut self.0 else { return work() };
        let start = Instant::now();
        let done = work();
        times[stage as usize] += start.elapsed();
        done
    }
}

/// Expands lines on this thread; seconds by stage. The first error ends it.
pub fn stage_times<'l>(
    expander: &Expander,
    lines: impl Iterator<Item = &'l [u8]>,
) -> Result<Vec<(&'static str, f64)>> {
    let (file, go_on): (Arc<str>, _) = ("".into(), AtomicBool::new(false));
    let times = StageTimes(Some(Default::default()));
    let mut workspace = Workspace { times, ..Workspace::default() };
    let mut samples = Samples::default();
    for (at, bytes) in (1..).zip(lines) {
        let record = Record { bytes: Some(bytes), file: &file, line: at, format: None };
        let outcome = expander.expand_record(record, &mut workspace, &go_on);
        if let Some(error) = outcome.error {
            return Err(error);
        }
        let origin = SampleOrigin { file: 0, line: 0, conversation_id: outcome.conversation_id };
        workspace.times.measure(Stage::Copy, || {
            samples.push(&outcome.samples, origin);
        });
    }
    let times = workspace.times.0.unwrap_or_default();
    Ok(Stage::ALL.map(|(stage, name)| (name, times[stage as usize].as_secs_f64())).to_vec())
}
