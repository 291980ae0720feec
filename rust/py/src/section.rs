//! `_core.find_cuts` and `_core.count_lines`: where the sections of a file start, and what is in them.

use std::path::PathBuf;

use everyturn_core as core;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::choice::Choice;
use crate::guard::detached;
use crate::records::{Names, renames};

/// What the records of a file are, and the line from which that holds.
pub type Kind = (String, u64);

/// The names of those that are no conversations.
const TREES: &str = "trees";
const TREE_ROWS: &str = "tree_rows";

fn to_python(kind: core::RecordKind) -> Kind {
    match kind {
        core::RecordKind::Conversations(format, line) => (format.name().into(), line),
        core::RecordKind::Trees => (TREES.into(), 1),
        core::RecordKind::TreeRows => (TREE_ROWS.into(), 1),
    }
}

pub fn kind_from_python((name, line): Kind) -> PyResult<core::RecordKind> {
    match name.as_str() {
        TREES => Ok(core::RecordKind::Trees),
        TREE_ROWS => Ok(core::RecordKind::TreeRows),
        _ => core::Format::named(&name)
            .map(|format| core::RecordKind::Conversations(format, line))
            .ok_or_else(|| PyValueError::new_err(format!("no records are of the kind {name:?}"))),
    }
}

/// The bytes at which sections of a file start, and what its records are.
#[pyfunction]
#[pyo3(signature = (path, section_bytes, *, input_format, map, max_line_bytes))]
pub fn find_cuts(
    py: Python<'_>,
    path: PathBuf,
    section_bytes: u64,
    input_format: Choice<Option<core::Format>>,
    map: Names,
    max_line_bytes: usize,
) -> PyResult<(Vec<u64>, Option<Kind>)> {
    let record = core::RecordOptions { renames: renames(py, map, None)?, ..core::RecordOptions::default() };
    let options = core::ReadOptions { input_format: input_format.0, max_line_bytes, record };
    let cuts = detached(py, move || core::Cuts::find(&path, section_bytes, &options))?;
    Ok((cuts.starts, cuts.kind.map(to_python)))
}

/// Bytes after decompression, newlines, and whether one is the last byte.
#[pyfunction]
pub fn count_lines(
    py: Python<'_>,
    path: PathBuf,
    start: u64,
    end: Option<u64>,
) -> PyResult<(u64, u64, bool)> {
    let counted_lines = detached(py, move || core::count_lines(&path, start, end))?;
    Ok((counted_lines.bytes, counted_lines.newlines, counted_lines.ends_line))
}
