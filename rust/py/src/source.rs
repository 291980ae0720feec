//! Python's inputs as sources of the core: paths, bytes, and anything with `read(size)`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use everyturn_core::{Content, ReadRows, Section, Share, Source};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::section::{Kind, kind_from_python};

/// The exception that a Python object raised while it was read, on its way to the caller.
pub type Raised = Arc<Mutex<Option<PyErr>>>;

/// `("path", text)`, `("stdin", name)`, `("bytes", bytes)`, `("reader", (name, object))`, `("rows", (name, what, object))`,
/// `("share", (input, index, count, first))`, `("from_line", (input, line))` or
/// `("section", (path, start, in_line, first_line, bytes, kind))`, made by the Python side.
fn from_python(input: &Bound<'_, PyAny>, raised: &Raised) -> PyResult<Source> {
    let (kind, value): (String, Bound<'_, PyAny>) = input.extract()?;
    Ok(match kind.as_str() {
        "path" => Source::Path(value.extract::<PathBuf>()?),
        "stdin" => Source::Stdin,
        "bytes" => Source::Bytes(value.extract::<Vec<u8>>()?),
        "share" => {
            let (input, index, count, first): (Bound<'_, PyAny>, u64, u64, u64) = value.extract()?;
            let share = Share { index, count, first };
            Source::Share { source: Box::new(from_python(&input, raised)?), share }
        }
        "from_line" => {
            let (input, line): (Bound<'_, PyAny>, u64) = value.extract()?;
            Source::FromLine { source: Box::new(from_python(&input, raised)?), line }
        }
        "section" => {
            let (path, start, in_line, first_line, bytes, kind): (PathBuf, _, _, _, _, Option<Kind>) =
                value.extract()?;
            let kind = kind.map(kind_from_python).transpose()?;
            Source::Section { path, section: Section { start, in_line, first_line, bytes, kind } }
        }
        "rows" => {
            let (name, columns_of, reader) = value.extract()?;
            Source::Rows { name, columns_of, reader: Box::new(PyReader::new(reader, raised)) }
        }
        _ => {
            let (name, reader) = value.extract()?;
            Source::Callback { name, reader: Box::new(PyReader::new(reader, raised)) }
        }
    })
}

/// Inputs as Python hands them over, and where what they raise is kept.
pub fn all_from_python(inputs: &[Bound<'_, PyAny>]) -> PyResult<(Vec<Source>, Raised)> {
    let raised = Raised::default();
    let sources = inputs.iter().map(|input| from_python(input, &raised)).collect::<PyResult<_>>()?;
    Ok((sources, raised))
}

/// The formats that the keys of a record show, whatever their values are.
#[pyfunction]
pub fn formats_of_keys(keys: HashSet<String>) -> Vec<&'static str> {
    everyturn_core::Format::shown_by_keys(|key| keys.contains(key))
        .map(everyturn_core::Format::name)
        .collect()
}

/// What a file holds whose first bytes after decompression these are.
#[pyfunction]
pub fn content_of(head: &[u8]) -> &'static str {
    Content::of(head).name()
}

/// A Python object with `read(size) -> bytes`; it is called on the thread that asks for samples.
struct PyReader {
    reader: Py<PyAny>,
    raised: Raised,
    /// What the object gave beyond what was asked for.
    rest: Cursor<Vec<u8>>,
    /// What it says that it has taken of its file.
    bytes_taken: Option<u64>,
}

impl PyReader {
    fn new(reader: Py<PyAny>, raised: &Raised) -> Self {
        Self { reader, raised: raised.clone(), rest: Cursor::new(Vec::new()), bytes_taken: None }
    }
}

impl ReadRows for PyReader {
    fn bytes_taken(&self) -> Option<u64> {
        self.bytes_taken
    }
}

/// Fewer, larger reads: each takes the GIL.
const READ_BYTES: usize = 1 << 18;

impl Read for PyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.rest.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        let bytes = Python::attach(|py| -> PyResult<Vec<u8>> {
            let bytes = self.reader.call_method1(py, "read", (READ_BYTES,))?;
            if let Some(taken) = self.reader.bind(py).getattr_opt("bytes_taken")? {
                self.bytes_taken = taken.extract()?;
            }
            let bytes = bytes
                .extract::<Cow<'_, [u8]>>(py)
                .map_err(|_| PyTypeError::new_err("read() gave no bytes: open the file in binary mode"))?;
            Ok(bytes.into_owned())
        });
        self.rest = Cursor::new(bytes.map_err(|error| {
            let text = error.to_string();
            if let Ok(mut raised) = self.raised.lock() {
                *raised = Some(error);
            }
            io::Error::other(text)
        })?);
        self.rest.read(buffer)
    }
}
