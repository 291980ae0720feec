//! A stream of the core, as the classes of `_core` hold it.
//!
//! In: Python's inputs. Out: steps taken without the GIL, during which signals are heard, and the exceptions of steps
//! that did not end.

use std::sync::Mutex;

use everyturn_core as core;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;

use crate::errors::to_python;
use crate::guard::hearing_signals;
use crate::source::{Raised, all_from_python};

pub struct SharedStream<S> {
    core: Mutex<S>,
    /// What a Python object among the inputs raised.
    raised: Raised,
}

impl<S: Send> SharedStream<S> {
    pub fn open(inputs: &[Bound<'_, PyAny>], open: impl FnOnce(Vec<core::Source>) -> S) -> PyResult<Self> {
        let (sources, raised) = all_from_python(inputs)?;
        Ok(Self { core: Mutex::new(open(sources)), raised })
    }

    /// Takes a step without the GIL; signals are heard every 100 ms.
    pub fn step<T: Send>(
        &self,
        py: Python<'_>,
        step: impl FnOnce(&mut S, &mut dyn FnMut() -> bool) -> core::Step<T> + Send,
    ) -> PyResult<T> {
        let raised = |py: Python<'_>| self.interrupted(py);
        let made = hearing_signals(py, raised, |go_on| {
            let Ok(mut stream) = self.core.try_lock() else { return Ok(None) };
            // Caught while the lock is held, which a panic on its way would spoil.
            core::catch_panics(|| step(&mut stream, go_on)).map(Some)
        })?;
        made.map_err(|error| self.exception(py, &error))?.ok_or_else(busy)
    }

    /// What a stream says of itself; `None` while another thread takes a step.
    pub fn peek<T>(&self, ask: impl FnOnce(&S) -> T) -> Option<T> {
        self.core.try_lock().ok().map(|stream| ask(&stream))
    }

    /// Ctrl-C and the like that a Python object raised as it was read: what was read before it is not waited for.
    fn interrupted(&self, py: Python<'_>) -> Option<PyErr> {
        let mut raised = self.raised.lock().ok()?;
        raised.take_if(|raised| !raised.is_instance_of::<PyException>(py))
    }

    fn exception(&self, py: Python<'_>, error: &core::Error) -> PyErr {
        match self.raised.lock().ok().and_then(|mut raised| raised.take()) {
            // Ctrl-C and the like are not faults of the input.
            Some(raised) if !raised.is_instance_of::<PyException>(py) => raised,
            raised => {
                let exception = to_python(py, error);
                exception.set_cause(py, raised);
                exception
            }
        }
    }
}

fn busy() -> PyErr {
    PyRuntimeError::new_err("a stream is read by one thread at a time")
}
