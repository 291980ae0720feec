//! `_core.pack`: lengths in, the order of the samples and the bounds of the packs out.

use everyturn_core as core;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::choice::Choice;
use crate::guard::detached_on;

/// The order, the bounds of the packs in it, and the number of conversations that are in several packs.
type Packs<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, usize);

#[pyfunction]
#[pyo3(signature = (lengths, max_length, strategy, conversations))]
pub fn pack<'py>(
    py: Python<'py>,
    lengths: PyReadonlyArray1<'py, i64>,
    max_length: usize,
    strategy: Choice<core::PackStrategy>,
    conversations: Option<PyReadonlyArray1<'py, i64>>,
) -> PyResult<Packs<'py>> {
    let lengths: Vec<usize> = lengths
        .as_slice()?
        .iter()
        .map(|length| usize::try_from(*length))
        .collect::<Result<_, _>>()
        .map_err(|_| PyValueError::new_err("a length is negative"))?;
    let conversations = conversations.map(|numbers| numbers.as_slice().map(<[i64]>::to_vec)).transpose()?;
    if conversations.as_ref().is_some_and(|numbers| numbers.len() != lengths.len()) {
        return Err(PyValueError::new_err("there must be as many conversations as lengths"));
    }
    let packs = detached_on(py, size_of_val(&*lengths), move || {
        core::pack(&lengths, max_length, strategy.0, conversations.as_deref())
    })?;
    let signed = |indices: Vec<usize>| -> Vec<i64> {
        indices.into_iter().map(|index| i64::try_from(index).unwrap_or(i64::MAX)).collect()
    };
    Ok((
        signed(packs.order).into_pyarray(py),
        signed(packs.offsets).into_pyarray(py),
        packs.spread_conversations,
    ))
}
