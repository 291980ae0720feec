//! `_core.SurveyStream`: sources and expanders in, counts out.

use std::sync::{Arc, Mutex};

use everyturn_core as core;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::expander::{Expander, interrupted, report_dict, when_free};
use crate::source;

#[pyclass(frozen, module = "everyturn._core")]
pub struct SurveyStream {
    core: Mutex<core::SurveyStream>,
    raised: source::Raised,
}

#[pymethods]
impl SurveyStream {
    #[new]
    fn new(
        expanders: Vec<PyRef<'_, Expander>>,
        sources: Vec<Bound<'_, PyAny>>,
        chunk_bytes: usize,
        limit: Option<u64>,
    ) -> PyResult<Self> {
        let pool = expanders.first().map_or_else(|| Arc::new(core::Pool::new(None)), |one| one.pool.clone());
        let surveyor = core::Surveyor::new(expanders.iter().map(|expander| expander.core.clone()).collect());
        let (sources, raised) = source::all_from_python(&sources)?;
        let options = core::StreamOptions { chunk_bytes, limit };
        let stream = core::SurveyStream::open(Arc::new(surveyor), pool, sources, options);
        Ok(Self { core: Mutex::new(stream), raised })
    }

    /// Takes in the next chunk; false at the end.
    fn advance(&self, py: Python<'_>) -> PyResult<bool> {
        let more = when_free(py, &self.core, core::SurveyStream::advance)?;
        more.map_err(|reason| interrupted(py, reason, &self.raised))
    }

    #[getter]
    fn bytes_taken(&self) -> u64 {
        self.core.try_lock().map_or(0, |stream| stream.bytes_taken())
    }

    /// What was found so far.
    fn survey<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = when_free(py, &self.core, |stream, _| Ok(stream.survey().clone()))?;
        let survey = found.map_err(|reason| interrupted(py, reason, &self.raised))?;
        let dict = PyDict::new(py);
        dict.set_item("conversations", survey.conversations)?;
        dict.set_item("duplicates", survey.duplicates)?;
        dict.set_item("messages", survey.messages)?;
        dict.set_item("turns", survey.turns)?;
        dict.set_item("messages_by_role", survey.messages_by_role)?;
        dict.set_item("characters_by_role", survey.characters_by_role)?;
        dict.set_item("letters", survey.letters)?;
        let variants = survey
            .variants
            .into_iter()
            .map(|variant| Ok((report_dict(py, &variant.report)?, variant.lengths)));
        dict.set_item("ways", variants.collect::<PyResult<Vec<_>>>()?)?;
        Ok(dict)
    }
}
