//! `wordwrap`, as Python's `textwrap` does it for each line.
//!
//! A line of the result is always one run of characters of a line of the text, so all of this works on positions.

use super::text::is_word;
use crate::builtins::arguments::Args;
use crate::builtins::filters::{flag, given, index, unsupported};
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators::{truth, type_error, undefined_error, value_error};
use crate::value::text::Text;
use crate::value::unicode;

/// Characters of a line, from the first position up to the second.
type Run = (usize, usize);

#[derive(Debug, Clone, Copy)]
struct WrapStyle {
    width: usize,
    break_long_words: bool,
    /// Whether long words are broken after hyphens.
    break_on_hyphens: bool,
    /// Whether hyphens and dashes separate words.
    split_on_hyphens: bool,
}

/// `wordwrap(width=79, break_long_words=True, wrapstring=None, break_on_hyphens=True)`
pub fn wordwrap<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let names = ["width", "break_long_words", "wrapstring", "break_on_hyphens"];
    let [width, break_long_words, separator, hyphens] = args.bind("wordwrap", names, 0)?;
    let text = match (value, value.as_text()) {
        (_, Some(text)) => text,
        (Value::Undefined(undefined), _) => return Err(undefined_error(undefined)),
        (value, None) => {
            return Err(type_error(format!("'{}' object has no attribute 'splitlines'", value.type_name())));
        }
    };
    let separator = separator_text(separator)?;
    let hyphens = hyphens.unwrap_or(Value::Bool(true));
    let width = match width {
        None => 79,
        Some(Value::Float(_)) => return Err(unsupported("a width that is not an integer")),
        Some(width) => index(width)?,
    };
    let style = WrapStyle {
        width: usize::try_from(width).unwrap_or(0),
        break_long_words: break_long_words.is_none_or(truth),
        break_on_hyphens: flag(Some(hyphens)),
        split_on_hyphens: matches!(hyphens, Value::Bool(true)),
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < text.str.len() {
        if style.width == 0 {
            return Err(value_error(format!("invalid width {width} (must be > 0)")));
        }
        if at > 0 {
            pieces.push(separator);
        }
        let (length, with_end) = unicode::first_line(&text.str[at..]);
        let line = text.cut(&mut machine.memory, at, at + length)?;
        push_wrapped(machine, &mut pieces, line, separator, style)?;
        at += with_end;
    }
    let wrapped = machine.memory.concat(&pieces)?;
    machine.memory.text(wrapped)
}

fn separator_text(parameter: Option<Value<'_>>) -> Result<Text<'_>> {
    match given(parameter).map(|value| (value, value.as_text())) {
        None => Ok(Text::template("\n")),
        Some((_, Some(text))) if text.markup => Err(unsupported("a text is wrapped with markup")),
        Some((_, Some(text))) => Ok(text),
        Some((value, None)) => Err(type_error(format!("wrapstring is a '{}'", value.type_name()))),
    }
}

fn push_wrapped<'a>(
    machine: &mut Machine<'a>,
    pieces: &mut Vec<Text<'a>>,
    line: Text<'a>,
    separator: Text<'a>,
    style: WrapStyle,
) -> Result<()> {
    machine.memory.reserve(line.str.len().saturating_mul(size_of::<(usize, char)>() + size_of::<Run>()))?;
    let chars: Vec<char> = line.str.chars().collect();
    let starts: Vec<usize> = line.str.char_indices().map(|(at, _)| at).chain([line.str.len()]).collect();
    let byte = |position: usize| starts.get(position).copied().unwrap_or(line.str.len());
    for (number, (start, end)) in wrap(&chars, style).into_iter().enumerate() {
        machine.memory.reserve(2 * size_of::<Text<'_>>())?;
        if number > 0 {
            pieces.push(separator);
        }
        pieces.push(line.cut(&mut machine.memory, byte(start), byte(end))?);
    }
    Ok(())
}

/// `textwrap.wrap(line)`
fn wrap(chars: &[char], style: WrapStyle) -> Vec<Run> {
    let blank = |(start, end): Run| (start..end).all(|at| at_is(chars, at, unicode::is_space));
    let mut chunks = chunks(chars, style.split_on_hyphens);
    chunks.reverse();
    let mut lines: Vec<Run> = Vec::new();
    while let Some(next) = chunks.last() {
        if !lines.is_empty() && blank(*next) {
            chunks.pop();
        }
        let mut line: Vec<Run> = Vec::new();
        let mut used = 0;
        while let Some((start, end)) = chunks.pop_if(|(start, end)| used + (*end - *start) <= style.width) {
            used += end - start;
            line.push((start, end));
        }
        if let Some(word) = chunks.last_mut()
            && word.1 - word.0 > style.width
        {
            if style.break_long_words {
                let middle = word.0 + broken(&chars[word.0..word.1], style.width - used, style);
                line.push((word.0, middle));
                word.0 = middle;
            } else if line.is_empty() {
                line.extend(chunks.pop());
            }
        }
        line.pop_if(|last| blank(*last));
        if let (Some((start, _)), Some((_, end))) = (line.first(), line.last()) {
            lines.push((*start, *end));
        }
    }
    lines
}

/// How much of a long word goes on the line.
fn broken(word: &[char], room: usize, style: WrapStyle) -> usize {
    let fitting = word.get(..room).unwrap_or(word);
    if style.break_on_hyphens
        && word.len() > room
        && let Some(hyphen) = fitting.iter().rposition(|c| *c == '-')
        && fitting.iter().take(hyphen).any(|c| *c != '-')
    {
        return hyphen + 1;
    }
    fitting.len()
}

/// Words, the parts of hyphenated words, dashes, and the white space between them.
fn chunks(chars: &[char], on_hyphens: bool) -> Vec<Run> {
    let mut chunks = Vec::new();
    let mut start = 0;
    while let Some(first) = chars.get(start) {
        let end = if is_space(*first) {
            start + chars[start..].iter().take_while(|c| is_space(**c)).count()
        } else if on_hyphens {
            dash_end(chars, start).unwrap_or_else(|| part_end(chars, start))
        } else {
            start + chars[start..].iter().take_while(|c| !is_space(**c)).count()
        };
        chunks.push((start, end));
        start = end;
    }
    chunks
}

/// The white space of `textwrap`, less than that of `str`.
fn is_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ')
}

