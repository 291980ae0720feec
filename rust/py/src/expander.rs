//! `_core.Expander` and `_core.Stream`: options in, arrays out.

use std::sync::Arc;

use everyturn_core as core;
use numpy::{IntoPyArray, PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::choice::Choice;
use crate::guard::detached;
use crate::pool::Pool;
use crate::records::{GivenLine, Names, given, renames};
use crate::renderer::Renderer;
use crate::stream::SharedStream;

/// The arrays and the report of records, the names of their files, and which record each sample is of.
type ExpandedRecords<'py> = (Bound<'py, PyDict>, Vec<String>, Bound<'py, PyArray1<i64>>);

type Texts<'py> = (Bound<'py, PyArray1<u8>>, Bound<'py, PyArray1<i64>>);

type KeptArrays<'py> = (Vec<Texts<'py>>, Bound<'py, PyArray1<i64>>);

#[pyclass(frozen, module = "everyturn._core")]
pub struct Expander {
    pub core: Arc<core::Expander>,
    pub pool: Arc<core::Pool>,
}

#[pymethods]
impl Expander {
    #[new]
    #[pyo3(signature = (renderer, *, train_on, layout, max_length, overflow, history_turns, max_prompt_tokens, prompt_mismatch,
                        thinking, header, control_tokens, normalize, deduplicate, input_format, map, roles, undesired, media, non_finite, keep, provenance, keep_texts, on_error, max_line_bytes, num_threads))]
    #[allow(
        clippy::too_many_arguments,
        reason = "one argument per option: Python's options class is the struct"
    )]
    fn new(
        py: Python<'_>,
        renderer: &Renderer,
        train_on: Choice<core::TrainOn>,
        layout: Choice<core::Layout>,
        max_length: Option<usize>,
        overflow: Choice<core::Overflow>,
        history_turns: Option<usize>,
        max_prompt_tokens: Option<usize>,
        prompt_mismatch: Choice<core::PromptMismatch>,
        thinking: Choice<core::ThinkingPolicy>,
        header: Choice<core::HeaderPolicy>,
        control_tokens: Choice<core::ControlTokenPolicy>,
        normalize: Choice<core::Normalize>,
        deduplicate: bool,
        input_format: Choice<Option<core::Format>>,
        map: Names,
        roles: Names,
        undesired: Choice<core::Undesired>,
        media: Choice<core::Media>,
        non_finite: Choice<core::NonFinite>,
        keep: Vec<String>,
        provenance: bool,
        keep_texts: bool,
        on_error: Choice<core::OnError>,
        max_line_bytes: usize,
        num_threads: Option<usize>,
    ) -> PyResult<Self> {
        let options = core::Options {
            train_on: train_on.0,
            layout: layout.0,
            max_length,
            overflow: overflow.0,
            history_turns,
            max_prompt_tokens,
            prompt_mismatch: prompt_mismatch.0,
            thinking: thinking.0,
            header: header.0,
            control_tokens: control_tokens.0,
            normalize: normalize.0,
            provenance,
            keep_texts,
            deduplicate,
            on_error: on_error.0,
            read: core::ReadOptions {
                input_format: input_format.0,
                max_line_bytes,
                record: core::RecordOptions {
                    renames: renames(py, map, roles)?,
                    undesired: undesired.0,
                    media: media.0,
                    non_finite: non_finite.0,
                    keep,
                },
            },
            num_threads,
        };
        let renderer = renderer.core.clone();
        let core = detached(py, move || core::Expander::new(renderer, options))?;
        Ok(Self { core: Arc::new(core), pool: Arc::new(core::Pool::new(num_threads)) })
    }

    /// The threads that it works on.
    #[getter]
    fn pool(&self) -> Pool {
        Pool(self.pool.clone())
    }

    /// Seconds of each stage, in their order, for these JSON lines on one thread.
    fn stage_times(&self, py: Python<'_>, source: Vec<u8>) -> PyResult<Vec<(&'static str, f64)>> {
        let expander = self.core.clone();
        detached(py, move || {
            let lines = source.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            core::stage_times(&expander, lines)
        })
    }

    /// The samples of records whose locations are given.
    fn expand_records<'py>(
        &self,
        py: Python<'py>,
        records: Vec<GivenLine>,
    ) -> PyResult<ExpandedRecords<'py>> {
        let records = given(records);
        let made = SharedStream::open(&[], |_| records)?.step(py, |records, go_on| {
            core::expand_records(&self.core, &self.pool, std::mem::take(records), go_on)
        })?;
        let files = made.files.iter().map(ToString::to_string).collect();
        Ok((to_dict(py, made.samples, &made.report)?, files, made.records.into_pyarray(py)))
    }

    /// What becomes of a line, and why: JSON text, and the report.
    fn inspect<'py>(
        &self,
        py: Python<'py>,
        file: &str,
        line: u64,
        format_name: Option<Choice<Option<core::Format>>>,
        text: Option<Vec<u8>>,
    ) -> PyResult<(String, Bound<'py, PyDict>)> {
        let format = format_name.and_then(|format| format.0);
        let (file, expander) = (Arc::from(file), self.core.clone());
        let (json, report) = detached(py, move || {
            let bytes = text.as_deref();
            let record = core::Record { bytes, file: &file, line, format, columns_of: None };
            core::inspect_record(&expander, record)
                .map(|inspection| (inspection.to_json(), inspection.report))
        })?;
        Ok((json, report_dict(py, &report)?))
    }

    /// The bodies of the requests whose prompts a line's samples begin with: JSON text.
    fn requests(
        &self,
        py: Python<'_>,
        file: &str,
        line: u64,
        format_name: Option<Choice<Option<core::Format>>>,
        text: Option<Vec<u8>>,
    ) -> PyResult<String> {
        let format = format_name.and_then(|format| format.0);
        let (file, expander) = (Arc::from(file), self.core.clone());
        detached(py, move || {
            let bytes = text.as_deref();
            core::requests_of_record(
                &expander,
                core::Record { bytes, file: &file, line, format, columns_of: None },
            )
        })
    }

    fn open(
        &self,
        sources: Vec<Bound<'_, PyAny>>,
        chunk_bytes: usize,
        limit: Option<u64>,
    ) -> PyResult<Stream> {
        let options = core::StreamOptions { chunk_bytes, limit };
        let (expander, pool) = (self.core.clone(), self.pool.clone());
        SharedStream::open(&sources, |sources| core::Stream::open(expander, pool, sources, options))
            .map(Stream)
    }
}

