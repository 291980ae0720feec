//! Rule: the texts of a growing rendering are those of a rendering for each, errors and origins too.

#![allow(clippy::expect_used, reason = "a test that cannot start has failed")]

use everyturn_template::{Arena, Inputs, Limits, Node, Output, Span, Step, Template, Value};

const ROLES: [&str; 6] = ["system", "user", "assistant", "user", "assistant", "user"];

/// Templates, and whether one rendering is to do for all texts.
const TEMPLATES: [(&str, bool); 30] = [
    (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}",
        true,
    ),
    ("{{ bos }}{% for m in messages %}{{ loop.index }}{{ m.content }}{% endfor %}tail", true),
    ("{% for m in messages %}{{ m.content }}{% else %}none{% endfor %}!", true),
    ("{% for m in messages[1:] %}{{ m.content }}{% else %}none{% endfor %}!", true),
    (
        "{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}S{{ messages[0].content }}{% else %}\
      {% set rest = messages %}{% endif %}{% for m in rest %}[{{ m.content }}]{% endfor %}e{{ x }}",
        true,
    ),
    (
        "{% set rest = messages[1:] if messages[0]['role'] == 'system' else messages %}\
      {% for m in rest %}[{{ m.content }}]{% endfor %}e",
        true,
    ),
    (
        "{% if messages %}{% for m in messages %}{{ m.content }}{% endfor %}{% endif %}{% if x is defined %}x{% endif %}",
        true,
    ),
    (
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ m.content }}{% endfor %}{{ ns.n }}",
        true,
    ),
    ("{% set n = 1 %}{% for m in messages %}{% set n = n + 1 %}{{ n }}{% endfor %}{{ n }}", true),
    (
        "{% macro f(m) %}{{ m.content }}{% endmacro %}{% for m in messages %}{{ f(m) }}{% endfor %}{{ f(messages[0]) }}",
        true,
    ),
    (
        "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no') }}{% endif %}{{ m.content }}{% endfor %}",
        true,
    ),
    (
        "{% for m in messages %}{% if loop.index0 == 3 %}{{ raise_exception('late') }}{% endif %}.{% endfor %}",
        true,
    ),
    ("{% for m in messages %}{% if loop.index0 == 3 %}{% break %}{% endif %}.{% endfor %}e", true),
    (
        "{% for m in messages %}{% if m.role == 'user' %}{% continue %}{% endif %}{{ m.content }}{% endfor %}e",
        true,
    ),
    ("{% with y = 1 %}{% for m in messages %}{{ m.content }}{{ y }}{% endfor %}w{% endwith %}e", true),
    ("{% for m in messages %}{{ m.content }}{% endfor %}{{ messages[-1].role }}", true),
    (
        "{% for m in messages %}{{ m.content }}{% endfor %}{% if messages[-1].role == 'user' %}{{ raise_exception('x') }}{% endif %}",
        true,
    ),
    (
        "{% for m in messages %}{{ m.content }}{% endfor %}{% for m in messages %}{{ m.role }}{{ loop.last }}{% endfor %}",
        true,
    ),
    (
        "{% for m in messages %}{{ m.content }}{% set ns = namespace(x=m) %}{% endfor %}{{ messages | length }}{{ loop }}",
        true,
    ),
    ("constant", true),
    ("{% for m in messages %}{{ m.content }}{% if not loop.last %}, {% endif %}{% endfor %}", false),
    ("{% for m in messages %}{{ loop.length }}{{ m.content }}{% endfor %}", false),
    ("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}", false),
    ("{{ messages[-1].content }}{% for m in messages %}{{ m.content }}{% endfor %}", false),
    ("{{ messages[2].content }}{% for m in messages %}{{ m.content }}{% endfor %}", false),
    ("{% for m in messages[::-1] %}{{ m.content }}{% endfor %}", false),
    ("{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}", false),
    ("{% set t %}{% for m in messages %}{{ m.content }}{% endfor %}{% endset %}{{ t | upper }}", false),
    ("{% set c = cycler('a', 'b') %}{% for m in messages %}{{ c.next() }}{% endfor %}", false),
    ("{% for i in [1, 2] %}{% for m in messages %}{{ m.content }}{% endfor %}{% endfor %}", false),
];

