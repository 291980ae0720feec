use super::{AppendOnly, Cuts, append_only};
use crate::parser::parse;

fn found(source: &str, cuts: Cuts) -> AppendOnly {
    append_only(&parse(source).unwrap(), cuts)
}

fn proven(source: &str) {
    assert_eq!(found(source, Cuts::Anywhere), AppendOnly::Proven, "{source}");
    assert_eq!(found(source, Cuts::AroundAnswers), AppendOnly::Proven, "{source}");
}

fn proven_around_answers(source: &str) {
    assert!(matches!(found(source, Cuts::Anywhere), AppendOnly::Unknown { .. }), "{source}");
    assert_eq!(found(source, Cuts::AroundAnswers), AppendOnly::Proven, "{source}");
}

fn unknown(source: &str) {
    for cuts in [Cuts::Anywhere, Cuts::AroundAnswers] {
        assert!(matches!(found(source, cuts), AppendOnly::Unknown { .. }), "{source}");
    }
}

fn why(source: &str) -> String {
    match found(source, Cuts::Anywhere) {
        AppendOnly::Proven => "proven".into(),
        AppendOnly::Unknown { why, place } => format!("{}:{} {why}", place.line, place.column),
    }
}

#[test]
fn what_prints_message_by_message_appends() {
    proven("");
    proven("{{ bos_token }}");
    proven("{% for m in messages %}<{{ m.role }}>{{ m['content'] | trim }}{% endfor %}");
    proven("{% for m in messages if m.role != 'system' %}{{ loop.index }}{{ m.content }}{% endfor %}");
    proven("{% for m in messages | rejectattr('role', 'equalto', 'system') %}{{ m.content }}{% endfor %}");
    proven("{% for m in messages %}{% if not loop.first %}, {% endif %}{{ m.content }}{% endfor %}");
    proven("{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}");
    proven("{{ messages[0].content }}{% for m in messages[1:] %}{{ m.content }}{% endfor %}");
    proven("{% for m in [first] + messages %}{{ m.content }}{% endfor %}");
    proven("{% for i in range(messages | length) %}{{ messages[i].content }}{% endfor %}");
}

#[test]
fn the_generation_prompt_does_not_count() {
    proven("{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}");
    proven(
        "{% for m in messages %}{{ m.content }}{% if loop.last and add_generation_prompt %}<a>{% endif %}{% endfor %}",
    );
    proven(
        "{% set add_generation_prompt = add_generation_prompt | default(false) %}\
         {% for m in messages %}{{ m.content }}{% endfor %}{{ '<a>' if add_generation_prompt }}",
    );
    unknown(
        "{% for m in messages %}{{ m.content }}{% endfor %}{% if not add_generation_prompt %}<e>{% endif %}",
    );
}

#[test]
fn what_is_printed_behind_the_messages_does_not_append() {
    unknown("{% for m in messages %}{{ m.content }}{% endfor %}end");
    unknown("{% for m in messages %}{{ m.content }}{% endfor %}{% for m in messages %}x{% endfor %}");
    unknown("{% for i in [1, 2] %}{% for m in messages %}{{ m.content }}{% endfor %}{% endfor %}");
    unknown("{% set text %}{% for m in messages %}{{ m.content }}{% endfor %}{% endset %}{{ text }}");
    unknown("{% for m in messages %}{{ m.content }}{% else %}none{% endfor %}{{ eos_token }}");
}

#[test]
fn what_each_message_begins_with_may_end_the_text() {
    proven(
        "{% for m in messages %}\n{% if m.x %}{{ raise_exception('x') }}{% endif %}\n  {{ m.content }}{% endfor %}\n",
    );
    unknown("{% for m in messages %}\n  {{ m.content }}{% endfor %}\n\n.");
    unknown("{% for m in messages %}{% if m.x %}{% continue %}{% endif %}.{{ m.content }}{% endfor %}.");
    unknown("{% for m in messages if m.x %}.{{ m.content }}{% endfor %}.");
}

