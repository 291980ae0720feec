//! What a file's records are, as its first record that shows it says.
//!
//! In: lines from a file's start on. Out: their format and the line from which it holds, as lines before it have none; or
//! that they are trees of messages.

use super::lines::{Chunk, LineText};
use crate::conversation::{Format, NonFinite, Renames, trees};
use crate::json::{self, Object};

/// What the records of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// Conversations of a format, from that line on.
    Conversations(Format, u64),
    /// A tree each.
    Trees,
    /// The messages of trees.
    TreeRows,
}

pub fn kind_of_chunk(chunk: &Chunk, renames: &Renames) -> Option<RecordKind> {
    let mut parser = json::Parser::default();
    chunk.lines.iter().find_map(|line| {
        let LineText::Bytes(range) = &line.text else {
            return None;
        };
        let value = parser
            .parse_with_constants(&chunk.bytes[range.clone()])
            .and_then(|value| renames.opened(value, NonFinite::Read))
            .ok()?;
        let is = |test: fn(&Object) -> bool| value.as_object().is_some_and(test);
        match renames.format_of(&value) {
            Some(format) => Some(RecordKind::Conversations(format, line.number)),
            None if is(trees::is_tree) => Some(RecordKind::Trees),
            None if is(trees::is_row) => Some(RecordKind::TreeRows),
            None => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::lines::JsonlReader;

    const MAX: usize = 100;

    fn kind_of(lines: &[u8], max_line_bytes: usize) -> Option<RecordKind> {
        let chunk = JsonlReader::new(lines, 1, lines.len(), max_line_bytes).next_chunk().unwrap()?;
        kind_of_chunk(&chunk, &Renames::default())
    }

    #[test]
    fn the_first_record_that_tells_a_format_decides() {
        let lines = b"\n{\"id\": 1}\n{bad\n{\"conversations\": []}\n{\"messages\": []}\n";
        assert_eq!(kind_of(lines, MAX), Some(RecordKind::Conversations(Format::ShareGpt, 4)));
        assert_eq!(kind_of(b"{\"id\": 1}\n{\"messages\": null}", MAX), None);
    }

    #[test]
    fn a_line_over_the_limit_tells_nothing() {
        let text = format!("{{\"messages\": \"{}\"}}\n{{\"completion\": 1}}\n", "x".repeat(MAX));
        assert_eq!(
            kind_of(text.as_bytes(), MAX),
            Some(RecordKind::Conversations(Format::PromptCompletion, 2))
        );
    }
}
