//! Texts of a conversation under `control_tokens="literal"`: the control tokens of each sample are those of the same
//! conversation with harmless texts.

#![no_main]

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;

use everyturn_core::{ControlTokenPolicy, Layout, Options, Outcome};
use everyturn_fuzz::{DEMO, Running, conversation, expand, expander};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

static EXPANDER: LazyLock<Running> = LazyLock::new(|| {
    expander(Options {
        layout: Layout::PerTurn,
        control_tokens: ControlTokenPolicy::Literal,
        ..Options::default()
    })
});

static CONTROL_IDS: LazyLock<HashSet<i64>> = LazyLock::new(|| {
    let file = std::fs::read(Path::new(DEMO).join("tokenizer.json")).expect("the built-in model");
    let file: Json = serde_json::from_slice(&file).expect("JSON");
    file["added_tokens"].as_array().into_iter().flatten().filter_map(|token| token["id"].as_i64()).collect()
});

fn control_ids(outcome: &Outcome) -> Vec<Vec<i32>> {
    let is_control = |id: &i32| CONTROL_IDS.contains(&i64::from(*id));
    outcome.samples.iter().map(|sample| sample.ids.iter().copied().filter(is_control).collect()).collect()
}

/// What the built-in template looks for in the text of answers, to write it as thinking.
const READ_BY_THE_TEMPLATE: &[u8] = b"</think>";

fuzz_target!(|bytes: &[u8]| {
    if bytes.windows(READ_BY_THE_TEMPLATE.len()).any(|bytes| bytes == READ_BY_THE_TEMPLATE) {
        return;
    }
    let mut record = conversation(bytes);
    let written = expand(&EXPANDER, record.to_string().as_bytes(), None);
    for message in record["messages"].as_array_mut().into_iter().flatten() {
        for key in ["content", "reasoning_content"] {
            // What a template does with a text may depend on whether there is one.
            if message.get(key).and_then(Json::as_str).is_some_and(|text| !text.trim().is_empty()) {
                message[key] = "x".into();
            }
        }
    }
    let harmless = expand(&EXPANDER, record.to_string().as_bytes(), None);
    if written.samples.len() == harmless.samples.len() {
        assert_eq!(control_ids(&written), control_ids(&harmless));
    }
});
