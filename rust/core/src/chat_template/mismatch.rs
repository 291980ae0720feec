//! Targets whose prompt is no prefix of their own rendering.
//!
//! In: a prepared conversation and a target, with its prompt and its rendering. Out: another prompt and turn, made as
//! the policy says, or nothing where the policy cannot tell. Prompt and turn together are what is trained; where to
//! stop is not decided here.

use everyturn_template::{Span, Step, Value as TemplateValue};

use super::{Prepared, Rendering};

/// A prompt and the text behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub prompt: String,
    pub text: String,
}

/// What a target says, as far as policies look at it.
#[derive(Debug, Clone, Copy)]
pub struct Said<'m> {
    pub message: usize,
    /// Empty: the message has none.
    pub reasoning: &'m str,
}

impl Prepared<'_> {
    /// Renders with the thinking flags that fit the message, so that the prompt is a prefix. Flags that the user set
    /// stay as they are.
    pub fn match_thinking(&self, said: Said<'_>) -> Option<Turn> {
        let thinking = &self.variant.thinking;
        let free = |name: &str| self.variables.iter().all(|(known, _)| *known != name);
        let thinks = TemplateValue::Bool(!said.reasoning.trim().is_empty());
        let switches: Vec<(&str, _)> =
            thinking.switches.iter().filter(|name| free(name)).map(|name| (name.as_str(), thinks)).collect();
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
            let Ok(prompt) = self.render_with(said.message, true, arguments) else { continue };
            let Ok(full) = self.render_with(said.message + 1, false, arguments) else { continue };
            if let Some(text) = full.text.strip_prefix(&prompt.text) {
                let text = text.to_owned();
                return Some(Turn { prompt: prompt.text, text });
            }
        }
        None
    }

    /// The message's own text behind what the prompt already wrote: its reasoning as the model writes it, then the
    /// turn as the template shows it.
    pub fn splice(&self, said: Said<'_>, prompt: &str, full: &Rendering) -> Option<Turn> {
        let format = &self.variant.thinking.format;
        let at = parting(prompt, &full.text);
        if !self.is_of_message(&full.spans, at, said.message) {
            return None;
        }
        let (written, shown) = (&prompt[at..], &full.text[at..]);
        let (open, close) = (format.open_tag(), format.close_tag());
        // What the template shows of the thinking is taken off: it may be all of it, or an empty block.
        let body = match shown.split_once(close) {
            Some((before, behind)) if !before.contains("<|") || before.contains(open) => behind.trim_start(),
            _ => shown.strip_prefix(open).unwrap_or(shown).trim_start_matches('\n'),
        };
        let reasoning = said.reasoning.trim_matches('\n');
        let opened = written.rfind(open);
        let closed = written.rfind(close);
        let text = match (opened, closed) {
            // The prompt has done with thinking.
            (opened, Some(closed)) if opened.is_none_or(|opened| opened < closed) => {
                if !reasoning.trim().is_empty() {
                    return None;
                }
                body.to_owned()
            }
            (Some(opened), _) => {
                let rest = format.open.strip_prefix(&written[opened..]).unwrap_or_default();
                format!("{rest}{reasoning}{}{body}", format.close)
            }
            (None, _) if reasoning.trim().is_empty() => body.to_owned(),
            (None, _) => format!("{}{reasoning}{}{body}", format.open, format.close),
        };
        Some(Turn { prompt: prompt.to_owned(), text })
    }

    /// Whether nothing behind a place comes from another message, or from the tools.
    fn is_of_message(&self, spans: &[Span], at: usize, message: usize) -> bool {
        let mut end = 0;
        spans.iter().all(|span| {
            end += span.len as usize;
            let Some(node) = span.source.made_from().filter(|_| end > at) else {
                return true;
            };
            match self.inputs.path(node).first() {
                Some(Step::Variable("messages")) => self.message_of(node).is_none_or(|of| of == message),
                Some(Step::Variable(name)) => *name != "tools",
                _ => true,
            }
        })
    }
}

/// Where two texts part, not inside of a tag or of a control token.
fn parting(prompt: &str, full: &str) -> usize {
    let mut at = prompt.bytes().zip(full.bytes()).take_while(|(a, b)| a == b).count();
    while !full.is_char_boundary(at) || !prompt.is_char_boundary(at) {
        at -= 1;
    }
    let line = full[..at].rfind('\n').map_or(0, |newline| newline + 1);
    match full[line..at].rfind(['<', '[']) {
        Some(tag) if !full[line + tag..at].contains(['>', ']']) => line + tag,
        _ => at,
    }
}

/// Trained from where prompt and rendering part: not what inference shows.
pub fn common_prefix(prompt: &str, full: &str) -> Turn {
    let at = parting(prompt, full);
    Turn { prompt: full[..at].to_owned(), text: full[at..].to_owned() }
}
