//! JSON documents to records.
//!
//! In: a reader of plain bytes whose first ones have shown that they are no lines ([`shape`]). Out: chunks of records,
//! as of lines. A document is any number of JSON texts, one after the other. Of each, `walk` finds the records without
//! holding more of it than one record; `skip` finds the end of a value, `contents` says what a list holds by its first
//! item.
//!
//! A record's number is the line on which it starts, or, where others start on that line, too, that of the record before
//! it and one more: so numbers grow, and in a document of one line they count the records. The lines between two numbers
//! are counted as blank. A broken document is an error after its last whole record, as the rest cannot be told apart.

mod contents;
mod object;
mod position;
mod reader;
mod shape;
mod skip;
mod walk;

#[cfg(test)]
mod tests;

pub use reader::{DocumentReader, Stopped};
pub use shape::{Beyond, Shape, shape_of};
