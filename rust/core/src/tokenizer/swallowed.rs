//! White space that control tokens take with them.
//!
//! In: a completion, and the last id of the prompt that it was encoded after. Out: which bytes of it are in no id, because
//! a control token strips the white space before or after it (Phi-3's tokens do). Few tokenizers have such tokens.

use std::ops::Range;

use super::control_tokens::{ControlTokens, FoundToken, PlainRanges};

impl ControlTokens {
    /// Whether any of them takes white space with it.
    pub fn strip_white_space(&self) -> bool {
        self.strips().any(|(_, strips)| strips != [false; 2])
    }

    /// The white space of a completion that tokens take with them: the last one of the prompt, or `None` where the
    /// completion was encoded by itself, and its own. The control tokens in the ranges `plain` are text and take none.
    pub fn swallowed(
        &self,
        before: Option<i32>,
        completion: &str,
        plain: &[Range<usize>],
    ) -> Vec<Range<usize>> {
        let strips_of =
            |id: i32| self.strips().find(|(known, _)| *known == id).map_or([false; 2], |(_, strips)| strips);
        let blanks_from = |at: usize| {
            let rest = completion.get(at..).unwrap_or_default();
            at..at + rest.len() - rest.trim_start().len()
        };
        let mut plain = PlainRanges::new(plain);
        let mut lost = Vec::new();
        if before.is_some_and(|id| strips_of(id)[1]) {
            lost.push(blanks_from(0));
        }
        for FoundToken { bytes, id } in self.found(completion) {
            if plain.touch(&bytes) {
                continue;
            }
            let [before, after] = strips_of(id);
            if before {
                lost.push(completion[..bytes.start].trim_end().len()..bytes.start);
            }
            if after {
                lost.push(blanks_from(bytes.end));
            }
        }
        lost.retain(|bytes| !bytes.is_empty());
        lost
    }
}
