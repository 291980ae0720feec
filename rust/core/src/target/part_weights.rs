//! Weights of parts of a message to weights of the tokens of its completion.
//!
//! In: a target that was rendered, with where the bytes of its completion come from, and the parts that have weights of
//! their own. Out: what each token of the completion weighs. Bytes that the template wrote weigh what the message does;
//! a token of several parts weighs what the lightest does, so that nothing is trained that must not be. Where the
//! template rewrote a part, or printed it together with others, it is an error.

use std::cell::OnceCell;
use std::ops::Range;

use everyturn_template::{Node, Source, is_space};

use super::render::Rendered;
use super::said::{calls, item, spellings};
use crate::chat_template::{Part, PartName, Prepared, RecordParts};
use crate::conversation::{Message, PartWeight, REASONING_KEYS, Weight, WeightedPart, part_texts};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Value};

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
    let number = prepared.given_as(index);
    let finder = Finder { prepared, message, number, index, rendered, is_given: OnceCell::new() };
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
    let mut parts: Vec<&ByteWeight> = weights.iter().collect();
    parts.sort_by_key(|part| part.bytes.start);
    // Where the furthest of the parts up to each ends.
    let furthest: Vec<usize> = parts
        .iter()
        .scan(0, |most: &mut usize, part| {
            *most = part.bytes.end.max(*most);
            Some(*most)
        })
        .collect();
    let weigh = |token: Range<usize>| {
        let until = parts.partition_point(|part| part.bytes.start < token.end);
        let first = furthest.partition_point(|end| *end <= token.start).min(until);
        let touched = || parts[first..until].iter().filter(|part| token.start < part.bytes.end);
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
    /// The template is given the content as it is; many spans ask.
    is_given: OnceCell<bool>,
}

