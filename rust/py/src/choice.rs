//! Options with names, as arguments of their own types.

use everyturn_core as core;
use pyo3::prelude::*;

use crate::errors::to_python;

/// One of the names that an option takes; another is an `OptionsError` that names the option.
pub struct Choice<T>(pub T);

impl<'py, T: core::Choice> FromPyObject<'_, 'py> for Choice<T> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let name: &str = given.extract()?;
        T::from_name(name).map(Self).map_err(|error| to_python(given.py(), &error))
    }
}
