//! White space that control tokens take with them.
//!
//! In: a completion, and the last id of the prompt that it was encoded after. Out: which bytes of it are in no id, because
//! a control token strips the white space before or after it (Phi-3's tokens do). Few tokenizers have such tokens.

use std::ops::Range;

use super::control_tokens::ControlTokens;

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
        let strips_after = |id: i32| self.strips().any(|(known, [_, after])| known == id && after);
        let blank = completion.len() - completion.trim_start().len();
        let start = if before.is_some_and(strips_after) { blank } else { 0 };
        let (mut lost, mut end) = (Vec::new(), start);
        lost.push(0..start);
        for part in self.parts(completion, plain) {
            lost.push(end..part.bytes().start);
            end = part.bytes().end.max(start);
        }
        lost.retain(|bytes| !bytes.is_empty());
        lost
    }
}
