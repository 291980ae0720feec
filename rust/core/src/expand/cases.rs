//! What each stage makes of whole conversations, as text that a person can read.
//!
//! In: the files of `tests/cases`, each a conversation with its template and options. Out: a snapshot next to each,
//! with a section for every stage, so that a wrong row is found where it was made. How snapshots are kept up to date is
//! said in CONTRIBUTING.md.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use everyturn_template::Arena;
use insta::assert_snapshot;

use super::expander::{Expander, Outcome};
use super::preflight::preflight;
use super::record::{Scratch, Work};
use super::stage_times::StageTimes;
use super::trace::EncodedText;
use super::workspace::Workspace;
use crate::choice::Choice;
use crate::conversation::Conversation;
use crate::json::{Object, Value, parse_strict, write};
use crate::layout::{Arranged, Rows, Sample, WholeConversation};
use crate::model::{Renderer, RendererOptions};
use crate::options::{ContentFormat, EngineChoice, LimitFactor, OnError, Options};
use crate::read::Record;
use crate::report::Report;
use crate::target::{Encoded, Encoder, Exchanges, Foreign, Target, targets};
use crate::tokenizer::Known;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../python/everyturn/models/demo");
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

/// A test for each file.
macro_rules! cases {
    ($($name:ident)+) => {
        $(#[test] fn $name() { check(stringify!($name)); })+

        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

cases! {
    plain_turns
    tools
    thinking_dropped_per_turn
    thinking_dropped_merged
    next_header_stops
    prefilled_thinking_is_an_error
    splice
    match_thinking
    thinking_as_rendered
    thinking_match
    thinking_match_where_no_switch_fits
    weights
    history_turns
    shrink_history
    literal_control_tokens
    header_as_context
    stop_token_appended
    conversation_layout
    all_tokens
    unknown_role
    serve_vllm_developer_joins_system
    serve_vllm_reads_arguments
    serve_sglang_answer_after_answer
    serve_transformers_empties_content_beside_calls
}

#[test]
fn every_file_is_a_test() {
    let files = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path());
    let json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let mut found: Vec<_> = files.filter(json).collect();
    let mut named: Vec<_> = NAMES.iter().map(|name| file_of(name)).collect();
    found.sort();
    named.sort();
    assert_eq!(found, named);
}

#[test]
fn a_trace_changes_nothing_and_has_the_text_of_each_sample() {
    for name in NAMES {
        let case = Case::read(&file_of(name));
        let mut workspace = Workspace::default();
        let untraced = case.expander.expand_record(case.line(), &mut workspace, &AtomicBool::new(false));
        let Ok(read) = case.expander.read(case.line(), &mut workspace) else { continue };
        let (outcome, trace) = case.expander.expand_traced(case.line(), &read, &mut workspace);
        assert_eq!(outcome.samples, untraced.samples, "{name}");
        let reports = [&outcome.report, &untraced.report].map(|report| format!("{report:?}"));
        assert_eq!(reports[0], reports[1], "{name}");
        assert_eq!(trace.selections.len(), read.conversation.messages.len(), "{name}");
        assert_eq!(trace.texts.len(), outcome.samples.len(), "{name}");
        let (tokenizer, mut known) = (&case.expander.renderer.tokenizer, Known::default());
        for (sample, traced) in outcome.samples.iter().zip(&trace.texts) {
            let EncodedText { text, plain, continuation, cut, .. } = traced;
            let encoding = tokenizer.encode_with_offsets(text, plain, *continuation, &mut known).unwrap();
            assert_eq!(encoding.ids[*cut..], sample.ids, "{name}");
        }
    }
}

fn file_of(name: &str) -> PathBuf {
    Path::new(CASES).join(name).with_extension("json")
}

/// Compares the stages of a case with its snapshot.
fn check(name: &str) {
    let text = stages(&Case::read(&file_of(name)));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(CASES);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, text));
}

/// A conversation as bytes, and what makes samples of it.
struct Case {
    record: String,
    expander: Expander,
}

