//! Targets whose prompt is not a prefix of their own rendering.
//!
//! In: a prepared conversation and a target, with its prompt and its rendering. Out: another prompt and turn, made as
//! the policy says, or nothing where the policy cannot decide. Prompt and turn together are what is trained; where to
//! stop is not decided here.

use everyturn_template::{Source, Span, Value as TemplateValue};

use crate::chat_template::{Author, Prepared, Rendering, outside_of_tag};
use crate::traced_text::TracedText;

/// The prompt and the text after it that a policy chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub prompt: TracedText,
    pub text: TracedText,
    /// The template arguments that both were rendered with, besides those of the conversation.
    pub arguments: Vec<(String, bool)>,
}

impl Resolved {
    /// Where the prompt is a prefix of the turn's own rendering.
    pub fn literal(prompt: Rendering, full: &Rendering, arguments: &[(&str, TemplateValue<'_>)]) -> Self {
        let text = TracedText::cut(&full.text, &full.spans, prompt.text.len()..full.text.len());
        let prompt = TracedText { text: prompt.text, spans: prompt.spans };
        Self { prompt, text, arguments: flags(arguments) }
    }
}

/// What a target says, as far as policies look at it.
#[derive(Debug, Clone, Copy)]
pub struct Said<'m> {
    pub message: usize,
    /// The template arguments that it is rendered with.
    pub arguments: &'m [(&'m str, TemplateValue<'m>)],
    /// Empty: the message has none.
    pub reasoning: &'m str,
}

/// Template arguments that are flags, as all are that targets are rendered with.
pub fn flags(arguments: &[(&str, TemplateValue<'_>)]) -> Vec<(String, bool)> {
    let flags = arguments.iter().filter_map(|(name, value)| match value {
        TemplateValue::Bool(value) => Some(((*name).to_owned(), *value)),
        _ => None,
    });
    flags.collect()
}

/// Renders with the thinking flags that fit the message, so that the prompt is a prefix. Flags that the user set
/// stay as they are.
pub fn match_thinking(prepared: &Prepared<'_>, said: Said<'_>) -> Option<Resolved> {
    let thinking = prepared.thinking();
    let free = |name: &str| !prepared.sets(name);
    let switches = prepared.switches(!said.reasoning.trim().is_empty());
    let keepers: Vec<(&str, _)> = thinking
        .keepers
        .iter()
        .filter(|(name, _)| free(name))
        .map(|(name, value)| (name.as_str(), TemplateValue::Bool(*value)))
        .collect();
    let both = [switches.as_slice(), keepers.as_slice()].concat();
    for arguments in [&switches, &keepers, &both] {
        if arguments.is_empty() {
            continue;
        }
        let arguments = [said.arguments, arguments].concat();
        let Ok(prompt) = prepared.render_with(said.message, true, &arguments) else { continue };
        let Ok(full) = prepared.render_with(said.message + 1, false, &arguments) else { continue };
        if full.text.starts_with(&prompt.text) {
            return Some(Resolved::literal(prompt, &full, &arguments));
        }
    }
    None
}

/// The message's own text after what the prompt already wrote: its reasoning as the model writes it, then the
/// turn as the template shows it. Reasoning is omitted where the template cannot write it.
pub fn splice(
    prepared: &Prepared<'_>,
    said: Said<'_>,
    prompt: &Rendering,
    full: &Rendering,
) -> Option<Resolved> {
    let format = prepared.thinking().format.as_ref();
    let tags = format.map(|format| [format.open_tag(), format.close_tag()]);
    let sides = sides(prepared, said, &prompt.text, full, tags.as_ref().map_or(&[], |tags| tags.as_slice()))?;
    let reasoning = said.reasoning.trim_matches('\n');
    let thinks = !reasoning.trim().is_empty();
    let own_reasoning = prepared.source_of_reasoning(said.message, reasoning);
    let mut text = TracedText::default();
    let body = match format {
        // What the prompt wrote cannot be distinguished from a thinking block.
        None if thinks && !sides.written.is_empty() => return None,
        None => sides.body,
        Some(format) => {
            let body = format.without_thinking(sides.body)?;
            let opened = sides.written.rfind(format.open_tag());
            let closed = sides.written.rfind(format.close_tag());
            match (opened, closed) {
                // The prompt has done with thinking.
                (opened, Some(closed)) if opened.is_none_or(|opened| opened < closed) => {
                    if thinks {
                        return None;
                    }
                    body
                }
                (Some(opened), _) => {
                    let rest = format.open.strip_prefix(&sides.written[opened..]).unwrap_or_default();
                    text.push(rest, Source::Template);
                    text.push(reasoning, own_reasoning);
                    text.push(&format.close, Source::Template);
                    body
                }
                (None, _) if thinks && !sides.written.is_empty() => return None,
                (None, _) if thinks => {
                    text.push(&format.open, Source::Template);
                    text.push(reasoning, own_reasoning);
                    text.push(&format.close, Source::Template);
                    body
                }
                (None, _) => body,
            }
        }
    };
    // The body is the end of the rendering.
    text.push_part(&full.text, &full.spans, full.text.len() - body.len()..full.text.len());
    let prompt = TracedText { text: prompt.text.clone(), spans: prompt.spans.clone() };
    Some(Resolved { prompt, text, arguments: flags(said.arguments) })
}

/// Trained from where prompt and rendering part: not what inference shows.
pub fn common_prefix(
    prepared: &Prepared<'_>,
    said: Said<'_>,
    prompt: &Rendering,
    full: &Rendering,
) -> Option<Resolved> {
    let at = full.text.len() - sides(prepared, said, &prompt.text, full, &[])?.body.len();
    let [prompt, text] =
        [0..at, at..full.text.len()].map(|bytes| TracedText::cut(&full.text, &full.spans, bytes));
    Some(Resolved { prompt, text, arguments: flags(said.arguments) })
}

/// Prompt and rendering after what both show of the messages before and of the header of the turn, which ends at
/// the latest where one of the tags is in the prompt. `None`: they part before the turn, or the turn holds
/// words of somebody else.
fn sides<'t>(
    prepared: &Prepared<'_>,
    said: Said<'_>,
    prompt: &'t str,
    full: &'t Rendering,
    tags: &[&str],
) -> Option<Sides<'t>> {
    let before = prepared.render_with(said.message, false, said.arguments).ok()?.text;
    let generation = prompt.strip_prefix(&*before)?;
    let turn = full.text.strip_prefix(&*before)?;
    if !is_of_message(prepared, &full.spans, before.len(), said.message) {
        return None;
    }
    let header = tags.iter().filter_map(|tag| generation.find(tag)).min().unwrap_or(generation.len());
    let (written, body) = parting(&generation[..header], turn);
    let (written, body) = (&generation[written..], &turn[body..]);
    Some(Sides { written, body })
}

/// Whether nothing after a byte comes from another message, or from the tools.
fn is_of_message(prepared: &Prepared<'_>, spans: &[Span], at: usize, message: usize) -> bool {
    let mut end = 0;
    spans.iter().all(|span| {
        end += span.len as usize;
        end <= at
            || match prepared.author_of(span.source) {
                Author::Message(author) => author == message,
                Author::Tools => false,
                Author::Template | Author::Record => true,
            }
    })
}

/// What prompt and rendering have after the header of a turn.
struct Sides<'t> {
    /// What the prompt already wrote: nothing, or the start of thinking.
    written: &'t str,
    /// What the template shows.
    body: &'t str,
}

/// Where two texts part, in each of them: white space more or less does not part them, and no tag is cut.
fn parting(prompt: &str, full: &str) -> (usize, usize) {
    let (mut at, mut there) = (0, 0);
    while let Some(next) = prompt[at..].chars().next() {
        match full[there..].chars().next() {
            Some(shown) if shown == next => {
                at += next.len_utf8();
                there += next.len_utf8();
            }
            _ if next.is_whitespace() => at += next.len_utf8(),
            Some(shown) if shown.is_whitespace() => there += shown.len_utf8(),
            _ => break,
        }
    }
    let inside = at - outside_of_tag(prompt, at);
    (at - inside, there.saturating_sub(inside))
}
