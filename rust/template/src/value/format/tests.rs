//! Formatting from templates.

use crate::builtins::methods::tests::{check, render};
use crate::error::ErrorKind::{Budget, Security, Type, Value};
use crate::value::text::{Node, Source, Span};

#[test]
fn percent() {
    check(&[
        ("'%s %r %a %%' % ('é', 'é', 'é')", Ok(r"é 'é' '\xe9' %")),
        ("'%d %i %u' % (3.9, true, -5)", Ok("3 1 -5")),
        ("'%5d|%-5d|%05d|%+d|% d' % (42, 42, -42, 42, 42)", Ok("   42|42   |-0042|+42| 42")),
        ("'%x %X %#x %#o %.4x' % (255, 255, 255, 8, 255)", Ok("ff FF 0xff 0o10 00ff")),
        ("'%#08x|%#8x' % (255, -255)", Ok("0x0000ff|   -0xff")),
        ("'%.2f %e %g %G' % (2.675, 12345.678, 1e-10, 1e20)", Ok("2.67 1.234568e+04 1e-10 1E+20")),
        ("'%05.1f|%-8.2e|' % (-2.25, 0.5)", Ok("-02.2|5.00e-01|")),
        ("'%.2s|%5s|%-5s|' % ('abc', 'é', 'é')", Ok("ab|    é|é    |")),
        ("'%c%c' % ('x', 233)", Ok("xé")),
        ("'%*d|%.*f' % (5, 42, 1, 2.25)", Ok("   42|2.2")),
        ("'%(a)s-%(b)03d' % {'a': 1, 'b': 2}", Ok("1-002")),
        ("'%s' % {'a': 1}", Ok("{'a': 1}")),
        ("'x' % {} ~ 'x' % [1] ~ '%s' % nothing", Ok("xx")),
        ("'%d' % 123456789012345678901234567890", Ok("123456789012345678901234567890")),
        ("'x' % 1", Err(Type)),
        ("'%s %s' % 1", Err(Type)),
        ("'%s' % (1, 2)", Err(Type)),
        ("'%d' % '1'", Err(Type)),
        ("'%x' % 1.0", Err(Type)),
        ("'%(a)s' % 1", Err(Type)),
        ("'%(a)s' % {}", Err(Value)),
        ("'%y' % 1", Err(Value)),
        ("'%' % ()", Err(Value)),
        ("'%5%' % 1", Err(Value)),
        ("'%1000000000d' % 1", Err(Budget)),
        ("'%.1000000000f' % 1", Err(Budget)),
        ("'%.1000000000d' % 1", Err(Budget)),
    ]);
}

#[test]
fn braces() {
    check(&[
        ("'{} {{{}}}'.format(1, 'a')", Ok("1 {a}")),
        ("'{1}{0}{a}'.format(1, 2, a=3)", Ok("213")),
        ("'{0[a]}{0.a}{1[0]}'.format({'a': 1}, [5])", Ok("115")),
        ("'{!r:>5}|{!s}|{!a}'.format('a', 1, 'é')", Ok(r"  'a'|1|'\xe9'")),
        ("'{:{}}|{:>{w}}'.format('a', 3, 'b', w=2)", Ok("a  | b")),
        ("'{a}'.format_map({'a': 1})", Ok("1")),
        ("'{}{0}'.format(1)", Err(Value)),
        ("'{0}{}'.format(1)", Err(Value)),
        ("'{'.format()", Err(Value)),
        ("'}'.format()", Err(Value)),
        ("'{0'.format(1)", Err(Value)),
        ("'{!x}'.format(1)", Err(Value)),
        ("'{}'.format()", Err(Value)),
        ("'{a}'.format()", Err(Value)),
        ("'{:{:{}}}'.format(1, 2, 3)", Err(Value)),
        ("'{0.append.x}'.format([])", Err(Security)),
        ("'{0.__class__.x}'.format(1)", Err(Security)),
        ("'{:>9999999999}'.format(1)", Err(Budget)),
        ("'{:.2147483647f}'.format(1)", Err(Budget)),
    ]);
}

#[test]
fn specifications() {
    for (value, spec, expected) in [
        ("'abc'", "*^7.2", Ok("**ab***")),
        ("'a'", "=5", Err(Value)),
        ("'a'", "d", Err(Value)),
        ("'a'", "05", Ok("a0000")),
        ("42", "", Ok("42")),
        ("42", ">6", Ok("    42")),
        ("42", "+06", Ok("+00042")),
        ("-42", "#010x", Ok("-0x000002a")),
        ("1234567", ",", Ok("1,234,567")),
        ("1234", "010,", Ok("00,001,234")),
        ("1234", "08,", Ok("0,001,234")),
        ("65535", "_b", Ok("1111_1111_1111_1111")),
        ("65", "c", Ok("A")),
        ("true", "d", Ok("1")),
        ("true", "", Ok("True")),
        ("7", ".2", Err(Value)),
        ("7", ".1f", Ok("7.0")),
        ("2.5", "", Ok("2.5")),
        ("2.5", ".0f", Ok("2")),
        ("1234.5", ",.2f", Ok("1,234.50")),
        ("0.256", ".1%", Ok("25.6%")),
        ("12.0", ".3", Ok("12.0")),
        ("1e20", "#", Ok("1.e+20")),
        ("-0.1", "z.0f", Ok("0")),
        ("2.5", "é", Err(Value)),
        ("2.5", "٥", Ok("  2.5")),
        ("10 ** 20", ",d", Ok("100,000,000,000,000,000,000")),
        ("10 ** 400", "f", Err(Value)),
        ("none", "", Ok("None")),
        ("none", "5", Err(Type)),
        ("[1]", ">5", Err(Type)),
    ] {
        check(&[(&format!("'{{:{spec}}}'.format({value})"), expected)]);
    }
}

#[test]
fn markup_escapes_what_is_put_in() {
    check(&[
        ("('<%s>'|safe) % '<'", Ok("<&lt;>")),
        ("('%s'|safe) % ('<'|safe)", Ok("<")),
        ("('%(a)r %(b)d'|safe) % {'a': '<', 'b': 2}", Ok("&#39;&lt;&#39; 2")),
        ("('%x'|safe) % 5", Err(Type)),
        ("('<{}{}{:>2}'|safe).format('<', '<'|safe, 1)", Ok("<&lt;< 1")),
        ("('{:5}'|safe).format('<'|safe)", Err(Value)),
    ]);
}

#[test]
fn text_put_in_keeps_its_origin() {
    let input = Span { len: 2, source: Source::Input { node: Node(1), start: 0 } };
    let template = |len| Span { len, source: Source::Template };
    for (source, text, spans) in [
        ("{{ 'a%s%%' % t }}", "axy%", vec![template(1), input, template(1)]),
        ("{{ '{}{{'.format(t) }}", "xy{", vec![input, template(1)]),
        ("{{ '%4s' % t }}", "  xy", vec![template(2), input]),
    ] {
        assert_eq!(render(source, "xy").unwrap(), (text.to_owned(), spans), "{source}");
    }
}
