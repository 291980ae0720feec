//! Waiting for another thread, as long as the caller wants to.
//!
//! In: a channel, and a question to the caller. Out: what came through the channel, or why nothing did.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::error::Error;

/// How often the calling thread is asked whether to go on.
const TICK: Duration = Duration::from_millis(100);

/// Why a chunk did not come.
pub enum Interruption {
    /// The caller said not to go on.
    Stopped,
    Failed(Error),
}

pub(crate) enum Waited {
    Closed,
    Stopped,
}

pub(crate) fn wait<T>(
    channel: &Receiver<T>,
    go_on: &mut dyn FnMut() -> bool,
) -> std::result::Result<T, Waited> {
    loop {
        match channel.recv_timeout(TICK) {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Disconnected) => return Err(Waited::Closed),
            Err(RecvTimeoutError::Timeout) if !go_on() => return Err(Waited::Stopped),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
