//! One target to its prompt and its completion, as text.
//!
//! In: a prepared conversation, a target, what to do where the prompt is not a prefix of the turn's own rendering. Out:
//! the prompt that a server would send at that point, what the model must then emit, through its stop token, and
//! how they match. Nothing is guessed: a policy that cannot decide is an error.

use std::collections::BTreeSet;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use everyturn_template::{Span, Value as TemplateValue, cut_spans};

use super::header::HeaderPlace;
use super::id_guard::IdGuard;
use super::mismatch::{self, Mismatched, Resolved, Texts};
use super::said::says_reasoning;
use super::splice::splice;
use crate::chat_template::{ClosedTurn, ForeignTokens, Prefixes, Prepared, Rendering, Seams, Shown};
use crate::conversation::Message;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::options::{HeaderPolicy, PromptMismatch, ThinkingPolicy};
use crate::prompt_text::{PromptText, common_prefix};
use crate::tokenizer::{ControlTokens, Tokenizer, ranges_from};
use crate::traced_text::TracedText;

#[derive(Debug, Clone)]
pub struct Rendered<'r> {
    pub prompt: Prompt<'r>,
    /// So many bytes of prompt and completion together are those of the target rendered before, at least; 0 where the
    /// caller has not taken that one.
    pub same: usize,
    pub completion: ClosedTurn,
    pub prompt_match: PromptMatch,
    /// The control tokens in prompt and completion that are to be plain text: bytes of both together, in order.
    pub plain: Vec<Range<usize>>,
    /// The control tokens that the template makes of texts which hold none.
    pub made: BTreeSet<Arc<str>>,
    /// What their ids are held to, where no others may be control tokens than those that the template wrote.
    pub guard: Option<IdGuard<'r>>,
    /// The template arguments that it was rendered with, besides those of the conversation.
    pub arguments: Vec<(String, bool)>,
    /// The template's thinking switch was turned off for it.
    pub is_asked_not_to_think: bool,
    pub header: HeaderPlace,
    /// Where the completion's text comes from, as far as the template wrote it.
    pub completion_spans: Vec<Span>,
}

impl Rendered<'_> {
    /// The completion without a header.
    pub fn turn(&self) -> &str {
        &self.completion.text[self.header.in_completion()..]
    }

    /// Prompt and completion.
    pub fn whole_text(&self) -> String {
        let [head, tail] = self.prompt.text().parts();
        [head, tail, &self.completion.text].concat()
    }

    /// Where the bytes of prompt and completion come from, as far as it is known.
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        self.spans_from(0)
    }

    /// The same from this byte on.
    pub fn spans_from(&self, byte: usize) -> impl Iterator<Item = Span> {
        let (shown, own) = match &self.prompt {
            Prompt::Shown(shown) => (Some(shown.spans_from(byte)), None),
            Prompt::Own(own) => (None, Some(cut_spans(&own.spans, byte, own.text.len()))),
        };
        let of_prompt = shown.into_iter().flatten().chain(own.into_iter().flatten());
        let of_completion = byte.saturating_sub(self.prompt.text().len());
        of_prompt.chain(cut_spans(&self.completion_spans, of_completion, self.completion.text.len()))
    }

    /// The control tokens in the completion that are to be plain text: bytes of the completion.
    pub fn plain_in_completion(&self) -> Vec<Range<usize>> {
        let prompt = self.prompt.text().len();
        ranges_from(&self.plain[self.plain.partition_point(|token| token.end <= prompt)..], prompt)
    }
}

/// What is done with control tokens that somebody wrote.
#[derive(Clone, Copy, Default)]
pub enum Foreign<'t> {
    /// They are control tokens.
    #[default]
    Recognised,
    /// They are control tokens; those that are in no text of the record are to be named.
    Named { tokenizer: &'t Tokenizer, control_tokens: &'t ControlTokens },
    /// They are plain text.
    Plain { control_tokens: &'t ControlTokens },
}

#[derive(Debug, Clone)]
pub enum Prompt<'r> {
    Shown(Shown<'r>),
    Own(TracedText),
}

impl Prompt<'_> {
    pub fn text(&self) -> PromptText<'_> {
        match self {
            Self::Shown(shown) => shown.text,
            Self::Own(own) => own.text.as_str().into(),
        }
    }

    /// The prompt and a text after it.
    fn followed_by(&self, after: &TracedText) -> TracedText {
        let mut whole = TracedText::default();
        let text = self.text().joined();
        whole.push_part(&text, self.spans(), 0..text.len());
        whole.push_part(&after.text, &after.spans, 0..after.text.len());
        whole
    }

    /// The spans that cover its text.
    pub fn spans(&self) -> &[Span] {
        match self {
            Self::Shown(shown) => shown.spans(),
            Self::Own(own) => &own.spans,
        }
    }
}

