//! A text in two parts that are not joined.

use std::borrow::Cow;

/// What texts have in common at their start is looked for in steps of this many bytes.
const STEP: usize = 64;

/// A text: `head`, then `tail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PromptText<'t> {
    pub head: &'t str,
    pub tail: &'t str,
}

impl<'t> From<&'t str> for PromptText<'t> {
    fn from(head: &'t str) -> Self {
        Self { head, tail: "" }
    }
}

impl<'t> PromptText<'t> {
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// What comes after the first bytes, which end with a character.
    pub fn after(&self, bytes: usize) -> Self {
        match self.head.get(bytes..) {
            Some(head) => Self { head, tail: self.tail },
            None => Self { head: "", tail: self.tail.get(bytes - self.head.len()..).unwrap_or_default() },
        }
    }

    /// The last of its bytes, at most so many, from the start of a character on.
    pub fn end(&self, bytes: usize) -> String {
        let mut from = self.len().saturating_sub(bytes);
        let is_boundary = |at: usize| match at.checked_sub(self.head.len()) {
            Some(at) => self.tail.is_char_boundary(at),
            None => self.head.is_char_boundary(at),
        };
        while !is_boundary(from) {
            from += 1;
        }
        self.after(from).to_text()
    }

    pub fn parts(&self) -> [&'t str; 2] {
        [self.head, self.tail]
    }

    pub fn to_text(self) -> String {
        self.parts().concat()
    }

    /// The text in one piece, copied only where it is in two.
    pub fn joined(self) -> Cow<'t, str> {
        match self.parts() {
            [text, ""] | ["", text] => Cow::Borrowed(text),
            parts => Cow::Owned(parts.concat()),
        }
    }

    /// How many bytes two texts have in common at their start, up to the end of a character, if the first `known` are
    /// known to be.
    pub fn common(&self, other: &Self, known: usize) -> usize {
        let known = known.min(self.len()).min(other.len());
        let (mut mine, mut theirs) = (self.after(known), other.after(known));
        let mut common = known;
        loop {
            let (a, b) = (mine.first(), theirs.first());
            let shorter = a.len().min(b.len());
            if shorter == 0 {
                return common;
            }
            let same = common_items(a.as_bytes(), b.as_bytes());
            if same < shorter {
                return common + (0..=same).rev().find(|at| a.is_char_boundary(*at)).unwrap_or(0);
            }
            // No character spans two parts: parts end with characters.
            common += shorter;
            (mine, theirs) = (mine.after(shorter), theirs.after(shorter));
        }
    }

    fn first(&self) -> &'t str {
        if self.head.is_empty() { self.tail } else { self.head }
    }
}

/// How many bytes two texts have in common at their start, up to the end of a character.
pub fn common_prefix(a: &str, b: &str) -> usize {
    PromptText::from(a).common(&b.into(), 0)
}

/// How many items two slices have in common at their start.
pub fn common_items<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let whole = a.chunks(STEP).zip(b.chunks(STEP)).take_while(|(a, b)| a == b && a.len() == STEP).count();
    let from = whole * STEP;
    from + a[from..].iter().zip(&b[from..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_common_start_is_that_of_the_joined_texts(
            start in "[aé🙂]{0,90}", a in "[aé]{0,9}", b in "[aé]{0,9}", cuts in prop::array::uniform2(0usize..200), known in 0usize..90,
        ) {
            let texts = [start.clone() + &a, start.clone() + &b];
            let pieces = [0, 1].map(|i| {
                let cut = (0..=cuts[i].min(texts[i].len())).rev().find(|at| texts[i].is_char_boundary(*at)).unwrap();
                PromptText { head: &texts[i][..cut], tail: &texts[i][cut..] }
            });
            let expected: usize = texts[0].chars().zip(texts[1].chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
            let known = (0..=known.min(start.len())).rev().find(|at| start.is_char_boundary(*at)).unwrap();
            prop_assert_eq!(pieces[0].common(&pieces[1], known), expected);
            prop_assert_eq!(pieces[0].after(expected).to_text(), &texts[0][expected..]);
            prop_assert!(texts[0].ends_with(&pieces[0].end(known)));
            prop_assert!((known.saturating_sub(3)..=known).contains(&pieces[0].end(known).len()));
        }
    }
}
