//! `_core.relabel`: the arrays of samples and what each run is to weigh in, the arrays of the samples with these weights
//! out. What rules about messages look at comes from here, too.

use std::borrow::Cow;

use everyturn_core as core;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::choice::Choice;
use crate::expander::arrays;
use crate::guard::computed;

/// `arrays` has the columns of tokens and runs by name, with their offsets, the record of each row under `records`, and
/// what each run is to weigh under `run_weights`, NaN where it keeps its weights. Returns the columns that change, by
/// name, and for each row one that is of the same record, or `None` where the rows stay what they are.
#[pyfunction]
#[pyo3(signature = (arrays, *, layout, max_length, normalize, allow_context))]
pub fn relabel<'py>(
    py: Python<'py>,
    arrays: &Bound<'py, PyDict>,
    layout: Choice<core::Layout>,
    max_length: Option<usize>,
    normalize: Choice<core::Normalize>,
    allow_context: bool,
) -> PyResult<NewColumns<'py>> {
    let given = Given::of(arrays)?;
    let table = given.table()?;
    let how = core::Relabelling { layout: layout.0, max_length, normalize: normalize.0, allow_context };
    match computed(py, || Ok(core::relabel(&table, how)))? {
        core::Relabelled::Labels(labels) => Ok((changed(py, labels)?, None)),
        core::Relabelled::Rows { samples, sources } => {
            Ok((self::arrays(py, samples)?, Some(PyArray1::from_vec(py, sources))))
        }
    }
}

/// The columns that are not as they were, by name.
fn changed<'py>(py: Python<'py>, labels: core::Labels<'_>) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    if let Cow::Owned(labels) = labels.labels {
        columns.set_item("labels", PyArray1::from_vec(py, labels))?;
    }
    if let Some(Cow::Owned(labels)) = labels.shift_labels {
        columns.set_item("shift_labels", PyArray1::from_vec(py, labels))?;
    }
    match labels.loss_weights {
        Some(Cow::Borrowed(_)) => {}
        Some(Cow::Owned(weights)) => columns.set_item("loss_weights", PyArray1::from_vec(py, weights))?,
        None => columns.set_item("loss_weights", py.None())?,
    }
    Ok(columns)
}

/// Of the messages of records, whose facts are the JSON texts `data[offsets[i]:offsets[i + 1]]`: where those of each
/// record start, roles by their places in `ROLES`, whether a message has a weight, and whether parts of it have.
#[pyfunction]
pub fn message_columns<'py>(
    py: Python<'py>,
    data: PyReadonlyArray1<'py, u8>,
    offsets: PyReadonlyArray1<'py, i64>,
) -> PyResult<MessageArrays<'py>> {
    let (data, offsets) = (data.as_slice()?, offsets.as_slice()?);
    let place = |offset: i64| usize::try_from(offset).unwrap_or(usize::MAX);
    let texts = offsets
        .windows(2)
        .map(|ends| data.get(place(ends[0])..place(ends[1])))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| PyValueError::new_err("offsets must be places in the data, in order"))?;
    let read = computed(py, || core::MessageColumns::read(texts.into_iter()))?;
    Ok((
        PyArray1::from_vec(py, read.offsets),
        PyArray1::from_vec(py, read.roles),
        PyArray1::from_vec(py, read.is_weighted),
        PyArray1::from_vec(py, read.is_weighted_in_part),
    ))
}

/// Columns, and the rows that they come from.
type NewColumns<'py> = (Bound<'py, PyDict>, Option<Bound<'py, PyArray1<i64>>>);

type MessageArrays<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<u8>>,
    Bound<'py, PyArray1<bool>>,
    Bound<'py, PyArray1<bool>>,
);

/// Arrays that Python holds.
struct Given<'py> {
    input_ids: PyReadonlyArray1<'py, i32>,
    labels: PyReadonlyArray1<'py, i32>,
    loss_weights: Option<PyReadonlyArray1<'py, f32>>,
    position_ids: Option<PyReadonlyArray1<'py, i32>>,
    subtree_end: Option<PyReadonlyArray1<'py, i32>>,
    shift_labels: Option<PyReadonlyArray1<'py, i32>>,
    offsets: PyReadonlyArray1<'py, i64>,
    run_lengths: PyReadonlyArray1<'py, i32>,
    run_kinds: PyReadonlyArray1<'py, u8>,
    run_messages: PyReadonlyArray1<'py, i32>,
    run_answers: PyReadonlyArray1<'py, bool>,
    run_offsets: PyReadonlyArray1<'py, i64>,
    run_weights: PyReadonlyArray1<'py, f32>,
    records: PyReadonlyArray1<'py, i64>,
}

impl<'py> Given<'py> {
    fn of(arrays: &Bound<'py, PyDict>) -> PyResult<Self> {
        Ok(Self {
            input_ids: array(arrays, "input_ids")?,
            labels: array(arrays, "labels")?,
            loss_weights: optional(arrays, "loss_weights")?,
            position_ids: optional(arrays, "position_ids")?,
            subtree_end: optional(arrays, "subtree_end")?,
            shift_labels: optional(arrays, "shift_labels")?,
            offsets: array(arrays, "offsets")?,
            run_lengths: array(arrays, "run_lengths")?,
            run_kinds: array(arrays, "run_kinds")?,
            run_messages: array(arrays, "run_messages")?,
            run_answers: array(arrays, "run_answers")?,
            run_offsets: array(arrays, "run_offsets")?,
            run_weights: array(arrays, "run_weights")?,
            records: array(arrays, "records")?,
        })
    }

    fn table(&self) -> PyResult<core::LabelledTable<'_>> {
        Ok(core::LabelledTable {
            input_ids: self.input_ids.as_slice()?,
            labels: self.labels.as_slice()?,
            loss_weights: self.loss_weights.as_ref().map(|array| array.as_slice()).transpose()?,
            position_ids: self.position_ids.as_ref().map(|array| array.as_slice()).transpose()?,
            subtree_end: self.subtree_end.as_ref().map(|array| array.as_slice()).transpose()?,
            shift_labels: self.shift_labels.as_ref().map(|array| array.as_slice()).transpose()?,
            offsets: self.offsets.as_slice()?,
            run_lengths: self.run_lengths.as_slice()?,
            run_kinds: self.run_kinds.as_slice()?,
            run_messages: self.run_messages.as_slice()?,
            run_answers: self.run_answers.as_slice()?,
            run_offsets: self.run_offsets.as_slice()?,
            run_weights: self.run_weights.as_slice()?,
            records: self.records.as_slice()?,
        })
    }
}

fn array<'py, T: numpy::Element>(
    arrays: &Bound<'py, PyDict>,
    name: &str,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    optional(arrays, name)?.ok_or_else(|| PyValueError::new_err(format!("there is no array {name}")))
}

fn optional<'py, T: numpy::Element>(
    arrays: &Bound<'py, PyDict>,
    name: &str,
) -> PyResult<Option<PyReadonlyArray1<'py, T>>> {
    let array = arrays.get_item(name)?.filter(|array| !array.is_none());
    let array = array.map(|array| array.cast_into::<PyArray1<T>>().map(|array| array.readonly())).transpose();
    array.map_err(PyErr::from)
}