#[pyclass(frozen, module = "everyturn._core")]
pub struct Stream(SharedStream<core::Stream>);

#[pymethods]
impl Stream {
    /// The arrays and the report of the next chunk, `None` at the end.
    fn next_chunk<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let next = self.0.step(py, core::Stream::next_chunk)?;
        next.map(|(samples, report)| to_dict(py, samples, &report)).transpose()
    }

    /// The arrays and the report of all that is left.
    fn rest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (samples, report) = self.0.step(py, core::Stream::rest)?;
        to_dict(py, samples, &report)
    }

    /// The line of its file at which what is left of it begins, after the last chunk.
    #[getter]
    fn next_line(&self) -> u64 {
        self.0.peek(core::Stream::next_line).unwrap_or_default()
    }

    /// Bytes taken from the sources so far, before decompression.
    #[getter]
    fn bytes_taken(&self) -> u64 {
        self.0.peek(core::Stream::bytes_taken).unwrap_or_default()
    }
}

fn to_dict<'py>(
    py: Python<'py>,
    mut samples: core::Samples,
    report: &core::Report,
) -> PyResult<Bound<'py, PyDict>> {
    let kept = kept_arrays(py, std::mem::take(&mut samples.kept));
    let dict = arrays(py, samples)?;
    dict.set_item("kept", kept)?;
    dict.set_item("report", report_dict(py, report)?)?;
    Ok(dict)
}

/// The columns by name, without what is kept of records.
pub fn arrays(py: Python<'_>, samples: core::Samples) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, data) in samples.into_arrays() {
        dict.set_item(name, data.map(|data| to_array(py, data)).transpose()?)?;
    }
    Ok(dict)
}

/// The bytes and the offsets of each kept column's texts, and the index of each sample's text.
fn kept_arrays(py: Python<'_>, kept: core::Kept) -> KeptArrays<'_> {
    let columns = kept.columns.into_iter();
    let columns = columns.map(|texts| (texts.bytes.into_pyarray(py), texts.offsets.into_pyarray(py)));
    (columns.collect(), kept.rows.into_pyarray(py))
}

fn to_array(py: Python<'_>, data: core::Data) -> PyResult<Bound<'_, PyAny>> {
    Ok(match data {
        core::Data::I32(elements) => elements.into_pyarray(py).into_any(),
        core::Data::I64(elements) => elements.into_pyarray(py).into_any(),
        core::Data::F32(elements) => elements.into_pyarray(py).into_any(),
        core::Data::U8(elements) => elements.into_pyarray(py).into_any(),
        core::Data::Bool(elements) => elements.into_pyarray(py).into_any(),
        core::Data::Hashes(hashes) => {
            let shape = [hashes.len(), 16];
            hashes.into_flattened().into_pyarray(py).reshape(shape)?.into_any()
        }
    })
}

/// Name, numpy type, what it has an element for, and whether it is optional, of each column of samples.
pub fn columns() -> Vec<(&'static str, &'static str, &'static str, bool)> {
    let columns = core::Samples::COLUMNS.iter();
    columns.map(|column| (column.name, column.dtype, column.per.name(), column.is_optional)).collect()
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
    for (name, counts) in [
        ("control_tokens", &report.control_tokens),
        ("unread_keys", &report.unread_keys),
        ("unread_record_keys", &report.unread_record_keys),
        ("unread_arguments", &report.unread_arguments),
    ] {
        dict.set_item(name, named(py, counts)?)?;
        dict.set_item(format!("{name}_omitted"), counts.omitted())?;
    }
    let place = |location: &core::Location, kind: &'static str, text: &str| {
        let core::Location { file, line, message, .. } = location;
        (file.as_deref().map(str::to_owned), *line, *message, kind, format!("{location}{text}"))
    };
    let faults = report.faults.iter();
    let faults: Vec<_> =
        faults.map(|fault| place(&fault.location, fault.kind.name(), &fault.text_without_place())).collect();
    dict.set_item("faults", faults)?;
    let places = PyDict::new(py);
    for (name, warnings) in &report.warning_places {
        let warnings: Vec<_> =
            warnings.iter().map(|warning| place(&warning.location, name, &warning.text)).collect();
        places.set_item(name, warnings)?;
    }
    dict.set_item("warning_places", places)?;
    Ok(dict)
}

pub fn named<'py>(py: Python<'py>, counts: &core::NameCounts) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    counts.iter().try_for_each(|(name, count)| dict.set_item(name, count))?;
    Ok(dict)
}
