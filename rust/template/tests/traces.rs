//! Rule: every byte of the output knows whether the template wrote it, or which place of the input it is from.

#![allow(clippy::expect_used, reason = "a test that cannot start has failed")]

use everyturn_template::{Arena, Inputs, Limits, Node, Output, Source, Step, Template, Value};
use proptest::prelude::*;

const CONTENT: &str = " Hé <b>, two\nlines ";

/// The output as (text, source), a source being "template", "content[3..]" or "derived from content".
fn traced(source: &str) -> Vec<(String, String)> {
    let template = Template::compile(source).expect(source);
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let messages = inputs.place(Node::NONE, Step::Variable("messages"));
    let message = inputs.place(messages, Step::Index(0));
    let content = inputs.place(message, Step::Key("content"));
    let text = inputs.text(content, CONTENT);
    let message = inputs.dict(message, [("content", text), ("n", Value::Int(7))].into_iter());
    let list = inputs.list(messages, &[message]);
    let (mut scratch, mut output) = (Arena::new(), Output::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    let variables = [("messages", list), ("m", message)];
    template.render(&variables, now, Limits::for_input(100), &mut scratch, &mut output).expect(source);
    let name = |node: Node| match inputs.path(node).last() {
        Some(Step::Key(key)) => (*key).to_owned(),
        Some(Step::Index(index)) => format!("message {index}"),
        Some(Step::Variable(name)) => (*name).to_owned(),
        None => "several".to_owned(),
    };
    let mut at = 0;
    let mut runs = Vec::new();
    for span in output.spans() {
        let end = at + span.len as usize;
        let source = match span.source {
            Source::Template => "template".to_owned(),
            Source::Input { node, start } => format!("{}[{start}..]", name(node)),
            Source::Derived { node } => format!("derived from {}", name(node)),
        };
        runs.push((output.text()[at..end].to_owned(), source));
        at = end;
    }
    assert_eq!(at, output.text().len(), "{source}: the runs cover the text");
    runs
}

fn check(source: &str, expected: &[(&str, &str)]) {
    let found = traced(source);
    let found: Vec<_> = found.iter().map(|(text, source)| (text.as_str(), source.as_str())).collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn text_keeps_its_origin_through_what_only_cuts_and_joins() {
    let inner = "Hé <b>, two\nlines";
    check("<{{ m.content }}>", &[("<", "template"), (CONTENT, "content[0..]"), (">", "template")]);
    check("{{ m.content | trim }}", &[(inner, "content[1..]")]);
    check("{{ m['content'].strip() }}", &[(inner, "content[1..]")]);
    check(
        "{{ '[' + m.content.strip() + ']' }}",
        &[("[", "template"), (inner, "content[1..]"), ("]", "template")],
    );
    check("{{ m.content[1:3] ~ m.content[3] }}", &[("Hé ", "content[1..]")]);
    check("{{ m.content.split(', ')[1] }}", &[("two\nlines ", "content[10..]")]);
    check(
        "{{ m.content.split('\\n') | join('|') }}",
        &[(" Hé <b>, two", "content[0..]"), ("|", "template"), ("lines ", "content[14..]")],
    );
    check(
        "{{ m.content.replace('two', '2') }}",
        &[(" Hé <b>, ", "content[0..]"), ("2", "template"), ("\nlines ", "content[13..]")],
    );
    check("{% set x %}a{{ m.content }}{% endset %}{{ x[1:4] }}", &[(" Hé", "content[0..]")]);
    check("{% macro f(x) %}{{ x }}{% endmacro %}{{ f(m.content) }}", &[(CONTENT, "content[0..]")]);
    check("{% for c in m.content[1:4] %}{{ c }}{% endfor %}", &[("Hé ", "content[1..]")]);
}

#[test]
fn rewritten_text_says_what_it_was_made_from() {
    check("{{ m.content | upper | trim }}", &[("HÉ <B>, TWO\nLINES", "derived from content")]);
    check("{{ m.content | tojson }}", &[("\" Hé <b>, two\\nlines \"", "derived from content")]);
    check(
        "{{ m | tojson }}",
        &[("{\"content\": \" Hé <b>, two\\nlines \", \"n\": 7}", "derived from message 0")],
    );
    check("{{ 'a' | upper }}", &[("A", "template")]);
}

#[test]
fn reading_marks_what_is_read() {
    let template = Template::compile("{{ m.a }}{% if 'b' in m %}{% endif %}").expect("it compiles");
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let text = |inputs: &mut Inputs<'_>| Value::Int(i64::try_from(inputs.bytes()).unwrap_or(0) + 1);
    let pairs: Vec<_> = ["a", "b", "c", "d"].into_iter().map(|key| (key, text(&mut inputs))).collect();
    let m = inputs.dict(Node::NONE, pairs.into_iter());
    let (mut scratch, mut output) = (Arena::new(), Output::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    template.render(&[("m", m)], now, Limits::for_input(100), &mut scratch, &mut output).expect("it renders");
    assert_eq!(m.unread().collect::<Vec<_>>(), ["c", "d"]);
}

proptest! {
    #[test]
    fn no_source_makes_the_engine_panic(source in r"(\{\{|\}\}|\{%|%\}|\{#|#\}|-|[a-z '|.()\[\]:,~+*/%=<>0-9\n]|for |in |if |set |end|x|\|trim|\[::-1\]){0,60}") {
        if let Ok(template) = Template::compile(&source) {
            let arena = Arena::new();
            let mut inputs = Inputs::new(&arena);
            let place = inputs.place(Node::NONE, Step::Variable("x"));
            let variables = [("x", inputs.text(place, "aé\u{1f600}"))];
            let (mut scratch, mut output) = (Arena::new(), Output::default());
            let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
            let limits = Limits { fuel: 10_000, ..Limits::for_input(100) };
            if template.render(&variables, now, limits, &mut scratch, &mut output).is_ok() {
                let covered: usize = output.spans().iter().map(|span| span.len as usize).sum();
                prop_assert_eq!(covered, output.text().len());
            }
        }
    }
}
