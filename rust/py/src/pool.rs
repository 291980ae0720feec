//! `_core.Pool`: the threads of an expander, for work of Python's.

use std::sync::Arc;

use everyturn_core as core;
use pyo3::prelude::*;

use crate::errors::to_python;

#[pyclass(frozen, module = "everyturn._core")]
pub struct Pool(pub Arc<core::Pool>);

#[pymethods]
impl Pool {
    /// `None` is a thread a core; they start at first use.
    #[new]
    fn new(num_threads: Option<usize>) -> Self {
        Self(Arc::new(core::Pool::new(num_threads)))
    }

    #[getter]
    fn num_threads(&self) -> usize {
        self.0.threads()
    }

    /// Lets a thread call a function without arguments, which raises nothing. Those that come first begin first.
    fn submit(&self, py: Python<'_>, function: Py<PyAny>) -> PyResult<()> {
        let call = move || {
            Python::attach(|py| {
                let function = function.into_bound(py);
                if let Err(error) = function.call0() {
                    error.write_unraisable(py, Some(&function));
                }
            });
        };
        self.0.spawn(call).map_err(|error| to_python(py, &error))
    }
}
