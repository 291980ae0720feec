//! Methods called from templates.

use bumpalo::Bump;
use jiff::civil::DateTime;

use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::run::output::Output;
use crate::template::Template;
use crate::value::inputs::{Inputs, Step};
use crate::value::text::{Node, Source, Span};

/// What a template makes of a variable `t`, and where that comes from.
pub fn render(source: &str, t: &str) -> Result<(String, Vec<Span>)> {
    let (arena, mut scratch, mut output) = (Bump::new(), Bump::new(), Output::default());
    let mut inputs = Inputs::new(&arena);
    let node = inputs.place(Node::NONE, Step::Variable("t"));
    let variables = [("t", inputs.text(node, t))];
    let limits = Limits::for_input(1000);
    Template::compile(source)?.render(&variables, DateTime::default(), limits, &mut scratch, &mut output)?;
    Ok(output.into_parts())
}

/// Checks what expressions print, or what kind of error they raise.
pub fn check(table: &[(&str, std::result::Result<&str, ErrorKind>)]) {
    for (expression, expected) in table {
        let rendered = render(&format!("{{{{ {expression} }}}}"), "").map(|(text, _)| text);
        let rendered = rendered.as_deref().map_err(|error| error.kind);
        assert_eq!(rendered, *expected, "{expression}");
    }
}

/// Python's public methods of each type.
const NAMES: [(&str, &str); 7] = [
    (
        "'a'",
        "capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha \
         isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust \
         lower lstrip maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit \
         rstrip split splitlines startswith strip swapcase title translate upper zfill",
    ),
    ("('a'|safe)", "escape striptags unescape"),
    ("[1]", "append clear copy count extend index insert pop remove reverse sort"),
    ("(1, 2)", "count index"),
    ("{'a': 1}", "clear copy fromkeys get items keys pop popitem setdefault update values"),
    ("1", "as_integer_ratio bit_count bit_length conjugate from_bytes to_bytes"),
    ("1.5", "as_integer_ratio conjugate fromhex hex is_integer"),
];

#[test]
fn every_name_is_known() {
    for (object, names) in NAMES {
        for name in names.split(' ') {
            for arguments in ["", "1", "'a'", "'a', 'b'", "2, 'b'", "[]", "{}"] {
                if let Err(error) = render(&format!("{{{{ {object}.{name}({arguments}) }}}}"), "") {
                    assert!(!error.message.contains("has no"), "{name}: {error}");
                }
            }
        }
    }
}

#[test]
fn cutting() {
    check(&[
        (r"'\x1c a\t'.strip()", Ok("a")),
        ("'xyax'.lstrip('yx') ~ '|' ~ 'axy'.rstrip('yx')", Ok("ax|a")),
        ("'a'.strip(1)", Err(ErrorKind::Type)),
        ("'  a b  c '.split()", Ok("['a', 'b', 'c']")),
        ("' a b  c '.split(none, 1)", Ok("['a', 'b  c ']")),
        ("' a  b c '.rsplit(none, 1)", Ok("[' a  b', 'c']")),
        ("'a,b,,c'.split(',', maxsplit=2)", Ok("['a', 'b', ',c']")),
        ("'a,b,,c'.rsplit(',', 1)", Ok("['a,b,', 'c']")),
        ("'aaa'.split('aa') ~ 'aaa'.rsplit('aa')", Ok("['', 'a']['a', '']")),
        ("''.split() ~ ''.split(',')", Ok("[]['']")),
        ("'a'.split('')", Err(ErrorKind::Value)),
        (r"'a\r\nb\x85c\n\n'.splitlines()", Ok("['a', 'b', 'c', '']")),
        (r"'a\r\nb\rc'.splitlines(true)", Ok(r"['a\r\n', 'b\r', 'c']")),
        ("'a=b=c'.partition('=') ~ 'a=b=c'.rpartition('=')", Ok("('a', '=', 'b=c')('a=b', '=', 'c')")),
        ("'a'.partition('=') ~ 'a'.rpartition('=')", Ok("('a', '', '')('', '', 'a')")),
        ("'abc'.removeprefix('ab') ~ 'abc'.removesuffix('ab')", Ok("cabc")),
    ]);
}

#[test]
fn searching() {
    check(&[
        ("'aéaé'.find('é') ~ 'aéaé'.rfind('é') ~ 'aéaé'.find('é', 2)", Ok("133")),
        ("'abc'.find('', 3) ~ 'abc'.find('', 4) ~ 'abc'.find('c', -1)", Ok("3-12")),
        ("'abc'.index('d')", Err(ErrorKind::Value)),
        ("'éaaa'.count('aa') ~ 'abc'.count('') ~ 'aaa'.count('a', 1, none)", Ok("142")),
        ("'abc'.startswith(('x', 'ab')) ~ 'abc'.endswith('b', 0, 2)", Ok("TrueTrue")),
        ("'abc'.startswith('', 4) ~ 'abc'.startswith(('a', 1))", Ok("FalseTrue")),
        ("'abc'.startswith(['a'])", Err(ErrorKind::Type)),
    ]);
}

