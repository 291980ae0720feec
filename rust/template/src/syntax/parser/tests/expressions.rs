use super::{assert_refused, parse, shown};
use crate::syntax::ast::{Stmt, StmtKind};

#[track_caller]
fn assert_expr(source: &str, expected: &str) {
    let body = parse(&format!("{{{{ {source} }}}}")).unwrap();
    let [Stmt { kind: StmtKind::Output(expr), .. }] = body.as_slice() else { panic!("{body:?}") };
    assert_eq!(shown(expr), expected, "{source}");
}

#[test]
fn operators_bind_as_in_jinja_and_not_as_in_python() {
    assert_expr("a ~ b + c", "(Add (~ a b) c)");
    assert_expr("a + b ~ c * d", "(Add a (~ b (Multiply c d)))");
    assert_expr("a ~ b ~ c", "(~ a b c)");
    assert_expr("2 ** 3 ** 4", "(Power (Power 2 3) 4)");
    assert_expr("-2 ** 2", "(Power (- 2) 2)");
    assert_expr("2 ** -1", "(Power 2 (- 1))");
    assert_expr("a - b - c // d % e", "(Subtract (Subtract a b) (Remainder (FloorDivide c d) e))");
}

#[test]
fn logic_binds_looser_than_comparisons() {
    assert_expr("a or b and not c == d", "(or a (and b (not (c Equal d))))");
    assert_expr("a and b or c or d", "(or (or (and a b) c) d)");
    assert_expr("not not a", "(not (not a))");
    assert_expr("not x is y", "(not (x is y()))");
}

#[test]
fn comparisons_are_one_chain() {
    assert_expr("a < b <= c in d not in e", "(a Less b LessOrEqual c In d NotIn e)");
    assert_expr("(a < b) < c", "((a Less b) Less c)");
}

#[test]
fn filters_and_tests_apply_to_signs_and_bind_tighter_than_operators() {
    assert_expr("-1|abs", "((- 1) | abs())");
    assert_expr("a + b|f", "(Add a (b | f()))");
    assert_expr("- -a.b", "(- (- a.b))");
    assert_expr("a|f.g(1)|h", "((a | f.g(1)) | h())");
    assert_expr("a|f(1)(2)", "(a | f(1))(2)");
    assert_expr("a ~ b is c", "(~ a (b is c()))");
}

#[test]
fn tests_take_one_argument_without_parentheses() {
    assert_expr("x is not none", "(not (x is none()))");
    assert_expr("x is divisibleby 3", "(x is divisibleby(3))");
    assert_expr("x is eq y.z[0]|f", "((x is eq(y.z[0])) | f())");
    assert_expr("x is in [1]", "(x is in([1]))");
    assert_expr("x is a.b(1, c=2)", "(x is a.b(1 c=2))");
    assert_expr("x is a and y is b or z", "(or (and (x is a()) (y is b())) z)");
    assert_expr("1 if x is a else 2", "(1 if (x is a()) else 2)");
    assert_expr("x is a -1", "(Subtract (x is a()) 1)");
    // Any other name is an argument, even where it reads like an operator.
    assert_expr("x is a not in y", "((x is a(not)) In y)");
    assert_refused("{{ x is a is b }}", 1, 11, "tests cannot be chained: 'is' after a test");
}

#[test]
fn attributes_items_and_slices() {
    assert_expr("a.b.0.c[1]['d']", "a.b[0].c[1][\"d\"]");
    assert_expr("a.1.2", "a[1][2]");
    assert_expr("a[1:2][:][::3][b:c:d]", "a[1:2:_][_:_:_][_:_:3][b:c:d]");
    assert_expr("a[1, 2]", "a[(tuple 1 2)]");
    assert_expr("a[]", "a[(tuple )]");
    assert_refused("{{ a[1:2, 3] }}", 1, 6, "a slice together with other indices");
    assert_refused("{{ a[1,] }}", 1, 8, "found ']', expected an expression");
    assert_refused("{{ a.'b' }}", 1, 6, "found a string, expected a name or an integer after '.'");
}

#[test]
fn conditions_nest_to_the_right_and_need_no_else() {
    assert_expr("a if b", "(a if b else _)");
    assert_expr("a if b else c if d else e", "(a if b else (c if d else e))");
    assert_expr("a if b if c", "((a if b else _) if c else _)");
    assert_expr("a or b if c and d else e ~ f", "((or a b) if (and c d) else (~ e f))");
}

#[test]
fn literals() {
    assert_expr("'a' \"b\"\n'c'", "\"abc\"");
    assert_expr("true, True, false, False", "(tuple true true false false)");
    assert_expr("none == None", "(None Equal None)");
    assert_expr("[1, [], ]", "[1 []]");
    assert_expr("{'a': 1, b: {},}", "{\"a\":1 b:{}}");
    assert_expr("(), (1,), (1), (a, b)", "(tuple (tuple ) (tuple 1) 1 (tuple a b))");
    assert_expr("1, ", "(tuple 1)");
    assert_refused("{{ }}", 1, 4, "found '}}', expected an expression");
    assert_refused("{{ (,) }}", 1, 5, "found ',', expected an expression");
}

#[test]
fn words_are_names_where_no_operator_can_stand() {
    assert_expr("if", "if");
    assert_expr("a == not", "(a Equal not)");
    assert_expr("in.is", "in.is");
}

#[test]
fn arguments_come_in_pythons_order() {
    assert_expr("f(a, *b, c=1, **d,)", "f(a c=1 *b **d)");
    assert_expr("f(c=1, *b)(**d)", "f(c=1 *b)(**d)");
    assert_refused("{{ f(a=1, b) }}", 1, 11, "a positional argument after a keyword argument");
    assert_refused("{{ f(*a, b) }}", 1, 10, "a positional argument after '*'");
    assert_refused("{{ f(*a, *b) }}", 1, 10, "a second '*' argument");
    assert_refused("{{ f(**a, b=1) }}", 1, 11, "an argument after '**'");
    assert_refused("{{ f(,) }}", 1, 6, "found ',', expected an expression");
}

#[test]
fn keyword_arguments_are_not_repeated() {
    assert_refused("{{ x|f(a=1, a=2) }}", 1, 7, "the keyword argument 'a' is repeated");
    // With a keyword of Python among them Jinja2 makes a dict of them all.
    assert_expr("f(if=1, a=1, a=2)", "f(if=1 a=1 a=2)");
}
