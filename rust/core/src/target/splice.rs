//! The message's own text after what the prompt already wrote.
//!
//! In: a target's prompt and rendering, which part. Out: the prompt as the server sends it and the turn that the model
//! has to write after it: its reasoning once, where the prompt opens a block for it or the template shows one, then what
//! the template shows of the rest. Nothing where it is not certain what the prompt wrote, or where the reasoning would
//! have to stand in a block that the prompt has closed.

use std::ops::Range;

use everyturn_template::{Source, cut_spans};

use super::mismatch::{Inline, Mismatched, Resolved, Texts, flags};
use super::own_turn::OwnTurn;
use crate::chat_template::{Author, Prepared, Rendering, ThinkingFormat};
use crate::conversation::CLOSE_THINKING;
use crate::traced_text::TracedText;

pub fn splice(prepared: &Prepared<'_>, target: Mismatched<'_>, texts: Texts<'_>) -> Option<Resolved> {
    if target.is_amid_words {
        return None;
    }
    let format = prepared.thinking().format.as_ref();
    let tags = format.map(|format| [format.open_tag(), format.close_tag()]);
    let turn = OwnTurn::find(prepared, target, texts, tags.as_ref().map_or(&[], <[&str; 2]>::as_slice))?;
    let body = Body::of(prepared, target, texts.full, &turn)?;
    let text = match (Written::of(&turn, format).or_else(|| body.unknown(&turn))?, format) {
        (Written::Nothing, format) => body.after_header(format, turn.has_more_space),
        (Written::Opened { rest, space }, format) => body.in_open_block(format?, rest, space)?,
        (Written::Closed, format) => body.after_closed_block(format)?,
    };
    let prompt = TracedText { text: texts.prompt.text.clone(), spans: texts.prompt.spans.clone() };
    Some(Resolved { prompt, text, arguments: flags(target.arguments) })
}

/// What a prompt wrote of a turn.
enum Written<'t> {
    Nothing,
    /// It opened a block of thinking.
    Opened {
        /// What of the opening it left to the model.
        rest: &'t str,
        /// The white space after the tag.
        space: &'t str,
    },
    Closed,
}

impl<'t> Written<'t> {
    /// `None`: something else.
    fn of(turn: &OwnTurn<'t>, format: Option<&'t ThinkingFormat>) -> Option<Self> {
        let written = turn.written.trim_start();
        if written.is_empty() {
            return Some(Self::Nothing);
        }
        let format = format?;
        let after_open = written.strip_prefix(format.open_tag());
        let inside = after_open.unwrap_or(written).trim_start();
        if let Some(after) = inside.strip_prefix(format.close_tag()) {
            return after.trim().is_empty().then_some(Self::Closed);
        }
        let space = after_open.filter(|_| inside.is_empty())?;
        Some(Self::Opened { rest: format.open.strip_prefix(written).unwrap_or_default(), space })
    }
}

/// A turn as a rendering shows it after the header.
struct Body<'b> {
    prepared: &'b Prepared<'b>,
    target: Mismatched<'b>,
    full: &'b Rendering,
    start: usize,
    /// The first byte that is not the template's.
    words: usize,
    /// The first byte of the reasoning, without a tag that stands in the content.
    reasoning: Option<usize>,
    /// What stands there of the reasoning in the content, with its tags.
    inline: Range<usize>,
}

impl<'b> Body<'b> {
    /// `None`: it is not certain where the reasoning in it ends.
    fn of(
        prepared: &'b Prepared<'b>,
        target: Mismatched<'b>,
        full: &'b Rendering,
        turn: &OwnTurn<'_>,
    ) -> Option<Self> {
        let (start, end) = (turn.body, full.text.len());
        let mut body = Self { prepared, target, full, start, words: end, reasoning: None, inline: end..end };
        let mut at = start;
        for span in cut_spans(&full.spans, start, end) {
            let bytes = at..at + span.len as usize;
            at = bytes.end;
            if prepared.author_of_words(span.source) != Author::Template {
                body.words = body.words.min(bytes.start);
                body.take(bytes, span.source)?;
            }
        }
        Some(body)
    }

    /// Notes what of a span is reasoning.
    fn take(&mut self, bytes: Range<usize>, source: Source) -> Option<()> {
        let Some(inline) = self.target.inline else {
            let reasoning = self.prepared.source_of_reasoning(self.target.message, self.target.reasoning);
            if self.thinks() && source.made_from() == reasoning.made_from() {
                self.reasoning.get_or_insert(bytes.start);
            }
            return Some(());
        };
        let content = self.prepared.content_of_answer(self.target.message);
        if content.is_none_or(|(_, content)| source.made_from() != content.made_from()) {
            return Some(());
        }
        match source {
            Source::Input { start, .. } => self.take_copied(inline, &bytes, start),
            _ => self.take_rewritten(&bytes)?,
        }
        Some(())
    }

    /// The same of bytes of the content, from this one on.
    fn take_copied(&mut self, inline: Inline, bytes: &Range<usize>, start: u32) {
        if start >= inline.end {
            return;
        }
        let shown = |at: u32| (bytes.start + at.saturating_sub(start) as usize).min(bytes.end);
        if shown(inline.start) < shown(inline.close) {
            self.reasoning.get_or_insert(shown(inline.start));
        }
        self.inline = self.inline.start.min(bytes.start)..shown(inline.end);
    }