/// How prompt and completion of a target were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptMatch {
    /// The prompt is a prefix of the turn's own rendering.
    Exact,
    /// It is one with the thinking switch as the template has it by itself, and not with the one that fits the message.
    AsRendered,
    MatchThinking,
    Splice,
    CommonPrefix,
}

/// The targets of a conversation, rendered one after the other.
pub struct Targets<'p, 'a> {
    prepared: &'p Prepared<'a>,
    how: How<'p>,
    /// Of targets that are rendered with the same thinking switch, each with it.
    series: Vec<(Option<bool>, Series<'p, 'a>)>,
    /// Which of them the last target was of.
    last: usize,
    /// The caller has taken that target: what the next one has in common with it is told.
    is_taken: bool,
}

/// What decides how targets are rendered.
#[derive(Clone, Copy, Default)]
pub struct How<'t> {
    pub policy: PromptMismatch,
    pub thinking: ThinkingPolicy,
    pub header: HeaderPolicy,
    pub foreign: Foreign<'t>,
}

/// Targets that are rendered with the same template arguments.
struct Series<'p, 'a> {
    prompts: Prefixes<'p, 'a>,
    fulls: Prefixes<'p, 'a>,
    /// The messages before each target; only some policies ask for them.
    before: Prefixes<'p, 'a>,
    arguments: Vec<(&'a str, TemplateValue<'a>)>,
    /// Those of the last prompt and of the last full text.
    foreign_tokens: [ForeignTokens; 2],
    /// Where such tokens are made, in the last prompt and the last full text.
    seams: [Seams; 2],
    /// How many bytes prompts and full texts have in common since those tokens were last looked for in them.
    looked_at: [usize; 2],
    /// The same since the last target that could be rendered.
    same: [usize; 2],
    /// The bytes of that target's prompt, with which its full text begins, too.
    agreed: usize,
}

impl<'p, 'a> Targets<'p, 'a> {
    /// `targets` are messages with their indices, in rising order.
    pub fn new<'m>(
        prepared: &'p Prepared<'a>,
        how: How<'p>,
        targets: impl Iterator<Item = (usize, &'m Message)>,
    ) -> Self {
        let mut indices: Vec<(Option<bool>, Vec<usize>)> = Vec::new();
        for (index, message) in targets.filter(|(index, _)| *index > 0) {
            let thinks = how.thinks(message);
            match indices.iter_mut().find(|(known, _)| *known == thinks) {
                Some((_, indices)) => indices.push(index),
                None => indices.push((thinks, vec![index])),
            }
        }
        let series =
            indices.into_iter().map(|(thinks, indices)| (thinks, Series::new(prepared, thinks, &indices)));
        Self { prepared, how, series: series.collect(), last: 0, is_taken: false }
    }

    /// Says whether the target that was rendered last is what the caller goes on from: its `same` is counted from there.
    pub fn set_taken(&mut self, is_taken: bool) {
        self.is_taken = is_taken;
    }

    /// Renders target `index`.
    pub fn render(&mut self, message: &Message, index: usize) -> Result<Rendered<'_>> {
        let thinks = self.how.thinks(message);
        let at = self.series.iter().position(|(known, _)| *known == thinks).filter(|_| index > 0);
        let Some(at) = at else {
            return Err(Error::new(
                ErrorKind::EmptyPrompt,
                "the conversation starts with this message, so it has no prompt",
            ));
        };
        let is_taken = mem::take(&mut self.is_taken);
        let goes_on = mem::replace(&mut self.last, at) == at && is_taken;
        let mut rendered = self.series[at].1.render(self.prepared, self.how, message, index)?;
        if !goes_on {
            rendered.same = 0;
        }
        Ok(rendered)
    }
}

impl How<'_> {
    /// Whether the template is to ask for thinking at this message. `None`: as it does.
    fn thinks(self, message: &Message) -> Option<bool> {
        (self.thinking == ThinkingPolicy::Match).then(|| says_reasoning(message).is_some())
    }
}

