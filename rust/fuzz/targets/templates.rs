//! The source of a template, compiled and rendered: a text or an error, within the limits.

#![no_main]

use everyturn_core::{Object, PlainTemplate, Value, parse_strict};
use everyturn_fuzz::now;
use libfuzzer_sys::fuzz_target;

const MESSAGES: &[u8] = br#"[{"role": "system", "content": "Be \u00fcseful"}, {"role": "user", "content": "<b>Hi</b>"},
 {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1.5, "b": [null]}}}]},
 {"role": "tool", "content": "7"}, {"role": "assistant", "content": "Seven", "reasoning_content": "so"}]"#;

fuzz_target!(|source: &str| {
    let Ok(template) = PlainTemplate::compile(source, now()) else { return };
    let Ok(Value::Array(messages)) = parse_strict(MESSAGES) else { return };
    let _ = template.apply(&messages, None, true, &Object::default());
});
