//! The language as written.
//!
//! In: the source of a template. Out: its statements, with their positions, and which variable each name of them
//! means. Nothing is folded or looked up here; that is `compile`.

pub mod ast;
pub mod lexer;
pub mod parser;
pub mod scope;
