//! The messages that a server with a short context would send.
//!
//! In: the roles of a conversation's messages. Out: its exchanges, and which messages are left when the oldest of them
//! are dropped. An exchange runs from a user message to the next; what comes before the first is one, too.
//! System and developer messages belong to none and always stay. How long a prompt is, is not known here:
//! `FewestDropped` is given.

use std::ops::RangeInclusive;

use crate::conversation::{Role, as_message};
use crate::error::{Error, ErrorKind, Result};
use crate::json::Value;

/// The exchanges of a conversation.
pub struct Exchanges {
    /// The first message of each, in order.
    starts: Vec<usize>,
    /// Messages that stay.
    pinned: Vec<usize>,
}

impl Exchanges {
    /// The exchanges of messages as they are sent to a server.
    pub fn of_messages(messages: &[Value]) -> Result<Self> {
        let role =
            |message| Ok(as_message(message)?.get("role").and_then(Value::as_str).and_then(Role::from_name));
        Ok(Self::of(messages.iter().map(role).collect::<Result<Vec<_>>>()?))
    }

    /// `None` is a role that no format knows.
    pub fn of(roles: impl IntoIterator<Item = Option<Role>>) -> Self {
        let (mut starts, mut pinned) = (Vec::new(), Vec::new());
        // The last message that is not an instruction, and whether an exchange starts with it.
        let mut last: Option<Role> = None;
        for (at, role) in roles.into_iter().enumerate() {
            match role {
                Some(Role::System | Role::Developer) => {
                    pinned.push(at);
                    continue;
                }
                // Two users in a row ask together.
                Some(Role::User) if last != Some(Role::User) => starts.push(at),
                // A result belongs to the call before the user's words, which therefore start nothing.
                Some(Role::Tool) if last == Some(Role::User) && starts.len() > 1 => {
                    starts.pop();
                }
                _ if starts.is_empty() => starts.push(at),
                _ => {}
            }
            last = role.or(Some(Role::Assistant));
        }
        Self { starts, pinned }
    }

    /// How many exchanges are dropped before an answer to the first `count` messages, at least and at most.
    pub fn bounds(&self, count: usize, history_turns: Option<usize>) -> RangeInclusive<usize> {
        let before = self.among(count);
        let least = history_turns.map_or(0, |turns| before.saturating_sub(turns));
        least..=before.saturating_sub(1).max(least)
    }

    /// The exchanges that the first `count` messages belong to.
    fn among(&self, count: usize) -> usize {
        self.starts.partition_point(|start| *start < count)
    }

    /// What is left of the first `count` messages without the oldest `dropped` exchanges.
    pub fn kept(&self, dropped: usize, count: usize) -> Vec<usize> {
        let start = self.starts.get(dropped).map_or(count, |start| (*start).min(count));
        let start = if dropped == 0 { 0 } else { start };
        let pinned = self.pinned.iter().copied().filter(|at| *at < start);
        pinned.chain(start..count).collect()
    }
}

/// The search for the fewest exchanges to drop such that a prompt fits.
///
/// Fewer exchanges are assumed never to make a prompt longer. So few numbers are tried: those about the likely one
/// first.
pub struct FewestDropped {
    most: usize,
    /// It does not fit without this many.
    below: usize,
    /// It fits without this many, once that is at most `most`.
    above: usize,
    next: usize,
    step: usize,
}

impl FewestDropped {
    /// The range's start is known not to fit.
    pub fn new(range: &RangeInclusive<usize>, likely: usize) -> Self {
        let (below, most) = (*range.start(), *range.end());
        Self { most, below, above: most + 1, next: likely.saturating_sub(1), step: 1 }
    }

    /// The number to try next; `None` at the end.
    pub fn next_try(&self) -> Option<usize> {
        (self.below + 1 < self.above).then(|| self.next.clamp(self.below + 1, self.above - 1))
    }

    /// Whether this number is the answer if it fits.
    pub fn is_answer_if_it_fits(&self, dropped: usize) -> bool {
        dropped == self.below + 1
    }

    pub fn record(&mut self, dropped: usize, fits: bool) {
        if fits {
            self.above = dropped;
        } else {
            self.below = dropped;
        }
        let found_one = self.above <= self.most;
        self.next = if found_one { self.below.midpoint(self.above) } else { dropped + self.step };
        self.step *= 2;
    }

    /// The answer, at the end of the search; `None`: nothing fits.
    pub fn found(&self) -> Option<usize> {
        Some(self.above).filter(|above| *above <= self.most)
    }
}

/// A prompt that does not fit even without all that may be dropped.
pub fn prompt_too_long(tokens: usize, max_prompt_tokens: usize) -> Error {
    let text = format!(
        "the prompt has {tokens} tokens even without earlier exchanges, more than max_prompt_tokens \
         ({max_prompt_tokens})"
    );
    Error::new(ErrorKind::TooLong, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchanges(roles: &str) -> Exchanges {
        Exchanges::of(roles.chars().map(|role| {
            Some(match role {
                's' => Role::System,
                'd' => Role::Developer,
                'u' => Role::User,
                'a' => Role::Assistant,
                't' => Role::Tool,
                _ => return None,
            })
        }))
    }

    #[test]
    fn an_exchange_starts_at_a_user_message() {
        assert_eq!(exchanges("suauau").starts, [1, 3, 5]);
        assert_eq!(exchanges("uatatauata").starts, [0, 6]);
        assert_eq!(exchanges("uuauau").starts, [0, 3, 5]);
        assert_eq!(exchanges("usuaua").starts, [0, 4]);
        assert_eq!(exchanges("").starts, [] as [usize; 0]);
        assert_eq!(exchanges("ss").starts, [] as [usize; 0]);
    }

    #[test]
    fn what_stands_before_the_first_user_message_is_an_exchange() {
        assert_eq!(exchanges("saua").starts, [1, 2]);
        assert_eq!(exchanges("x").starts, [0]);
    }

    #[test]
    fn a_call_is_not_parted_from_its_result() {
        assert_eq!(exchanges("uauta").starts, [0]);
        assert_eq!(exchanges("uauautaua").starts, [0, 2, 7]);
    }

    #[test]
    fn instructions_stay_wherever_they_stand() {
        let exchanges = exchanges("suasuadua");
        assert_eq!(exchanges.starts, [1, 4, 7]);
        assert_eq!(exchanges.kept(0, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(exchanges.kept(1, 8), [0, 3, 4, 5, 6, 7]);
        assert_eq!(exchanges.kept(2, 8), [0, 3, 6, 7]);
        assert_eq!(exchanges.among(8), 3);
        assert_eq!(exchanges.among(7), 2);
    }

    #[test]
    fn the_fewest_are_dropped_and_few_are_tried() {
        for most in 0..40 {
            for wanted in 1..=most + 1 {
                for likely in 0..=most {
                    let (mut tried, mut known) = (0, None);
                    let mut search = FewestDropped::new(&(0..=most), likely);
                    while let Some(dropped) = search.next_try() {
                        tried += 1;
                        known = search.is_answer_if_it_fits(dropped).then_some(dropped);
                        search.record(dropped, dropped >= wanted);
                    }
                    let found = search.found();
                    assert_eq!(found, (wanted <= most).then_some(wanted));
                    assert!(tried <= 10, "{tried} of {most}");
                    if wanted <= most && likely == wanted {
                        assert!(tried <= 2 && known == found, "{tried} for {wanted}");
                    }
                }
            }
        }
    }
}
