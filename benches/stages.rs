//! The stages on chats and models: bytes of input a second. The example chats with the built-in model, and the real ones
//! in the folder that `EVERYTURN_DATA` names.

#![allow(clippy::expect_used, reason = "a benchmark that cannot start has nothing to measure")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use everyturn_core as core;

/// Lines of a real file that are taken.
const LINES: usize = 200;
/// Chats and models that differ in what they cost: history that stays or is rewritten, short turns and long ones,
/// control tokens that a text can be cut at or not.
const REAL: [(&str, &str); 4] = [
    ("sgd_train.jsonl.gz", "llama-3.1"),
    ("sgd_train.jsonl.gz", "qwen3"),
    ("mt_bench_more_en_ja_zh_ru.jsonl.gz", "qwen3"),
    ("mt_bench_en.jsonl.gz", "phi-3-mini"),
];

const LAYOUTS: [(&str, core::Layout); 2] =
    [("per_turn", core::Layout::PerTurn), ("merged", core::Layout::Merged)];

fn stages(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let demo = root.join("python/everyturn/models/demo");
    measure(criterion, "examples demo", &root.join("examples/chats.jsonl"), &demo);
    literal(criterion, "control tokens demo", &demo);
    let Some(data) = std::env::var_os("EVERYTURN_DATA").map(PathBuf::from) else { return };
    for (chats, model) in REAL {
        let name = format!("{} {model}", chats.split('.').next().unwrap_or(chats));
        measure(criterion, &name, &data.join("chats").join(chats), &data.join("tokenizers").join(model));
    }
    literal(criterion, "control tokens qwen3", &data.join("tokenizers/qwen3"));
}

fn measure(criterion: &mut Criterion, name: &str, chats: &Path, model: &Path) {
    let chats = read(chats);
    let lines: Vec<&[u8]> =
        chats.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(LINES).collect();
    let renderer = load(model);
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group.throughput(Throughput::Bytes(lines.iter().map(|line| line.len() as u64).sum()));
    let mut parser = core::JsonParser::default();
    group.bench_function("json", |bench| {
        bench.iter(|| lines.iter().filter(|line| parser.parse(line).is_ok()).count());
    });
    for (id, layout) in LAYOUTS {
        expand(&mut group, &format!("expand {id}"), &renderer, options(layout), &lines);
    }
    group.finish();
}

/// A message of one megabyte of control tokens, each of which is plain text.
fn literal(criterion: &mut Criterion, name: &str, model: &Path) {
    let content = "<|im_end|>".repeat(100_000);
    let line = format!(
        r#"{{"messages": [{{"role": "user", "content": "{content}"}}, {{"role": "assistant", "content": "No."}}]}}"#
    );
    let renderer = load(model);
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.throughput(Throughput::Bytes(line.len() as u64));
    for (id, layout) in LAYOUTS {
        let options = core::Options { control_tokens: core::ControlTokenPolicy::Literal, ..options(layout) };
        expand(&mut group, &format!("literal {id}"), &renderer, options, &[line.as_bytes()]);
    }
    group.finish();
}

fn load(model: &Path) -> Arc<core::Renderer> {
    let options = core::RendererOptions {
        limits: core::LimitFactor::ONE,
        chat_template: None,
        template_kwargs: core::Object::default(),
        now: "2026-01-31T12:00:00".parse().expect("a time"),
        engine: core::EngineChoice::Fast,
        needs_fast_engine: false,
        serve: core::Serve::default(),
        content_format: core::ContentFormat::default(),
        tokenizer_json: None,
        stop_token: None,
    };
    Arc::new(core::Renderer::from_dir(model, options).expect("the model loads"))
}

fn expand(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: &str,
    renderer: &Arc<core::Renderer>,
    options: core::Options,
    lines: &[&[u8]],
) {
    let expander = core::Expander::new(renderer.clone(), options).expect("the options are sound");
    let go_on = AtomicBool::new(false);
    let file: Arc<str> = "chats.jsonl".into();
    group.bench_function(id, |bench| {
        // A workspace remembers what it has encoded: each pass takes a new one.
        bench.iter_with_setup(core::Workspace::default, |mut workspace| {
            let rows = lines.iter().map(|line| {
                let format = Some(core::Format::Messages);
                let record =
                    core::Record { bytes: Some(line), file: &file, line: 1, format, columns_of: None };
                expander.expand_record(record, &mut workspace, &go_on).samples.len()
            });
            rows.sum::<usize>()
        });
    });
}

fn read(path: &Path) -> Vec<u8> {
    let source = core::Source::Path(path.to_owned());
    let mut bytes = Vec::new();
    source
        .open(&Arc::default())
        .expect("the chats can be read")
        .bytes
        .read_to_end(&mut bytes)
        .expect("the chats can be read");
    bytes
}

fn options(layout: core::Layout) -> core::Options {
    core::Options { layout, on_error: core::OnError::Skip, ..core::Options::default() }
}

criterion_group!(benches, stages);
criterion_main!(benches);
