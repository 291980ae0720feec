//! Rule: a hostile template ends in an error that says which limit it met; it never ends the process.

#![allow(clippy::expect_used, reason = "a test that cannot start has failed")]

use everyturn_template::{Arena, ErrorKind, Inputs, Limits, Node, Output, Step, Template, Value};

fn render(source: &str) -> Result<String, everyturn_template::Error> {
    let template = Template::compile(source)?;
    let arena = Arena::new();
    let mut inputs = Inputs::new(&arena);
    let place = inputs.place(Node::NONE, Step::Variable("text"));
    let variables = [("text", inputs.text(place, "some text")), ("number", Value::Int(7))];
    let (mut scratch, mut output) = (Arena::new(), Output::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    template.render(&variables, now, Limits::for_input(inputs.bytes()), &mut scratch, &mut output)?;
    Ok(output.text().to_owned())
}

fn stopped(source: &str) {
    let error = render(source).expect_err(source);
    assert!(error.kind.is_limit(), "{source}: {error}");
}

#[test]
fn work_without_end_is_stopped() {
    for source in [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% set ns = namespace(x=[1]) %}{% for a in range(50000) %}{% set ns.x = ns.x | map('string') %}{% endfor %}\
         {{ ns.x | list }}",
        "{% for a in range(99999) recursive %}{{ loop(range(99999)) }}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1], y=[1]) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}\
         {% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
        "{% set ns = namespace(x=[1]) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}\
         {{ ns.x | tojson }}",
        "{% set ns = namespace(x=[1], y=[1]) %}{% for a in range(20) %}{% set ns.x = [ns.x, ns.x] %}\
         {% set ns.y = [ns.y, ns.y] %}{% endfor %}{% for a in range(9999) %}{{ ns.x == ns.y }}{% endfor %}",
        "{% set ns = namespace(x=7 ** 3000) %}{% for a in range(99999) %}{% for b in range(99999) %}\
         {% set ns.x = ns.x * 3 // 3 %}{% endfor %}{% endfor %}",
        "{% set x = text * 99999 %}{% set y = text * 99998 ~ 'some texs' %}\
         {% for a in range(99999) %}{{ x == y }}{% endfor %}",
        "{{ range(99999) | map('string') | map('list') | map('length') | list | sort | unique | list | length }}\
         {% for a in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
    ] {
        stopped(source);
    }
}

#[test]
fn text_without_end_is_stopped() {
    for source in [
        "{% set ns = namespace(x='xxxxxxxx') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for a in range(60) %}{% set ns.x = ns.x.replace('x', 'xxxx') %}{% endfor %}",
        "{{ 'x' * 1000000000000 }}",
        "{{ [1] * 1000000000000 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:>1000000000}'.format(text) }}",
        "{{ '{:.1000000000f}'.format(1.5) }}",
        "{{ text | center(1000000000) }}",
        "{{ text.ljust(1000000000) }}",
        "{{ text.zfill(1000000000) }}",
        "{{ ((text ~ '\\n') * 1000) | indent(1000000) }}",
        "{{ [text] | tojson(indent=1000000000) }}",
        "{{ range(100) | batch(1000000000, 'x') | list }}",
        "{{ '\\t'.expandtabs(1000000000) }}",
        "{{ 7 ** 10000000 }}",
        "{% for a in range(99999) %}{{ text * 1000 }}{% endfor %}",
        "{% set x %}{% for a in range(99999) %}{{ text * 1000 }}{% endfor %}{% endset %}",
        "{{ range(1000000000) }}",
    ] {
        stopped(source);
    }
}

#[test]
fn depth_without_end_is_stopped() {
    for source in [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}".to_owned(),
        format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(5000), "]".repeat(5000)),
        format!("{{{{ 1{} }}}}", " + 1".repeat(5000)),
        format!("{}x{}", "{% if 1 %}".repeat(5000), "{% endif %}".repeat(5000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(5000)),
        format!("{{{{ text{} }}}}", ".x".repeat(5000)),
        format!("{{{{ text{} }}}}", " | trim".repeat(5000)),
    ] {
        stopped(&source);
    }
}

#[test]
fn integers_end_where_python_would_not_print_them() {
    assert_eq!(render("{{ 10 ** 4299 }}").map(|text| text.len()), Ok(4300));
    stopped("{{ 10 ** 4400 }}");
}

#[test]
fn errors_name_line_and_column() {
    let error = render("one\n  {{ text.missing.deeper }}").expect_err("an undefined value is used");
    assert_eq!(error.kind, ErrorKind::Undefined);
    assert_eq!(error.place.map(|place| (place.line, place.column)), Some((2, 6)));
    let error = render("{{ raise_exception('no ' ~ text) }}").expect_err("it raises");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Raised, "no some text"));
    let error = render("{% include 'x' %}").expect_err("it is refused");
    assert_eq!(error.kind, ErrorKind::Syntax);
    assert!(error.message.contains("include"), "{error}");
}

#[test]
fn what_the_sandbox_hides_stays_hidden() {
    for source in
        ["{{ [].append(1) }}", "{{ {}.update({}) }}", "{{ ''.__class__.__mro__ }}", "{{ text.__init__() }}"]
    {
        let error = render(source).expect_err(source);
        assert_eq!(error.kind, ErrorKind::Security, "{source}: {error}");
    }
}
