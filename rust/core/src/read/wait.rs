//! Waiting for another thread, as long as the caller wants to.
//!
//! In: a channel, and a question to the caller. Out: what came through the channel, or why nothing did.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// How often the calling thread is asked whether to continue.
const TICK: Duration = Duration::from_millis(100);

/// Why a step of a stream did not end.
#[derive(Debug)]
pub enum Interruption {
    /// The caller asked to stop.
    Stopped,
    Failed(Error),
}

impl From<Error> for Interruption {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a step of a stream gives.
pub type Step<T> = Result<T, Interruption>;

/// Waits for a message. The other side has to send one before it ends: if it does not, that is an error, not an end.
pub(crate) fn wait<T>(channel: &Receiver<T>, go_on: &mut dyn FnMut() -> bool) -> Step<T> {
    loop {
        match channel.recv_timeout(TICK) {
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Timeout) if !go_on() => return Err(Interruption::Stopped),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "a thread ended without a result; please report it",
                )
                .into());
            }
        }
    }
}