fn at_is(chars: &[char], at: usize, is: impl Fn(char) -> bool) -> bool {
    chars.get(at).is_some_and(|c| is(*c))
}

/// The end of a dash between words: two hyphens or more with a word's characters on both sides.
fn dash_end(chars: &[char], start: usize) -> Option<usize> {
    let ends_word = |c: char| is_word(c) || "!\"'&.,?".contains(c);
    if !start.checked_sub(1).is_some_and(|before| at_is(chars, before, ends_word)) {
        return None;
    }
    let hyphens = chars.get(start..)?.iter().take_while(|c| **c == '-').count();
    (hyphens >= 2 && at_is(chars, start + hyphens, is_word)).then_some(start + hyphens)
}

/// The end of a word, or of its part up to a hyphen between letters or up to a dash.
fn part_end(chars: &[char], start: usize) -> usize {
    let mut end = start + 1;
    while end < chars.len() {
        if is_inner_hyphen(chars, end) {
            return end + 1;
        }
        if at_is(chars, end, is_space) || dash_end(chars, end).is_some() {
            break;
        }
        end += 1;
    }
    end
}

fn is_inner_hyphen(chars: &[char], at: usize) -> bool {
    let is_letter = |at: usize| at_is(chars, at, |c| is_word(c) && !unicode::is_decimal(c));
    let is_hyphen = |at: usize| at_is(chars, at, |c| c == '-');
    let before = |back: usize, is: &dyn Fn(usize) -> bool| at.checked_sub(back).is_some_and(is);
    is_hyphen(at)
        && before(1, &is_letter)
        && (before(2, &is_letter) || (before(2, &is_hyphen) && before(3, &is_letter)))
        && is_letter(at + 1)
        && (is_letter(at + 2) || (is_hyphen(at + 2) && is_letter(at + 3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, width: usize, break_long_words: bool, on_hyphens: bool) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        let style =
            WrapStyle { width, break_long_words, break_on_hyphens: on_hyphens, split_on_hyphens: on_hyphens };
        wrap(&chars, style).into_iter().map(|(start, end)| chars[start..end].iter().collect()).collect()
    }

    #[test]
    fn lines_break_where_textwrap_breaks_them() {
        let table: [(&str, usize, bool, bool, &[&str]); 8] = [
            (
                "Look, goof-ball -- use the -b option!",
                10,
                true,
                true,
                &["Look,", "goof-ball", "-- use the", "-b option!"],
            ),
            ("a--b c", 2, true, true, &["a", "--", "b", "c"]),
            ("e-mail re-e-mail", 5, true, true, &["e-", "mail", "re-e-", "mail"]),
            ("abcdefgh ij", 3, true, true, &["abc", "def", "gh", "ij"]),
            ("abcdefgh ij", 3, false, true, &["abcdefgh", "ij"]),
            ("ab cdefgh", 3, true, true, &["ab ", "cde", "fgh"]),
            ("  x  ", 9, true, true, &["  x"]),
            ("ab-cd", 3, true, false, &["ab-", "cd"]),
        ];
        for (text, width, long, hyphens, expected) in table {
            assert_eq!(wrapped(text, width, long, hyphens), expected, "{text:?}");
        }
    }
}
