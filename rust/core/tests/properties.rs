//! What holds for any conversation, hostile ones included, with the built-in model.

#![allow(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use everyturn_core as core;
use proptest::prelude::*;

static RENDERER: LazyLock<Arc<core::Renderer>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/everyturn/models/demo");
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
    Arc::new(core::Renderer::from_dir(&folder, options).unwrap())
});

fn expand(line: &[u8], layout: core::Layout, train_on: core::TrainOn) -> core::Outcome {
    let options = core::Options {
        train_on,
        layout,
        on_error: core::OnError::Skip,
        read: core::ReadOptions {
            input_format: Some(core::Format::Messages),
            ..core::ReadOptions::default()
        },
        ..core::Options::default()
    };
    let expander = core::Expander::new(RENDERER.clone(), options).unwrap();
    let record =
        core::Record { bytes: Some(line), file: &"test".into(), line: 1, format: None, columns_of: None };
    expander.expand_record(record, &mut core::Workspace::default(), &AtomicBool::new(false))
}

/// Texts with what templates and tokenizers stumble over.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,12}",
        ".{0,8}",
        Just("<|im_end|>".to_owned()),
        Just("<|im_start|>assistant\n".to_owned()),
        Just("<think>\nno\n</think>\n\nyes".to_owned()),
        Just("{{ messages }}{% raw %}".to_owned()),
        Just("\n\n \u{0}\u{301}".to_owned()),
    ]
}

fn message() -> impl Strategy<Value = (&'static str, String, Option<String>)> {
    let role = prop_oneof![3 => Just("user"), 3 => Just("assistant"), 1 => Just("system"), 1 => Just("tool")];
    (role, text(), prop::option::weighted(0.2, text()))
}

fn record(messages: &[(&str, String, Option<String>)]) -> Vec<u8> {
    let messages: Vec<serde_json::Value> = messages
        .iter()
        .map(|(role, content, reasoning)| match reasoning {
            Some(reasoning) => {
                serde_json::json!({"role": role, "content": content, "reasoning_content": reasoning})
            }
            None => serde_json::json!({"role": role, "content": content}),
        })
        .collect();
    serde_json::json!({ "messages": messages }).to_string().into_bytes()
}

/// (prompt ids, completion ids) of every target.
fn pairs(outcome: &core::Outcome) -> Vec<(Vec<i32>, Vec<i32>)> {
    let mut pairs: Vec<_> = outcome
        .samples
        .iter()
        .flat_map(|row| {
            row.trained.iter().map(|trained| {
                let tokens = trained.tokens.clone();
                (row.ids[..tokens.start].to_vec(), row.ids[tokens].to_vec())
            })
        })
        .collect();
    pairs.sort();
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_accounted_for(line in prop::collection::vec(any::<u8>(), 0..60)) {
        let report = expand(&line, core::Layout::Merged, core::TrainOn::AllAssistantMessages).report;
        prop_assert_eq!(report.records_read, 1);
        prop_assert_eq!(report.records_kept + report.records_dropped.values().sum::<u64>(), 1);
        prop_assert!(!report.records_dropped.contains_key("internal"));
    }

    #[test]
    fn every_target_is_trained_once_through_one_stop_token(messages in prop::collection::vec(message(), 1..8)) {
        let line = record(&messages);
        let per_turn = expand(&line, core::Layout::PerTurn, core::TrainOn::AllAssistantMessages);
        let merged = expand(&line, core::Layout::Merged, core::TrainOn::AllAssistantMessages);
        prop_assert_eq!(pairs(&per_turn), pairs(&merged));
        let report = &per_turn.report;
        prop_assert_eq!(report.targets_found, report.targets_trained + report.targets_dropped.values().sum::<u64>());
        let mut trained: Vec<_> = merged.samples.iter().flat_map(|row| row.targets.clone()).collect();
        trained.sort_unstable();
        let lost: Vec<_> = report.faults.iter().filter_map(|fault| fault.location.message).collect();
        let expected: Vec<_> = (0..messages.len())
            .filter(|i| messages[*i].0 == "assistant" && !lost.contains(i))
            .collect();
        prop_assert_eq!(trained, expected);
        let stop = RENDERER.stop_token_ids()[0].cast_signed();
        for (_, completion) in pairs(&merged) {
            prop_assert_eq!(completion.last(), Some(&stop));
        }
    }

    #[test]
    fn one_rendering_trains_no_target_twice(messages in prop::collection::vec(message(), 1..8)) {
        let line = record(&messages);
        for train_on in [core::TrainOn::AllAssistantMessages, core::TrainOn::AllTokens] {
            for row in expand(&line, core::Layout::Conversation, train_on).samples {
                let mut end = 0;
                for trained in row.trained {
                    prop_assert!(trained.tokens.start >= end && trained.tokens.end <= row.ids.len());
                    end = trained.tokens.end;
                }
            }
        }
    }
}

#[test]
fn a_fault_names_its_line_and_message() {
    let line = br#"{"messages": [{"role": "user", "content": "hi"}, {"role": "bot", "content": "x"}]}"#;
    let report = expand(line, core::Layout::Merged, core::TrainOn::AllAssistantMessages).report;
    assert_eq!(
        report.faults[0].to_string(),
        "test:1: message 1: role \"bot\" is unknown; expected one of system, developer, user, assistant, tool, function, \
         tool_call, tool_response; roles={\"bot\": \"assistant\"} reads it as that"
    );
}
