//! The format of a file's records, as its first record with a known key shows it.
//!
//! In: lines from a file's start on. Out: the format, and the line from which it holds: lines before it have none.

use super::lines::{Chunk, LineText};
use crate::conversation::{Format, Renames};
use crate::json;

/// The format, and the line of the record that shows it.
pub fn format_of_chunk(chunk: &Chunk, renames: &Renames) -> Option<(Format, u64)> {
    let mut parser = json::Parser::default();
    chunk.lines.iter().find_map(|line| {
        let LineText::Bytes(range) = &line.text else {
            return None;
        };
        let value = parser.parse(&chunk.bytes[range.clone()]).ok()?;
        Some((Format::detect(&*renames.of_record(&value).ok()?)?, line.number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::lines::JsonlReader;

    const MAX: usize = 100;

    fn format_of(lines: &[u8], max_line_bytes: usize) -> Option<(Format, u64)> {
        let chunk = JsonlReader::new(lines, lines.len(), max_line_bytes).next_chunk().unwrap()?;
        format_of_chunk(&chunk, &Renames::default())
    }

    #[test]
    fn the_first_record_that_tells_a_format_decides() {
        let lines = b"\n{\"id\": 1}\n{bad\n{\"conversations\": []}\n{\"messages\": []}\n";
        assert_eq!(format_of(lines, MAX), Some((Format::ShareGpt, 4)));
        assert_eq!(format_of(b"{\"id\": 1}\n{\"messages\": null}", MAX), None);
    }

    #[test]
    fn a_line_over_the_limit_tells_nothing() {
        let text = format!("{{\"messages\": \"{}\"}}\n{{\"completion\": 1}}\n", "x".repeat(MAX));
        assert_eq!(format_of(text.as_bytes(), MAX), Some((Format::PromptCompletion, 2)));
    }
}
