//! Any source, rendered with messages, tools and flags: a text or an error, in bounded time and memory, no panic.
//!
//! `cargo fuzz run template -- -dict=template.dict -max_len=2000 -timeout=5`

#![no_main]

use everyturn_template::{Arena, Inputs, Limits, Node, Output, Step, Template, Value};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { fuel: 200_000, output_bytes: 1 << 20, scratch_bytes: 4 << 20, depth: 100 };

fuzz_target!(|source: &str| {
    let Ok(template) = Template::compile(source) else { return };
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let list = inputs.place(Node::NONE, Step::Variable("messages"));
    let messages: Vec<Value<'_>> = [("system", " Be brief.\n"), ("user", "Hé <b>?"), ("assistant", "<think>a</think> 1.5")]
        .into_iter()
        .map(|(role, content)| {
            let (role, content) = (inputs.text(list, role), inputs.text(list, content));
            inputs.dict(list, [("role", role), ("content", content)].into_iter())
        })
        .collect();
    let variables = [
        ("messages", inputs.list(list, &messages)),
        ("tools", Value::None),
        ("add_generation_prompt", Value::Bool(true)),
        ("number", Value::Int(-7)),
        ("float", Value::Float(1e22)),
    ];
    let (mut scratch, mut output) = (Arena::new(), Output::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    if template.render(&variables, now, LIMITS, &mut scratch, &mut output).is_ok() {
        let covered: usize = output.spans().iter().map(|span| span.len as usize).sum();
        assert_eq!(covered, output.text().len(), "every byte has an origin");
    }
});
