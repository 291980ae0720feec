//! Rule: the texts of a growing rendering are those of a rendering for each, errors and origins too.

#![allow(clippy::expect_used, reason = "a test that cannot start has failed")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use everyturn_template::{
    Arena, Inputs, Limits, ListPrefixes, Node, Output, Replays, Rest, Series, Span, Step, Template, Value,
};

const ROLES: [&str; 6] = ["system", "user", "assistant", "user", "assistant", "user"];

/// What published templates do that show history otherwise once more of it is there.
const REWRITING: [&str; 12] = [
    // The last question is looked for from the end; answers before it are shown without their reasoning.
    "{% set ns = namespace(searching=true, last=messages | length - 1) %}{% for m in messages[::-1] %}\
     {% set index = (messages | length - 1) - loop.index0 %}{% if ns.searching and m.role == 'user' %}\
     {% set ns.searching = false %}{% set ns.last = index %}{% endif %}{% endfor %}{% for m in messages %}\
     {% if m.role == 'assistant' and loop.index0 > ns.last %}{% if loop.last or (not loop.last and m.content) %}<think>{% endif %}{% endif %}\
     {% if m.role == 'tool' and (loop.first or messages[loop.index0 - 1].role != 'tool') %}[{% endif %}{{ m.content }}\
     {% if m.role == 'tool' and (loop.last or messages[loop.index0 + 1].role != 'tool') %}]{% endif %}{% endfor %}\
     {% if add_generation_prompt %}<a>{% endif %}",
    "{% set ns = namespace(last=-1) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}\
     {% for m in messages %}{{ m.content }}{{ '!' if loop.index0 > ns.last }}{{ '?' if loop.index0 == ns.last }}{% endfor %}{{ ns.last }}",
    "{% for m in messages[::-1] %}{% if m.role == 'user' %}{% break %}{% endif %}{% else %}none{% endfor %}\
     {% for m in messages %}{{ loop.revindex }}{{ m.content }}{% endfor %}",
    "{% set ns = namespace(at=none, seen=0) %}{% for m in messages[::-1] %}{% if m.role == 'user' and ns.at is none %}{% set ns.at = loop.revindex0 %}{% endif %}\
     {% set ns.seen = ns.seen + 1 %}{% endfor %}{% for m in messages %}{% if ns.at is not none and loop.index0 < ns.at %}old {% endif %}{{ m.content }}{% endfor %}{{ ns.seen }}",
    "{% set ns = namespace(role='', turns=0) %}{% for m in messages %}{% if m.role != ns.role %}{% set ns.turns = ns.turns + 1 %}{% set ns.role = m.role %}({{ ns.turns }}){% endif %}\
     {{ m.content }}{% if messages | length - loop.index > 2 %}.{% endif %}{% endfor %}{{ ns.role }}",
    "{% set rest = messages[1:] if messages[0].role == 'system' else messages %}{% set last = rest | length %}{% for m in rest %}{% if loop.index == last - 1 %}L{% endif %}\
     {% if loop.nextitem is defined and loop.nextitem.role == m.role %}={% endif %}{% if loop.previtem is defined and loop.previtem.role == m.role %}<{% endif %}{{ m.content }}{% endfor %}",
    "{% set ns = namespace(a=0) %}{% set other = ns %}{{ messages | length }}{% for m in messages %}{% set ns.a = other.a + 1 %}{{ other.a }}{{ m.content }}{% if loop.last %}{{ ns.a }}{% endif %}{% endfor %}",
    "{% set ns = namespace(text='') %}{% for m in messages %}{% set ns.text = m.role ~ loop.last %}{{ ns.text }}{% endfor %}{{ ns.text }}",
    "{% set users = messages | selectattr('role', 'equalto', 'user') | list %}{% for m in messages %}{% if users and m == users[-1] %}Q{% endif %}{{ m.content }}{% endfor %}",
    "{% set ns = namespace(n=0) %}{% for m in messages[::-1] %}{% if loop.first or loop.previtem.role == m.role %}{% set ns.n = ns.n + 1 %}{% endif %}{{ loop.last }}{% endfor %}{{ ns.n }}",
    "{% set ns = namespace(open=false) %}{% for m in messages %}{% if m.role == 'tool' and not ns.open %}{% set ns.open = true %}[{% elif m.role != 'tool' and ns.open %}{% set ns.open = false %}]{% endif %}{{ m.content }}\
     {% if 2 * loop.index > messages | length - 3 and not (messages | length == 4) %}h{% endif %}{% endfor %}{{ ns.open }}",
    "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'tool' and loop.index0 == 7 %}{{ raise_exception('seventh') }}{% endif %}{% if m.role == 'user' %}{% set ns.n = ns.n + 1 %}{% endif %}\
     {{ ns.n }}{% if ns.n >= messages | length - 5 %}near {% endif %}{{ m.content }}{% if loop.index0 > ns.n and not loop.last %}{% continue %}{% endif %};{% endfor %}",
];