#[test]
fn the_last_message_is_another_one_later() {
    unknown("{% for m in messages %}{{ m.content }}{% if loop.last %}<e>{% endif %}{% endfor %}");
    unknown("{% for m in messages %}{{ loop.length }}{{ m.content }}{% endfor %}");
    unknown("{% for m in messages %}{{ loop.revindex }}{% endfor %}");
    unknown("{{ messages[-1].content }}");
    unknown("{{ messages | last }}{{ messages | tojson }}");
    unknown("{% for m in messages[::-1] %}{{ m.content }}{% endfor %}");
    unknown("{% for m in messages[:-1] %}{{ m.content }}{% endfor %}");
    unknown("{{ messages | length }}");
    unknown("{% if messages | length > 3 %}long{% endif %}");
    unknown(
        "{% for m in messages %}{% if loop.index0 == messages | length - 1 %}x{% endif %}{{ m.content }}{% endfor %}",
    );
    unknown("{% for m in messages %}{% if loop.last %}{% break %}{% endif %}{{ m.content }}{% endfor %}");
    unknown(
        "{% for m in messages %}{{ m.content }}{% if loop.nextitem is defined %}{% break %}{% endif %}.{% endfor %}",
    );
}

#[test]
fn what_the_long_rendering_alone_prints_may_come_before_the_next_message() {
    proven("{% for m in messages %}{{ m.content }}{% if not loop.last %}, {% endif %}{% endfor %}");
    proven(
        "{% for m in messages %}{% if loop.last %}{{ 'a' + m.x }}{% else %}{{ 'a' + m.x + '\n' }}{% endif %}{% endfor %}",
    );
    unknown(
        "{% for m in messages %}{% if loop.last %}{{ 'a' + m.x + '\n' }}{% else %}{{ 'a' + m.x }}{% endif %}{% endfor %}",
    );
    unknown("{% for m in messages %}{{ m.content }}{% if not loop.last %}, {% endif %}.{% endfor %}");
    unknown("{% for m in messages %}{{ m.content }}{% if not loop.last %}, {% endif %}{% endfor %}.");
}

#[test]
fn conditional_outputs_are_branches() {
    proven("{% for m in messages %}{{ m.content }}{{ ', ' if not loop.last }}{% endfor %}");
    proven("{% for m in messages %}{{ m.content }}{{ '' if loop.last else ', ' }}{% endfor %}");
    unknown("{% for m in messages %}{{ m.content }}{{ '.' if loop.last else '' }}{% endfor %}");
    unknown("{% for m in messages %}{{ m.content }}{{ '.' if loop.last else ',' }}{% endfor %}");
}

#[test]
fn neighbours_count_if_they_are_there() {
    proven(
        "{% for m in messages %}{% if loop.first or messages[loop.index0 - 1].role != 'tool' %}<{% endif %}{% endfor %}",
    );
    proven(
        "{% for m in messages %}{% if loop.index0 > 0 and messages[loop.index0 - 1].x %}<{% endif %}{% endfor %}",
    );
    proven("{% for m in messages %}{{ loop.previtem.role if not loop.first }}{% endfor %}");
    proven(
        "{% for m in messages[1:] %}{{ messages[loop.index0].role }}{{ messages[loop.index].role }}{% endfor %}",
    );
    proven("{% for m in messages %}{{ messages[:loop.index] | length }}{% endfor %}");
    // The number before the first one is the last one.
    unknown("{% for m in messages %}{{ messages[loop.index0 - 1].role }}{% endfor %}");
    unknown("{% for m in messages %}{{ messages[loop.index0 - 2].role if not loop.first }}{% endfor %}");
    unknown("{% for m in messages %}{{ messages[loop.index0 + 1] }}{% endfor %}");
    unknown("{% for m in messages %}{{ loop.nextitem }}{% endfor %}");
    unknown(
        "{% for m in messages %}{% for n in messages[loop.index:] %}{{ n.role }}{% endfor %}{% endfor %}",
    );
}

#[test]
fn a_message_that_is_not_there_raises() {
    proven("{{ messages[1].role }}{% for m in messages[2:] %}{{ m.content }}{% endfor %}");
    unknown("{{ messages[1] }}");
    unknown("{% if messages[1] %}two{% endif %}");
}