impl<'p, 'a> Series<'p, 'a> {
    fn new(prepared: &'p Prepared<'a>, thinks: Option<bool>, indices: &[usize]) -> Self {
        let arguments = thinks.map(|thinks| prepared.switches(thinks)).unwrap_or_default();
        let fulls = indices.iter().map(|index| index + 1).collect();
        Self {
            prompts: Prefixes::new(prepared, indices.to_vec(), true, arguments.clone()),
            fulls: Prefixes::new(prepared, fulls, false, arguments.clone()),
            before: Prefixes::new(prepared, indices.to_vec(), false, arguments.clone()),
            arguments,
            foreign_tokens: Default::default(),
            seams: Default::default(),
            looked_at: [0; 2],
            same: [0; 2],
            agreed: 0,
        }
    }

    fn render(
        &mut self,
        prepared: &Prepared<'_>,
        how: How<'p>,
        message: &Message,
        index: usize,
    ) -> Result<Rendered<'_>> {
        let prompt = self.prompts.get(index);
        let same = prompt.as_ref().map_or(0, |prompt| prompt.same);
        (self.same[0], self.looked_at[0]) = (self.same[0].min(same), self.looked_at[0].min(same));
        let prompt = prompt?;
        let full = self.fulls.get(index + 1);
        let same = full.as_ref().map_or(0, |full| full.same);
        (self.same[1], self.looked_at[1]) = (self.same[1].min(same), self.looked_at[1].min(same));
        let full = full?;
        let known = self.same[0].min(self.same[1]).min(self.agreed);
        let is_exact = full.text.common(&prompt.text, known) == prompt.text.len();
        let after = prompt.text.len();
        let mut made = BTreeSet::new();
        let literal = match how.foreign {
            Foreign::Recognised => None,
            Foreign::Named { tokenizer, control_tokens } => {
                let [of_prompt, of_full] = &mut self.seams;
                let [same_prompt, same_full] = &mut self.looked_at;
                made = of_full.find(prepared, &full, mem::take(same_full), tokenizer, control_tokens)?;
                *same_full = usize::MAX;
                // The prompt is otherwise a part of it.
                if !is_exact {
                    let same = mem::take(same_prompt);
                    made.extend(of_prompt.find(prepared, &prompt, same, tokenizer, control_tokens)?);
                    *same_prompt = usize::MAX;
                }
                None
            }
            Foreign::Plain { control_tokens } => {
                let [of_prompt, of_full] = &mut self.foreign_tokens;
                of_prompt.update(prepared, &prompt, self.looked_at[0], control_tokens);
                of_full.update(prepared, &full, self.looked_at[1], control_tokens);
                self.looked_at = [usize::MAX; 2];
                Some(control_tokens)
            }
        };
        let mut plain = Vec::new();
        let mut guard = literal.map(|control_tokens| IdGuard { control_tokens, own: Vec::new() });
        let (mut prompt, mut turn, arguments, prompt_match) = if is_exact {
            let spans = full.spans_from(after).collect();
            if let Some(guard) = &mut guard {
                let [of_prompt, of_full] = &self.foreign_tokens;
                plain.extend(of_prompt.from(0).chain(of_full.from(after)));
                guard.own.extend(of_prompt.own_from(0).chain(of_full.own_from(after)).cloned());
            }
            let turn = TracedText { text: full.text.after(after).to_text(), spans };
            (Prompt::Shown(prompt), turn, mismatch::flags(&self.arguments), PromptMatch::Exact)
        } else {
            let said = Mismatched::of(message, index, &self.arguments);
            let before = &mut self.before;
            let (resolved, prompt_match) = by_policy(prepared, said, how.policy, [prompt, full], before)?;
            if let Some(guard) = &mut guard {
                let text = [&*resolved.prompt.text, &resolved.text.text].concat();
                let spans = [&*resolved.prompt.spans, &resolved.text.spans].concat();
                let tokens = ForeignTokens::of(prepared, &text, &spans, guard.control_tokens);
                plain.extend(tokens.from(0));
                guard.own.extend(tokens.own_from(0).cloned());
            }
            (Prompt::Own(resolved.prompt), resolved.text, resolved.arguments, prompt_match)
        };
        let header = HeaderPlace::of(prepared, how.header, &turn)?;
        if let HeaderPlace::Moved(length) = header {
            let (start, rest) = turn.split(length);
            (prompt, turn) = (Prompt::Own(prompt.followed_by(&start)), rest);
        }
        let length = prompt.text().len();
        let of_turn = ranges_from(&plain[plain.partition_point(|token| token.end <= length)..], length);
        let written = guard.is_some().then(|| turn.text.clone());
        let completion = prepared.turn_end().close(turn.text, message.calls_tools(), &of_turn);
        let completion = completion.ok_or_else(|| {
            Error::new(
                ErrorKind::NoStopToken,
                "the template does not end this turn with the stop token with which it ends others",
            )
        })?;
        let same = if is_exact { self.same[0] } else { 0 };
        self.agreed = if is_exact { after } else { 0 };
        self.same = if is_exact { [usize::MAX; 2] } else { [0; 2] };
        let length = length + completion.text.len();
        plain.retain(|token| token.end <= length);
        if let Some(guard) = &mut guard {
            guard.own.retain(|token| token.bytes.end <= length);
            // What ends the turn may be put in place of white space that the template wrote.
            let kept = written.map_or(0, |written| common_prefix(&written, &completion.text));
            let appended = completion.text.get(kept..).unwrap_or_default();
            guard.add(appended, length - appended.len());
        }
        let is_asked_not_to_think = prompt_match != PromptMatch::AsRendered
            && self.arguments.iter().any(|(_, value)| matches!(value, TemplateValue::Bool(false)));
        Ok(Rendered {
            prompt,
            same,
            completion,
            prompt_match,
            plain,
            made,
            guard,
            arguments,
            is_asked_not_to_think,
            header,
            completion_spans: turn.spans,
        })
    }
}

