use super::{assert_refused, parse, refused, shown};
use crate::error::ErrorKind;
use crate::syntax::ast::{ExprKind, Pos, StmtKind, Target};

#[track_caller]
fn only(source: &str) -> StmtKind {
    let mut body = parse(source).unwrap();
    assert_eq!(body.len(), 1, "{body:?}");
    body.pop().unwrap().kind
}

fn name(name: &str) -> Target {
    Target::Name(name.to_owned())
}

#[test]
fn elif_is_flat_and_ordered() {
    let kind = only("{% if a %}1{% elif b %}2{% elif c: %}3{% else %}4{% endif %}");
    let StmtKind::If { branches, otherwise } = kind else { panic!("{kind:?}") };
    let tests: Vec<_> = branches.iter().map(|(test, _)| shown(test)).collect();
    assert_eq!(tests, ["a", "b", "c"]);
    assert_eq!(branches[2].1[0].kind, StmtKind::Text("3".to_owned()));
    assert_eq!(otherwise[0].kind, StmtKind::Text("4".to_owned()));
}

#[test]
fn for_takes_a_tuple_a_filter_and_an_else() {
    let kind = only("{% for a, (b, c) in d, e if f recursive %}1{% else %}2{% endfor %}");
    let StmtKind::For(each) = kind else { panic!("{kind:?}") };
    assert_eq!(each.target, Target::Tuple(vec![name("a"), Target::Tuple(vec![name("b"), name("c")])]));
    assert_eq!(shown(&each.iter), "(tuple d e)");
    assert_eq!(each.filter.as_ref().map(shown).as_deref(), Some("f"));
    assert!(each.recursive);
    assert_eq!((each.body.len(), each.otherwise.len()), (1, 1));
}

#[test]
fn set_writes_names_tuples_and_attributes_of_namespaces() {
    let StmtKind::Set { target, value } = only("{% set a, ns.b = 1, 2 %}") else { panic!() };
    let place = Pos { line: 1, column: 11 };
    let attribute = Target::Attribute { namespace: "ns".to_owned(), attribute: "b".to_owned(), place };
    assert_eq!(target, Target::Tuple(vec![name("a"), attribute]));
    assert_eq!(shown(&value), "(tuple 1 2)");
    assert_refused("{% set (a.b) = 1 %}", 1, 8, "an expression cannot be assigned to");
    assert_refused("{% set true = 1 %}", 1, 8, "a constant cannot be assigned to");
    assert_refused("{% set a, = 1 %}", 1, 11, "found '=', expected an expression");
}

#[test]
fn blocks_apply_filters_in_the_order_written() {
    let StmtKind::SetBlock { filters, .. } = only("{% set a|f|g.h(1) %}b{% endset %}") else { panic!() };
    assert_eq!(filters.iter().map(|filter| filter.name.as_str()).collect::<Vec<_>>(), ["f", "g.h"]);
    let StmtKind::FilterBlock { filters, .. } = only("{% filter f|g %}b{% endfilter %}") else { panic!() };
    assert_eq!(filters.iter().map(|filter| filter.name.as_str()).collect::<Vec<_>>(), ["f", "g"]);
}

#[test]
fn with_assigns_each_value_to_a_target() {
    let StmtKind::With { assignments, body } = only("{% with a = 1, b, c = d %}e{% endwith %}") else {
        panic!()
    };
    assert_eq!(assignments.len(), 2);
    assert_eq!(assignments[1].0, Target::Tuple(vec![name("b"), name("c")]));
    assert_eq!(body.len(), 1);
    assert!(parse("{% with %}{% endwith %}").is_ok());
    assert_refused("{% with a=1, %}{% endwith %}", 1, 14, "found '%}', expected a name to assign to");
}

#[test]
fn macros_and_call_blocks_have_parameters() {
    let StmtKind::Macro { name, function } = only("{% macro m(a, b=1) %}c{% endmacro %}") else { panic!() };
    assert_eq!((name.as_str(), function.parameters.len(), function.defaults.len()), ("m", 2, 1));
    let StmtKind::CallBlock { call, caller } = only("{% call(a) f(1) %}b{% endcall %}") else { panic!() };
    assert_eq!((shown(&call).as_str(), caller.parameters.len()), ("f(1)", 1));
    let message = "the parameter 'b' needs a default, as those before it";
    assert_refused("{% macro m(a=1, b) %}{% endmacro %}", 1, 17, message);
    assert_refused("{% macro m(a, a) %}{% endmacro %}", 1, 11, "the parameter 'a' is repeated");
    assert_refused(
        "{% macro true() %}{% endmacro %}",
        1,
        10,
        "'true' is a constant and cannot be assigned to",
    );
    assert_refused("{% call f %}{% endcall %}", 1, 9, "a call block needs a call");
    let message = "the keyword argument 'caller' is the call block itself";
    assert_refused("{% call f(caller=1) %}{% endcall %}", 1, 9, message);
}