#[test]
fn results_of_tools_are_one_between_answers() {
    let wrapped = |test: &str| {
        format!(
            "{{% for m in messages %}}{{% if m.role == 'user' %}}{{{{ m.content }}}}{{% elif m['role'] == 'tool' %}}\
             [{{{{ m.content }}}}{{% if {test} %}}]{{% endif %}}{{% endif %}}{{% endfor %}}"
        )
    };
    proven_around_answers(&wrapped("loop.last or messages[loop.index0 + 1].role != 'tool'"));
    proven_around_answers(&wrapped("loop.last or loop.nextitem['role'] not in ['tool', 'user']"));
    proven_around_answers(&wrapped("not (loop.nextitem and loop.nextitem.role == 'tool')"));
    proven_around_answers(&wrapped("loop.index == messages | length or messages[loop.index].role != 'tool'"));
    unknown(&wrapped("loop.last or loop.nextitem.role == 'user'"));
    unknown(&wrapped("loop.last"));
    proven_around_answers(
        "{% for m in messages %}{% if m.role != 'assistant' %}{{ m.content }}\
         {% if not loop.last and loop.nextitem.role != 'tool' %}]{% elif loop.last %}]{% endif %}{% endif %}{% endfor %}",
    );
    // What is said of the other roles says nothing of an answer.
    unknown(
        "{% for m in messages %}{% if loop.last or loop.nextitem.role != 'tool' %}]{% endif %}{% endfor %}",
    );
}

#[test]
fn namespaces_carry_what_came_before() {
    proven(
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.n = ns.n + 1 %}\
         {% endif %}{{ ns.n }}{{ m.content }}{% endfor %}",
    );
    unknown(
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}\
         {% for m in messages %}{{ ns.n }}{{ m.content }}{% endfor %}",
    );
    unknown("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = 1 %}{% endfor %}{{ ns.n }}");
    unknown("{% set ns = namespace(l=messages) %}{{ ns.l[-1] }}");
    unknown(
        "{% set ns = namespace(n=0) %}{% if messages | length > 2 %}{% set ns.n = 1 %}{% endif %}{{ ns.n }}",
    );
    // The first message is there in both renderings.
    proven(
        "{% set ns = namespace(s='') %}{% for m in messages %}{% if loop.first %}{% set ns.s = m.content %}{% endif %}\
         {% endfor %}{{ ns.s }}{% for m in messages %}{{ m.content }}{% endfor %}",
    );
    // Two names of one namespace.
    unknown(
        "{% set a = namespace(n=0) %}{% set b = a %}{% for m in messages %}{% set b.n = loop.last %}{% endfor %}{{ a.n }}",
    );
    unknown(
        "{% set a = namespace(n=0) %}{% set b = [a][0] %}{% for m in messages %}{% set b.n = 1 %}{% endfor %}{{ a.n }}",
    );
}

#[test]
fn what_raises_tells() {
    proven(
        "{% for m in messages %}{% if loop.last and m.role == 'system' %}{{ raise_exception('no') }}{% endif %}\
         {{ m.content }}{% endfor %}",
    );
    proven(
        "{% set messages = messages[1:] %}{% if messages | length != 0 %}{{ messages[0] }}{% else %}\
         {{ raise_exception('none') }}{% endif %}{% for m in messages[1:] %}{{ m.content }}{% endfor %}",
    );
    unknown(
        "{% macro raise_exception(x) %}{% endmacro %}{% for m in messages %}{% if loop.last %}\
         {{ raise_exception('no') }}{% else %}{% endif %}{{ m.content }}{% endfor %}{{ messages | length }}",
    );
    unknown(
        "{% for m in messages %}{% if loop.last %}{% break %}{{ raise_exception('no') }}{% endif %}{{ m }}{% endfor %}",
    );
}

#[test]
fn what_jumps_may_not_raise() {
    unknown(
        "{% for m in messages %}{% if loop.last %}{% with %}{% if m.x %}{% break %}{% endif %}{% endwith %}\
         {{ raise_exception('no') }}{% endif %}{{ m.content }}{% endfor %}",
    );
}

