//! Weights of parts of a message to weights of the tokens of its completion.
//!
//! In: a target that was rendered, with where the bytes of its completion come from, and the parts that have weights of
//! their own. Out: what each token of the completion weighs. Bytes that the template wrote weigh what the message does;
//! a token of several parts weighs what the lightest does, so that nothing is trained that must not be. Where the
//! template rewrote a part, or printed it together with others, it is an error.

use std::ops::Range;

use everyturn_template::{Node, Source, is_space};

use super::render::Rendered;
use super::said::item;
use crate::chat_template::{Name, Part, Parts, Prepared};
use crate::conversation::{Message, PartWeight, REASONING_KEYS, Weight, WeightedPart};
use crate::error::{Error, ErrorKind, Result};
use crate::json::Value;

/// What some bytes of a completion weigh.
#[derive(Debug, Clone, PartialEq)]
pub struct ByteWeight {
    pub bytes: Range<usize>,
    pub weight: Weight,
}

/// The bytes of the completion that have a weight of their own.
pub fn weigh_bytes(
    prepared: &Prepared<'_>,
    message: &Message,
    index: usize,
    rendered: &Rendered<'_>,
) -> Result<Vec<ByteWeight>> {
    let finder = Finder { prepared, message, number: prepared.given_as(index), index, rendered };
    let mut found = Vec::new();
    for PartWeight { part, weight } in &message.part_weights {
        let bytes = finder.bytes_of(part)?;
        found.extend(bytes.into_iter().map(|bytes| ByteWeight { bytes, weight: *weight }));
    }
    Ok(found)
}

/// What each token weighs, by the bytes of the completion that it stands for.
pub fn weigh_tokens(
    tokens: impl Iterator<Item = Range<usize>>,
    of_message: Weight,
    weights: &[ByteWeight],
) -> Vec<Weight> {
    let weigh = |token: Range<usize>| {
        let touched =
            || weights.iter().filter(|part| part.bytes.start < token.end && token.start < part.bytes.end);
        let covered: usize =
            touched().map(|part| part.bytes.end.min(token.end) - part.bytes.start.max(token.start)).sum();
        let others = (covered < token.len() || token.is_empty()).then_some(of_message);
        let lightest = touched().map(|part| part.weight).chain(others);
        lightest.reduce(|a, b| if b < a { b } else { a }).unwrap_or(of_message)
    };
    tokens.map(weigh).collect()
}

/// Finds parts of a message in its completion.
struct Finder<'f> {
    prepared: &'f Prepared<'f>,
    message: &'f Message,
    /// The number under which the template is given the message.
    number: usize,
    index: usize,
    rendered: &'f Rendered<'f>,
}

