//! The layout `conversation`: the whole conversation rendered once, with a mask.
//!
//! In: a prepared conversation, its targets with what inference would show for each. Out: one row. Where the
//! template rewrites history the row shows a target a context that inference never does; such targets are counted.

use std::ops::Range;

use super::{Sample, Trained};
use crate::chat_template::{Prepared, locate};
use crate::conversation::{Conversation, Role};
use crate::error::{Error, Result};
use crate::target::{Encoded, Encoder, Target};
use crate::tokenizer::{Encoding, Tokenizer};

/// One row, and what happened on the way.
pub struct Whole {
    pub sample: Sample,
    /// The targets whose context or text is not what inference shows.
    pub inexact: u64,
    pub lost: Vec<Error>,
}

/// A target and, where prompt and completion could be made, its ids.
pub struct WholeTarget {
    pub target: Target,
    pub encoded: Option<Ids>,
}

pub struct Ids {
    prompt: Vec<i32>,
    completion: Vec<i32>,
}

impl From<Encoded<'_>> for Ids {
    fn from(encoded: Encoded<'_>) -> Self {
        let (prompt, completion) = encoded.ids.split_at(encoded.prompt);
        Self { prompt: prompt.to_vec(), completion: completion.to_vec() }
    }
}

/// Renders the conversation once and finds the targets in it.
pub fn whole(
    prepared: &Prepared<'_>,
    conversation: &Conversation,
    (tokenizer, encoder): (&Tokenizer, &mut Encoder),
    targets: Vec<WholeTarget>,
) -> Result<Whole> {
    let text = whole_text(prepared, conversation)?;
    let ids = encoder.encode_text(tokenizer, &text)?.to_vec();
    let mut offsets = Offsets::default();
    let mut found = Whole { sample: Sample::default(), inexact: 0, lost: Vec::new() };
    for WholeTarget { target, encoded } in targets {
        let exact = encoded.and_then(|encoded| {
            let rest = ids.strip_prefix(&*encoded.prompt)?;
            let start = encoded.prompt.len();
            rest.starts_with(&encoded.completion).then(|| start..start + encoded.completion.len())
        });
        let tokens = if let Some(tokens) = exact {
            tokens
        } else {
            match locate(prepared, &text, target.message, Role::Assistant) {
                Ok(bytes) => {
                    found.inexact += 1;
                    offsets.tokens_in(tokenizer, &text, &bytes)?
                }
                Err(error) => {
                    found.lost.push(error.at_message(target.message));
                    continue;
                }
            }
        };
        found.sample.trained.push(Trained { tokens, weight: target.weight });
        found.sample.targets.push(target.message);
    }
    found.sample.ids = ids;
    Ok(found)
}

/// The one rendering; a last turn that only a next header would end gets that header's stop token.
pub fn whole_text(prepared: &Prepared<'_>, conversation: &Conversation) -> Result<String> {
    let mut text = prepared.render(conversation.messages.len(), false)?.text;
    if let Some(last) = conversation.messages.last().filter(|last| last.role == Role::Assistant) {
        prepared.turn_end().append_next_header(&mut text, last.calls_tools());
    }
    Ok(text)
}

/// Every token of the conversation has a label, save those of messages whose weight is 0.
pub fn all_tokens(
    prepared: &Prepared<'_>,
    conversation: &Conversation,
    (tokenizer, encoder): (&Tokenizer, &mut Encoder),
    targets: &[Target],
) -> Result<Sample> {
    let text = whole_text(prepared, conversation)?;
    let ids = encoder.encode_text(tokenizer, &text)?.to_vec();
    let mut offsets = Offsets::default();
    let mut weights = vec![1.0f32; ids.len()];
    for (i, message) in conversation.messages.iter().enumerate() {
        let weight = message.weight.unwrap_or(1.0);
        if (weight - 1.0).abs() > 0.0 {
            let bytes = locate(prepared, &text, i, message.role).map_err(|error| error.at_message(i))?;
            weights[offsets.tokens_in(tokenizer, &text, &bytes)?].fill(weight);
        }
    }
    let targets = targets.iter().map(|target| target.message).collect();
    Ok(Sample { trained: runs(&weights), ids, targets })
}

/// Runs of tokens of one weight above 0.
fn runs(weights: &[f32]) -> Vec<Trained> {
    let mut runs = Vec::new();
    let mut start = 0;
    for run in weights.chunk_by(|a, b| (a - b).abs() <= 0.0) {
        let tokens = start..start + run.len();
        start = tokens.end;
        if run[0] > 0.0 {
            runs.push(Trained { tokens, weight: run[0] });
        }
    }
    runs
}

/// Which bytes each token came from, found out when it is first asked for: it takes the reference engine.
#[derive(Default)]
struct Offsets(Option<Encoding>);

impl Offsets {
    /// The tokens that start within a range of bytes; one that starts before it belongs to the context.
    fn tokens_in(&mut self, tokenizer: &Tokenizer, text: &str, bytes: &Range<usize>) -> Result<Range<usize>> {
        let encoding = match &mut self.0 {
            Some(encoding) => encoding,
            none => none.insert(tokenizer.encode_with_bytes(text)?),
        };
        let start = encoding.bytes.partition_point(|token| token.start < bytes.start);
        let end = encoding.bytes.partition_point(|token| token.start < bytes.end);
        Ok(start..end.max(start))
    }
}

/// Cuts a row behind the last target that ends within `max_length`; the targets behind it are returned.
pub fn shorten(sample: &mut Sample, max_length: usize) -> Vec<usize> {
    if sample.ids.len() <= max_length {
        return Vec::new();
    }
    let fits = sample.trained.partition_point(|trained| trained.tokens.end <= max_length);
    sample.trained.truncate(fits);
    sample.ids.truncate(sample.trained.last().map_or(0, |trained| trained.tokens.end));
    sample.targets.split_off(fits)
}
