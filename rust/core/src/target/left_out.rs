//! What of a record left no byte in a prompt or a completion.
//!
//! In: the spans of a text, the parts of the record, a message. Out: which parts of the message are not in the text, by
//! where its bytes come from: words that happen to be there do not count. What is said of that, and where, is not
//! decided here.

use std::ops::Range;

use everyturn_template::{Node, Source, Span, cut_spans, is_space};

use super::render::{Prompt, Rendered};
use super::said::{Said, What, add_said, inline_reasoning, is_blank};
use crate::chat_template::{Part, Prepared, RecordParts};
use crate::conversation::{CLOSE_THINKING, Message, OPEN_THINKING};

/// The parts that are in a text. Of a text that begins as the one before only the rest is looked at.
#[derive(Debug, Default)]
pub struct Marks {
    /// Of each part the number of the last text that it was in.
    last_seen: Vec<u32>,
    /// The number of the text.
    text: u32,
    /// Of each part where it first ends in the prompt that was read last; `NOWHERE` if it is not there.
    in_prompt: Vec<usize>,
    /// The parts that are there, in the order of their places.
    seen: Vec<Part>,
    /// Where the spans of that prompt end.
    ends: Vec<usize>,
    /// How many bytes at the start the next prompt has in common with this one, at least.
    same: usize,
    /// What was made from several places: in the prompt, and in another text.
    mixed: [String; 2],
    /// Where in the prompt the first of them comes from, and how much of it was there after each.
    mixed_until: Vec<(usize, usize)>,
}

const NOWHERE: usize = usize::MAX;

impl Marks {
    /// The next text has at least its first `same` bytes in common with the last one that this was said of.
    pub fn share(&mut self, same: usize) {
        self.same = self.same.min(same);
    }

    /// Takes the parts of a prompt. Returns how many of its bytes at the start were looked at before.
    pub fn read_prompt(&mut self, parts: &RecordParts, prompt: &Prompt<'_>) -> usize {
        self.go_back_to(self.same);
        self.start_text(parts);
        let (text, spans) = (prompt.text(), prompt.spans());
        let start = self.ends.last().copied().unwrap_or(0);
        let new = text.after(start).joined();
        let mut at = start;
        for span in &spans[self.ends.len()..] {
            let end = at + span.len as usize;
            self.mark_in_prompt(
                parts,
                new.get(at - start..end - start).unwrap_or_default(),
                span.source,
                end,
            );
            self.ends.push(end);
            at = end;
        }
        self.same = usize::MAX;
        start
    }

    /// Forgets what is in the prompt after its first bytes.
    fn go_back_to(&mut self, bytes: usize) {
        // A span that ends there may be longer in another text.
        self.ends.truncate(self.ends.partition_point(|end| *end < bytes));
        while let Some(part) = self.seen.pop_if(|part| self.in_prompt[part.index()] >= bytes) {
            self.in_prompt[part.index()] = NOWHERE;
        }
        self.mixed_until.truncate(self.mixed_until.partition_point(|(end, _)| *end < bytes));
        self.mixed[0].truncate(self.mixed_until.last().map_or(0, |(_, length)| *length));
    }

    fn mark_in_prompt(&mut self, parts: &RecordParts, words: &str, source: Source, end: usize) {
        let Some(node) = source.made_from().filter(|_| !is_blank(words)) else { return };
        if node == Node::NONE {
            self.mixed[0].push_str(words);
            self.mixed_until.push((end, self.mixed[0].len()));
        }
        let part = parts.of_node(node);
        if let Some(place) = self.in_prompt.get_mut(part.index())
            && *place == NOWHERE
        {
            *place = end;
            self.seen.push(part);
        }
    }

    /// Takes the parts of a text that shares nothing with others.
    pub fn read(&mut self, parts: &RecordParts, text: &str, spans: &[Span]) {
        self.start_text(parts);
        self.read_rest(parts, text, cut_spans(spans, 0, text.len()));
    }

    fn start_text(&mut self, parts: &RecordParts) {
        self.last_seen.resize(parts.count(), 0);
        self.in_prompt.resize(parts.count(), NOWHERE);
        self.text += 1;
        self.mixed[1].clear();
    }