#[test]
fn rewriting() {
    check(&[
        ("'they\\'re ß'.title() ~ 'ΑΣ'.lower() ~ 'aB'.swapcase()", Ok("They'Re SsαςAb")),
        ("'aaa'.replace('a', 'b', 2) ~ 'ab'.replace('', '-') ~ 'ab'.replace('', '-', 1)", Ok("bba-a-b--ab")),
        ("'-'.join(['a', 'b']) ~ '-'.join('xy') ~ ','.join({'a': 1})", Ok("a-bx-ya")),
        ("'-'.join([1])", Err(ErrorKind::Type)),
        ("'ab'.center(5, '*') ~ 'abc'.center(6, '*') ~ 'é'.ljust(3) ~ '|'", Ok("**ab**abc**é  |")),
        ("'a'.rjust(3, 'xy')", Err(ErrorKind::Type)),
        ("'-5'.zfill(4) ~ '5'.zfill(0) ~ 'a\tbc\td'.expandtabs(4)", Ok("-0055a   bc  d")),
        ("'a'.ljust(99999999999)", Err(ErrorKind::Budget)),
        ("'\t'.expandtabs(2147483647)", Err(ErrorKind::Budget)),
        ("'abc'.translate({97: 'xx', 98: none, 99: 100})", Ok("xxd")),
        ("'a'.encode()", Err(ErrorKind::Unsupported)),
        ("'²'.isdigit() ~ '²'.isdecimal() ~ ''.isalpha() ~ ''.isprintable()", Ok("TrueFalseFalseTrue")),
    ]);
}

#[test]
fn markup_escapes_what_is_added() {
    check(&[
        ("('<b>,'|safe).join(['<', 1])", Ok("&lt;<b>,1")),
        ("('a'|safe).replace('a', '<') ~ 'a'.replace('a', '<')", Ok("&lt;<")),
        ("[('a b'|safe).split(), ('a'|safe).strip()]", Ok("[[Markup('a'), Markup('b')], Markup('a')]")),
        ("['<'.strip(), ('<'|safe).upper(), '-'.join([('<'|safe)])]", Ok("['<', Markup('<'), '<']")),
        ("('a'|safe).center(3, '<')", Err(ErrorKind::Type)),
        ("('a'|safe).escape('<\\'')", Ok("&lt;&#39;")),
    ]);
}

#[test]
fn containers_and_numbers() {
    check(&[
        ("[1, 2, 1.0].count(1) ~ [1, 2].index(2) ~ (1, 2).index(2, -1)", Ok("211")),
        ("[1, 2].index(1, 1)", Err(ErrorKind::Value)),
        ("range(1, 9, 2).index(5) ~ range(3).count(5)", Ok("20")),
        ("{'a': 1}.get('b', 2) ~ {'a': 1}.get('b') ~ {1: 'x'}.get(true)", Ok("2Nonex")),
        ("{}.get([])", Err(ErrorKind::Type)),
        ("{'a': 1}.copy().items()", Ok("dict_items([('a', 1)])")),
        ("[1].append(2)", Err(ErrorKind::Security)),
        ("{}.update({})", Err(ErrorKind::Security)),
        ("(255).bit_length() ~ (-255).bit_count() ~ true.real ~ (2).denominator", Ok("8811")),
        ("(2.5).as_integer_ratio() ~ (2.0).is_integer() ~ (1.5).imag", Ok("(5, 2)True0.0")),
        ("range(2, 7).stop", Ok("7")),
    ]);
}

#[test]
fn cut_text_keeps_its_origin() {
    let input = |start, len| Span { len, source: Source::Input { node: Node(1), start } };
    let other = |source, len| Span { len, source };
    let derived = Source::Derived { node: Node(1) };
    for (source, text, spans) in [
        ("{{ t.strip() }}", "a,bé", vec![input(2, 5)]),
        ("{{ t.split(',')[1] }}", "bé ", vec![input(4, 4)]),
        ("{{ t.replace('a', 'x') }}", "  x,bé ", vec![input(0, 2), other(Source::Template, 1), input(3, 5)]),
        (
            "{{ '-'.join([t.strip(), t[2]]) }}",
            "a,bé-a",
            vec![input(2, 5), other(Source::Template, 1), input(2, 1)],
        ),
        ("{{ t.upper() }}", "  A,BÉ ", vec![other(derived, 8)]),
        ("{{ t.lower() }}", "  a,bé ", vec![input(0, 8)]),
        ("{{ t.strip().ljust(6, '.') }}", "a,bé..", vec![input(2, 5), other(Source::Template, 2)]),
    ] {
        assert_eq!(render(source, "  a,bé ").unwrap(), (text.to_owned(), spans), "{source}");
    }
}