impl Finder<'_> {
    fn bytes_of(&self, part: &WeightedPart) -> Result<Vec<Range<usize>>> {
        match part {
            WeightedPart::ContentItem(at) => match self.find(&[Name::Content, item(*at)]) {
                Some(part) => self.bytes_from(part, None, "a part of the content"),
                None => self.bytes_of_content(self.joined_item(*at)?),
            },
            WeightedPart::Content(bytes) => {
                let content = self.message.fields.get("content").and_then(Value::as_str);
                if self.prepared.content_of_answer(self.index).map(|(text, _)| text) != content {
                    return Err(untold("the content", "is given to the template as another text"));
                }
                self.bytes_of_content(bytes.clone())
            }
            WeightedPart::Reasoning(bytes) => self.bytes_of_reasoning(bytes),
            WeightedPart::Call(at) => match self.find(&[Name::Calls, item(*at)]) {
                Some(part) => self.bytes_from(part, None, "a tool call"),
                None => Ok(Vec::new()),
            },
        }
    }

    fn find(&self, names: &[Name]) -> Option<Part> {
        let parts = self.prepared.parts();
        parts.find(&[Name::Messages, item(self.number)]).and_then(|message| parts.find_in(message, names))
    }

    fn bytes_of_content(&self, bytes: Range<usize>) -> Result<Vec<Range<usize>>> {
        let part = self.find(&[Name::Content, item(0)]).or_else(|| self.find(&[Name::Content]));
        let content = self.prepared.content_of_answer(self.index).map_or("", |(text, _)| text);
        part.map_or_else(
            || Ok(Vec::new()),
            |part| self.bytes_from(part, Some((content, bytes)), "the content"),
        )
    }

    /// Where a part of a content is in the text that its parts were joined to.
    fn joined_item(&self, at: usize) -> Result<Range<usize>> {
        let parts = self.message.fields.get("content").and_then(Value::as_array).unwrap_or_default();
        let texts = parts.iter().filter_map(|part| part.as_object()?.get("text")?.as_str());
        let joined = self.prepared.content_of_answer(self.index).map_or("", |(text, _)| text);
        let mut from = 0;
        for (number, text) in texts.enumerate() {
            let found = joined.get(from..).and_then(|rest| rest.find(text)).map(|start| from + start);
            let Some(start) = found else { break };
            from = start + text.len();
            if number == at {
                return Ok(start..from);
            }
        }
        Err(untold("a part of the content", "is not in the text that the template is given"))
    }

    fn bytes_of_reasoning(&self, bytes: &Range<usize>) -> Result<Vec<Range<usize>>> {
        let reasoning = REASONING_KEYS.iter().find_map(|key| self.message.fields.get(key)?.as_str());
        let length = reasoning.map_or(0, str::len);
        let Some(part) = self.find(&[Name::Reasoning]) else { return Ok(Vec::new()) };
        if *bytes == (0..length) {
            return self.bytes_from(part, None, "the reasoning");
        }
        let shown = self.prepared.reasoning_of_answer(self.index).filter(|shown| Some(*shown) == reasoning);
        let shown =
            shown.ok_or_else(|| untold("the reasoning", "is given to the template as another text"))?;
        self.bytes_from(part, Some((shown, bytes.clone())), "the reasoning")
    }

    /// The bytes of the completion that come from a part, or from some bytes of it, if that can be told.
    fn bytes_from(
        &self,
        part: Part,
        of: Option<(&str, Range<usize>)>,
        what: &str,
    ) -> Result<Vec<Range<usize>>> {
        let parts = self.prepared.parts();
        let (text, bytes) = of.map_or(("", None), |(text, bytes)| (text, Some(bytes)));
        // Bytes of the part that are in the completion as they are.
        let mut kept: Vec<Range<usize>> = Vec::new();
        let length = self.rendered.completion.text.len();
        let (mut found, mut at) = (Vec::new(), 0);
        for span in &self.rendered.completion_spans {
            let start = at;
            at = (at + span.len as usize).min(length);
            let Some(node) = span.source.made_from().filter(|_| start < at) else { continue };
            let of_node = parts.of_node(node);
            if is_within(parts, of_node, part) {
                match (&bytes, span.source) {
                    (None, _) => found.push(start..at),
                    (Some(bytes), Source::Input { start: from, .. }) => {
                        let (from, until) = (from as usize, from as usize + at - start);
                        let (first, last) = (bytes.start.max(from), bytes.end.min(until));
                        if first < last {
                            kept.push(first..last);
                            found.push(start + first - from..start + last - from);
                        }
                    }
                    (Some(_), _) => return Err(untold(what, "was rewritten by the template")),
                }
            } else if is_within(parts, part, of_node) {
                return Err(untold(what, "was printed together with others"));
            } else if node == Node::NONE && !bytes.as_ref().is_some_and(Range::is_empty) {
                self.is_free_of(start..at, what)?;
            }
        }
        if let Some(bytes) = bytes.filter(|_| !kept.is_empty()) {
            let is_kept = |at: usize| kept.iter().any(|kept| kept.contains(&at));
            let said = text.get(bytes.clone()).unwrap_or_default().char_indices();
            if said.filter(|(_, c)| !is_space(*c)).any(|(at, _)| !is_kept(bytes.start + at)) {
                return Err(untold(what, "was rewritten by the template"));
            }
        }
        Ok(found)
    }

    /// Text that was made from several places may hold anything, if it holds words.
    fn is_free_of(&self, bytes: Range<usize>, what: &str) -> Result<()> {
        let text = self.rendered.completion.text.get(bytes).unwrap_or_default();
        if text.contains(char::is_alphabetic) {
            return Err(untold(what, "may be in a text that the template made of several"));
        }
        Ok(())
    }
}

/// Whether a part is another, or in it.
fn is_within(parts: &Parts, part: Part, around: Part) -> bool {
    around != Part::NONE && parts.with_surroundings(part).any(|part| part == around)
}

fn untold(what: &str, why: &str) -> Error {
    let text = format!("{what} has a weight of its own and {why}: it is not known which tokens it weighs");
    Error::new(ErrorKind::Weight, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_several_parts_weighs_what_the_lightest_does() {
        let weights = [(2..4, 0.5), (4..7, 0.0), (9..10, 2.0)]
            .map(|(bytes, weight)| ByteWeight { bytes, weight: Weight(weight) });
        let tokens = [0..2, 1..3, 2..4, 3..5, 5..7, 6..8, 9..10, 8..10, 9..9];
        let found = weigh_tokens(tokens.into_iter(), Weight::ONE, &weights);
        let found: Vec<f32> = found.into_iter().map(|weight| weight.0).collect();
        assert_eq!(found, [1.0, 0.5, 0.5, 0.0, 0.0, 0.0, 2.0, 1.0, 1.0]);
    }
}
