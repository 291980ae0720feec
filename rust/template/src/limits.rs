//! What one rendering may cost. A template is somebody else's program: each limit turns a hang or an abort of the
//! process into an error at that record.

/// Bytes of a template's source, 18 times as many as the longest published one has.
pub const MAX_SOURCE_BYTES: usize = 512 << 10;
/// Nesting of expressions and statements that the parser accepts.
pub const MAX_PARSE_DEPTH: usize = 150;
/// Digits of an integer, as Python's own limit on converting one to text.
pub const MAX_INT_DIGITS: usize = 4300;
/// The longest `range`, as in Jinja2's sandbox.
pub const MAX_RANGE: u64 = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps: one for each expression and statement, and one for every 64 bytes or items that a step touches.
    pub fuel: u64,
    /// Bytes of text that a rendering may write.
    pub output_bytes: usize,
    /// Bytes of values that a rendering may make along the way.
    pub scratch_bytes: usize,
    /// Calls of macros inside of each other.
    pub depth: usize,
}

impl Limits {
    /// Enough for any sane template on an input of this size; a hostile one is stopped within about a second and
    /// 64 MiB.
    pub fn for_input(bytes: usize) -> Self {
        Self {
            fuel: 20_000_000 + 100 * bytes as u64,
            output_bytes: (16 << 20) + bytes.saturating_mul(16),
            scratch_bytes: (32 << 20) + bytes.saturating_mul(64),
            depth: 200,
        }
    }
}
