//! Work on a thread of its own, which its caller may leave.
//!
//! In: work that owns what it needs, and a question to the caller. Out: what it made. Where the caller has enough of
//! waiting the work goes on to its end, and nobody takes its result.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::pool::STACK_BYTES;
use crate::error::{Error, ErrorKind, Result};
use crate::panics::{catch_all, catch_panics};
use crate::read::{Interruption, Step, wait};

/// Does work while this thread waits; `go_on` is asked every 100 ms.
pub fn on_own_thread<T: Send + 'static>(
    go_on: &mut dyn FnMut() -> bool,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Step<T> {
    let (sender, done) = sync_channel(1);
    let started = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        catch_all();
        let made = catch_panics(work);
        // The receiver is gone: nobody needs the result.
        let _ = sender.send(made);
    });
    started
        .map_err(|error| Error::new(ErrorKind::Internal, format!("a thread cannot be started: {error}")))?;
    wait(&done, go_on)?.map_err(Interruption::from)
}
