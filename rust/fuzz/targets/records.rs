//! A line, read in every format and expanded: no panic, and both readers of JSON agree.

#![no_main]

use std::sync::LazyLock;

use everyturn_core::{Format, JsonParser, Options, parse_strict};
use everyturn_fuzz::{Running, expand, expander};
use libfuzzer_sys::fuzz_target;

static EXPANDER: LazyLock<Running> = LazyLock::new(|| expander(Options::default()));

fuzz_target!(|line: &[u8]| {
    let (fast, strict) = (JsonParser::default().parse(line), parse_strict(line));
    assert_eq!(fast.as_ref().ok(), strict.as_ref().ok());
    expand(&EXPANDER, line, None);
    if strict.is_ok() {
        for format in Format::ALL {
            expand(&EXPANDER, line, Some(*format));
        }
    }
});