/// Prompt and completion of one target of a conversation.
pub fn render_alone(
    prepared: &Prepared<'_>,
    message: &Message,
    index: usize,
    policy: PromptMismatch,
    thinking: ThinkingPolicy,
) -> Result<(String, ClosedTurn)> {
    let how = How { policy, thinking, ..How::default() };
    let mut targets = Targets::new(prepared, how, [(index, message)].into_iter());
    let rendered = targets.render(message, index)?;
    Ok((rendered.prompt.text().to_text(), rendered.completion))
}

/// Where the prompt is not a prefix of the turn's own rendering.
fn by_policy(
    prepared: &Prepared<'_>,
    said: Mismatched<'_>,
    policy: PromptMismatch,
    [prompt, full]: [Shown<'_>; 2],
    before: &mut Prefixes<'_, '_>,
) -> Result<(Resolved, PromptMatch)> {
    if !said.arguments.is_empty()
        && let Some(resolved) = as_rendered(prepared, said.message)
    {
        return Ok((resolved, PromptMatch::AsRendered));
    }
    let found = match policy {
        PromptMismatch::Error | PromptMismatch::Skip => None,
        PromptMismatch::MatchThinking => {
            mismatch::match_thinking(prepared, said).map(|resolved| (resolved, PromptMatch::MatchThinking))
        }
        PromptMismatch::Splice | PromptMismatch::CommonPrefix => {
            let [prompt, full] = [prompt, full].map(Rendering::from);
            let before = before.get(said.message).ok().map(|before| before.text.joined());
            let texts = Texts { prompt: &prompt, full: &full, before: before.as_deref() };
            if policy == PromptMismatch::Splice {
                splice(prepared, said, texts).map(|resolved| (resolved, PromptMatch::Splice))
            } else {
                let resolved = mismatch::common_prefix(prepared, said, texts);
                resolved.map(|resolved| (resolved, PromptMatch::CommonPrefix))
            }
        }
    };
    found.ok_or_else(|| mismatch_error(prompt.text, full.text, policy))
}

/// Prompt and turn without a thinking switch of one's own, where the prompt is a prefix then: a template may write no
/// thinking for a turn, whatever it is asked for.
fn as_rendered(prepared: &Prepared<'_>, index: usize) -> Option<Resolved> {
    let prompt = prepared.render(index, true).ok()?;
    let full = prepared.render(index + 1, false).ok()?;
    full.text.starts_with(&prompt.text).then(|| Resolved::literal(prompt, &full, &[]))
}

fn mismatch_error(prompt: PromptText<'_>, full: PromptText<'_>, policy: PromptMismatch) -> Error {
    let same = prompt.common(&full, 0);
    let tail = |text: PromptText<'_>| excerpt(&text.after(same).joined());
    let tried = match policy {
        PromptMismatch::MatchThinking => "; no thinking flag of the template makes it one",
        PromptMismatch::Splice | PromptMismatch::CommonPrefix => {
            "; the message's own text cannot be separated from the rest of the rendering"
        }
        _ => "",
    };
    Error::new(
        ErrorKind::PromptMismatch,
        format!(
            "the prompt is not a prefix of the turn's own rendering: the prompt continues with {}, the rendering with \
             {}{tried}",
            tail(prompt),
            tail(full)
        ),
    )
}
