//! `_core.Expander` and `_core.Stream`: options in, arrays out.

use std::str::FromStr;
use std::sync::{Arc, Mutex};

use everyturn_core as core;
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors::to_python;
use crate::explain::Records;
use crate::guard::detached;
use crate::renderer::Renderer;
use crate::source;

#[pyclass(frozen, module = "everyturn._core")]
pub struct Expander {
    pub core: Arc<core::Expander>,
    pub pool: Arc<core::Pool>,
}

fn parse<T: FromStr<Err = core::Error>>(py: Python<'_>, option: &str, name: &str) -> PyResult<T> {
    name.parse().map_err(|error| option_error(py, option, error))
}

fn option_error(py: Python<'_>, option: &str, mut error: core::Error) -> PyErr {
    error.text = format!("{option}: {}", error.text);
    to_python(py, &error)
}

pub fn format_from(py: Python<'_>, name: &str) -> PyResult<Option<core::Format>> {
    core::input_format(name).map_err(|error| option_error(py, "input_format", error))
}

#[pymethods]
impl Expander {
    #[new]
    #[pyo3(signature = (renderer, *, train_on, layout, max_length, overflow, history_turns, max_prompt_tokens, prompt_mismatch,
                        control_tokens, normalize, deduplicate, input_format, on_error, max_line_bytes, num_threads))]
    #[allow(
        clippy::too_many_arguments,
        reason = "one argument per option: Python's options class is the struct"
    )]
    fn new(
        py: Python<'_>,
        renderer: &Renderer,
        train_on: &str,
        layout: &str,
        max_length: Option<usize>,
        overflow: &str,
        history_turns: Option<usize>,
        max_prompt_tokens: Option<usize>,
        prompt_mismatch: &str,
        control_tokens: &str,
        normalize: &str,
        deduplicate: bool,
        input_format: &str,
        on_error: &str,
        max_line_bytes: usize,
        num_threads: Option<usize>,
    ) -> PyResult<Self> {
        let options = core::Options {
            train_on: parse(py, "train_on", train_on)?,
            layout: parse(py, "layout", layout)?,
            max_length,
            overflow: parse(py, "overflow", overflow)?,
            history_turns,
            max_prompt_tokens,
            prompt_mismatch: parse(py, "prompt_mismatch", prompt_mismatch)?,
            control_tokens: parse(py, "control_tokens", control_tokens)?,
            normalize: parse(py, "normalize", normalize)?,
            deduplicate,
            input_format: format_from(py, input_format)?,
            on_error: parse(py, "on_error", on_error)?,
            max_line_bytes,
            num_threads,
        };
        let core = detached(py, || core::Expander::new(renderer.core.clone(), options))?;
        Ok(Self { core: Arc::new(core), pool: Arc::new(core::Pool::new(num_threads)) })
    }

    /// Seconds of each stage, in their order, for these JSON lines on one thread.
    fn stage_times(&self, py: Python<'_>, source: &[u8]) -> PyResult<Vec<(&'static str, f64)>> {
        let lines = source.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        detached(py, || core::stage_times(&self.core, lines))
    }

    /// The lines of these sources.
    fn records(&self, sources: Vec<Bound<'_, PyAny>>) -> PyResult<Records> {
        let (sources, raised) = source::all_from_python(&sources)?;
        let options = core::StreamOptions { chunk_bytes: core::CHUNK_BYTES, limit: None };
        Ok(Records { core: Mutex::new(self.core.records(sources, options)), raised })
    }

    /// What becomes of a line, and why: JSON text, and the report.
    fn explain<'py>(
        &self,
        py: Python<'py>,
        file: &str,
        line: u64,
        format_name: Option<&str>,
        text: Option<&[u8]>,
    ) -> PyResult<(String, Bound<'py, PyDict>)> {
        let format = format_name.map(|name| format_from(py, name)).transpose()?.flatten();
        let file = Arc::from(file);
        let (json, report) = detached(py, || {
            let record = core::Record { bytes: text, file: &file, line, format };
            core::explain(&self.core, record).map(|explanation| (explanation.to_json(), explanation.report))
        })?;
        Ok((json, report_dict(py, &report)?))
    }

    fn open(
        &self,
        sources: Vec<Bound<'_, PyAny>>,
        chunk_bytes: usize,
        limit: Option<u64>,
    ) -> PyResult<Stream> {
        let (sources, raised) = source::all_from_python(&sources)?;
        let options = core::StreamOptions { chunk_bytes, limit };
        Ok(Stream {
            core: Mutex::new(core::Stream::open(self.core.clone(), self.pool.clone(), sources, options)),
            raised,
        })
    }
}

#[pyclass(frozen, module = "everyturn._core")]
pub struct Stream {
    core: Mutex<core::Stream>,
    raised: source::Raised,
}

