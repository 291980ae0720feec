use super::{Lexer, TokenKind, normalise};
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::ast::{Const, Pos};

/// The tokens up to the end, each with its place.
fn tokens(source: &str) -> Result<Vec<(Pos, String)>> {
    let source = normalise(source);
    let mut lexer = Lexer::new(&source);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next_token()?;
        let text = match token.kind {
            TokenKind::End => return Ok(tokens),
            TokenKind::Text(text) => format!("{text:?}"),
            TokenKind::Name(name) => name.to_owned(),
            TokenKind::Str(text) => format!("str {text:?}"),
            TokenKind::Integer(Const::Int(integer)) => format!("int {integer}"),
            TokenKind::Integer(Const::BigInt(digits)) => format!("big {digits}"),
            TokenKind::Float(float) => format!("float {float:?}"),
            TokenKind::Symbol(symbol) => symbol.text().to_owned(),
            other => other.to_string().trim_matches('\'').to_owned(),
        };
        tokens.push((token.place, text));
    }
}

#[track_caller]
fn assert_tokens(source: &str, expected: &[&str]) {
    let found: Vec<_> = tokens(source).unwrap().into_iter().map(|(_, text)| text).collect();
    assert_eq!(found, expected, "{source:?}");
}

/// The texts of a template whose tags are all comments or one letter.
#[track_caller]
fn assert_texts(source: &str, expected: &[&str]) {
    let found: Vec<_> = tokens(source).unwrap().into_iter().map(|(_, text)| text).collect();
    let texts: Vec<_> =
        found.iter().filter(|text| text.starts_with('"')).map(|text| text.trim_matches('"')).collect();
    assert_eq!(texts, expected, "{source:?}");
}

#[track_caller]
fn assert_code(code: &str, expected: &[&str]) {
    let source = format!("{{{{ {code} }}}}");
    let found: Vec<_> = tokens(&source).unwrap().into_iter().map(|(_, text)| text).collect();
    assert_eq!(found[1..found.len() - 1], *expected, "{source:?}");
}

#[track_caller]
fn refused(source: &str) -> Error {
    tokens(source).expect_err(source)
}

