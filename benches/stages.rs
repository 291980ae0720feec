//! The stages on the example chats and the built-in model: bytes of input a second.

#![allow(clippy::expect_used, reason = "a benchmark that cannot start has nothing to measure")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use everyturn_core as core;

fn stages(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let chats = std::fs::read(root.join("examples/chats.jsonl")).expect("the examples are in the repository");
    let lines: Vec<&[u8]> = chats.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let options = core::RendererOptions {
        chat_template: None,
        template_kwargs: core::Object::default(),
        now: "2026-01-31T12:00:00".parse().expect("a time"),
        engine: core::EngineChoice::Auto,
    };
    let folder = root.join("python/everyturn/models/demo");
    let renderer = Arc::new(core::Renderer::from_dir(&folder, options).expect("the demo model loads"));
    let mut workspace = core::Workspace::default();

    let mut group = criterion.benchmark_group("stages");
    group.throughput(Throughput::Bytes(chats.len() as u64));
    group.bench_function("encode", |bench| {
        let text = String::from_utf8_lossy(&chats).into_owned();
        bench.iter(|| renderer.encode(&text).map(|ids| ids.len()));
    });
    let name: Arc<str> = "chats.jsonl".into();
    let go_on = AtomicBool::new(false);
    for (id, layout) in [("per_turn", core::Layout::PerTurn), ("merged", core::Layout::Merged)] {
        let expander =
            core::Expander::new(renderer.clone(), self::options(layout)).expect("the options are sound");
        group.bench_function(format!("expand {id}"), |bench| {
            bench.iter(|| {
                lines
                    .iter()
                    .map(|line| {
                        let record = core::Record {
                            bytes: Some(line),
                            file: &name,
                            line: 1,
                            format: Some(core::Format::Messages),
                        };
                        expander.expand_record(record, &mut workspace, &go_on).samples.len()
                    })
                    .sum::<usize>()
            });
        });
    }
    group.finish();
}

fn options(layout: core::Layout) -> core::Options {
    core::Options {
        train_on: core::TrainOn::AllAssistantMessages,
        layout,
        max_length: None,
        overflow: core::Overflow::Error,
        prompt_mismatch: core::PromptMismatch::Error,
        control_tokens: core::ControlTokenPolicy::Warn,
        input_format: None,
        on_error: core::OnError::Raise,
        max_line_bytes: core::MAX_LINE_BYTES,
        num_threads: None,
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