    /// The same of what a function made of the content: by the words that stand there.
    fn take_rewritten(&mut self, bytes: &Range<usize>) -> Option<()> {
        let text = &self.full.text[bytes.clone()];
        let Some(reasoning) = text.find(self.target.reasoning.trim()) else { return Some(()) };
        let after = text[reasoning..].split_once(CLOSE_THINKING)?.1.trim_start();
        self.reasoning.get_or_insert(bytes.start + reasoning);
        self.inline = self.inline.start.min(bytes.start)..bytes.end - after.len();
        Some(())
    }

    fn thinks(&self) -> bool {
        !self.target.reasoning.trim().is_empty()
    }

    /// The text of the template before the first words.
    fn lead(&self) -> &'b str {
        &self.full.text[self.start..self.words]
    }

    /// What a prompt wrote that opens and closes no thinking as the template writes it: a header, where the rendering has
    /// none and goes on with the turn before, or an empty block in tags that no rendering has.
    fn unknown(&self, turn: &OwnTurn<'_>) -> Option<Written<'b>> {
        let stops = self.prepared.turn_end().stop_tokens();
        let is_header = turn.lacks_header
            && self.words == self.start
            && self.words < self.full.text.len()
            && !self.thinks()
            && stops.iter().all(|stop| !turn.written.contains(&*stop.text));
        if is_header {
            return Some(Written::Nothing);
        }
        let [first, last] = outer_tags(turn.written)?;
        let is_block = tag_name(first) == tag_name(last) && !self.lead().contains(first);
        is_block.then_some(Written::Closed)
    }

    /// What the template shows; where it shows an empty block of thinking, with the reasoning in it.
    fn after_header(&self, format: Option<&ThinkingFormat>, has_more_space: bool) -> TracedText {
        let mut text = TracedText::default();
        if let Some(format) = format.filter(|_| self.thinks() && self.reasoning.is_none())
            && let Some(after) = self.after_block(format, true)
        {
            text.push(&format.open, Source::Template);
            self.push_reasoning(&mut text, format);
            self.push(&mut text, after);
            return text;
        }
        let space = self.lead().len() - self.lead().trim_start().len();
        self.push(&mut text, self.start + if has_more_space { space } else { 0 });
        text
    }

    /// `None`: there is reasoning, and the prompt has done with it.
    fn after_closed_block(&self, format: Option<&ThinkingFormat>) -> Option<TracedText> {
        if self.thinks() {
            return None;
        }
        let after = format.map_or(Some(self.start), |format| self.after_block(format, false))?;
        let mut text = TracedText::default();
        self.push(&mut text, after);
        Some(text)
    }

    /// `rest` is what of the opening is left to write, `space` the white space after its tag that is written.
    fn in_open_block(&self, format: &ThinkingFormat, rest: &str, space: &str) -> Option<TracedText> {
        let mut text = TracedText::default();
        let inside = self.lead().trim_start().strip_prefix(format.open_tag()).unwrap_or(self.lead());
        if self.reasoning == Some(self.words) && inside.trim().is_empty() {
            let left = inside.strip_prefix(space).unwrap_or_default();
            self.push_shown(&mut text, self.words - left.len()..self.full.text.len());
            return Some(text);
        }
        let after = self.after_block(format, false)?;
        let is_left_out = self.reasoning.is_none_or(|at| self.inline.contains(&at));
        text.push(rest, Source::Template);
        self.push_reasoning(&mut text, format);
        self.push_shown(&mut text, after..self.inline.start.max(after));
        self.push_shown(&mut text, self.inline.end.max(after)..self.full.text.len());
        is_left_out.then_some(text)
    }

    /// The byte after an empty block of thinking, or its end, at the start. `None`: there is none where one is needed, or
    /// it is not empty.
    fn after_block(&self, format: &ThinkingFormat, needs_block: bool) -> Option<usize> {
        let lead = self.lead().trim_start();
        let opened = lead.strip_prefix(format.open_tag());
        let inside = opened.unwrap_or(lead).trim_start();
        let after = match inside.strip_prefix(format.close_tag()) {
            Some(after) if opened.is_some() || !needs_block => after.trim_start(),
            _ if opened.is_some() || needs_block => return None,
            _ => self.lead(),
        };
        Some(self.words - after.len())
    }

    fn push_reasoning(&self, text: &mut TracedText, format: &ThinkingFormat) {
        let reasoning = self.target.reasoning.trim_matches('\n');
        text.push(reasoning, self.prepared.source_of_reasoning(self.target.message, reasoning));
        text.push(&format.close, Source::Template);
    }

    fn push(&self, text: &mut TracedText, from: usize) {
        self.push_shown(text, from..self.full.text.len());
    }

    fn push_shown(&self, text: &mut TracedText, bytes: Range<usize>) {
        text.push_part(&self.full.text, &self.full.spans, bytes);
    }
}

/// The two tags that a text consists of, with what may stand between them: `<think></think>`.
fn outer_tags(text: &str) -> Option<[&str; 2]> {
    let text = text.trim();
    let first = text.find(TAG_ENDS).filter(|_| text.starts_with(TAG_STARTS))? + 1;
    let last = text.rfind(TAG_STARTS).filter(|last| *last >= first && text.ends_with(TAG_ENDS))?;
    Some([&text[..first], &text[last..]])
}

const TAG_STARTS: [char; 2] = ['<', '['];
const TAG_ENDS: [char; 2] = ['>', ']'];

/// The letters of a tag, which are those of the tag that closes it.
fn tag_name(tag: &str) -> String {
    tag.chars().filter(|letter| letter.is_alphanumeric()).collect()
}
