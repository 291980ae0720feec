//! The module `everyturn._core`: what crosses between Python and the core.
//!
//! Everything here converts and releases the GIL; nothing decides. Structured values (messages, tools, options,
//! reports) cross as JSON text, so that both sides have one reader for them; arrays cross without a copy.

#![allow(clippy::needless_pass_by_value, reason = "extracting an argument gives an owned value")]

mod check;
mod errors;
mod expander;
mod explain;
mod guard;
mod pack;
mod renderer;
mod source;
mod survey;
mod template;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::check::{CheckStream, Checker};
    #[pymodule_export]
    use super::expander::{Expander, Stream};
    #[pymodule_export]
    use super::explain::Records;
    #[pymodule_export]
    use super::pack::pack;
    #[pymodule_export]
    use super::renderer::{Renderer, last_exchanges, lint_model, lint_template};
    #[pymodule_export]
    use super::source::format_of;
    #[pymodule_export]
    use super::survey::SurveyStream;
    #[pymodule_export]
    use super::template::Template;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::guard::silence_caught_panics();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("IS_DEBUG_BUILD", cfg!(debug_assertions))?;
        module.add("IGNORE_INDEX", everyturn_core::IGNORE_INDEX)?;
        module.add("CHUNK_BYTES", everyturn_core::CHUNK_BYTES)?;
        module.add("MAX_LINE_BYTES", everyturn_core::MAX_LINE_BYTES)?;
        module.add("MAX_NAMES", everyturn_core::MAX_NAMES)?;
        module.add("CHOICES", choices(module.py())?)?;
        super::check::add_names(module)?;
        module.add("ERROR_KINDS", error_kinds())
    }

    fn error_kinds() -> Vec<&'static str> {
        everyturn_core::ErrorKind::ALL.iter().map(|kind| kind.name()).collect()
    }

    /// The names that each option takes, for the test that holds Python's types to them.
    fn choices(py: Python<'_>) -> PyResult<Bound<'_, pyo3::types::PyDict>> {
        use everyturn_core::{
            ControlTokenPolicy, EngineChoice, INPUT_FORMATS, Layout, Normalize, OnError, Overflow,
            PackStrategy, PromptMismatch, TrainOn,
        };
        let choices = pyo3::types::PyDict::new(py);
        for (option, names) in [
            ("train_on", TrainOn::NAMES),
            ("layout", Layout::NAMES),
            ("overflow", Overflow::NAMES),
            ("prompt_mismatch", PromptMismatch::NAMES),
            ("control_tokens", ControlTokenPolicy::NAMES),
            ("normalize", Normalize::NAMES),
            ("on_error", OnError::NAMES),
            ("engine", EngineChoice::NAMES),
            ("strategy", PackStrategy::NAMES),
            ("input_format", &INPUT_FORMATS),
        ] {
            choices.set_item(option, names.to_vec())?;
        }
        Ok(choices)
    }
}