#[test]
fn macros_are_followed() {
    proven("{% macro f(m) %}<{{ m.role }}>{% endmacro %}{% for m in messages %}{{ f(m) }}{% endfor %}");
    proven(
        "{% macro f(x) %}{% for y in x %}{{ f(y) }}{% endfor %}{% endmacro %}{% for m in messages %}{{ f(m.x) }}{% endfor %}",
    );
    proven(
        "{% set ns = namespace(n=0) %}{% macro f() %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% endmacro %}{% for m in messages %}{{ f() }}{% endfor %}",
    );
    proven(
        "{% macro f(l) %}{% if l[0].role == 'system' %}{{ l[0].content }}{% endif %}{% endmacro %}{{ f(messages) }}",
    );
    unknown("{% macro f(l) %}{{ l | length }}{% endmacro %}{{ f(messages) }}");
    unknown("{% macro f() %}{{ messages[-1].role }}{% endmacro %}{{ f() }}");
    unknown("{% macro f(x) %}{{ x }}{% endmacro %}{% for m in messages %}{{ f(loop.last) }}{% endfor %}");
    unknown("{% macro f(l) %}{% if l %}{{ f(l[1:]) }}{% endif %}{% endmacro %}{{ f(messages) }}");
    unknown("{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}{{ messages[-1].role }}{% endcall %}");
    proven("{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}{{ messages_of_old }}{% endcall %}");
    unknown("{% macro f() %}{{ ['a', 'b'] | random }}{% endmacro %}{{ f() }}");
}

#[test]
fn iterators_are_used_up() {
    proven(
        "{% set names = tools | map(attribute='name') %}{{ names | join }}{% for m in messages %}{{ m.content }}{% endfor %}",
    );
    unknown(
        "{% set names = tools | map(attribute='name') %}{% for m in messages %}\
         {% if m.role == 'tool' %}{% set x = names | list %}{% endif %}{% endfor %}{{ names | join }}",
    );
    unknown(
        "{% set c = cycler('a', 'b') %}{% for m in messages %}{% set x = c.next() %}{% endfor %}{{ c.next() }}",
    );
}

#[test]
fn reasons_are_told() {
    assert_eq!(
        why("{% for m in messages %}\n{{ m.content }}{% if loop.last %}x{% endif %}{% endfor %}"),
        "2:34 whether this is printed depends on whether a message is the last one (line 2, column 22)"
    );
    assert_eq!(
        why("{% for m in messages %}x{% endfor %}\nend"),
        "2:1 this is printed behind the messages that a loop has printed (line 1, column 1)"
    );
    assert_eq!(
        why("{{ messages[-1] }}"),
        "1:1 what is printed here depends on the last messages (line 1, column 4)"
    );
    assert_eq!(
        why("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = 1 %}{% endfor %}{{ ns.n }}"),
        "1:83 what is printed here depends on 'n', which a loop over the messages has set (line 1, column 30)"
    );
}

#[test]
fn hostile_templates_end() {
    let loops = "{% for a in x %}{% set ns.a = ns.b %}{% set ns.b = ns.c %}".repeat(60);
    let deep = format!("{{% set ns = namespace(c=0) %}}{loops}{}", "{% endfor %}".repeat(60));
    found(&deep, Cuts::Anywhere);
    let macros = (0..40)
        .map(|at| {
            let call =
                if at == 0 { String::new() } else { format!("{{{{ m{0}(x) }}}}{{{{ m{0}(x) }}}}", at - 1) };
            format!("{{% macro m{at}(x) %}}{{{{ messages[0].x }}}}{call}{{% endmacro %}}")
        })
        .collect::<Vec<_>>()
        .concat();
    found(&format!("{macros}{{{{ m39(1) }}}}"), Cuts::Anywhere);
    let chain = "m.role == 'x' or ".repeat(100);
    found(
        &format!("{{% for m in messages %}}{{% if {chain} loop.first %}}x{{% endif %}}{{% endfor %}}"),
        Cuts::Anywhere,
    );
    let deep = format!("{}messages{}", "[".repeat(70), "]".repeat(70));
    let deep: String =
        (0..8).fold(format!("{{% macro m0(x) %}}{{{{ {deep} }}}}{{% endmacro %}}"), |all, at| {
            let call = format!("{}m{at}(messages){}", "[".repeat(70), "]".repeat(70));
            format!("{all}{{% macro m{}(x) %}}{{{{ {call} }}}}{{% endmacro %}}", at + 1)
        });
    found(&format!("{deep}{{{{ m8(messages) }}}}"), Cuts::Anywhere);
    let branches = "{% if a %}x{% elif b %}y{% endif %}{% set v = messages %}".repeat(3000);
    found(&branches, Cuts::Anywhere);
}