#[test]
fn newlines_are_one_and_the_last_is_dropped() {
    assert_tokens("a\r\nb\rc\n", &[r#""a\nb\nc""#]);
    assert_tokens("a\n\n", &[r#""a\n""#]);
    assert_tokens("\r\n", &[]);
    assert_code("'a\r\nb'", &[r#"str "a\nb""#]);
}

#[test]
fn a_tag_takes_the_newline_behind_it_and_the_spaces_before_it_on_its_line() {
    assert_texts("a\n  {% x %}\n  b", &["a\\n", "  b"]);
    assert_texts("  {% x %}\n\nb", &["\\nb"]);
    assert_texts("a  {% x %}  \nb", &["a  ", "  \\nb"]);
    assert_texts("{% x %}  {% x %}", &["  "]);
    assert_texts("{% x %}\n  {% x %}", &[]);
    assert_texts("a\n\u{A0}\u{1c}{% x %}b", &["a\\n", "b"]);
}

#[test]
fn an_output_takes_nothing() {
    assert_texts("a\n  {{ x }}\nb", &["a\\n  ", "\\nb"]);
    assert_texts("{{ x }}  {% x %}", &["  "]);
}

#[test]
fn comments_take_what_tags_take_and_are_gone() {
    assert_texts("a\n  {# c #}\nb", &["a\\n", "b"]);
    assert_texts("a\n  {#- c -#}\n  b", &["a", "b"]);
    assert_texts("a\n  {#+ c +#}\nb", &["a\\n  ", "\\nb"]);
    assert_texts("a{#-#}b{##}c{#--#} d", &["a", "b", "c", "d"]);
    assert_texts("{# {{ ' %} #}b", &["b"]);
}

#[test]
fn marks_strip_or_keep_white_space() {
    assert_texts("a \n\n {%- x -%} \n\n b", &["a", "b"]);
    assert_texts("a\n  {%+ x +%}\n  b", &["a\\n  ", "\\n  b"]);
    assert_texts("a \n {{- x -}} \n b", &["a", "b"]);
    assert_tokens("{{+x}}{{-1}}", &["{{", "x", "}}", "{{", "int 1", "}}"]);
    assert_tokens("{{ 1 +}}", &["{{", "int 1", "+", "}}"]);
}

#[test]
fn raw_blocks_are_text_and_keep_the_newline_behind_their_start() {
    assert_texts("{% raw %}\n{{ x }}{%\n{% endraw %}\nb", &["\\n{{ x }}{%\\n", "b"]);
    assert_texts("a\n  {%- raw -%}\n  x  {%- endraw -%}\n b", &["a", "x", "b"]);
    assert_texts("{%raw%} x\n  {%endraw%}", &[" x\\n"]);
    assert_texts("{%raw%} x\n  {%+endraw+%}\nb", &[" x\\n  ", "\\nb"]);
    assert_texts("{% raw %}  {% endraw %}", &["  "]);
    // `+%}` ends no `raw` tag, which leaves a tag of that name.
    assert_tokens("{% raw +%}", &["{%", "raw", "%}"]);
    assert_tokens("{% raws %}", &["{%", "raws", "%}"]);
}

#[test]
fn what_opens_at_the_very_end_is_accepted() {
    for source in ["a{#", "a{#-", "a{% raw %}", "a{% raw -%}\n\n", "a{% raw %}\n"] {
        assert_tokens(source, &["\"a\""]);
    }
}

#[test]
fn unclosed_comments_and_raw_blocks_are_refused_where_they_start() {
    for source in ["a\n {# b", "a\n {% raw %} {% endraw"] {
        let error = refused(source);
        assert_eq!((error.kind, error.place), (ErrorKind::Syntax, Some(Pos { line: 2, column: 2 })));
    }
}

#[test]
fn symbols_are_as_long_as_they_can_be() {
    assert_code("a**b*c//d==e<=f", &["a", "**", "b", "*", "c", "//", "d", "==", "e", "<=", "f"]);
    assert_code("{'a': {}}", &["{", "str \"a\"", ":", "{", "}", "}"]);
    assert_tokens(
        "{% if {'%}': [1]} %}",
        &["{%", "if", "{", "str \"%}\"", ":", "[", "int 1", "]", "}", "%}"],
    );
}

#[test]
fn brackets_balance() {
    assert_eq!(refused("{{ (] }}").message, "unexpected ']', expected ')'");
    assert_eq!(refused("{{ ) }}").message, "unexpected ')'");
    assert_eq!(refused("{{ ( }}").message, "unexpected '}', expected ')'");
    assert_eq!(refused("{% x }}").message, "unexpected '}'");
}

#[test]
fn names_are_what_python_takes_for_identifiers() {
    assert_code("_a1 é 变量 a\u{301}", &["_a1", "é", "变量", "a\u{301}"]);
    for source in ["{{ \u{301} }}", "{{ ² }}", "{{ a\u{2E2F} }}", "{{ $ }}", "{{ ! }}"] {
        assert!(refused(source).message.starts_with("unexpected character"), "{source}");
    }
}

#[test]
fn integers_in_four_radices_with_underscores() {
    assert_code("0 00 0_0 1_000", &["int 0", "int 0", "int 0", "int 1000"]);
    assert_code("0x1F 0X_f 0b1_0 0o17", &["int 31", "int 15", "int 2", "int 15"]);
    assert_code("01 1__0 0b2", &["int 0", "int 1", "int 1", "__0", "int 0", "b2"]);
    assert_code("1if 0xfor", &["int 1", "if", "int 15", "or"]);
    // Digits of other scripts, which Python reads too.
    assert_code("1٢ 0x٢𝟗", &["int 12", "int 41"]);
}

#[test]
fn integers_beyond_64_bits_are_decimal_digits() {
    assert_code(
        "9223372036854775807 9223372036854775808",
        &["int 9223372036854775807", "big 9223372036854775808"],
    );
    assert_code("0x8000000000000000", &["big 9223372036854775808"]);
}

#[test]
fn integers_have_at_most_4300_digits() {
    assert_code(&"9".repeat(4300), &[&format!("big {}", "9".repeat(4300))]);
    for digits in ["9".repeat(4301), "0".repeat(4301), format!("0x{}", "f".repeat(1_000_000))] {
        assert_eq!(refused(&format!("{{{{ {digits} }}}}")).kind, ErrorKind::Limit);
    }
}

#[test]
fn floats_need_a_fraction_or_an_exponent() {
    assert_code(
        "1.5 1e3 1_0.5e-3 007.5 1E+2",
        &["float 1.5", "float 1000.0", "float 0.0105", "float 7.5", "float 100.0"],
    );
    assert_code("1e400", &["float inf"]);
    assert_code("1.e5 1e 1._5", &["int 1", ".", "e5", "int 1", "e", "int 1", ".", "_5"]);
    // After a dot a number is an index.
    assert_code("a.1.5 a. 1.5", &["a", ".", "int 1", ".", "int 5", "a", ".", "float 1.5"]);
    assert_eq!(refused("{{ 1.٢ }}").kind, ErrorKind::Syntax);
}

#[test]
fn escapes_are_pythons() {
    let escapes = [
        (r"\n\t\r\a\b\f\v", "\n\t\r\x07\x08\x0c\x0b"),
        (r#"\\\'\""#, "\\'\""),
        (r"\0\12\1234\777\8", "\0\nS4\u{1ff}\\8"),
        (r"\x41\u00e9\U0001F600", "Aé😀"),
        (r"\z\ \<", r"\z\ \<"),
        ("a\\\nb", "ab"),
        // Jinja2 writes these as escapes before it reads escapes.
        (r"\é\中\😀", r"\xe9\u4e2d\U0001f600"),
    ];
    for (literal, text) in escapes {
        for quote in ['\'', '"'] {
            assert_code(&format!("{quote}{literal}{quote}"), &[&format!("str {text:?}")]);
        }
    }
}

#[test]
fn broken_escapes_are_refused_with_the_place_of_their_string() {
    let escapes = [
        (r"\x4g", r"the escape '\x4' needs 2 digits"),
        (r"\u12é", r"the escape '\u12' needs 4 digits"),
        (r"\U00110000", "the escape of 00110000 is beyond Unicode"),
        (r"\ud83d\ude00", "the escape of d83d is a lone surrogate, which is not supported"),
        (r"\N{DASH}", r"escapes by name, '\N{..}', are not supported"),
    ];
    for (literal, message) in escapes {
        let error = refused(&format!("{{{{\n  '{literal}'}}}}"));
        assert_eq!((error.message.as_str(), error.place), (message, Some(Pos { line: 2, column: 3 })));
    }
    assert_eq!(refused(r"{{ 'a\' }}").message, "a string without its closing '");
}

#[test]
fn places_count_lines_and_characters() {
    let places: Vec<_> = tokens("é\r\né{{ 中 }}\n {% x\n %}").unwrap();
    let places: Vec<_> =
        places.iter().map(|(place, text)| (place.line, place.column, text.as_str())).collect();
    assert_eq!(
        places,
        [
            (1, 1, r#""é\né""#),
            (2, 2, "{{"),
            (2, 5, "中"),
            (2, 7, "}}"),
            (2, 9, r#""\n""#),
            (3, 2, "{%"),
            (3, 5, "x"),
            (4, 2, "%}"),
        ]
    );
}