#[pymethods]
impl Stream {
    /// The arrays and the report of the next chunk, `None` at the end.
    fn next_chunk<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let next = self.advance(py, |stream, go_on| stream.next_chunk(go_on))?;
        next.map(|(samples, report)| to_dict(py, samples, &report)).transpose()
    }

    /// The arrays and the report of all that is left.
    fn rest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (samples, report) = self.advance(py, |stream, go_on| stream.rest(go_on))?;
        to_dict(py, samples, &report)
    }

    /// Bytes taken from the sources so far, before decompression.
    #[getter]
    fn bytes_taken(&self) -> u64 {
        self.core.try_lock().map_or(0, |stream| stream.bytes_taken())
    }
}

impl Stream {
    fn advance<T: Send>(
        &self,
        py: Python<'_>,
        step: impl FnOnce(&mut core::Stream, &mut dyn FnMut() -> bool) -> Result<T, core::Interruption> + Send,
    ) -> PyResult<T> {
        when_free(py, &self.core, step)?.map_err(|reason| interrupted(py, reason, &self.raised))
    }
}

/// Why a step did not end: what the core says, and the exception of a signal that was heard.
pub struct Unfinished(core::Interruption, Option<PyErr>);

/// Takes a step of a stream without the GIL; signals are heard every 100 ms.
pub fn when_free<S: Send, T: Send>(
    py: Python<'_>,
    stream: &Mutex<S>,
    step: impl FnOnce(&mut S, &mut dyn FnMut() -> bool) -> Result<T, core::Interruption> + Send,
) -> PyResult<Result<T, Unfinished>> {
    let mut signal = None;
    let result = py.detach(|| {
        let mut stream = stream.try_lock().map_err(|_| busy())?;
        let mut go_on = || {
            signal = Python::attach(|py| py.check_signals().err());
            signal.is_none()
        };
        // Caught while the lock is held, which a panic on its way would spoil.
        let result = core::catch_panics(|| step(&mut stream, &mut go_on));
        Ok::<_, PyErr>(result.map_err(core::Interruption::Failed).flatten())
    })?;
    Ok(result.map_err(|reason| Unfinished(reason, signal)))
}

/// The exception for a step that did not end.
pub fn interrupted(py: Python<'_>, Unfinished(reason, signal): Unfinished, raised: &source::Raised) -> PyErr {
    match reason {
        core::Interruption::Stopped => signal.unwrap_or_else(|| PyRuntimeError::new_err("stopped")),
        core::Interruption::Failed(error) => {
            let raised = raised.lock().ok().and_then(|mut raised| raised.take());
            match raised {
                // Ctrl-C and its like are no fault of the input.
                Some(raised) if !raised.is_instance_of::<PyException>(py) => raised,
                raised => {
                    let exception = to_python(py, &error);
                    exception.set_cause(py, raised);
                    exception
                }
            }
        }
    }
}

fn busy() -> PyErr {
    PyRuntimeError::new_err("a stream is read by one thread at a time")
}

fn to_dict<'py>(
    py: Python<'py>,
    samples: core::Samples,
    report: &core::Report,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("input_ids", samples.input_ids.into_pyarray(py))?;
    dict.set_item("labels", samples.labels.into_pyarray(py))?;
    dict.set_item("offsets", samples.offsets.into_pyarray(py))?;
    let weights: Option<Bound<'py, PyArray1<f32>>> =
        samples.loss_weights.map(|weights| weights.into_pyarray(py));
    dict.set_item("loss_weights", weights)?;
    dict.set_item("file", samples.file.into_pyarray(py))?;
    dict.set_item("line", samples.line.into_pyarray(py))?;
    dict.set_item("conversation_hashes", PyBytes::new(py, &samples.conversation_id))?;
    dict.set_item("targets", samples.targets.into_pyarray(py))?;
    dict.set_item("target_offsets", samples.target_offsets.into_pyarray(py))?;
    dict.set_item("report", report_dict(py, report)?)?;
    Ok(dict)
}

pub fn report_dict<'py>(py: Python<'py>, report: &core::Report) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, count) in [
        ("records_read", report.records_read),
        ("blank_lines", report.blank_lines),
        ("records_kept", report.records_kept),
        ("targets_found", report.targets_found),
        ("targets_trained", report.targets_trained),
        ("rows", report.rows),
        ("tokens", report.tokens),
        ("trained_tokens", report.trained_tokens),
        ("faults_omitted", report.faults_omitted),
    ] {
        dict.set_item(name, count)?;
    }
    dict.set_item("records_dropped", &report.records_dropped)?;
    dict.set_item("targets_dropped", &report.targets_dropped)?;
    dict.set_item("warnings", &report.warnings)?;
    for (name, counts) in [("control_tokens", &report.control_tokens), ("unread_keys", &report.unread_keys)] {
        dict.set_item(name, named(py, counts)?)?;
        dict.set_item(format!("{name}_omitted"), counts.omitted())?;
    }
    let faults: Vec<_> = report
        .faults
        .iter()
        .map(|fault| {
            let location = &fault.location;
            (location.file.as_deref(), location.line, location.message, fault.kind.name(), fault.to_string())
        })
        .collect();
    dict.set_item("faults", faults)?;
    Ok(dict)
}

pub fn named<'py>(py: Python<'py>, counts: &core::NameCounts) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    counts.iter().try_for_each(|(name, count)| dict.set_item(name, count))?;
    Ok(dict)
}
