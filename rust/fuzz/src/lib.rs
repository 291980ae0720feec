//! What the fuzz targets share: the built-in model, and records expanded with it.
//!
//! In: options, a line. Out: what became of it; a panic that the core has caught ends the process.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use everyturn_core::{
    ErrorKind, Expander, Format, LimitFactor, OnError, Options, Outcome, Record, Renderer, RendererOptions, Workspace,
};
use jiff::civil::{DateTime, date};
use serde_json::{Value as Json, json};

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The folder of the built-in model.
pub const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../python/everyturn/models/demo");

static NAME: LazyLock<Arc<str>> = LazyLock::new(|| "fuzz".into());

pub fn now() -> DateTime {
    date(2026, 1, 31).at(12, 0, 0, 0)
}

/// How the built-in model is loaded, perhaps with another tokenizer.
pub fn renderer_options(tokenizer_json: Option<String>) -> RendererOptions {
    RendererOptions {
        limits: LimitFactor::ONE,
        chat_template: None,
        template_kwargs: Default::default(),
        now: now(),
        engine: everyturn_core::EngineChoice::Reference,
        needs_fast_engine: false,
        serve: Default::default(),
        content_format: Default::default(),
        tokenizer_json,
        stop_token: None,
    }
}

/// An expander, and what it leaves from record to record, as in a run over many.
pub struct Running {
    expander: Expander,
    workspace: Mutex<Workspace>,
}

/// The built-in model with these options; faults drop records.
pub fn expander(options: Options) -> Running {
    let renderer = Renderer::from_dir(Path::new(DEMO), renderer_options(None)).expect("the built-in model");
    let expander = Expander::new(Arc::new(renderer), Options { on_error: OnError::Skip, ..options });
    Running { expander: expander.expect("options"), workspace: Mutex::default() }
}

/// Expands a line in a format, or in the one that it shows.
pub fn expand(running: &Running, line: &[u8], format: Option<Format>) -> Outcome {
    let record = Record { bytes: Some(line), file: &NAME, line: 1, format, columns_of: None };
    let mut workspace = running.workspace.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = running.expander.expand_record(record, &mut workspace, &AtomicBool::new(false));
    for fault in &outcome.report.faults {
        assert!(fault.kind != ErrorKind::Internal, "{fault}");
    }
    outcome
}

/// A conversation of messages whose roles and texts are these bytes: a byte that chooses the role, then text up to the
/// next zero byte.
pub fn conversation(bytes: &[u8]) -> Json {
    let messages: Vec<Json> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|part| part.split_first())
        .map(|(role, text)| {
            let text = String::from_utf8_lossy(text);
            match role % 8 {
                0 => json!({"role": "system", "content": text}),
                1..4 => json!({"role": "user", "content": text}),
                4 => json!({"role": "tool", "content": text}),
                5 => json!({"role": "assistant", "reasoning_content": text, "content": "so"}),
                _ => json!({"role": "assistant", "content": text}),
            }
        })
        .collect();
    json!({"messages": messages})
}
