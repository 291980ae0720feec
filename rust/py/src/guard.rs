//! Where the core is called: a panic in it is an exception of ours, and the GIL is released while it works.
//!
//! In: work for the core. Out: what it gives, or the Python exception that its error is. Every function that Python can
//! call and that computes goes through one of these; `PanicException`, which no `except Exception` catches, is for bugs
//! in the conversions around it only.

use std::sync::Once;

use everyturn_core as core;
use pyo3::prelude::*;

use crate::errors::to_python;

/// Does work without the GIL.
pub fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, core::Error> + Send,
) -> PyResult<T> {
    py.detach(|| core::catch_panics(work)).map_err(|error| to_python(py, &error))
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
