//! What Python knows about characters: the predicates, case functions and line boundaries of `str`.
//!
//! In come characters and texts, out come booleans and new strings. The rules are CPython 3.11's (Unicode 14);
//! characters that newer versions of Unicode added have the properties that they have there.

use unicode_general_category::{GeneralCategory as Category, get_general_category as category};

mod numerals;

/// `str.isspace` of one character.
#[inline]
pub const fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r'
            | '\x1c'..=' '
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

pub fn is_alpha(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    matches!(
        category(c),
        Category::UppercaseLetter
            | Category::LowercaseLetter
            | Category::TitlecaseLetter
            | Category::ModifierLetter
            | Category::OtherLetter
    )
}

pub fn is_decimal(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { category(c) == Category::DecimalNumber }
}

/// A decimal digit, or one in a circle, raised and the like.
pub fn is_digit(c: char) -> bool {
    is_decimal(c) || numerals::is_digit_form(c)
}

pub fn is_numeric(c: char) -> bool {
    is_number(c) || numerals::is_ideograph(c)
}

pub fn is_alnum(c: char) -> bool {
    is_alpha(c) || is_number(c)
}

pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    !matches!(
        category(c),
        Category::Control
            | Category::Format
            | Category::Surrogate
            | Category::PrivateUse
            | Category::Unassigned
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::SpaceSeparator
    )
}

fn is_number(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    matches!(category(c), Category::DecimalNumber | Category::LetterNumber | Category::OtherNumber)
}

/// The value of a decimal digit of any script. Such digits come in runs of ten from zero on, five at most in a row.
pub fn decimal_value(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.to_digit(10);
    }
    let before = |back: u32| u32::from(c).checked_sub(back).and_then(char::from_u32);
    is_decimal(c)
        .then(|| (1..50).take_while(|back| before(*back).is_some_and(is_decimal)).last().unwrap_or(0) % 10)
}

fn is_titlecase(c: char) -> bool {
    !c.is_ascii() && category(c) == Category::TitlecaseLetter
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || is_titlecase(c)
}

/// `str.islower`: some lowercase letter, and none of another case.
pub fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(|c| c.is_uppercase() || is_titlecase(c))
}

/// `str.isupper`
pub fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(|c| c.is_lowercase() || is_titlecase(c))
}

/// `str.istitle`: capitals where a word starts, and small letters elsewhere.
pub fn is_title(text: &str) -> bool {
    let (mut in_word, mut cased) = (false, false);
    for c in text.chars() {
        let capital = c.is_uppercase() || is_titlecase(c);
        let small = c.is_lowercase();
        if (capital && in_word) || (small && !in_word) {
            return false;
        }
        in_word = capital || small;
        cased |= in_word;
    }
    cased
}

/// `str.isidentifier`
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(starts_identifier) && chars.all(continues_identifier)
}

fn starts_identifier(c: char) -> bool {
    match c {
        '_' | '\u{1885}' | '\u{1886}' | '\u{2118}' | '\u{212e}' => true,
        '\u{e33}' | '\u{eb3}' | '\u{ff9e}' | '\u{ff9f}' => false,
        c => (is_alpha(c) || category(c) == Category::LetterNumber) && !is_kept_out(c),
    }
}

fn continues_identifier(c: char) -> bool {
    match c {
        '\u{b7}' | '\u{387}' | '\u{1369}'..='\u{1371}' | '\u{19da}' | '\u{2118}' | '\u{212e}' => true,
        c => {
            let joins = matches!(
                category(c),
                Category::LetterNumber
                    | Category::NonspacingMark
                    | Category::SpacingMark
                    | Category::DecimalNumber
                    | Category::ConnectorPunctuation
            );
            (is_alpha(c) || joins) && !is_kept_out(c)
        }
    }
}

/// Letters of no identifier, because their normal form is none.
fn is_kept_out(c: char) -> bool {
    match c {
        '\u{37a}' | '\u{2e2f}' | '\u{fc5e}'..='\u{fc63}' | '\u{fdfa}' | '\u{fdfb}' => true,
        '\u{fe70}'..='\u{fe7e}' => u32::from(c) % 2 == 0,
        _ => false,
    }
}

