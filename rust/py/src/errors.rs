//! The core's errors as the exceptions of `everyturn.exceptions`.

use everyturn_core::{Error, ErrorFamily};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// Builds the exception: the text says everything, the attributes say it again for programs.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    match build(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

fn build<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let exception = class(py, error.kind.family())?.call1((error.to_string(),))?;
    exception.setattr("kind", error.kind.name())?;
    exception.setattr("file", error.location.file.as_deref())?;
    exception.setattr("line", error.location.line)?;
    exception.setattr("message_index", error.location.message)?;
    Ok(exception)
}

fn class(py: Python<'_>, family: ErrorFamily) -> PyResult<&Bound<'_, PyType>> {
    static MODULE: PyOnceLock<[Py<PyType>; 9]> = PyOnceLock::new();
    let names = [
        "InputError",
        "JsonlError",
        "ConversationError",
        "TemplateError",
        "TokenizerError",
        "SampleError",
        "ModelError",
        "OptionsError",
        "InternalError",
    ];
    let classes = MODULE.get_or_try_init(py, || -> PyResult<_> {
        let module = py.import("everyturn.exceptions")?;
        let mut classes = Vec::with_capacity(names.len());
        for name in names {
            classes.push(module.getattr(name)?.cast_into::<PyType>()?.unbind());
        }
        classes.try_into().map_err(|_| pyo3::exceptions::PyImportError::new_err("everyturn.exceptions"))
    })?;
    let index = match family {
        ErrorFamily::Input => 0,
        ErrorFamily::Jsonl => 1,
        ErrorFamily::Conversation => 2,
        ErrorFamily::Template => 3,
        ErrorFamily::Tokenizer => 4,
        ErrorFamily::Sample => 5,
        ErrorFamily::Model => 6,
        ErrorFamily::Options => 7,
        ErrorFamily::Internal => 8,
    };
    Ok(classes[index].bind(py))
}