/// Templates, and whether one rendering is to do for all texts.
const TEMPLATES: [(&str, bool); 38] = [
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
    ("{% for m in messages %}{{ 'x' * 1000000000 }}{% endfor %}", false),
    ("{% for i in [1, 2] %}{% for m in messages %}{{ m.content }}{% endfor %}{% endfor %}", false),
    // Rounds that read from outside: what they read decides whether they are handed back.
    (
        "{% set ns = namespace(last=0) %}{% for m in messages[::-1] %}{% if m.role == 'user' and not ns.last %}\
         {% set ns.last = messages | length - loop.index0 %}{% endif %}{% endfor %}\
         {% for m in messages %}{% if loop.index > ns.last %}late {% endif %}{{ m.content }}{% if loop.last %}.{% endif %}{% endfor %}",
        false,
    ),
    (
        "{{ messages | length }}{% for m in messages %}{% set n = loop.index0 %}{% if add_generation_prompt %}g{% endif %}\
         {{ n }}{{ messages[loop.index0 - 1].role }}{{ (messages[loop.index0 + 1] or m).content }}{% endfor %}",
        false,
    ),
    (
        "{{ messages | length }}{% macro f(m) %}{{ m.content }}{{ add_generation_prompt }}{{ x }}{% endmacro %}{% set x = messages[-1].role %}\
         {% for m in messages %}{{ f(m) }}{% for c in m.content %}{{ loop.index }}{{ x }}{% endfor %}{% endfor %}",
        false,
    ),
    (
        "{{ messages | length }}{% set y = messages[-1] %}{% for m in messages %}{% if m.role == 'user' %}{% set y = m %}{% endif %}\
         {{ y.content }}{% if loop.last %}{% set y = 'z' %}{% endif %}{{ y }}{% endfor %}",
        false,
    ),
    (
        "{{ messages | length }}{% set ns = namespace(n=0) %}{% for m in messages %}{% if loop.last %}{% set ns.n = ns.n + 1 %}{% endif %}\
         {{ m.content }}{% if m.role == 'user' %}{% continue %}{% endif %}{{ ns.n }}{% if loop.index == 5 %}{% break %}{% endif %}{% endfor %}{{ ns.n }}",
        false,
    ),
    (
        "{{ messages | length }}{% set j = joiner() %}{% for m in messages %}{{ j() }}{{ m.content | upper }}{{ (m.content ~ x) | tojson }}{% endfor %}",
        false,
    ),
    (
        "{{ messages | length }}{% for m in messages %}{% with z = loop.last %}{{ z }}{% endwith %}{% set c %}{{ m.role }}{{ loop.last }}{% endset %}{{ c }}{% endfor %}",
        false,
    ),
];

type Rendered = Result<(String, Vec<Span>), String>;

fn variables<'a>(inputs: &mut Inputs<'a>, roles: &[&'a str]) -> (Vec<(&'static str, Value<'a>)>, Value<'a>) {
    let list = inputs.place(Node::NONE, Step::Variable("messages"));
    let mut messages = Vec::new();
    for (i, role) in (0..).zip(roles) {
        let place = inputs.place(list, Step::Index(i));
        let content = inputs.place(place, Step::Key("content"));
        let pairs = [
            ("role", inputs.text(place, role)),
            ("content", inputs.text(content, ["one", "two", "three", "four", "five", "six"][i as usize % 6])),
        ];
        messages.push(inputs.dict(place, pairs.into_iter()));
    }
    let messages = inputs.list(list, &messages);
    (vec![("bos", Value::None)], messages)
}

fn apart(template: &Template, roles: &[&str], count: usize, prompting: bool) -> Rendered {
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let (mut variables, messages) = variables(&mut inputs, roles);
    variables.push(("add_generation_prompt", Value::Bool(prompting)));
    variables.push(("messages", inputs.prefix(messages, count)));
    let (mut scratch, mut output) = (Arena::new(), Output::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    template
        .render(&variables, now, Limits::for_input(100), &mut scratch, &mut output)
        .map(|()| (output.text().to_owned(), output.spans().to_vec()))
        .map_err(|error| error.to_string())
}

/// With and without generation prompt, what is kept of one being there for the other.
fn prefixes(counts: &[usize]) -> ListPrefixes<'_> {
    ListPrefixes { variable: "messages", counts }
}

