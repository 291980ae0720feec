//! `_core.StatsStream`: sources and expanders in, counts out.

use std::sync::Arc;

use everyturn_core as core;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::expander::{Expander, report_dict};
use crate::guard::detached;
use crate::stream::SharedStream;

#[pyclass(frozen, module = "everyturn._core")]
pub struct StatsStream(SharedStream<core::StatsStream>);

#[pymethods]
impl StatsStream {
    #[new]
    fn new(
        py: Python<'_>,
        expanders: Vec<PyRef<'_, Expander>>,
        sources: Vec<Bound<'_, PyAny>>,
        chunk_bytes: usize,
        limit: Option<u64>,
    ) -> PyResult<Self> {
        let pool = expanders.first().map_or_else(|| Arc::new(core::Pool::new(None)), |one| one.pool.clone());
        let expanders: Vec<_> = expanders.iter().map(|expander| expander.core.clone()).collect();
        let variants = Arc::new(detached(py, move || core::Variants::new(expanders))?);
        let options = core::StreamOptions { chunk_bytes, limit };
        SharedStream::open(&sources, |sources| core::StatsStream::open(variants, pool, sources, options))
            .map(Self)
    }

    /// Takes in the next chunk; false at the end.
    fn advance(&self, py: Python<'_>) -> PyResult<bool> {
        self.0.step(py, core::StatsStream::advance)
    }

    #[getter]
    fn bytes_taken(&self) -> u64 {
        self.0.peek(core::StatsStream::bytes_taken).unwrap_or_default()
    }

    /// What was counted so far.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.0.step(py, |stream, _| Ok(stream.stats().clone()))?;
        let dict = PyDict::new(py);
        dict.set_item("conversations", stats.conversations)?;
        dict.set_item("duplicates", stats.duplicates)?;
        dict.set_item("messages", stats.messages)?;
        dict.set_item("assistant_messages", stats.assistant_messages)?;
        dict.set_item("messages_by_role", stats.messages_by_role)?;
        dict.set_item("characters_by_role", stats.characters_by_role)?;
        dict.set_item("letters", stats.letters)?;
        let variants = stats.variants.into_iter().map(|variant| {
            let counts = PyDict::new(py);
            counts.set_item("report", report_dict(py, &variant.report)?)?;
            counts.set_item("lengths", variant.lengths)?;
            counts.set_item("branches", variant.branches)?;
            counts.set_item("depths", variant.depths)?;
            counts.set_item("tokens_before", variant.tokens_before)?;
            Ok(counts)
        });
        dict.set_item("variants", variants.collect::<PyResult<Vec<_>>>()?)?;
        Ok(dict)
    }
}
