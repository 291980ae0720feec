//! The module `everyturn._core`: what crosses between Python and the core.
//!
//! Everything here converts and releases the GIL; nothing decides. Structured values (messages, tools, options,
//! reports) cross as JSON text, so that both sides have one reader for them; arrays cross without a copy.

#![allow(clippy::needless_pass_by_value, reason = "extracting an argument gives an owned value")]

mod check;
mod choice;
mod errors;
mod expander;
mod guard;
mod pack;
mod plain_file;
mod pool;
mod records;
mod relabel;
mod renderer;
mod section;
mod source;
mod stats;
mod stream;
mod template;

use pyo3::prelude::*;

/// Many small values live as long as a record: with glibc's allocator a quarter of the time goes into them, and threads
/// wait for each other. It serves this module alone, and a child that was forked beside busy threads can work with it: on
/// macOS it would need to be the allocator of the whole process for that.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[pymodule]
mod _core {
    use std::collections::HashMap;

    use everyturn_core as core;
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::check::{CheckStream, Checker, name_of_role};
    #[pymodule_export]
    use super::expander::{Expander, Stream};
    #[pymodule_export]
    use super::pack::pack;
    #[pymodule_export]
    use super::plain_file::PlainFile;
    #[pymodule_export]
    use super::pool::Pool;
    #[pymodule_export]
    use super::records::Records;
    #[pymodule_export]
    use super::relabel::{message_columns, relabel};
    #[pymodule_export]
    use super::renderer::{Renderer, last_exchanges, lint_model, lint_template};
    #[pymodule_export]
    use super::section::{count_lines, find_cuts};
    #[pymodule_export]
    use super::source::{content_of, formats_of_keys};
    #[pymodule_export]
    use super::stats::StatsStream;
    #[pymodule_export]
    use super::template::Template;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::guard::silence_caught_panics();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("IS_DEBUG_BUILD", cfg!(debug_assertions))?;
        module.add("IGNORE_INDEX", core::IGNORE_INDEX)?;
        module.add("CHUNK_BYTES", core::CHUNK_BYTES)?;
        module.add("MAX_LINE_BYTES", core::MAX_LINE_BYTES)?;
        module.add("MAX_TEMPLATE_BYTES", core::MAX_TEMPLATE_BYTES)?;
        module.add("MAX_NAMES", core::MAX_NAMES)?;
        module.add("MAX_WARNING_PLACES", core::MAX_WARNING_PLACES)?;
        module.add("COLUMNS", super::expander::columns())?;
        module.add("ROLES", core::Role::ALL.map(core::Role::name))?;
        module.add("TEXT_KINDS", core::TextKind::names().collect::<Vec<_>>())?;
        let choices = core::choices();
        let names = choices.iter().map(|choice| (choice.option, choice.names.to_vec()));
        module.add("CHOICES", names.collect::<HashMap<_, _>>())?;
        let defaults = choices.iter().map(|choice| (choice.option, choice.default));
        module.add("DEFAULT_CHOICES", defaults.collect::<HashMap<_, _>>())?;
        module.add("SERVERS", servers())?;
        super::check::add_names(module)?;
        module.add("ERROR_KINDS", error_kinds())
    }

    /// The rules of each server in words, by its name with its version.
    fn servers() -> HashMap<String, Vec<(&'static str, String)>> {
        core::PRESETS.iter().map(|preset| (preset.name(), preset.facts())).collect()
    }

    fn error_kinds() -> Vec<&'static str> {
        core::ErrorKind::ALL.iter().map(|kind| kind.name()).collect()
    }
}
