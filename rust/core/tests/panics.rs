//! A panic of a dependency is an error, and the panic hook of the program stays as it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start has failed")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use everyturn_core as core;

static SEEN: AtomicUsize = AtomicUsize::new(0);
static CAUGHT: AtomicUsize = AtomicUsize::new(0);

/// The built-in model with a normalizer that panics when it is loaded.
fn model() -> PathBuf {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/everyturn/models/demo");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("model-that-panics");
    std::fs::create_dir_all(&folder).unwrap();
    for file in std::fs::read_dir(demo).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let path = folder.join("tokenizer.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["normalizer"] = serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "AAAAAP8="});
    std::fs::write(path, config.to_string()).unwrap();
    folder
}

#[test]
fn the_hook_of_the_program_sees_what_is_caught_and_stays() {
    std::panic::set_hook(Box::new(|_| {
        SEEN.fetch_add(1, Ordering::SeqCst);
        CAUGHT.fetch_add(usize::from(core::are_caught()), Ordering::SeqCst);
    }));
    let counts = || [&SEEN, &CAUGHT].map(|count| count.load(Ordering::SeqCst));

    let options = core::RendererOptions {
        limits: core::LimitFactor::ONE,
        chat_template: None,
        template_kwargs: core::Object::default(),
        now: "2026-01-31T12:00:00".parse().unwrap(),
        engine: core::EngineChoice::Auto,
        needs_fast_engine: false,
        serve: core::Serve::default(),
        content_format: core::ContentFormat::default(),
        tokenizer_json: None,
        stop_token: None,
    };
    let loaded = core::catch_panics(|| core::Renderer::from_dir(&model(), options));
    assert_eq!(loaded.err().map(|error| error.kind), Some(core::ErrorKind::Internal));
    assert_eq!(counts(), [1, 1]);

    let (sender, receiver) = channel();
    core::Pool::new(Some(1)).get().unwrap().spawn(move || {
        let result = std::panic::catch_unwind(|| panic!("on a thread of the pool"));
        sender.send(result.is_err()).unwrap();
    });
    assert!(receiver.recv().unwrap());
    assert_eq!(counts(), [2, 2]);

    assert!(std::panic::catch_unwind(|| panic!("in the program itself")).is_err());
    assert_eq!(counts(), [3, 2]);
}
