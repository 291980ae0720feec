//! The core's errors as the exceptions of `everyturn.exceptions`.

use everyturn_core::{Error, ErrorFamily};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// Builds the exception: its text says everything, the attributes say it again, part by part, for programs.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    match build(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

fn build<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let exception = class(py, error.kind.family())?.call1((error.to_string(),))?;
    exception.setattr("kind", error.kind.name())?;
    exception.setattr("reason", error.text_without_place())?;
    exception.setattr("file", error.location.file.as_deref())?;
    exception.setattr("line", error.location.line)?;
    exception.setattr("message_index", error.location.message)?;
    Ok(exception)
}

fn class(py: Python<'_>, family: ErrorFamily) -> PyResult<Bound<'_, PyType>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("everyturn.exceptions").map(Bound::unbind))?;
    Ok(module.bind(py).getattr(family.class())?.cast_into()?)
}
