//! Where the core is called: a panic in it is an exception of ours, the GIL is released while it works, and Ctrl-C ends
//! the call.
//!
//! In: work for the core. Out: what it gives, or the Python exception that its error is. Every function that Python can
//! call and that computes goes through one of these; `PanicException`, which no `except Exception` catches, is for bugs
//! in the conversions around it only.

use std::sync::Once;

use everyturn_core as core;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::errors::to_python;

/// Starting a thread and waiting for it takes longer than most work on fewer bytes than this. What such work may take
/// is bounded otherwise: a rendering takes a second at most.
const FEW_BYTES: usize = 4096;

/// Does work without the GIL on a thread of its own. A signal ends the call within 100 ms; the work then goes on to its
/// end, and its result is dropped.
pub fn detached<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, core::Error> + Send + 'static,
) -> PyResult<T> {
    hearing_signals(py, |_| None, |go_on| core::on_own_thread(go_on, work))?
        .map_err(|error| to_python(py, &error))
}

/// The same of work on so many bytes, done here where they are few.
pub fn detached_on<T: Send + 'static>(
    py: Python<'_>,
    bytes: usize,
    work: impl FnOnce() -> Result<T, core::Error> + Send + 'static,
) -> PyResult<T> {
    if bytes >= FEW_BYTES {
        return detached(py, work);
    }
    computed(py, work)
}

/// The same of work on arrays of Python's, which cannot be left behind: a signal is heard after it.
pub fn computed<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, core::Error> + Send,
) -> PyResult<T> {
    py.detach(|| core::catch_panics(work)).map_err(|error| to_python(py, &error))
}

/// Does a step of the core without the GIL that asks every 100 ms whether to continue: not after a signal whose
/// handler raises, nor once there is what `raised` gives.
pub fn hearing_signals<T: Send>(
    py: Python<'_>,
    raised: impl Fn(Python<'_>) -> Option<PyErr> + Sync,
    step: impl FnOnce(&mut dyn FnMut() -> bool) -> core::Step<T> + Send,
) -> PyResult<Result<T, core::Error>> {
    let mut signal = None;
    let made = py.detach(|| {
        step(&mut || {
            signal = Python::attach(|py| py.check_signals().err().or_else(|| raised(py)));
            signal.is_none()
        })
    });
    match made {
        Ok(made) => Ok(Ok(made)),
        Err(core::Interruption::Failed(error)) => Ok(Err(error)),
        Err(core::Interruption::Stopped) => Err(signal.unwrap_or_else(|| PyRuntimeError::new_err("stopped"))),
    }
}

/// Does work that has to do with Python's objects, or is too short to be worth letting others run.
pub fn attached<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    core::catch_panics(|| Ok(work())).unwrap_or_else(|error: core::Error| Err(to_python(py, &error)))
}

/// Prints no text for a panic that becomes an exception.
///
/// This library has its own panic hook, as every extension module has that brings Rust's standard library with it:
/// the hook of a program that loads it, or of another extension, is another one and stays as it is.
pub fn silence_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !core::are_caught() {
                usual(panic);
            }
        }));
    });
}
