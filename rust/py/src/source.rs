//! Python's inputs as sources of the core: paths, bytes, and anything with `read(size)`.

use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use everyturn_core::Source;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The exception that a Python object raised while it was read, on its way to the caller.
pub type Raised = Arc<Mutex<Option<PyErr>>>;

/// `("path", text)`, `("stdin", name)`, `("bytes", bytes)` or `("reader", object)`, made by the Python face.
pub fn from_python(input: &Bound<'_, PyAny>, raised: &Raised) -> PyResult<Source> {
    let (kind, value): (String, Bound<'_, PyAny>) = input.extract()?;
    Ok(match kind.as_str() {
        "path" => Source::Path(value.extract::<PathBuf>()?),
        "stdin" => Source::Stdin,
        "bytes" => Source::Stream {
            name: "<bytes>".into(),
            reader: Box::new(Cursor::new(value.extract::<Vec<u8>>()?)),
        },
        _ => {
            let (name, reader): (String, Bound<'_, PyAny>) = value.extract()?;
            Source::Stream {
                name,
                reader: Box::new(PyReader {
                    reader: reader.unbind(),
                    raised: raised.clone(),
                    rest: Cursor::new(Vec::new()),
                }),
            }
        }
    })
}

/// A Python object with `read(size) -> bytes`, read from our own thread.
struct PyReader {
    reader: Py<PyAny>,
    raised: Raised,
    /// What the object gave beyond what was asked for.
    rest: Cursor<Vec<u8>>,
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
            Ok(bytes.bind(py).cast::<PyBytes>()?.as_bytes().to_vec())
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
