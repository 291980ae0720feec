//! The order in which a message says things.
//!
//! In: its parts, one after the other. Out: whether they stand in another order than that of a message, which has its
//! reasoning, then its text, then its calls; the results of tools are messages before the user's text.

use super::reasoning::says_something;

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Order {
    has_text: bool,
    has_calls: bool,
    /// Something came after what a message has after it.
    pub is_reordered: bool,
}

impl Order {
    pub fn add_reasoning(&mut self, text: &str) {
        self.is_reordered |= says_something(text) && (self.has_text || self.has_calls);
    }

    /// Of a tool: the user's text comes after it.
    pub fn add_result(&mut self) {
        self.is_reordered |= self.has_text;
    }

    pub fn add_text(&mut self, text: &str) {
        let says_something = says_something(text);
        self.is_reordered |= says_something && self.has_calls;
        self.has_text |= says_something;
    }

    pub fn add_calls(&mut self) {
        self.has_calls = true;
    }
}