impl Case {
    fn read(file: &Path) -> Self {
        let case = parse_strict(&fs::read(file).unwrap()).unwrap();
        let of = |key: &str| case.as_object().unwrap().get(key).unwrap();
        // The lines of a template are written one after the other: a newline is text of the template.
        let template = of("template").as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let options = RendererOptions {
            limits: LimitFactor::ONE,
            chat_template: Some(template),
            template_kwargs: Object::default(),
            now: "2026-01-31T12:00:00".parse().unwrap(),
            engine: EngineChoice::Auto,
            needs_fast_engine: false,
            serve: of("options").as_object().unwrap().get("serve").map(choice).unwrap_or_default(),
            content_format: ContentFormat::Auto,
            tokenizer_json: None,
            stop_token: of("options")
                .as_object()
                .unwrap()
                .get("stop_token")
                .map(|token| token.as_str().unwrap().into()),
        };
        let renderer = Renderer::from_dir(Path::new(MODEL), options).unwrap();
        let options = options_of(of("options").as_object().unwrap());
        Self { record: write(of("record")), expander: Expander::new(Arc::new(renderer), options).unwrap() }
    }

    fn line(&self) -> Record<'_> {
        static FILE: std::sync::LazyLock<Arc<str>> = std::sync::LazyLock::new(|| "case".into());
        Record { bytes: Some(self.record.as_bytes()), file: &FILE, line: 1, format: None, columns_of: None }
    }
}

fn options_of(given: &Object) -> Options {
    let mut options = Options { on_error: OnError::Skip, ..Options::default() };
    for (name, value) in given.iter() {
        match &**name {
            "train_on" => options.train_on = choice(value),
            "layout" => options.layout = choice(value),
            "overflow" => options.overflow = choice(value),
            "thinking" => options.thinking = choice(value),
            "header" => options.header = choice(value),
            "prompt_mismatch" => options.prompt_mismatch = choice(value),
            "control_tokens" => options.control_tokens = choice(value),
            "normalize" => options.normalize = choice(value),
            "max_length" => options.max_length = Some(count(value)),
            "max_prompt_tokens" => options.max_prompt_tokens = Some(count(value)),
            "history_turns" => options.history_turns = Some(count(value)),
            "serve" | "stop_token" => {}
            unknown => panic!("{unknown} is not an option of cases"),
        }
    }
    options
}

fn choice<C: Choice>(value: &Value) -> C {
    C::from_name(value.as_str().unwrap()).unwrap()
}

fn count(value: &Value) -> usize {
    write(value).parse().unwrap()
}

/// What every stage gives, in the order of the data.
fn stages(case: &Case) -> String {
    let mut page = Page { renderer: &case.expander.renderer, text: String::new() };
    let mut workspace = Workspace::default();
    match case.expander.read(case.line(), &mut workspace) {
        Ok(read) => page.conversation(&case.expander.options, &read.conversation),
        Err(error) => page.line(format_args!("# read\n{error}")),
    }
    let outcome = case.expander.expand_record(case.line(), &mut workspace, &AtomicBool::new(false));
    page.outcome(&outcome);
    page.text
}