    fn read_rest(&mut self, parts: &RecordParts, text: &str, spans: impl Iterator<Item = Span>) {
        let mut at = 0;
        for span in spans {
            let end = at + span.len as usize;
            self.mark(parts, text.get(at..end).unwrap_or_default(), span.source);
            at = end;
        }
    }

    /// Takes the part that some words come from; white space alone says nothing.
    fn mark(&mut self, parts: &RecordParts, words: &str, source: Source) {
        let Some(node) = source.made_from().filter(|_| !is_blank(words)) else { return };
        if node == Node::NONE {
            self.mixed[1].push_str(words);
        }
        if let Some(last_seen) = self.last_seen.get_mut(parts.of_node(node).index()) {
            *last_seen = self.text;
        }
    }

    /// Whether some of what a message says is in the text that was read last.
    fn shows(&self, parts: &RecordParts, said: &Said<'_>) -> bool {
        said.part.is_some_and(|part| self.has(parts, part))
            || self.has_any_mixed() && said.words.any(&mut |words| self.has_mixed(words.trim()))
    }

    /// Whether bytes of a part, or of what is around it as a whole, are in the text.
    pub fn has(&self, parts: &RecordParts, part: Part) -> bool {
        parts.with_surroundings(part).any(|part| {
            let is_in_prompt = self.in_prompt.get(part.index()).is_some_and(|end| *end != NOWHERE);
            is_in_prompt || self.last_seen.get(part.index()) == Some(&self.text)
        })
    }

    /// How many bytes of the prompt have all that is in it of what is said; `None` where that is not known.
    pub fn end_of_all<'s>(
        &self,
        parts: &RecordParts,
        said: impl Iterator<Item = &'s Said<'s>>,
    ) -> Option<usize> {
        let mut shown = said.filter(|said| self.shows(parts, said));
        shown.try_fold(0, |most, said| Some(most.max(self.end_of(parts, said.part?)?)))
    }

    /// How many bytes of the prompt have some of them, if it has any.
    fn end_of(&self, parts: &RecordParts, part: Part) -> Option<usize> {
        let ends = parts.with_surroundings(part).filter_map(|part| self.in_prompt.get(part.index()));
        ends.copied().min().filter(|end| *end != NOWHERE)
    }

    fn has_any_mixed(&self) -> bool {
        self.mixed.iter().any(|mixed| !mixed.is_empty())
    }

    fn has_mixed(&self, words: &str) -> bool {
        !words.is_empty() && self.mixed.iter().any(|mixed| mixed.contains(words))
    }
}

/// A call that is not in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLeftOut {
    pub number: usize,
    /// Its name is there, and its arguments are not.
    pub is_named: bool,
}

/// What a message says that is not in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Its content, or a part of it.
    pub text: bool,
    pub reasoning: bool,
    /// Calls of which the name or the arguments are not there.
    pub calls: Vec<CallLeftOut>,
    /// Whatever it says.
    pub everything: bool,
}