#[test]
fn a_parameter_caller_needs_a_default_where_the_body_uses_it() {
    let message = "the parameter 'caller' must be omitted or have a default";
    assert_refused("{% macro m(caller) %}{{ caller() }}{% endmacro %}", 1, 1, message);
    assert!(parse("{% macro m(caller=1) %}{{ caller() }}{% endmacro %}").is_ok());
    assert!(parse("{% macro m(caller) %}{% set caller = 1 %}{{ caller }}{% endmacro %}").is_ok());
    assert!(parse("{% macro m(kwargs) %}{{ kwargs }}{% endmacro %}").is_ok());
}

#[test]
fn print_makes_an_output_of_each_expression() {
    let body = parse("{% print a, b %}{% print %}").unwrap();
    assert_eq!(body.len(), 2);
    assert!(body.iter().all(|statement| matches!(statement.kind, StmtKind::Output(_))));
}

#[test]
fn break_and_continue_stand_in_loops() {
    let each = |body: &str| format!("{{% for a in b %}}{body}{{% endfor %}}");
    for body in
        ["{% break %}", "{% if a %}{% continue %}{% endif %}", "{% filter f %}{% break %}{% endfilter %}"]
    {
        assert!(parse(&each(body)).is_ok(), "{body}");
        assert_eq!(refused(body).kind, ErrorKind::Syntax, "{body}");
    }
    let inner = "{% for c in d %}{% else %}{% break %}{% endfor %}";
    assert!(parse(&each(inner)).is_ok());
    refused(inner);
    refused(&each(&inner.replace("d %}", "d recursive %}")));
    for body in [
        "{% macro m() %}{% break %}{% endmacro %}",
        "{% call f() %}{% break %}{% endcall %}",
        "{% generation %}{% break %}{% endgeneration %}",
    ] {
        assert!(refused(&each(body)).message.contains("outside of a loop"), "{body}");
    }
}

#[test]
fn loop_is_reserved_in_loops() {
    let message = "'loop' cannot be assigned to in a loop";
    assert_refused("{% for loop in a %}{% endfor %}", 1, 8, message);
    assert_refused("{% for a in b %}{% set c, loop = 1 %}{% endfor %}", 1, 27, message);
    assert_refused("{% for a in b %}{% else %}{% set loop = 1 %}{% endfor %}", 1, 34, message);
    assert_refused(
        "{% for a in b %}{% macro m() %}{% set loop %}{% endset %}{% endmacro %}{% endfor %}",
        1,
        39,
        message,
    );
    assert!(parse("{% set loop = 1 %}{% for a in b %}{% with loop = 1 %}{% endwith %}{% endfor %}").is_ok());
}

#[test]
fn tags_that_are_not_closed_or_not_known_are_named() {
    assert_refused(
        "{% if a %}\n{% for b in c %}",
        2,
        17,
        "the template ends, expected 'endfor' or 'else' for the 'for' of line 2, column 1",
    );
    assert_refused(
        "{% if a %}\n{% endfor %}",
        2,
        1,
        "unknown tag 'endfor', expected 'elif' or 'else' or 'endif' for the 'if' of line 1, column 1",
    );
    assert_refused("a {% do x %}", 1, 3, "unknown tag 'do'");
    assert_refused("{% include 'a' %}", 1, 1, "chat templates of this engine cannot 'include'");
    assert_refused("{% %}", 1, 4, "found '%}', expected the name of a tag");
    assert_refused("{% if a", 1, 8, "found the end of the template, expected '%}'");
    assert_refused("{{ a b }}", 1, 6, "found 'b', expected '}}'");
}

#[test]
fn generation_is_a_block() {
    let StmtKind::Generation(body) = only("{% generation %}a{% endgeneration %}") else { panic!() };
    assert_eq!(body.len(), 1);
}

#[test]
fn places_are_those_of_tags_and_expressions() {
    let body = parse("a\n  {% if x %}{{\n b.c|d(e) }}{% endif %}").unwrap();
    assert_eq!(body[1].place, Pos { line: 2, column: 3 });
    let StmtKind::If { branches, .. } = &body[1].kind else { panic!() };
    let output = &branches[0].1[0];
    assert_eq!(output.place, Pos { line: 2, column: 13 });
    let StmtKind::Output(expr) = &output.kind else { panic!() };
    assert_eq!(expr.place, Pos { line: 3, column: 2 });
    let ExprKind::Filter { filter, .. } = &expr.kind else { panic!() };
    assert_eq!(filter.place, Pos { line: 3, column: 6 });
    assert_eq!(filter.arguments.positional[0].place, Pos { line: 3, column: 8 });
}