/// The text of a snapshot in the making.
struct Page<'p> {
    renderer: &'p Renderer,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, line: impl Display) {
        writeln!(self.text, "{line}").unwrap();
    }

    /// A text with a bar before each of its lines: one that ends with a newline ends with an empty line.
    fn block(&mut self, text: &str) {
        for line in text.split('\n') {
            self.line(format_args!("    |{line}"));
        }
    }

    fn decoded(&mut self, ids: &[i32]) {
        let ids: Vec<u32> = ids.iter().map(|id| id.cast_unsigned()).collect();
        let text = self.renderer.decode(&ids).unwrap();
        self.block(&text);
    }

    /// The stages before rows: targets, rendered, encoded.
    fn conversation(&mut self, options: &Options, conversation: &Conversation) {
        let renderer = self.renderer;
        let found = targets(conversation, options.train_on);
        self.line("# targets");
        for target in &found {
            self.line(format_args!("message {}, weight {}", target.message, target.weight.0));
        }
        let arena = Arena::new();
        let prepared = renderer.template.prepare(&arena, conversation).unwrap();
        let mut report = Report::default();
        preflight(options, renderer, conversation, &prepared, &mut report).unwrap();
        let mut work = Work::new(renderer, options, conversation, &prepared, report);
        if work.arrangement.is_rendered_once() {
            self.line("\n# rendered once");
            let whole = WholeConversation {
                prepared: &prepared,
                conversation,
                tokenizer: &renderer.tokenizer,
                encoder: &mut Encoder::default(),
                foreign: Foreign::Recognised,
                rejects_made: false,
                max_length: None,
                keeps_provenance: false,
            };
            self.block(&whole.rendering().unwrap().0.text);
        }
        if work.arrangement.has_targets() {
            self.line("\n# rendered");
            for target in &found {
                self.rendered(&work, *target);
            }
            self.line("\n# encoded");
            self.encoded(&mut work, &found);
        }
    }

    /// A target as `history_turns` shows it, before anything that does not fit is dropped.
    fn rendered(&mut self, work: &Work<'_>, target: Target) {
        let messages = &work.conversation.messages;
        let exchanges = Exchanges::of(messages.iter().map(|message| Some(message.role)));
        let dropped = *exchanges.bounds(target.message, work.options.history_turns).start();
        let kept = exchanges.kept(dropped, target.message + 1);
        let arena = Arena::new();
        let prepared = work.renderer.template.prepare_only(&arena, work.conversation, &kept).unwrap();
        let index = kept.len() - 1;
        self.line(format_args!("message {}, shown messages {:?}", target.message, &kept[..index]));
        let message = &messages[target.message];
        match work.rendered(&prepared, [(index, message)].into_iter()).render(message, index) {
            Ok(rendered) => {
                self.line(format_args!("  prompt, {:?}", rendered.prompt_match));
                self.block(&rendered.prompt.text().to_text());
                self.line("  completion");
                self.block(&rendered.completion.text);
            }
            Err(error) => self.line(format_args!("  {error}")),
        }
    }

    /// The targets as they are given to the layout.
    fn encoded(&mut self, work: &mut Work<'_>, found: &[Target]) {
        let (mut encoder, mut times) = (Encoder::default(), StageTimes::default());
        let mut scratch = Scratch { encoder: &mut encoder, times: &mut times };
        assert!(
            work.fill(&mut Recorder { page: self }, found, &mut scratch, &AtomicBool::new(false)).is_ok()
        );
    }

    /// The rows, and the account of them.
    fn outcome(&mut self, outcome: &Outcome) {
        for (at, sample) in outcome.samples.iter().enumerate() {
            self.line(format_args!("\n# row {at}: {} ids, targets {:?}", sample.ids.len(), sample.targets));
            self.row(sample);
        }
        let report = &outcome.report;
        self.line("\n# report");
        self.line(format_args!("kept {}, dropped {:?}", report.records_kept, report.records_dropped));
        self.line(format_args!(
            "targets: found {}, trained {}, dropped {:?}",
            report.targets_found, report.targets_trained, report.targets_dropped
        ));
        self.line(format_args!(
            "rows {}, tokens {}, trained tokens {}",
            report.rows, report.tokens, report.trained_tokens
        ));
        self.line(format_args!("warnings {:?}", report.warnings));
        for (title, counts) in
            [("control tokens", &report.control_tokens), ("unread keys", &report.unread_keys)]
        {
            self.line(format_args!("{title} {:?}", counts.iter().collect::<BTreeMap<_, _>>()));
        }
        for fault in &report.faults {
            self.line(format_args!("fault: {fault}"));
        }
    }

    /// The ids of a row, part by part.
    fn row(&mut self, sample: &Sample) {
        let mut at = 0;
        for trained in &sample.trained {
            self.part("context", &sample.ids[at..trained.tokens.start]);
            let title = format!("trained, weight {}", trained.weight.0);
            self.part(&title, &sample.ids[trained.tokens.clone()]);
            at = trained.tokens.end;
        }
        self.part("context", &sample.ids[at..]);
    }

    fn part(&mut self, title: &str, ids: &[i32]) {
        if !ids.is_empty() {
            self.line(format_args!("  {title}: {ids:?}"));
            self.decoded(ids);
        }
    }
}

/// Rows that only write down what they are given.
struct Recorder<'r, 'p> {
    page: &'r mut Page<'p>,
}

impl Rows for Recorder<'_, '_> {
    fn add(&mut self, target: Target, encoded: &Encoded<'_>, cut: usize) -> Option<usize> {
        let (prompt, completion) = encoded.ids.split_at(encoded.prompt);
        self.page.line(format_args!(
            "message {}, prompt of {} ids without the first {cut}, completion of {}, border merged: {}",
            target.message,
            prompt.len(),
            completion.len(),
            encoded.border_merged
        ));
        self.page.line("  prompt");
        self.page.decoded(prompt);
        self.page.line("  completion");
        self.page.decoded(completion);
        None
    }

    fn add_unencoded(&mut self, target: Target) -> bool {
        self.page.line(format_args!("message {}, not encoded", target.message));
        true
    }

    fn finish(self: Box<Self>, _whole: WholeConversation<'_>) -> Arranged {
        Arranged::default()
    }
}