impl LeftOut {
    /// What of a message is not in the text that was read last; `None`: nothing is left out.
    pub fn find(parts: &RecordParts, said: &[Said<'_>], marks: &Marks) -> Option<Self> {
        if said.iter().all(|said| marks.shows(parts, said)) {
            return None;
        }
        let mut left_out = Self { everything: true, ..Self::default() };
        for said in said {
            if marks.shows(parts, said) {
                left_out.everything = false;
                continue;
            }
            match said.what {
                What::Text => left_out.text = true,
                What::Reasoning => left_out.reasoning = true,
                What::Called(number) => left_out.calls.push(CallLeftOut { number, is_named: false }),
                // Its name was looked for before.
                What::Arguments(number) if left_out.calls.last().is_none_or(|last| last.number != number) => {
                    left_out.calls.push(CallLeftOut { number, is_named: true });
                }
                What::Arguments(_) => {}
            }
        }
        // Reasoning alone is left out of history on purpose.
        left_out.everything &= said.iter().any(|said| said.what != What::Reasoning);
        Some(left_out)
    }

    /// What of a target is not in its completion.
    pub fn of_target(
        prepared: &Prepared<'_>,
        message: &Message,
        index: usize,
        rendered: &Rendered<'_>,
        marks: &mut Marks,
    ) -> Self {
        let (text, spans) = (&rendered.completion.text, &rendered.completion_spans);
        marks.read(prepared.parts(), text, spans);
        Self::of_answer(prepared, message, index, (text, spans), marks)
    }

    /// What of an answer is not in the text that was read last.
    pub fn of_answer(
        prepared: &Prepared<'_>,
        message: &Message,
        index: usize,
        (text, spans): (&str, &[Span]),
        marks: &Marks,
    ) -> Self {
        let parts = prepared.parts();
        let mut said = Vec::new();
        add_said(&mut said, message, parts, prepared.given_as(index));
        let mut left_out = Self::find(parts, &said, marks).unwrap_or_default();
        if let Some((content, source)) = prepared.content_of_answer(index)
            && let Some(reasoning) = inline_reasoning(content)
        {
            let before = 0..reasoning.start.saturating_sub(OPEN_THINKING.len());
            let answer = reasoning.end + CLOSE_THINKING.len()..content.len();
            let part = source.made_from().map_or(Part::NONE, |node| parts.of_node(node));
            let shown = Shown::of((content, part), (text, spans), parts);
            left_out.reasoning |= shown.lacks(reasoning);
            left_out.text |= shown.lacks(before) || shown.lacks_some(answer);
        }
        left_out
    }

    pub fn is_more_than_reasoning(&self) -> bool {
        self.everything || self.text || !self.calls.is_empty()
    }

    pub fn is_something(&self) -> bool {
        self.text || self.reasoning || !self.calls.is_empty()
    }
}

/// What of a content is in a text.
struct Shown<'s> {
    content: &'s str,
    text: &'s str,
    /// The bytes that are there as they are.
    bytes: Vec<Range<usize>>,
    /// Some were changed by a function: then it is not known which.
    is_rewritten: bool,
}

impl<'s> Shown<'s> {
    fn of((content, part): (&'s str, Part), (text, spans): (&'s str, &[Span]), parts: &RecordParts) -> Self {
        let mut shown = Self { content, text, bytes: Vec::new(), is_rewritten: false };
        for span in spans {
            let Some(of_span) = span.source.made_from().map(|node| parts.of_node(node)) else { continue };
            match span.source {
                Source::Input { start, .. } if of_span == part => {
                    shown.bytes.push(start as usize..start as usize + span.len as usize);
                }
                // Also as a piece of what is around it: a message, or a list of parts, that is printed whole.
                _ => shown.is_rewritten |= parts.with_surroundings(part).any(|part| part == of_span),
            }
        }
        shown
    }

    /// Whether these bytes of the content say something of which nothing is there.
    fn lacks(&self, bytes: Range<usize>) -> bool {
        let text = self.content.get(bytes.clone()).unwrap_or_default();
        let trimmed = text.trim_matches(is_space);
        let start = bytes.start + text.len() - text.trim_start_matches(is_space).len();
        let said = start..start + trimmed.len();
        let is_there = |there: &Range<usize>| there.start < said.end && said.start < there.end;
        let is_shown = self.bytes.iter().any(is_there) || self.is_rewritten && self.text.contains(trimmed);
        !said.is_empty() && !is_shown
    }

    /// Whether of these bytes of the content some are not there, tags of thinking apart.
    fn lacks_some(&self, bytes: Range<usize>) -> bool {
        if self.is_rewritten {
            return self.lacks(bytes);
        }
        let text = self.content.get(bytes.clone()).unwrap_or_default();
        let tags = [OPEN_THINKING, CLOSE_THINKING].into_iter().flat_map(|tag| text.match_indices(tag));
        let tags: Vec<Range<usize>> = tags.map(|(at, tag)| at..at + tag.len()).collect();
        let is_in = |ranges: &[Range<usize>], at: usize| ranges.iter().any(|range| range.contains(&at));
        let mut said = text.char_indices().filter(|(at, c)| !is_space(*c) && !is_in(&tags, *at));
        said.any(|(at, _)| !is_in(&self.bytes, bytes.start + at))
    }
}
