//! Panics of dependencies, as errors.
//!
//! In: work. Out: its result, or an error of kind `internal` where it panicked. The panic hook is the program's own: it
//! is never set here. A program that wants no text on stderr for what is caught asks `are_caught` in its hook.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, excerpt};

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Does work whose panic becomes an error. What the work had changed when it panicked must not matter to anybody.
pub fn catch_panics<T, E: From<Error>>(
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    result.unwrap_or_else(|panic| Err(from_panic(&*panic).into()))
}

/// Whether a panic on this thread is caught, and becomes an error.
pub fn are_caught() -> bool {
    CAUGHT.get()
}

/// Says that every panic on this thread is caught.
pub(crate) fn catch_all() {
    CAUGHT.set(true);
}

fn from_panic(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(
        ErrorKind::Internal,
        format!("a dependency panicked: {}; please report it with this record", excerpt(text)),
    )
}