impl Finder<'_> {
    fn bytes_of(&self, part: &WeightedPart) -> Result<Vec<Range<usize>>> {
        match part {
            WeightedPart::ContentItem(at) => match self.find(&[PartName::Content, item(*at)]) {
                Some(part) => {
                    let texts = self.message.fields.get("content").and_then(Value::as_array).map(part_texts);
                    let text = texts.and_then(|texts| texts.get(*at).copied()).unwrap_or_default();
                    self.bytes_from(part, None, &OwnWords::text(text), "a part of the content")
                }
                None => self.bytes_of_content(self.joined_item(*at)?),
            },
            WeightedPart::Content(bytes) => {
                if !self.is_content_given() {
                    return Err(untold("the content", "is given to the template as another text"));
                }
                self.bytes_of_content(bytes.clone())
            }
            WeightedPart::Reasoning(bytes) => self.bytes_of_reasoning(bytes),
            WeightedPart::Call(at) => match self.find(&[PartName::Calls, item(*at)]) {
                Some(part) => self.bytes_from(part, None, &self.words_of_call(*at), "a tool call"),
                None => Ok(Vec::new()),
            },
        }
    }

    fn is_content_given(&self) -> bool {
        *self.is_given.get_or_init(|| {
            let content = self.message.fields.get("content").and_then(Value::as_str);
            self.prepared.content_of_answer(self.index).map(|(text, _)| text) == content
        })
    }

    fn find(&self, names: &[PartName]) -> Option<Part> {
        let parts = self.prepared.parts();
        parts.find(&[PartName::Messages, item(self.number)]).and_then(|message| parts.find_in(message, names))
    }

    fn bytes_of_content(&self, bytes: Range<usize>) -> Result<Vec<Range<usize>>> {
        let part = self.find(&[PartName::Content, item(0)]).or_else(|| self.find(&[PartName::Content]));
        let content = self.prepared.content_of_answer(self.index).map_or("", |(text, _)| text);
        let Some(part) = part else { return Ok(Vec::new()) };
        let words = OwnWords::text(content.get(bytes.clone()).unwrap_or_default());
        self.bytes_from(part, Some((content, bytes)), &words, "the content")
    }

    /// Where a part of a content is in the text that its parts were joined to.
    fn joined_item(&self, at: usize) -> Result<Range<usize>> {
        let parts = self.message.fields.get("content").and_then(Value::as_array).unwrap_or_default();
        let joined = self.prepared.content_of_answer(self.index).map_or("", |(text, _)| text);
        let mut from = 0;
        for (number, text) in part_texts(parts).into_iter().enumerate() {
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
        let Some(part) = self.find(&[PartName::Reasoning]) else { return Ok(Vec::new()) };
        if *bytes == (0..length) {
            let words = OwnWords::text(reasoning.unwrap_or_default());
            return self.bytes_from(part, None, &words, "the reasoning");
        }
        let shown = self.prepared.reasoning_of_answer(self.index).filter(|shown| Some(*shown) == reasoning);
        let shown =
            shown.ok_or_else(|| untold("the reasoning", "is given to the template as another text"))?;
        let words = OwnWords::text(shown.get(bytes.clone()).unwrap_or_default());
        self.bytes_from(part, Some((shown, bytes.clone())), &words, "the reasoning")
    }

    /// The bytes of the completion that come from a part, or from some bytes of it, if that can be told.
    fn bytes_from(
        &self,
        part: Part,
        of: Option<(&str, Range<usize>)>,
        words: &OwnWords<'_>,
        what: &str,
    ) -> Result<Vec<Range<usize>>> {
        let parts = self.prepared.parts();
        let (text, bytes) = of.map_or(("", None), |(text, bytes)| (text, Some(bytes)));
        // Bytes of the part that are in the completion as they are.
        let mut kept: Vec<Range<usize>> = Vec::new();
        let mut mixed: Vec<&str> = Vec::new();
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
            } else if node == Node::NONE {
                if self.is_of_unknown_origin(start..at, words, what)? {
                    found.push(start..at);
                }
                mixed.push(self.rendered.completion.text.get(start..at).unwrap_or_default());
            }
        }
        let is_in_mixed = |own: &str| !own.is_empty() && mixed.iter().any(|mixed| mixed.contains(own));
        if found.is_empty() && words.texts.iter().any(|own| is_in_mixed(own.trim())) {
            return Err(untold(what, "is in a text that the template made of several"));
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

    /// Numbers and booleans have no place of their own: whether such text is the part's, by what is printed there.
    fn is_of_unknown_origin(&self, bytes: Range<usize>, words: &OwnWords<'_>, what: &str) -> Result<bool> {
        let text = self.rendered.completion.text.get(bytes).unwrap_or_default().trim();
        if text.is_empty() {
            return Ok(false);
        }
        match (words.scalars.iter().any(|own| own == text), words.others.iter().any(|other| other == text)) {
            (true, true) => Err(untold(what, "has the same numbers as another call")),
            (is_own, _) => Ok(is_own),
        }
    }

    /// Words of a call, and numbers of the others.
    fn words_of_call(&self, at: usize) -> OwnWords<'_> {
        let mut words = OwnWords::default();
        for (number, call) in calls(self.message).enumerate() {
            let scalars = if number == at { &mut words.scalars } else { &mut words.others };
            add_scalars(call.get("arguments"), scalars);
            if number == at {
                words.texts.extend(call.get("name").and_then(Value::as_str));
            }
        }
        words
    }
}

/// What a part may be known by where its bytes have no place.
#[derive(Default)]
struct OwnWords<'w> {
    texts: Vec<&'w str>,
    scalars: Vec<String>,
    others: Vec<String>,
}

impl<'w> OwnWords<'w> {
    fn text(text: &'w str) -> Self {
        Self { texts: vec![text], ..Self::default() }
    }
}

/// The spellings of the numbers, booleans and nulls in a value.
fn add_scalars(value: Option<&Value>, found: &mut Vec<String>) {
    match value {
        Some(Value::Array(items)) => {
            for item in items {
                add_scalars(Some(item), found);
            }
        }
        Some(Value::Object(object)) => {
            for (_, value) in object.iter() {
                add_scalars(Some(value), found);
            }
        }
        Some(Value::String(text)) => {
            // Arguments may be JSON text, which a server reads.
            if let Ok(value @ (Value::Object(_) | Value::Array(_))) = json::parse_with_constants(text) {
                add_scalars(Some(&value), found);
            }
        }
        Some(scalar) => found.extend(spellings(scalar)),
        None => {}
    }
}

/// Whether a part is another, or in it.
fn is_within(parts: &RecordParts, part: Part, around: Part) -> bool {
    around != Part::NONE && parts.with_surroundings(part).any(|part| part == around)
}

fn untold(what: &str, why: &str) -> Error {
    let text =
        format!("{what} has a weight of its own, but {why}, so it is not known which tokens it weighs");
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
