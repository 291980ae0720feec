//! Where the turn of a target starts, in its prompt and in the rendering that shows it.
//!
//! In: both, with where their bytes come from. Out: what the prompt wrote of the turn after its header, and the byte of
//! the rendering from which the turn goes on; nothing where that is not certain. What is trained of it is not decided
//! here.

use everyturn_template::{Node, Source, Span};

use super::mismatch::{Mismatched, Texts};
use crate::chat_template::{Author, Prepared, Rendering, outside_of_tag};

pub struct OwnTurn<'t> {
    /// What the prompt wrote after the header that both show: nothing, or the start of thinking.
    pub written: &'t str,
    /// The byte of the rendering after that header.
    pub body: usize,
    /// The prompt ends its header with white space that the rendering does not have.
    pub has_more_space: bool,
    /// The rendering shows nothing of the header: it goes on with the turn before.
    pub lacks_header: bool,
}

impl<'t> OwnTurn<'t> {
    /// The turn after what prompt and rendering show of the messages before, be it the same or not. The header ends at
    /// the latest where one of the tags is in the prompt.
    pub fn find(
        prepared: &Prepared<'_>,
        target: Mismatched<'_>,
        texts: Texts<'t>,
        tags: &[&str],
    ) -> Option<Self> {
        let starts = end_of_same_history(prepared, target, texts)
            .or_else(|| end_of_rewritten_history(prepared, target, texts))?;
        Some(Self::after(starts, texts, tags))
    }

    /// The same where both show the messages before alike.
    pub fn after_same_history(
        prepared: &Prepared<'_>,
        target: Mismatched<'_>,
        texts: Texts<'t>,
    ) -> Option<Self> {
        Some(Self::after(end_of_same_history(prepared, target, texts)?, texts, &[]))
    }

    fn after(starts: Starts, texts: Texts<'t>, tags: &[&str]) -> Self {
        let (generation, turn) = (&texts.prompt.text[starts.prompt..], &texts.full.text[starts.full..]);
        let header = tags.iter().filter_map(|tag| generation.find(tag)).min().unwrap_or(generation.len());
        let parting = Parting::of(&generation[..header], turn);
        Self {
            written: &generation[parting.prompt..],
            body: starts.full + parting.full,
            has_more_space: parting.has_more_space,
            lacks_header: parting.prompt == 0,
        }
    }
}

/// Where the turn starts in prompt and rendering, with its header.
#[derive(Clone, Copy)]
struct Starts {
    prompt: usize,
    full: usize,
}

/// Both begin with the rendering of the messages before, and nothing after it is of them.
fn end_of_same_history(prepared: &Prepared<'_>, target: Mismatched<'_>, texts: Texts<'_>) -> Option<Starts> {
    let before = texts.before?;
    let shows_it = |rendering: &Rendering| rendering.text.starts_with(before);
    let starts = Starts { prompt: before.len(), full: before.len() };
    let last = last_of_others(prepared, &texts.full.spans, target.message)?;
    (shows_it(texts.prompt) && shows_it(texts.full) && last.at <= before.len()).then_some(starts)
}

/// A template may show the messages before otherwise once an answer follows. The turn starts after the last byte of
/// them, which has to be the same in both, with own words only after it.
fn end_of_rewritten_history(
    prepared: &Prepared<'_>,
    target: Mismatched<'_>,
    texts: Texts<'_>,
) -> Option<Starts> {
    let of_prompt = last_of_others(prepared, &texts.prompt.spans, target.message)?;
    let of_full = last_of_others(prepared, &texts.full.spans, target.message)?;
    (of_prompt.place == of_full.place).then_some(Starts { prompt: of_prompt.at, full: of_full.at })
}

/// The end of what a text has of other messages and of tools.
struct LastOfOthers {
    at: usize,
    /// The text of the input that it comes from, and where in it it ends, if the text stands there as it is.
    place: (Node, Option<u32>),
}

/// `None`: words of the message stand before it.
fn last_of_others(prepared: &Prepared<'_>, spans: &[Span], message: usize) -> Option<LastOfOthers> {
    let mut last = LastOfOthers { at: 0, place: (Node::NONE, None) };
    let (mut at, mut has_own) = (0, false);
    for span in spans {
        at += span.len as usize;
        match prepared.author_of_words(span.source) {
            Author::Message(author) if author == message => has_own = true,
            Author::Message(_) | Author::Tools if has_own => return None,
            Author::Message(_) | Author::Tools => last = LastOfOthers { at, place: end_in_input(*span) },
            Author::Template | Author::Record => {}
        }
    }
    Some(last)
}

fn end_in_input(span: Span) -> (Node, Option<u32>) {
    match span.source {
        Source::Template => (Node::NONE, None),
        Source::Input { node, start } => (node, Some(start + span.len)),
        Source::Derived { node } => (node, None),
    }
}

/// Where two texts part, in each of them: white space more or less does not part them, and no tag is cut.
struct Parting {
    prompt: usize,
    full: usize,
    /// The last that was passed in the prompt is white space that the rendering does not have.
    has_more_space: bool,
}

impl Parting {
    fn of(prompt: &str, full: &str) -> Self {
        let (mut at, mut there) = (0, 0);
        let mut has_more_space = false;
        while let Some(next) = prompt[at..].chars().next() {
            match full[there..].chars().next() {
                Some(shown) if shown == next => {
                    at += next.len_utf8();
                    there += next.len_utf8();
                    has_more_space = false;
                }
                _ if next.is_whitespace() => {
                    at += next.len_utf8();
                    has_more_space = true;
                }
                Some(shown) if shown.is_whitespace() => there += shown.len_utf8(),
                _ => break,
            }
        }
        let inside = at - outside_of_tag(prompt, at);
        Self { prompt: at - inside, full: there.saturating_sub(inside), has_more_space }
    }
}