/// `str.lower`
pub fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// `str.upper`
pub fn upper(text: &str) -> String {
    text.to_uppercase()
}

/// `str.title`: a word is a run of letters with a case, so an apostrophe ends one.
pub fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if in_word {
            push_lower(&mut out, text, at, c);
        } else {
            push_title(&mut out, c);
        }
        in_word = is_cased(c);
    }
    out
}

/// `str.capitalize`
pub fn capitalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if at == 0 {
            push_title(&mut out, c);
        } else {
            push_lower(&mut out, text, at, c);
        }
    }
    out
}

/// `str.swapcase`
pub fn swapcase(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c.is_uppercase() {
            push_lower(&mut out, text, at, c);
        } else if c.is_lowercase() {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// `str.casefold`
pub fn casefold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c.to_ascii_lowercase()),
            '\u{131}' | '\u{13a0}'..='\u{13f5}' => out.push(c),
            '\u{13f8}'..='\u{13fd}' | '\u{ab70}'..='\u{abbf}' => out.extend(c.to_uppercase()),
            '\u{1e9e}' => out.push_str("ss"),
            c => out.extend(c.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    out
}

/// The small form of the character at this byte of the text: a sigma at the end of a word has its own.
fn push_lower(out: &mut String, text: &str, at: usize, c: char) {
    if c != 'Σ' {
        return out.extend(c.to_lowercase());
    }
    let (before, after) =
        (text.get(..at).unwrap_or_default(), text.get(at + c.len_utf8()..).unwrap_or_default());
    let follows = before.chars().rev().find(|c| !is_case_ignorable(*c)).is_some_and(is_cased);
    let leads = after.chars().find(|c| !is_case_ignorable(*c)).is_some_and(is_cased);
    out.push(if follows && !leads { 'ς' } else { 'σ' });
}

/// What may stand inside of a word without being a letter of it.
fn is_case_ignorable(c: char) -> bool {
    match c {
        '\'' | '.' | ':' | '\u{b7}' | '\u{387}' | '\u{55f}' | '\u{5f4}' | '\u{2018}' | '\u{2019}'
        | '\u{2024}' | '\u{2027}' | '\u{fe13}' | '\u{fe52}' | '\u{fe55}' | '\u{ff07}' | '\u{ff0e}'
        | '\u{ff1a}' => true,
        c => matches!(
            category(c),
            Category::NonspacingMark
                | Category::EnclosingMark
                | Category::Format
                | Category::ModifierLetter
                | Category::ModifierSymbol
        ),
    }
}

/// The form at the start of a word: the uppercase one but for digraphs, ligatures, Georgian and the Greek iota.
fn push_title(out: &mut String, c: char) {
    match c {
        c if c.is_ascii() => out.push(c.to_ascii_uppercase()),
        '\u{1c4}'..='\u{1c6}' => out.push('\u{1c5}'),
        '\u{1c7}'..='\u{1c9}' => out.push('\u{1c8}'),
        '\u{1ca}'..='\u{1cc}' => out.push('\u{1cb}'),
        '\u{1f1}'..='\u{1f3}' => out.push('\u{1f2}'),
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => out.push(c),
        '\u{1f80}'..='\u{1faf}' => out.extend(char::from_u32(u32::from(c) | 8)),
        '\u{1fb3}' | '\u{1fbc}' => out.push('\u{1fbc}'),
        '\u{1fc3}' | '\u{1fcc}' => out.push('\u{1fcc}'),
        '\u{1ff3}' | '\u{1ffc}' => out.push('\u{1ffc}'),
        '\u{1fb2}' | '\u{1fb4}' | '\u{1fb7}' | '\u{1fc2}' | '\u{1fc4}' | '\u{1fc7}' | '\u{1ff2}'
        | '\u{1ff4}' | '\u{1ff7}' => {
            out.extend(c.to_uppercase().map(|c| if c == '\u{399}' { '\u{345}' } else { c }));
        }
        'ß' | '\u{587}' | '\u{fb00}'..='\u{fb06}' | '\u{fb13}'..='\u{fb17}' => {
            let mut upper = c.to_uppercase();
            out.extend(upper.next());
            out.extend(upper.flat_map(char::to_lowercase));
        }
        c => out.extend(c.to_uppercase()),
    }
}

/// Whether `str.splitlines` ends a line here.
pub const fn is_line_end(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The first line of a text: how many bytes it has, and how many with its end.
pub fn first_line(text: &str) -> (usize, usize) {
    match text.char_indices().find(|(_, c)| is_line_end(*c)) {
        None => (text.len(), text.len()),
        Some((at, '\r')) if text.as_bytes().get(at + 1) == Some(&b'\n') => (at, at + 2),
        Some((at, c)) => (at, at + c.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        type Case = fn(&str) -> String;
        let table: [(Case, &str, &str); 17] = [
            (title, "they're ßtraße", "They'Re Sstraße"),
            (title, "ǆ ǆa Ǆ", "ǅ ǅa ǅ"),
            (title, "ﬁn ა ᾳ ᾲ", "Fin ა ᾼ Ὰ\u{345}"),
            (title, "a1b2 ΟΔΟΣ", "A1B2 Οδος"),
            (capitalize, "ΑΣ'Σ bC", "Ασ'ς bc"),
            (capitalize, "ǆA", "ǅa"),
            (capitalize, "", ""),
            (lower, "ΑΣ. ΑΣΑ İ", "ας. ασα i\u{307}"),
            (lower, "Σ", "σ"),
            (upper, "ŉß ﬃ", "ʼNSS FFI"),
            (swapcase, "aBß ΑΣ ǅ", "AbSS ας ǅ"),
            (casefold, "Straße", "strasse"),
            (casefold, "ΑΣς", "ασσ"),
            (casefold, "ı İ", "ı i\u{307}"),
            (casefold, "ẞ", "ss"),
            (casefold, "\u{13f8}\u{13a0}\u{ab70}", "\u{13f0}\u{13a0}\u{13a0}"),
            (casefold, "ᾀ µ", "ἀι μ"),
        ];
        for (function, text, expected) in table {
            assert_eq!(function(text), expected, "{text}");
        }
    }

    #[test]
    fn predicates() {
        for (predicate, inside, outside) in [
            (is_space as fn(char) -> bool, "\t\x1c\x1f\u{85}\u{a0}\u{3000}", "a\u{200b}\u{feff}\u{180e}"),
            (is_alpha, "aß字ʰ", "1_ⅷ\u{301}"),
            (is_decimal, "0٣𝟘", "²①½"),
            (is_digit, "0²①", "½Ⅷ一"),
            (is_numeric, "0²½Ⅷ一", "a字"),
            (is_alnum, "a0²½一", "_ -"),
            (is_printable, "a é", "\n\u{a0}\u{ad}\u{e000}"),
        ] {
            assert!(inside.chars().all(predicate), "{inside}");
            assert!(!outside.chars().any(predicate), "{outside}");
        }
        assert_eq!(
            "0٣𝟙\u{ff19}x".chars().map(decimal_value).collect::<Vec<_>>(),
            [Some(0), Some(3), Some(1), Some(9), None]
        );
    }

    #[test]
    fn predicates_of_texts() {
        for (text, [lower, upper, title, identifier]) in [
            ("", [false; 4]),
            ("ab1", [true, false, false, true]),
            ("AB1", [false, true, false, true]),
            ("Ab Cd", [false, false, true, false]),
            ("AbC", [false, false, false, true]),
            ("ǅ", [false, false, true, true]),
            ("1", [false; 4]),
            ("_x·", [true, false, false, true]),
        ] {
            assert_eq!(
                [is_lower(text), is_upper(text), is_title(text), is_identifier(text)],
                [lower, upper, title, identifier]
            );
        }
    }

    #[test]
    fn lines() {
        for (text, line) in [
            ("", (0, 0)),
            ("ab", (2, 2)),
            ("a\r\nb", (1, 3)),
            ("a\rb", (1, 2)),
            ("\u{2028}", (0, 3)),
            ("a\x1f", (2, 2)),
        ] {
            assert_eq!(first_line(text), line, "{text:?}");
        }
    }
}
