//! What a file's records are, as its first record that shows it says.
//!
//! In: lines from a file's start on. Out: their format and the line from which it holds, as lines before it have none; or
//! that they are trees of messages.

use super::lines::{Chunk, LineText};
use crate::conversation::{Format, Renames, trees};
use crate::json::{self, Object};

/// What the records of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Conversations of a format, from that line on.
    Conversations(Format, u64),
    /// A tree each.
    Trees,
    /// The messages of trees.
    TreeRows,
}

pub fn shape_of_chunk(chunk: &Chunk, renames: &Renames) -> Option<Shape> {
    let mut parser = json::Parser::default();
    chunk.lines.iter().find_map(|line| {
        let LineText::Bytes(range) = &line.text else {
            return None;
        };
        let value = parser.parse(&chunk.bytes[range.clone()]).and_then(|value| renames.opened(value)).ok()?;
        let is = |shape: fn(&Object) -> bool| value.as_object().is_some_and(shape);
        match renames.format_of(&value) {
            Some(format) => Some(Shape::Conversations(format, line.number)),
            None if is(trees::is_tree) => Some(Shape::Trees),
            None if is(trees::is_row) => Some(Shape::TreeRows),
            None => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::lines::JsonlReader;

    const MAX: usize = 100;

    fn shape_of(lines: &[u8], max_line_bytes: usize) -> Option<Shape> {
        let chunk = JsonlReader::new(lines, lines.len(), max_line_bytes).next_chunk().unwrap()?;
        shape_of_chunk(&chunk, &Renames::default())
    }

    #[test]
    fn the_first_record_that_tells_a_format_decides() {
        let lines = b"\n{\"id\": 1}\n{bad\n{\"conversations\": []}\n{\"messages\": []}\n";
        assert_eq!(shape_of(lines, MAX), Some(Shape::Conversations(Format::ShareGpt, 4)));
        assert_eq!(shape_of(b"{\"id\": 1}\n{\"messages\": null}", MAX), None);
    }

    #[test]
    fn a_line_over_the_limit_tells_nothing() {
        let text = format!("{{\"messages\": \"{}\"}}\n{{\"completion\": 1}}\n", "x".repeat(MAX));
        assert_eq!(shape_of(text.as_bytes(), MAX), Some(Shape::Conversations(Format::PromptCompletion, 2)));
    }
}
