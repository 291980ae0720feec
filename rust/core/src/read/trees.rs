//! Lines that hold trees of messages to lines that hold conversations.
//!
//! In: the lines of a file whose records are trees, or the messages of trees. Out: a line for each path, with the number of
//! the line that it comes from: that of its tree, or of its last message. What no path can be made of stands as it is.

use std::collections::VecDeque;

use super::lines::{Chunk, Line, LineText};
use crate::conversation::trees::{self, MessageRows};
use crate::conversation::{Conversation, RecordOptions};
use crate::json::{self, Value};

/// The lines of a chunk of trees, each tree a line for each of its paths.
pub fn with_paths(chunk: &Chunk, options: &RecordOptions) -> Chunk {
    let mut parser = json::Parser::default();
    let mut made = MadeChunk::default();
    for line in &chunk.lines {
        made.blank += line.blank_before;
        let LineText::Bytes(range) = &line.text else {
            made.push(line.number, None);
            continue;
        };
        let bytes = &chunk.bytes[range.clone()];
        let tree = parser.parse_with_constants(bytes).ok().and_then(|value| paths(&value, options));
        match tree {
            Some(records) => records.iter().for_each(|record| made.push_record(line.number, record)),
            None => made.push(line.number, Some(bytes)),
        }
    }
    made.finish(chunk.blank_at_end)
}

fn paths(value: &Value, options: &RecordOptions) -> Option<Vec<Value>> {
    let record = value.as_object().filter(|record| trees::is_tree(record))?;
    trees::records(record, &|record| Conversation::is_readable(record, options)).ok()
}

/// The messages of trees, all those of a file.
#[derive(Default)]
pub struct TreeRows {
    rows: MessageRows,
    others: Vec<(u64, Option<Vec<u8>>)>,
    blank: u64,
}

impl TreeRows {
    pub fn add(&mut self, chunk: &Chunk) {
        let mut parser = json::Parser::default();
        for line in &chunk.lines {
            self.blank += line.blank_before;
            let bytes = match &line.text {
                LineText::Bytes(range) => Some(&chunk.bytes[range.clone()]),
                LineText::TooLong => None,
            };
            match bytes.and_then(|bytes| parser.parse_with_constants(bytes).ok()) {
                Some(Value::Object(row)) if trees::is_row(&row) => self.rows.push(line.number, row),
                _ => self.others.push((line.number, bytes.map(<[u8]>::to_vec))),
            }
        }
        self.blank += chunk.blank_at_end;
    }

    /// The conversations that they make, in chunks of about that size.
    pub fn chunks(self, chunk_bytes: usize, options: &RecordOptions) -> VecDeque<Chunk> {
        let records = self.rows.records(&|record| Conversation::is_readable(record, options)).into_iter();
        let mut lines: Vec<(u64, Option<Vec<u8>>)> = self.others;
        lines.extend(records.map(|(line, record)| (line, Some(json::write(&record).into_bytes()))));
        lines.sort_by_key(|(line, _)| *line);
        let mut chunks = VecDeque::new();
        let mut made = MadeChunk { blank: self.blank, ..MadeChunk::default() };
        for (line, bytes) in lines {
            made.push(line, bytes.as_deref());
            if made.chunk.bytes.len() >= chunk_bytes {
                chunks.push_back(std::mem::take(&mut made).finish(0));
            }
        }
        chunks.push_back(made.finish(0));
        chunks
    }
}

/// A chunk that is being made, with the blank lines before its next line.
#[derive(Default)]
struct MadeChunk {
    chunk: Chunk,
    blank: u64,
}

impl MadeChunk {
    fn push_record(&mut self, line: u64, record: &Value) {
        self.push(line, Some(json::write(record).as_bytes()));
    }

    /// Adds a line, or one that was too long.
    fn push(&mut self, number: u64, bytes: Option<&[u8]>) {
        let start = self.chunk.bytes.len();
        let text = bytes.map_or(LineText::TooLong, |bytes| {
            self.chunk.bytes.extend_from_slice(bytes);
            LineText::Bytes(start..start + bytes.len())
        });
        self.chunk.bytes.push(b'\n');
        self.chunk.lines.push(Line { number, blank_before: std::mem::take(&mut self.blank), text });
    }

    fn finish(self, blank_at_end: u64) -> Chunk {
        Chunk { blank_at_end: self.blank + blank_at_end, is_made: true, ..self.chunk }
    }
}