type Rendered = Result<(String, Vec<Span>), String>;

fn variables<'a>(inputs: &mut Inputs<'a>) -> (Vec<(&'static str, Value<'a>)>, Value<'a>) {
    let list = inputs.place(Node::NONE, Step::Variable("messages"));
    let mut messages = Vec::new();
    for (i, role) in (0..).zip(ROLES) {
        let place = inputs.place(list, Step::Index(i));
        let content = inputs.place(place, Step::Key("content"));
        let pairs = [
            ("role", inputs.text(place, role)),
            ("content", inputs.text(content, ["one", "two", "three", "four", "five", "six"][i as usize])),
        ];
        messages.push(inputs.dict(place, pairs.into_iter()));
    }
    let messages = inputs.list(list, &messages);
    (vec![("bos", Value::None), ("add_generation_prompt", Value::Bool(true))], messages)
}

fn apart(template: &Template, count: usize) -> Rendered {
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let (mut variables, messages) = variables(&mut inputs);
    variables.push(("messages", inputs.prefix(messages, count)));
    let (mut scratch, mut output) = (Arena::new(), Output::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    template
        .render(&variables, now, Limits::for_input(100), &mut scratch, &mut output)
        .map(|()| (output.text().to_owned(), output.spans().to_vec()))
        .map_err(|error| error.to_string())
}

fn together(template: &Template, counts: &[usize]) -> Vec<Rendered> {
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let (mut variables, messages) = variables(&mut inputs);
    variables.push(("messages", messages));
    let (mut scratch, mut output) = (Arena::new(), Output::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    let grown = template
        .render_growing(&variables, counts, now, Limits::for_input(100), &mut scratch, &mut output)
        .expect("there are messages");
    let text = |stable: usize, end: (String, Vec<Span>)| {
        let mut spans: Vec<Span> = Vec::new();
        let mut left = stable;
        for span in output.spans() {
            let len = left.min(span.len as usize);
            left -= len;
            spans.extend((len > 0).then(|| Span { len: u32::try_from(len).expect("it is short"), ..*span }));
        }
        (output.text()[..stable].to_owned() + &end.0, [spans, end.1].concat())
    };
    grown
        .into_iter()
        .map(|grown| grown.end.map(|end| text(grown.stable, end)).map_err(|error| error.to_string()))
        .collect()
}

/// Runs of one origin side by side are one.
fn joined(rendered: Rendered) -> Rendered {
    let (text, spans) = rendered?;
    let mut origins: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    for span in spans {
        for byte in at..at + span.len as usize {
            let source = match span.source {
                everyturn_template::Source::Input { node, start } => {
                    format!("{node:?} {}", start as usize + byte - at)
                }
                other => format!("{other:?}"),
            };
            origins.push((text[byte..=byte].to_owned(), source));
        }
        at += span.len as usize;
    }
    Ok((format!("{origins:?}{text}"), Vec::new()))
}

#[test]
fn texts_are_those_of_renderings_apart() {
    for (source, in_one) in TEMPLATES {
        let template = Template::compile(source).expect(source);
        for counts in [vec![1, 2, 3, 4, 5, 6], vec![2, 4], vec![3], vec![1, 1, 5]] {
            let grown = together(&template, &counts);
            assert!(!grown.is_empty(), "{source}");
            assert_eq!(grown.len() == counts.len(), in_one || counts.len() == 1, "{source} {counts:?}");
            for (count, grown) in counts.iter().zip(grown) {
                assert_eq!(joined(grown), joined(apart(&template, *count)), "{source} {count}");
            }
        }
    }
}
