use proptest::prelude::{any, prop, proptest};
use proptest::sample::select;

use super::{parse, refused};
use crate::error::ErrorKind;
use crate::limits::MAX_PARSE_DEPTH;

#[track_caller]
fn assert_too_deep(source: &str) {
    let error = refused(source);
    assert_eq!(error.kind, ErrorKind::Limit, "{error:?}");
}

#[test]
fn depth_is_bounded_for_brackets_chains_and_blocks() {
    let many = |part: &str| part.repeat(2 * MAX_PARSE_DEPTH);
    for opening in [
        "(",
        "[",
        "{1:",
        "{",
        "a[",
        "f(",
        "f(a=",
        "-",
        "not ",
        "a or not ",
        "a if b else ",
        "a|f(",
        "a is b(",
    ] {
        assert_too_deep(&format!("{{{{ {}", many(opening)));
    }
    for link in ["+a", "**a", " and a", " or a", ".a", "[0]", "()", "|f", " is a|f", " if a"] {
        assert_too_deep(&format!("{{{{ a{} }}}}", many(link)));
    }
    for tag in ["if a", "for a in b", "set a", "with", "filter f", "macro m()", "call f()", "generation"] {
        assert_too_deep(&many(&format!("{{% {tag} %}}")));
    }
}

#[test]
fn depth_counts_the_height_of_every_part() {
    let chain = |start: &str, links: usize| format!("({start}{})", "+a".repeat(links));
    let half = MAX_PARSE_DEPTH / 2;
    assert!(parse(&format!("{{{{ {} }}}}", chain(&chain("a", half), half - 5))).is_ok());
    assert_too_deep(&format!("{{{{ {} }}}}", chain(&chain("a", half), half)));
    assert_too_deep(&format!("{{{{ [{}] ~ f(x={}) }}}}", chain("a", 3), chain(&chain("a", half), half)));
}

#[test]
fn what_is_flat_costs_no_depth() {
    let many = |part: &str| part.repeat(10 * MAX_PARSE_DEPTH);
    for source in [
        format!("{{{{ a{} }}}}", many(" ~ a")),
        format!("{{{{ [{}] }}}}", many("a, ")),
        format!("{{{{ a{} }}}}", many(" < a")),
        format!("{{{{ f({}) }}}}", many("a, ")),
        format!("{{% if a %}}{}{{% endif %}}", many("{% elif a %}")),
        many("{% if a %}{{ (a) }}{% endif %}"),
    ] {
        assert!(parse(&source).is_ok(), "{:?}", parse(&source).err());
    }
}

#[test]
fn long_hostile_sources_end_soon() {
    let many = |part: &str| part.repeat(100_000);
    for part in [
        "{{",
        "{#",
        "{%",
        "{% raw %}",
        "{{ '",
        "{{ \"\\",
        "((",
        "{%-",
        "a\n",
        "{# #}",
        "{{a}}",
        " ",
        "{{ a }}  \n",
    ] {
        let _ = parse(&many(part));
        let _ = parse(&format!("{{% raw %}}{}", many(part)));
        let _ = parse(&format!("{{{{ a {}", many(part)));
    }
}

#[test]
fn the_deepest_nesting_fits_the_stack_of_a_thread() {
    let deep = |opening: &str| format!("{{{{ {}", opening.repeat(MAX_PARSE_DEPTH));
    let parse_all = move || {
        for opening in ["(", "a or b and not c == d + e ~ f * g ** -h.i(j=[{k:", "[x, ", "a[1:", "f(*"] {
            assert_eq!(parse(&deep(opening)).unwrap_err().kind, ErrorKind::Limit);
        }
        let blocks = "{% for a in b %}{% else %}".repeat(MAX_PARSE_DEPTH + 1);
        assert_eq!(parse(&blocks).unwrap_err().kind, ErrorKind::Limit);
    };
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(parse_all).unwrap().join().unwrap();
}

/// What templates are made of, to be put together in any way.
const FRAGMENTS: [&str; 48] = [
    "{%", "{%-", "{%+", "%}", "-%}", "+%}", "{{", "{{-", "}}", "-}}", "{#", "#}", "-#}", "\n", "\r", " ",
    "é", "'", "\"", "\\", "\\u", "(", ")", "[", "]", "{", "}", ":", ",", ".", "|", "=", "**", "-", "1",
    "1.5e", "0x", "a", "not", "is", "in", "if", "else", "endif", "for", "set", "raw", "endraw",
];

proptest! {
    #[test]
    fn no_source_makes_it_panic(
        fragments in prop::collection::vec(select(&FRAGMENTS[..]), 0..60),
        text in any::<String>(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut source: String = fragments.concat();
        let _ = parse(&source);
        let starts: Vec<_> = source.char_indices().map(|(start, _)| start).chain([source.len()]).collect();
        source.insert_str(starts[at.index(starts.len())], &text);
        if let Err(error) = parse(&source) {
            assert!(error.place.is_some(), "{error:?}");
        }
    }
}
