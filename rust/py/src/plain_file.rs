//! `_core.PlainFile`: a file in, its bytes out, decompressed as those of any input: for what Python reads by other means.

use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use everyturn_core::{Source, read_error};
use pyo3::prelude::*;

use crate::guard::detached;

#[pyclass(frozen, module = "everyturn._core")]
pub struct PlainFile {
    name: Arc<str>,
    bytes: Arc<Mutex<Box<dyn Read + Send>>>,
    taken: Arc<AtomicU64>,
}

#[pymethods]
impl PlainFile {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let (source, taken) = (Source::Path(path), Arc::default());
        let name = source.name();
        let counted: Arc<AtomicU64> = Arc::clone(&taken);
        let opened = detached(py, move || source.open(&counted))?;
        Ok(Self { name, bytes: Arc::new(Mutex::new(opened.bytes)), taken })
    }

    /// Up to `size` bytes; fewer at the end only.
    fn read(&self, py: Python<'_>, size: u64) -> PyResult<Cow<'static, [u8]>> {
        let (source, name) = (self.bytes.clone(), self.name.clone());
        detached(py, move || {
            let mut read = Vec::new();
            let mut bytes = source.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.by_ref().take(size).read_to_end(&mut read).map_err(|error| read_error(&name, &error))?;
            Ok(Cow::Owned(read))
        })
    }

    /// The bytes taken from the file so far, before decompression.
    #[getter]
    fn bytes_taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}
