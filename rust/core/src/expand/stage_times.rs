//! How long each stage takes: what keeps the times.
//!
//! In: the work of a stage. Out: what it gives; its time is added up, but measured only where it is asked for.

use std::time::{Duration, Instant};

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
    /// What of the record is in neither prompt nor completion.
    Account,
    /// Into flat arrays.
    Copy,
}

impl Stage {
    pub const ALL: [(Self, &str); 7] = [
        (Self::Parse, "parse"),
        (Self::Convert, "convert"),
        (Self::Render, "render"),
        (Self::Encode, "encode"),
        (Self::Layout, "layout"),
        (Self::Account, "account"),
        (Self::Copy, "copy"),
    ];
}

#[derive(Debug, Default)]
pub struct StageTimes(Option<[Duration; Stage::ALL.len()]>);

impl StageTimes {
    /// Times that are measured.
    pub fn measured() -> Self {
        Self(Some(Default::default()))
    }

    /// Seconds by stage.
    pub fn seconds(&self) -> Vec<(&'static str, f64)> {
        let times = self.0.unwrap_or_default();
        Stage::ALL.map(|(stage, name)| (name, times[stage as usize].as_secs_f64())).to_vec()
    }

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
