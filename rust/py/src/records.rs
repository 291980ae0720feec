//! `_core.Records`: sources in, their records out, each with its location and its file's format. No model is needed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use everyturn_core as core;
use pyo3::prelude::*;

use crate::choice::Choice;
use crate::errors::to_python;
use crate::stream::SharedStream;

/// File, line, the name of the file's format, and the line's bytes, which are missing if it is too long.
pub type Line = (String, u64, Option<&'static str>, Option<Vec<u8>>);

/// The same as Python hands it over.
pub type GivenLine = (String, u64, Option<Choice<Option<core::Format>>>, Option<Vec<u8>>);

/// Names for other names, as a dict; `None` is none.
pub type Names = Option<BTreeMap<String, String>>;

/// Other names of keys and roles, checked.
pub fn renames(py: Python<'_>, map: Names, roles: Names) -> PyResult<Arc<core::Renames>> {
    let [keys, roles] = [map, roles].map(|names| names.unwrap_or_default().into_iter().collect::<Vec<_>>());
    core::Renames::new(&keys, &roles).map(Arc::new).map_err(|error| to_python(py, &error))
}

#[pyclass(frozen, module = "everyturn._core")]
pub struct Records(SharedStream<core::Records>);

#[pymethods]
impl Records {
    #[new]
    #[pyo3(signature = (sources, *, input_format, map, max_line_bytes))]
    fn new(
        py: Python<'_>,
        sources: Vec<Bound<'_, PyAny>>,
        input_format: Choice<Option<core::Format>>,
        map: Names,
        max_line_bytes: usize,
    ) -> PyResult<Self> {
        let record =
            core::RecordOptions { renames: renames(py, map, None)?, ..core::RecordOptions::default() };
        let read = core::ReadOptions { input_format: input_format.0, max_line_bytes, record };
        let options = core::StreamOptions { chunk_bytes: core::CHUNK_BYTES, limit: None };
        SharedStream::open(&sources, |sources| core::Records::open(sources, options, read)).map(Self)
    }

    fn __iter__(records: PyRef<'_, Self>) -> PyRef<'_, Self> {
        records
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Line>> {
        self.0.step(py, |records, go_on| records.next_record(go_on).map(|next| next.map(line)))
    }

    /// The blank lines before the record that was given last; after the last of all, every one.
    #[getter]
    fn blank_lines(&self) -> u64 {
        self.0.peek(core::Records::blank_lines).unwrap_or_default()
    }
}

fn line(record: core::Record<'_>) -> Line {
    let bytes = record.bytes.map(<[u8]>::to_vec);
    (record.file.to_string(), record.line, record.format.map(core::Format::name), bytes)
}

/// Records as `Records` gives them, for the core.
pub fn given(lines: Vec<GivenLine>) -> Vec<core::GivenRecord> {
    let mut names: HashMap<String, Arc<str>> = HashMap::new();
    let records = lines.into_iter().map(|(file, line, format, text)| {
        let format = format.and_then(|format| format.0);
        let file = names.entry(file).or_insert_with_key(|name| name.as_str().into()).clone();
        core::GivenRecord { file, line, format, text }
    });
    records.collect()
}
