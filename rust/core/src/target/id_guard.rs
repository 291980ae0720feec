//! Whether the ids of a target hold a control token that the template did not write.
//!
//! In: the ids of a prompt and its completion, as they were encoded, and the control tokens that the template wrote in
//! their text. Out: the first control token whose id stands where the template wrote none. It goes by the ids that came
//! out, whatever encoded them.

use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::tokenizer::{Checkpoint, ControlTokens, FoundToken, Known, Tokenizer};

/// What the ids of a target are held to.
#[derive(Debug, Clone)]
pub struct IdGuard<'g> {
    pub control_tokens: &'g ControlTokens,
    /// The control tokens that the template wrote in prompt and completion, in order.
    pub own: Vec<FoundToken>,
}

/// A text and its ids, which are looked at.
pub(super) struct Checked<'i> {
    pub text: &'i str,
    pub ids: &'i [i32],
    /// What of the text is plain text.
    pub plain: &'i [Range<usize>],
    /// The byte at which what was encoded by itself starts.
    pub continuation: Option<usize>,
}

impl IdGuard<'_> {
    /// The control tokens of this text, which starts at this byte, are the template's.
    pub fn add(&mut self, text: &str, at: usize) {
        let moved = |bytes: Range<usize>| bytes.start + at..bytes.end + at;
        let found = self.control_tokens.found(text).into_iter();
        self.own.extend(found.map(|token| FoundToken { bytes: moved(token.bytes), ..token }));
    }

    /// An error if one of the ids is forged. `checkpoints` are in order; what is before the first of them was looked at
    /// already.
    pub(super) fn check(
        &self,
        tokenizer: &Tokenizer,
        of: &Checked<'_>,
        checkpoints: &[Checkpoint],
    ) -> Result<()> {
        let end = Checkpoint { text: of.text.len(), ids: of.ids.len() };
        let starts = checkpoints.iter();
        let ends = checkpoints.iter().skip(1).chain([&end]);
        let is_sound = starts.zip(ends).all(|(from, to)| {
            let ids =
                of.ids[from.ids..to.ids].iter().copied().filter(|id| self.control_tokens.is_control(*id));
            let own = self.own_in(&(from.text..to.text)).iter().map(|token| token.id);
            ids.eq(own.filter(|id| self.control_tokens.is_control(*id)))
        });
        if is_sound {
            return Ok(());
        }
        match self.find_forged(tokenizer, of)? {
            None => Ok(()),
            Some(id) => Err(self.error(id)),
        }
    }

    /// The control tokens that the template wrote and that start in these bytes.
    fn own_in(&self, bytes: &Range<usize>) -> &[FoundToken] {
        let first = self.own.partition_point(|token| token.bytes.start < bytes.start);
        let until = self.own.partition_point(|token| token.bytes.start < bytes.end);
        &self.own[first..until.max(first)]
    }

    /// The same by the bytes of each id, which takes encoding the text again.
    fn find_forged(&self, tokenizer: &Tokenizer, of: &Checked<'_>) -> Result<Option<i32>> {
        let Checked { text, ids, plain, continuation } = of;
        let encoding = tokenizer.encode_with_offsets(text, plain, *continuation, &mut Known::default())?;
        let encoding = encoding.with_ids(ids)?;
        let forged = encoding.ids.iter().zip(&encoding.bytes).find(|(id, bytes)| {
            let is_own = |token: &FoundToken| {
                token.id == **id && token.bytes.start < bytes.end && bytes.start < token.bytes.end
            };
            self.control_tokens.is_control(**id) && !self.own.iter().any(is_own)
        });
        Ok(forged.map(|(id, _)| *id))
    }

    fn error(&self, id: i32) -> Error {
        let token = self.control_tokens.text_of(id).map_or_else(String::new, ToString::to_string);
        let text = format!(
            "text of the record becomes the control token {token:?}: the tokenizer makes its id of plain text, too, so \
             it cannot be encoded as text"
        );
        Error::new(ErrorKind::ControlToken, text)
    }
}
