//! What a thread works with, from record to record.
//!
//! In: a thread that begins. Out: a workspace that another has used before, or a new one; it is returned when dropped,
//! without what long records have left in it.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use super::stage_times::StageTimes;
use crate::json;
use crate::target::Encoder;

/// What one thread uses from record to record.
#[derive(Default)]
pub struct Workspace {
    pub(super) parser: json::Parser,
    pub(super) encoder: Encoder,
    pub(super) times: StageTimes,
}

/// What is longer than this is kept from record to record by no thread.
const KEPT_BYTES: usize = 1 << 20;

impl Workspace {
    /// Gives back the memory that a long record took.
    fn forget_long(&mut self) {
        self.encoder.shrink_to(KEPT_BYTES);
    }
}

/// The workspaces that no thread is using.
#[derive(Default)]
pub(crate) struct Workspaces(Mutex<Vec<Workspace>>);

impl Workspaces {
    /// It never waits: another thread may have held the lock when this process was forked.
    pub(crate) fn borrow(&self) -> BorrowedWorkspace<'_> {
        let free = self.0.try_lock().ok().and_then(|mut free| free.pop());
        BorrowedWorkspace { owner: self, workspace: free.unwrap_or_default() }
    }
}

/// A workspace that goes back to where it was borrowed.
pub(crate) struct BorrowedWorkspace<'w> {
    owner: &'w Workspaces,
    workspace: Workspace,
}

impl Deref for BorrowedWorkspace<'_> {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}

impl DerefMut for BorrowedWorkspace<'_> {
    fn deref_mut(&mut self) -> &mut Workspace {
        &mut self.workspace
    }
}

impl Drop for BorrowedWorkspace<'_> {
    fn drop(&mut self) {
        if let Ok(mut free) = self.owner.0.try_lock() {
            self.workspace.forget_long();
            free.push(std::mem::take(&mut self.workspace));
        }
    }
}