fn together(template: &Template, roles: &[&str], counts: &[usize]) -> [Vec<Rendered>; 2] {
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let (variables, messages) = variables(&mut inputs, roles);
    let mut replays = Replays::default();
    [true, false].map(|prompting| {
        let (mut texts, mut scratch) = (Vec::new(), Arena::new());
        let (mut series, mut text) = (Series::default(), (String::new(), Vec::new()));
        while texts.len() < counts.len() {
            let rest = &counts[texts.len()..];
            let mut variables = variables.clone();
            variables.push(("add_generation_prompt", Value::Bool(prompting)));
            variables.push(("messages", inputs.prefix(messages, rest[rest.len() - 1])));
            let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
            let spare = (&mut scratch, &mut replays);
            let grown = template
                .render_growing(&variables, prefixes(rest), now, Limits::for_input(100), spare, &mut series)
                .expect("there are messages");
            assert!(!grown.is_empty());
            texts.extend(grown.into_iter().map(|grown| {
                text = whole(&text, grown.rest);
                grown.done.map_err(|error| error.to_string())?;
                Ok(text.clone())
            }));
        }
        texts
    })
}

/// A text that goes on from the one before.
fn whole((text, spans): &(String, Vec<Span>), rest: Rest) -> (String, Vec<Span>) {
    let kept = everyturn_template::cut_spans(spans, 0, rest.same).collect();
    (text[..rest.same].to_owned() + &rest.text, [kept, rest.spans].concat())
}

/// How many texts one rendering hands out.
fn in_one_go(template: &Template, counts: &[usize]) -> usize {
    let roles = &ROLES;
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let (mut variables, messages) = variables(&mut inputs, roles);
    variables.push(("messages", messages));
    let (mut scratch, mut replays, mut series) = (Arena::new(), Replays::default(), Series::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    let spare = (&mut scratch, &mut replays);
    let grown = template.render_growing(
        &variables,
        prefixes(counts),
        now,
        Limits::for_input(100),
        spare,
        &mut series,
    );
    grown.expect("there are messages").len()
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
            let one = in_one_go(&template, &counts);
            assert_eq!(one == counts.len(), in_one || counts.len() == 1, "{source} {counts:?}");
            check(source, &template, &ROLES, &counts);
        }
    }
}

fn check(source: &str, template: &Template, roles: &[&str], counts: &[usize]) {
    for (grown, prompting) in together(template, roles, counts).into_iter().zip([true, false]) {
        for (count, grown) in counts.iter().zip(grown) {
            let apart = joined(apart(template, roles, *count, prompting));
            assert_eq!(joined(grown), apart, "{source} {roles:?} {counts:?} {count} {prompting}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn texts_of_long_conversations_are_those_of_renderings_apart(
        roles in vec(select(&["system", "user", "assistant", "tool", "tool"][..]), 1..60),
        counts in vec(any::<bool>(), 60),
        template in 0..REWRITING.len() + TEMPLATES.len(),
    ) {
        let source = REWRITING.get(template).unwrap_or_else(|| &TEMPLATES[template - REWRITING.len()].0);
        let template = Template::compile(source).expect(source);
        let counts: Vec<usize> = (1..=roles.len()).filter(|count| counts[*count - 1]).collect();
        if !counts.is_empty() {
            check(source, &template, &roles, &counts);
        }
    }
}

/// Each text is allowed far fewer steps than the messages before it would take.
#[test]
fn a_text_of_a_long_conversation_costs_what_is_new_in_it() {
    let roles: Vec<&str> = (0..1000).map(|at| if at % 2 == 0 { "user" } else { "assistant" }).collect();
    let counts: Vec<usize> = (0..500).map(|turn| 2 * turn + 1).collect();
    let limits = Limits { fuel: 2_000, ..Limits::for_input(1_000_000) };
    for source in &REWRITING[..2] {
        let template = Template::compile(source).expect(source);
        let arena = Arena::new();
        let mut inputs = Inputs::new(&arena);
        let (mut variables, messages) = variables(&mut inputs, &roles);
        variables.push(("messages", messages));
        let (mut scratch, mut replays, mut series) = (Arena::new(), Replays::default(), Series::default());
        let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
        let mut handed_out = 0;
        while handed_out < counts.len() {
            let spare = (&mut scratch, &mut replays);
            let rest = prefixes(&counts[handed_out..]);
            let grown = template.render_growing(&variables, rest, now, limits, spare, &mut series);
            let grown = grown.expect("there are messages");
            handed_out += grown.len();
            for grown in grown {
                assert_eq!(grown.done, Ok(()), "{source} {handed_out}");
            }
        }
    }
}
