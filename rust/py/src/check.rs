//! `_core.Checker` and `_core.CheckStream`: lines in, what is wrong with each out.

use std::collections::HashMap;
use std::sync::Arc;

use everyturn_core as core;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::choice::Choice;
use crate::expander::{Expander, named};
use crate::guard::detached;
use crate::records::{Names, renames};
use crate::stream::SharedStream;

#[pyclass(frozen, module = "everyturn._core")]
pub struct Checker {
    core: Arc<core::Checker>,
    pool: Arc<core::Pool>,
}

#[pymethods]
impl Checker {
    #[new]
    #[pyo3(signature = (expander, *, input_format, map, roles, undesired, media, non_finite, keep, max_line_bytes, num_threads))]
    #[allow(clippy::too_many_arguments, reason = "one argument per option of reading")]
    fn new(
        py: Python<'_>,
        expander: Option<&Expander>,
        input_format: Choice<Option<core::Format>>,
        map: Names,
        roles: Names,
        undesired: Choice<core::Undesired>,
        media: Choice<core::Media>,
        non_finite: Choice<core::NonFinite>,
        keep: Vec<String>,
        max_line_bytes: usize,
        num_threads: Option<usize>,
    ) -> PyResult<Self> {
        let expander = expander.map(|expander| expander.core.clone());
        let record = core::RecordOptions {
            renames: renames(py, map, roles)?,
            undesired: undesired.0,
            media: media.0,
            non_finite: non_finite.0,
            keep,
        };
        let read = core::ReadOptions { input_format: input_format.0, max_line_bytes, record };
        Ok(Self {
            core: Arc::new(core::Checker::new(read, expander)),
            pool: Arc::new(core::Pool::new(num_threads)),
        })
    }

    /// Finds what is wrong with one record whose format is known.
    fn check_record<'py>(
        &self,
        py: Python<'py>,
        line: &[u8],
        input_format: Option<Choice<Option<core::Format>>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let format = input_format.and_then(|format| format.0);
        let found = detached(py, || {
            let record =
                core::Record { bytes: Some(line), file: &Arc::from(""), line: 0, format, columns_of: None };
            Ok(self.core.check_record(record))
        })?;
        found_tuple(py, &found)
    }

    fn open(
        &self,
        sources: Vec<Bound<'_, PyAny>>,
        chunk_bytes: usize,
        limit: Option<u64>,
    ) -> PyResult<CheckStream> {
        let options = core::StreamOptions { chunk_bytes, limit };
        let (checker, pool) = (self.core.clone(), self.pool.clone());
        SharedStream::open(&sources, |sources| core::CheckStream::open(checker, pool, sources, options))
            .map(CheckStream)
    }
}

#[pyclass(frozen, module = "everyturn._core")]
pub struct CheckStream(SharedStream<core::CheckStream>);

/// The bytes of a chunk, of each of its lines number, start, stop and what was found, and whether they were made of others.
type CheckedChunk<'py> = (Bound<'py, PyBytes>, Vec<Bound<'py, PyTuple>>, bool);

#[pymethods]
impl CheckStream {
    /// The next chunk, `None` at the end.
    fn next_chunk<'py>(&self, py: Python<'py>) -> PyResult<Option<CheckedChunk<'py>>> {
        let Some((bytes, lines, is_made)) = self.0.step(py, core::CheckStream::next_chunk)? else {
            return Ok(None);
        };
        let lines = lines.iter().map(|line| {
            let (start, stop) = line.range.as_ref().map(|range| (range.start, range.end)).unzip();
            (line.number, start, stop, found_tuple(py, &line.found)?).into_pyobject(py)
        });
        Ok(Some((PyBytes::new(py, &bytes), lines.collect::<PyResult<Vec<_>>>()?, is_made)))
    }
}

/// The format that the record was read by, the one that its keys show, its hash, its faults, what expansion counted, and its
/// outline.
fn found_tuple<'py>(py: Python<'py>, found: &core::Found) -> PyResult<Bound<'py, PyTuple>> {
    let faults: Vec<_> = found
        .faults
        .iter()
        .map(|fault| (fault.kind.name(), fault.location.message, fault.text_without_place()))
        .collect();
    let counts = found.report.as_ref().map(|report| counts(py, report)).transpose()?;
    (
        found.format.map(core::Format::name),
        found.own_format.map(core::Format::name),
        PyBytes::new(py, &found.conversation_id.to_be_bytes()),
        faults,
        counts,
        found.outline.as_deref(),
    )
        .into_pyobject(py)
}

fn counts<'py>(py: Python<'py>, report: &core::Report) -> PyResult<Bound<'py, PyTuple>> {
    let dropped: Vec<&str> = report.records_dropped.keys().copied().collect();
    let tokens = named(py, &report.control_tokens)?;
    let [keys, arguments] = [&report.unread_keys, &report.unread_arguments]
        .map(|unread| named(py, unread).map(|names| (names, unread.omitted())));
    let places = PyDict::new(py);
    for (name, warnings) in &report.warning_places {
        let warnings: Vec<_> =
            warnings.iter().map(|warning| (warning.location.message, &*warning.text)).collect();
        places.set_item(name, warnings)?;
    }
    (&report.warnings, places, dropped, tokens, keys?, arguments?).into_pyobject(py)
}

/// What a format calls a role itself, under a key of an item of its lists.
#[pyfunction]
pub fn name_of_role(input_format: &str, key: &str, role: &str) -> PyResult<&'static str> {
    let format = core::Format::named(input_format);
    let role = core::Role::ALL.into_iter().find(|known| known.name() == role);
    format
        .zip(role)
        .map(|(format, role)| format.name_of_role(key, role))
        .ok_or_else(|| PyValueError::new_err("the format or the role is unknown"))
}

/// The names that the items of a format's lists can have for roles, and whose they are.
fn role_names() -> HashMap<&'static str, HashMap<&'static str, &'static str>> {
    let names =
        |format: &core::Format| format.role_names().iter().map(|(name, role)| (*name, role.name())).collect();
    core::Format::ALL.iter().map(|format| (format.name(), names(format))).collect()
}

/// What names that no format has for a role most likely mean.
fn other_role_names() -> HashMap<&'static str, &'static str> {
    core::OTHER_NAMES.iter().map(|(name, role)| (*name, role.name())).collect()
}

/// The names of roles by format, and what other names mean; every kind of error, warning and cause, for the tests that hold their explanations to
/// them.
pub fn add_names(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("ROLE_NAMES", role_names())?;
    module.add("OTHER_ROLE_NAMES", other_role_names())?;
    module.add("WARNINGS", core::warning::ALL.to_vec())?;
    module.add("DROP_CAUSES", core::cause::ALL.to_vec())?;
    module.add("LINT_FINDINGS", core::finding::ALL.to_vec())
}
