//! `_core.Records`: the lines of some sources; what `Expander.explain` takes and gives.

use everyturn_core as core;
use pyo3::prelude::*;

use crate::stream::SharedStream;

/// File, line, the name of the file's format, and the line's bytes, which are missing if it is too long.
pub type Line = (String, u64, Option<&'static str>, Option<Vec<u8>>);

#[pyclass(frozen, module = "everyturn._core")]
pub struct Records(pub SharedStream<core::Records>);

#[pymethods]
impl Records {
    fn __iter__(records: PyRef<'_, Self>) -> PyRef<'_, Self> {
        records
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Line>> {
        self.0.step(py, |records, go_on| records.next_record(go_on).map(|next| next.map(line)))
    }
}

fn line(record: core::Record<'_>) -> Line {
    let bytes = record.bytes.map(<[u8]>::to_vec);
    (record.file.to_string(), record.line, record.format.map(core::Format::name), bytes)
}
