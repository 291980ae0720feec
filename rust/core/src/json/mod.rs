//! One JSON text to one `Value`, with CPython's meaning and fewer laxities.
//!
//! In: the bytes of one record. Out: a `Value` (keys in order, the last duplicate wins, integers exact, floats as
//! `f64`), or an error with the byte offset. NaN, Infinity and floats beyond `f64` (unless they are asked for), lone
//! surrogates, invalid UTF-8, trailing text and nesting beyond [`MAX_DEPTH`] are errors.
//!
//! Two readers share the work: `fast` (simd-json) takes what it is known to read exactly; whatever it refuses, and
//! whatever it is known to read wrongly, goes to `strict`, which is slow, obvious, and has the last word.

mod fast;
mod number;
mod strict;
mod value;
mod write;

pub use fast::{Parser, has_surrogate_escape};
pub use number::Number;
pub use strict::{
    Prefix, WHITE_SPACE, parse as parse_strict, parse_prefix, parse_with_constants,
    parse_with_constants_noting,
};
pub use value::{Object, Value, object};
pub use write::{write, write_sorted};

/// How deep arrays and objects may nest; the outermost counts as one.
pub const MAX_DEPTH: usize = 128;
