//! Whether a file is a JSON text a line, or JSON documents.
//!
//! In: the first bytes of a file, as many as it takes. Out: its shape, the same however many more bytes are there. A
//! document is a list of records, an object that holds one, and any JSON text of more than one line; also a line with
//! more than one JSON text. All else is lines, so that a broken line costs itself alone.

use std::ops::ControlFlow;

use super::contents::{FirstItem, first_item, may_be_record, wraps_records};
use crate::conversation::Renames;
use crate::json::{self, Prefix, WHITE_SPACE};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Lines,
    Document,
}

/// What follows the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// More, which can be asked for.
    More,
    /// More, but what is here must do.
    Unread,
    /// The end.
    Nothing,
}

/// An error this close to the end of the bytes may be a word or an escape that is cut.
const LONGEST_CUT: usize = 12;

/// The shape of a file that begins with these bytes, without a mark; `None` if more are needed.
pub fn shape_of(head: &[u8], beyond: Beyond, renames: &Renames) -> Option<Shape> {
    match decide(head, beyond, renames) {
        ControlFlow::Break(shape) => Some(shape),
        ControlFlow::Continue(()) if beyond == Beyond::More => None,
        ControlFlow::Continue(()) => Some(Shape::Lines),
    }
}

/// The shape, or that it cannot be told from these bytes.
fn decide(head: &[u8], beyond: Beyond, renames: &Renames) -> ControlFlow<Shape> {
    let (valid, ends_in_other_bytes) = valid_part(head);
    let text = valid.trim_start_matches(WHITE_SPACE);
    match text.as_bytes().first() {
        None if !ends_in_other_bytes => return ControlFlow::Continue(()),
        Some(b'[') => {
            if let Some(shape) = list(text, beyond, renames) {
                return shape;
            }
        }
        Some(b'{') if wraps_records(text, renames) => return ControlFlow::Break(Shape::Document),
        Some(b'{') => {}
        _ => return ControlFlow::Break(Shape::Lines),
    }
    match json::parse_prefix(text) {
        Prefix::Value { end, .. } => after_value(text, end),
        Prefix::Broken { at } if beyond == Beyond::More && at + LONGEST_CUT > text.len() => {
            ControlFlow::Continue(())
        }
        Prefix::Broken { at } => broken(text, at, beyond),
        Prefix::Open if ends_in_other_bytes => broken(text, text.len(), beyond),
        Prefix::Open => open(text, beyond),
    }
}

/// The text that bytes begin with, and whether bytes follow that are no text.
fn valid_part(bytes: &[u8]) -> (&str, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => {
            let text = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            (text, error.error_len().is_some())
        }
    }
}

/// What a list shows with its first item; `None` if it is not a list of records.
fn list(text: &str, beyond: Beyond, renames: &Renames) -> Option<ControlFlow<Shape>> {
    Some(match first_item(text) {
        FirstItem::Is(first) if may_be_record(&first, renames) => records_in_list(text, beyond),
        FirstItem::None { after } if text[..after].contains('\n') => ControlFlow::Break(Shape::Document),
        FirstItem::None { after } if !text[after..].trim_matches(WHITE_SPACE).is_empty() => {
            ControlFlow::Break(Shape::Lines)
        }
        FirstItem::None { .. } if beyond == Beyond::Nothing => ControlFlow::Break(Shape::Document),
        FirstItem::None { .. } if beyond == Beyond::Unread => ControlFlow::Break(Shape::Lines),
        FirstItem::None { .. } => ControlFlow::Continue(()),
        FirstItem::Is(_) | FirstItem::Unknown => return None,
    })
}

/// A list of records is a document, unless it is one line of several that are not lists: each is judged by itself then.
fn records_in_list(text: &str, beyond: Beyond) -> ControlFlow<Shape> {
    let may_end_on_its_line = match json::parse_prefix(text) {
        Prefix::Value { end, .. } if !text[..end].contains('\n') => {
            let rest = text[end..].trim_start_matches([' ', '\t', '\r']);
            let next = rest.trim_start_matches(WHITE_SPACE);
            if rest.starts_with('\n') && !next.is_empty() && !next.starts_with('[') {
                return ControlFlow::Break(Shape::Lines);
            }
            next.is_empty()
        }
        Prefix::Open => !text.contains('\n'),
        Prefix::Broken { at } => !text.contains('\n') && at + LONGEST_CUT > text.len(),
        Prefix::Value { .. } => false,
    };
    if may_end_on_its_line && beyond == Beyond::More {
        return ControlFlow::Continue(());
    }
    ControlFlow::Break(Shape::Document)
}

/// The first value is whole.
fn after_value(text: &str, end: usize) -> ControlFlow<Shape> {
    if text[..end].contains('\n') {
        return ControlFlow::Break(Shape::Document);
    }
    match text[end..].trim_start_matches([' ', '\t', '\r']).chars().next() {
        None => ControlFlow::Continue(()),
        Some('{' | '[') => ControlFlow::Break(Shape::Document),
        Some(_) => ControlFlow::Break(Shape::Lines),
    }
}

/// The first value does not end in these bytes.
fn open(text: &str, beyond: Beyond) -> ControlFlow<Shape> {
    match (text.split_once('\n'), beyond) {
        (None, _) | (_, Beyond::More) => ControlFlow::Continue(()),
        (Some(_), Beyond::Unread) => ControlFlow::Break(Shape::Document),
        (Some((first_line, rest)), Beyond::Nothing) => by_lines(first_line, rest, beyond),
    }
}

/// The first value is broken at a place.
fn broken(text: &str, at: usize, beyond: Beyond) -> ControlFlow<Shape> {
    match text.split_once('\n') {
        Some((first_line, rest)) if at > first_line.len() => by_lines(first_line, rest, beyond),
        _ => ControlFlow::Break(Shape::Lines),
    }
}

/// The shape of what does not hold together from its first line on: lines, if one of the others is whole by itself.
/// Lines within a document that are, are indented.
fn by_lines(first_line: &str, rest: &str, beyond: Beyond) -> ControlFlow<Shape> {
    let ends = |line: &&str| beyond == Beyond::Nothing || line.ends_with('\n');
    let starts_at_once = |line: &&str| !line.starts_with(WHITE_SPACE);
    let mut lines = rest.split_inclusive('\n').filter(ends).filter(starts_at_once);
    if lines.any(|line| json::parse_strict(line.as_bytes()).is_ok()) {
        return ControlFlow::Break(Shape::Lines);
    }
    if beyond == Beyond::More {
        return ControlFlow::Continue(());
    }
    ControlFlow::Break(shape_by_break(first_line))
}

/// Programs that write JSON in many lines break them after brackets and commas; a line that was cut ends anywhere.
fn shape_by_break(first_line: &str) -> Shape {
    let is_broken_by_a_program = first_line.trim_end().ends_with(['[', '{', ',']);
    if is_broken_by_a_program { Shape::Document } else { Shape::Lines }
}
