//! `_core.Records`: the lines of some sources; what `Expander.explain` takes and gives.

use std::sync::Mutex;

use everyturn_core as core;
use pyo3::prelude::*;

use crate::expander::{interrupted, when_free};
use crate::source::Raised;

/// File, line, the name of the file's format, and the line's bytes, which are missing if it is too long.
pub type Line = (String, u64, Option<&'static str>, Option<Vec<u8>>);

#[pyclass(frozen, module = "everyturn._core")]
pub struct Records {
    pub core: Mutex<core::Records>,
    pub raised: Raised,
}

#[pymethods]
impl Records {
    fn __iter__(records: PyRef<'_, Self>) -> PyRef<'_, Self> {
        records
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Line>> {
        let next = when_free(py, &self.core, |records, go_on| {
            records.next_record(go_on).map(|next| next.map(line))
        })?;
        next.map_err(|reason| interrupted(py, reason, &self.raised))
    }
}

fn line(record: core::Record<'_>) -> Line {
    let bytes = record.bytes.map(<[u8]>::to_vec);
    (record.file.to_string(), record.line, record.format.map(core::Format::name), bytes)
}
