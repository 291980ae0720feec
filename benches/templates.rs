//! The template engine against minijinja: time a message, with equal texts as a precondition.
//!
//! Templates: the project's own small ones, and, where `EVERYTURN_DATA` names a folder of published ones, five of
//! those. `cargo bench --package everyturn-template`.

#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot start has nothing to measure")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use everyturn_template::{Arena, Inputs, Limits, Node, Output, Step, Template, Value};
use minijinja::value::{Kwargs, Value as JinjaValue, from_args};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, context};

const MESSAGES: u32 = 20;
const SAID: [&str; 2] = [
    "Hello, could you tell me about the restaurants in San Francisco, please?",
    "Sure! I found 10 restaurants. How about Bazille at San Francisco? It serves nice food.",
];
const PUBLISHED: [&str; 5] =
    ["trl-llama3", "unsloth-chatml", "qwen3-0.6b", "mistral-7b-instruct-v0.3", "gemma-2-9b-it"];
const OWN: [&str; 1] = ["chatml"];

fn role(message: u32) -> &'static str {
    if message.is_multiple_of(2) { "user" } else { "assistant" }
}

fn said(message: u32) -> &'static str {
    SAID[message as usize % SAID.len()]
}

fn messages<'a>(inputs: &mut Inputs<'a>) -> Value<'a> {
    let list = inputs.place(Node::NONE, Step::Variable("messages"));
    let messages: Vec<_> = (0..MESSAGES)
        .map(|message| {
            let node = inputs.place(list, Step::Index(message));
            let pairs: Vec<_> = [("role", role(message)), ("content", said(message))]
                .into_iter()
                .map(|(key, text)| {
                    let place = inputs.place(node, Step::Key(key));
                    (key, inputs.text(place, text))
                })
                .collect();
            inputs.dict(node, pairs.into_iter())
        })
        .collect();
    inputs.list(list, &messages)
}

/// minijinja as transformers sets up Jinja2, with the methods that these templates use.
fn peer(source: &str) -> Environment<'_> {
    let mut environment = Environment::new();
    let syntax = minijinja::syntax::SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters"));
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_function("raise_exception", |text: String| -> Result<(), Error> {
        Err(Error::new(ErrorKind::InvalidOperation, text))
    });
    environment.add_filter("tojson", |value: JinjaValue, _: Kwargs| value.to_string());
    environment.set_unknown_method_callback(method);
    environment.add_template("chat", source).expect("minijinja compiles it");
    environment
}

fn method(
    _: &mut State<'_, '_>,
    value: &JinjaValue,
    name: &str,
    args: &[JinjaValue],
) -> Result<JinjaValue, Error> {
    let text = value.as_str().ok_or(ErrorKind::UnknownMethod)?;
    if name == "strip" && args.is_empty() {
        return Ok(text.trim().into());
    }
    let (argument,): (&str,) = from_args(args)?;
    Ok(match name {
        "startswith" => text.starts_with(argument).into(),
        "endswith" => text.ends_with(argument).into(),
        "strip" => text.trim_matches(|char| argument.contains(char)).into(),
        "lstrip" => text.trim_start_matches(|char| argument.contains(char)).into(),
        "rstrip" => text.trim_end_matches(|char| argument.contains(char)).into(),
        "split" => text.split(argument).map(JinjaValue::from).collect(),
        _ => return Err(ErrorKind::UnknownMethod.into()),
    })
}

fn sources() -> Vec<(String, String)> {
    let read = |folder: &Path, name: &str| {
        let source = std::fs::read_to_string(folder.join(format!("{name}.jinja")));
        (name.to_owned(), source.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/templates");
    let published = std::env::var_os("EVERYTURN_DATA").map(|data| PathBuf::from(data).join("templates"));
    let of_own = OWN.iter().map(|name| read(&own, name));
    let of_published = published.iter().flat_map(|folder| PUBLISHED.iter().map(|name| read(folder, name)));
    of_own.chain(of_published).collect()
}

fn templates(criterion: &mut Criterion) {
    let now = "2026-01-31T12:00:00".parse().expect("a time");
    for (name, source) in sources() {
        let template = Template::compile(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
        let arena = Arena::new();
        let mut inputs = Inputs::new(&arena);
        let variables = [
            ("messages", messages(&mut inputs)),
            ("tools", Value::None),
            ("documents", Value::None),
            ("add_generation_prompt", Value::Bool(false)),
            ("bos_token", inputs.constant("<s>")),
            ("eos_token", inputs.constant("</s>")),
        ];
        let limits = Limits::for_input(inputs.bytes());
        let (mut scratch, mut output) = (Arena::new(), Output::default());
        let mut ours = || template.render(&variables, now, limits, &mut scratch, &mut output).is_ok();
        assert!(ours(), "{name}: everyturn renders it");

        let environment = peer(source.strip_suffix('\n').unwrap_or(&source));
        let given: Vec<_> = (0..MESSAGES)
            .map(|message| context! { role => role(message), content => said(message) })
            .collect();
        let context = context! {
            messages => given, tools => (), documents => (), add_generation_prompt => false,
            bos_token => "<s>", eos_token => "</s>",
        };
        let chat = environment.get_template("chat").expect("it was added");
        let theirs = chat.render(&context).unwrap_or_else(|error| panic!("{name}: minijinja: {error}"));

        let mut group = criterion.benchmark_group(name.as_str());
        group.throughput(Throughput::Elements(MESSAGES.into()));
        group.bench_function("everyturn", |bench| bench.iter(|| black_box(ours())));
        group.bench_function("minijinja", |bench| bench.iter(|| black_box(chat.render(&context).is_ok())));
        group.bench_function("compile", |bench| bench.iter(|| black_box(Template::compile(&source).is_ok())));
        group.finish();
        assert_eq!(output.text(), theirs, "{name}: the texts are equal");
    }
}

criterion_group!(benches, templates);
criterion_main!(benches);
