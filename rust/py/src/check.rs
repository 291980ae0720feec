//! `_core.Checker` and `_core.CheckStream`: lines in, what is wrong with each out.

use std::sync::{Arc, Mutex};

use everyturn_core as core;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::expander::{Expander, format_from, interrupted, named, when_free};
use crate::guard::detached;
use crate::source;

#[pyclass(frozen, module = "everyturn._core")]
pub struct Checker {
    core: Arc<core::Checker>,
    pool: Arc<core::Pool>,
}

#[pymethods]
impl Checker {
    #[new]
    #[pyo3(signature = (expander, *, input_format, max_line_bytes, num_threads))]
    fn new(
        py: Python<'_>,
        expander: Option<&Expander>,
        input_format: &str,
        max_line_bytes: usize,
        num_threads: Option<usize>,
    ) -> PyResult<Self> {
        let expander = expander.map(|expander| expander.core.clone());
        let input_format = format_from(py, input_format)?;
        Ok(Self {
            core: Arc::new(core::Checker { input_format, max_line_bytes, expander }),
            pool: Arc::new(core::Pool::new(num_threads)),
        })
    }

    /// Looks at one record whose format is known.
    fn look<'py>(
        &self,
        py: Python<'py>,
        line: &[u8],
        input_format: Option<&str>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let format = input_format.map(|format| format_from(py, format)).transpose()?.flatten();
        let found = detached(py, || {
            let record = core::Record { bytes: Some(line), file: &Arc::from(""), line: 0, format };
            let mut workspace = core::Workspace::default();
            Ok(self.core.look(record, &mut core::JsonParser::default(), &mut workspace))
        })?;
        found_tuple(py, &found)
    }

    fn open(
        &self,
        sources: Vec<Bound<'_, PyAny>>,
        chunk_bytes: usize,
        limit: Option<u64>,
    ) -> PyResult<CheckStream> {
        let (sources, raised) = source::all_from_python(&sources)?;
        let options = core::StreamOptions { chunk_bytes, limit };
        let stream = core::CheckStream::open(self.core.clone(), self.pool.clone(), sources, options);
        Ok(CheckStream { core: Mutex::new(stream), raised })
    }
}

#[pyclass(frozen, module = "everyturn._core")]
pub struct CheckStream {
    core: Mutex<core::CheckStream>,
    raised: source::Raised,
}

/// The bytes of a chunk and, of each of its lines, number, start, stop and what was found.
type CheckedChunk<'py> = (Bound<'py, PyBytes>, Vec<Bound<'py, PyTuple>>);

#[pymethods]
impl CheckStream {
    /// The next chunk, `None` at the end.
    fn next_chunk<'py>(&self, py: Python<'py>) -> PyResult<Option<CheckedChunk<'py>>> {
        let next = when_free(py, &self.core, core::CheckStream::next_chunk)?;
        let Some((bytes, lines)) = next.map_err(|reason| interrupted(py, reason, &self.raised))? else {
            return Ok(None);
        };
        let lines = lines.iter().map(|line| {
            let (start, stop) = line.place.as_ref().map(|place| (place.start, place.end)).unzip();
            (line.number, start, stop, found_tuple(py, &line.found)?).into_pyobject(py)
        });
        Ok(Some((PyBytes::new(py, &bytes), lines.collect::<PyResult<Vec<_>>>()?)))
    }
}

/// The format that the record was read by, the one that it tells, its hash, its faults, and what expansion counted.
fn found_tuple<'py>(py: Python<'py>, found: &core::Found) -> PyResult<Bound<'py, PyTuple>> {
    let faults: Vec<_> = found
        .faults
        .iter()
        .map(|fault| {
            let text = match fault.location.byte {
                Some(byte) => format!("byte {byte}: {}", fault.text),
                None => fault.text.clone(),
            };
            (fault.kind.name(), fault.location.message, text)
        })
        .collect();
    let counts = found.report.as_ref().map(|report| counts(py, report)).transpose()?;
    (
        found.format.map(core::Format::name),
        found.own_format.map(core::Format::name),
        PyBytes::new(py, &found.conversation_id.to_be_bytes()),
        faults,
        counts,
    )
        .into_pyobject(py)
}

fn counts<'py>(py: Python<'py>, report: &core::Report) -> PyResult<Bound<'py, PyTuple>> {
    let dropped: Vec<&str> = report.records_dropped.keys().copied().collect();
    let (tokens, keys) = (named(py, &report.control_tokens)?, named(py, &report.unread_keys)?);
    (&report.warnings, dropped, tokens, keys, report.unread_keys.omitted()).into_pyobject(py)
}

/// Every kind of error, warning and cause, for the tests that hold their explanations to them.
pub fn add_names(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("WARNINGS", core::warning::ALL.to_vec())?;
    module.add("DROP_CAUSES", core::cause::ALL.to_vec())
}
