//! How a template ends a turn, found by rendering made-up messages and looking at what comes after them.
//!
//! In: the compiled template, the tokenizer's control tokens, the tokens that the model declares as ends. Out: for
//! plain turns and for turns that call tools the stop token, who writes it (the turn itself, the next header, or nobody,
//! so that it is appended), and what the template puts after it. No list of names is consulted.

use std::iter::once;
use std::ops::Range;

use super::{ProbedTemplate, TemplateSource};
use crate::conversation::text_part;
use crate::error::{Error, ErrorKind, Result, excerpt};
use crate::json::{Value, object};
use crate::tokenizer::{ControlTokens, StopToken};

/// How the template ends the turns of the assistant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnEnd {
    pub ending: Ending,
    /// The ends that the model's files declare. A turn may end with one of them where made-up turns did not: template
    /// arguments of a record may ask for it.
    declared: Vec<StopToken>,
}

/// What ends a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The turn's own rendering holds the stop token.
    Written { plain: WrittenStop, tool_calls: Option<WrittenStop> },
    /// The turn does not end itself: the model emits the header of the next message (GLM).
    NextHeader { plain: HeaderStop, tool_calls: HeaderStop },
    /// Nothing ends a turn: the stop token that the caller names is appended.
    Appended { stop: StopToken, trailing: Vec<String> },
}

/// The stop token of a turn, and what the template writes after it (ChatML: a newline).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenStop {
    pub stop: StopToken,
    pub trailing: String,
}

/// What the next header starts with: text up to its first control token, and that token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderStop {
    pub before: String,
    pub stop: StopToken,
}

/// What a turn is trained on: text through the stop token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedTurn {
    pub text: String,
    /// Where the stop token starts.
    pub stop_at: usize,
    /// The template wrote no stop token: it was appended.
    pub is_stop_appended: bool,
}

impl TurnEnd {
    /// No token ends a turn.
    pub(super) fn end_of_text() -> Self {
        let stop = StopToken { text: "".into(), id: u32::MAX };
        let plain = WrittenStop { stop, trailing: String::new() };
        Self { ending: Ending::Written { plain, tool_calls: None }, declared: Vec::new() }
    }

    /// The tokens that were found, or named, to end turns.
    pub fn stop_tokens(&self) -> Vec<&StopToken> {
        match &self.ending {
            Ending::Written { plain, tool_calls } => {
                once(plain).chain(tool_calls).map(|written| &written.stop).collect()
            }
            Ending::NextHeader { plain, tool_calls } => vec![&plain.stop, &tool_calls.stop],
            Ending::Appended { stop, .. } => vec![stop],
        }
    }

    /// What the next headers start with, where they end turns.
    pub(super) fn headers(&self) -> impl Iterator<Item = &HeaderStop> {
        let headers = match &self.ending {
            Ending::NextHeader { plain, tool_calls } => Some([plain, tool_calls]),
            _ => None,
        };
        headers.into_iter().flatten()
    }

    /// Every token that a turn may end with.
    pub fn possible_stops(&self) -> impl Iterator<Item = &StopToken> {
        self.stop_tokens().into_iter().chain(&self.declared)
    }

    /// A text that ends with a turn, with what the next header starts with, through the stop token, where that is what
    /// ends a turn. `None`: the text stays as it is.
    pub fn with_next_header(&self, text: &str, calls_tools: bool) -> Option<String> {
        let Ending::NextHeader { plain, tool_calls } = &self.ending else { return None };
        if let Some((end, _)) = self.own_end(text, calls_tools, &[]) {
            return (end < text.len()).then(|| text[..end].to_owned());
        }
        let header = if calls_tools { tool_calls } else { plain };
        Some([text, &header.before, &header.stop.text].concat())
    }

    /// Cuts what the template wrote for a turn right after its stop token, or appends the one that the next header
    /// would give, or that the caller names. Control tokens in the ranges `plain` are text and end nothing. `None`: no
    /// stop token is where this template puts it.
    pub fn close(&self, mut turn: String, calls_tools: bool, plain: &[Range<usize>]) -> Option<ClosedTurn> {
        if let Some((end, length)) = self.own_end(&turn, calls_tools, plain) {
            turn.truncate(end);
            return Some(ClosedTurn { text: turn, stop_at: end - length, is_stop_appended: false });
        }
        let (before, stop) = match &self.ending {
            Ending::Written { .. } => return None,
            Ending::NextHeader { tool_calls, .. } if calls_tools => (&*tool_calls.before, &tool_calls.stop),
            Ending::NextHeader { plain, .. } => (&*plain.before, &plain.stop),
            Ending::Appended { stop, trailing } => {
                // A prompt may end with the start of it, after which an empty message leaves the rest.
                let written = trailing.iter().find_map(|trailing| {
                    turn.strip_suffix(&**trailing).or_else(|| trailing.ends_with(&turn).then_some(""))
                });
                turn.truncate(written.map_or(turn.len(), str::len));
                ("", stop)
            }
        };
        turn.push_str(before);
        let stop_at = turn.len();
        turn.push_str(&stop.text);
        let is_stop_appended = matches!(self.ending, Ending::Appended { .. });
        Some(ClosedTurn { text: turn, stop_at, is_stop_appended })
    }

    /// Where a turn ends by itself, through its stop token, and how long that is.
    fn own_end(&self, turn: &str, calls_tools: bool, plain: &[Range<usize>]) -> Option<(usize, usize)> {
        let is_plain = |bytes: Range<usize>| {
            plain.iter().any(|range| range.start < bytes.end && bytes.start < range.end)
        };
        self.own_ends(calls_tools).into_iter().find_map(|(trailing, stop)| {
            let written = turn.strip_suffix(trailing).unwrap_or(turn);
            let ends = [written, written.trim_end()].map(str::len);
            let length = stop.text.len();
            let is_end = |end: &usize| turn[..*end].ends_with(&*stop.text) && !is_plain(*end - length..*end);
            ends.into_iter().find(is_end).map(|end| (end, length))
        })
    }

    /// What a turn may end with by itself, each with what the template may write after it.
    fn own_ends(&self, calls_tools: bool) -> Vec<(&str, &StopToken)> {
        let mut ends: Vec<(&str, &StopToken)> = Vec::new();
        let mut trailings = vec![""];
        match &self.ending {
            Ending::Written { plain, tool_calls } => {
                let written = tool_calls.iter().filter(|_| calls_tools).chain(once(plain));
                ends.extend(written.map(|written| (&*written.trailing, &written.stop)));
                trailings = ends.iter().map(|(trailing, _)| *trailing).collect();
            }
            // Only a call may have written what the header after it is for.
            Ending::NextHeader { plain, tool_calls } if calls_tools => {
                ends.extend([("", &plain.stop), ("", &tool_calls.stop)]);
            }
            Ending::NextHeader { .. } => {}
            Ending::Appended { stop, trailing } => {
                trailings = trailing.iter().map(String::as_str).collect();
                ends.extend(trailings.iter().map(|trailing| (*trailing, stop)));
            }
        }
        let of_header = match &self.ending {
            Ending::NextHeader { plain, tool_calls } => vec![plain.stop.id, tool_calls.stop.id],
            _ => Vec::new(),
        };
        let declared = || self.declared.iter().filter(|stop| !of_header.contains(&stop.id));
        ends.extend(trailings.iter().flat_map(|trailing| declared().map(|stop| (*trailing, stop))));
        ends
    }
}

/// Words that no template contains.
pub(super) const USER: &str = "everyturnQuestion";
pub(super) const ANSWER: &str = "everyturnAnswer";
pub(super) const NEXT: &str = "everyturnNext";
pub(super) const TOOL: &str = "everyturnTool";

pub(super) struct Probe<'a> {
    pub template: &'a ProbedTemplate,
    pub(super) source: &'a TemplateSource,
    /// Tools to render with, for a template that is taken only where there are some.
    pub tools: Option<&'a Value>,
    pub(super) control_tokens: &'a ControlTokens,
    /// The end tokens that the model's files declare; they settle which of several control tokens is the stop.
    declared_stops: &'a [u32],
}

/// What comes after a probed turn.
struct Tail {
    /// In the rendering that ends with the turn.
    own: String,
    /// Before the words of the message that follows it, if one may follow.
    with_next: Option<String>,
    /// The template prompts for the next answer without being asked to, so `own` ends in a header.
    prompts_always: bool,
}

impl Tail {
    /// What is written after the turn whether or not a message follows.
    fn shared(&self) -> &str {
        let Some(with_next) = &self.with_next else {
            return &self.own;
        };
        let length = self.own.bytes().zip(with_next.bytes()).take_while(|(a, b)| a == b).count();
        let length = (0..=length).rev().find(|at| self.own.is_char_boundary(*at)).unwrap_or(0);
        &self.own[..outside_of_tag(&self.own, length)]
    }

    /// What is written after a turn that nothing ends, and is none of its words: white space, and the header of the next
    /// answer where the template prompts for it unasked.
    fn separator(&self) -> String {
        let turn = if self.prompts_always { self.shared() } else { &self.own };
        self.own[turn.trim_end().len()..].to_owned()
    }
}

impl<'a> Probe<'a> {
    pub fn of(
        template: &'a ProbedTemplate,
        source: &'a TemplateSource,
        control_tokens: &'a ControlTokens,
    ) -> Self {
        Self { template, source, tools: None, control_tokens, declared_stops: &source.declared_stops }
    }

    pub fn turn_end(&self) -> Result<TurnEnd> {
        let declared = self.control_tokens.with_ids(self.declared_stops);
        Ok(TurnEnd { ending: self.ending()?, declared })
    }

    fn ending(&self) -> Result<Ending> {
        let plain = self.plain_tail()?;
        let calls = self.tool_tail();
        if let Some(written) = self.written_stop(&plain) {
            let tool_calls = calls.and_then(|tail| self.written_tool_stop(&written.stop, &tail));
            return Ok(Ending::Written { plain: written, tool_calls });
        }
        let Some(header) = self.header_stop(&plain) else {
            return self.appended(&plain, calls.as_ref());
        };
        let tool_calls = calls.and_then(|tail| self.declared_end(&tail).or_else(|| self.header_stop(&tail)));
        // Words before it would be the made-up call's own.
        let tool_calls =
            tool_calls.filter(|stop| stop.before.trim().is_empty()).unwrap_or_else(|| header.clone());
        Ok(Ending::NextHeader { plain: header, tool_calls })
    }

    /// The stop token that the caller names, of a template that ends no turn.
    fn appended(&self, plain: &Tail, calls: Option<&Tail>) -> Result<Ending> {
        let named = self.source.stop_token.as_deref();
        let stop = named
            .and_then(|text| self.control_tokens.with_text(text))
            .ok_or_else(|| Error::new(ErrorKind::NoStopToken, without_stop(plain.shared().trim())))?;
        let mut trailing: Vec<String> =
            [calls, Some(plain)].into_iter().flatten().map(Tail::separator).collect();
        trailing.sort_by_key(|trailing| std::cmp::Reverse(trailing.len()));
        Ok(Ending::Appended { stop, trailing })
    }

    /// The stop token that the turn itself writes: a declared end after it, else the last control token that comes
    /// there whatever follows and opens no message, else (the end of a last turn differs) the first of its own.
    fn written_stop(&self, tail: &Tail) -> Option<WrittenStop> {
        let mut shared = self.control_tokens.all(tail.shared());
        let openers = self.openers();
        while shared.last().is_some_and(|(_, stop)| openers.contains(&stop.id)) {
            shared.pop();
        }
        let declared = shared.iter().find(|(_, stop)| self.declared_stops.contains(&stop.id));
        let own = || self.control_tokens.first(&tail.own).filter(|_| !tail.prompts_always);
        let (end, stop) = declared.or(shared.last()).cloned().or_else(own)?;
        Some(WrittenStop { stop, trailing: tail.own[end..].to_owned() })
    }

    /// The control tokens that a rendering opens with: they start messages, and end none.
    fn openers(&self) -> Vec<u32> {
        let Ok(text) = self.render(&[message("user", USER.into())], false) else {
            return Vec::new();
        };
        let mut end = 0;
        let opening = self.control_tokens.all(&text).into_iter().take_while(|(after, token)| {
            let adjacent = after - token.text.len() == end;
            end = *after;
            adjacent
        });
        opening.map(|(_, token)| token.id).collect()
    }

    /// The same of a turn that calls tools: the plain stop token if it is there.
    fn written_tool_stop(&self, plain: &StopToken, tail: &Tail) -> Option<WrittenStop> {
        let Some(at) = tail.own.find(&*plain.text) else {
            return self.written_stop(tail);
        };
        let trailing = tail.own[at + plain.text.len()..].to_owned();
        Some(WrittenStop { stop: plain.clone(), trailing })
    }

    /// A call may end itself where plain turns do not.
    fn declared_end(&self, tail: &Tail) -> Option<HeaderStop> {
        let mut own = self.control_tokens.all(&tail.own).into_iter();
        let (_, stop) = own.find(|(_, stop)| self.declared_stops.contains(&stop.id))?;
        Some(HeaderStop { before: String::new(), stop })
    }

    fn header_stop(&self, tail: &Tail) -> Option<HeaderStop> {
        let header = tail.with_next.as_ref()?.strip_prefix(tail.shared())?;
        let (end, stop) = self.control_tokens.first(header)?;
        Some(HeaderStop { before: header[..end - stop.text.len()].to_owned(), stop })
    }

    fn plain_tail(&self) -> Result<Tail> {
        let as_text = |text: &str| Value::from(text);
        let as_parts = |text: &str| Value::Array(vec![text_part(text)]);
        let tail = |content: &dyn Fn(&str) -> Value| {
            let question = message("user", content(USER));
            self.tail(&question, &message("assistant", content(ANSWER)), &message("user", content(NEXT)))
        };
        tail(&as_text).or_else(|error| tail(&as_parts).map_err(|_| error))
    }

    /// `None`: the template cannot render a tool call, or leaves it out.
    fn tool_tail(&self) -> Option<Tail> {
        let question = message("user", USER.into());
        let result = message("tool", NEXT.into());
        let as_text = Value::from(format!("{{\"a\": \"{ANSWER}\"}}").as_str());
        [object(&[("a", ANSWER.into())]), as_text]
            .into_iter()
            .find_map(|arguments| self.tail(&question, &calling_message(arguments, Some("")), &result).ok())
    }

    /// Whether the end of a rendering prompts for the next answer, whatever is asked for.
    pub fn prompts_unasked(&self) -> bool {
        self.plain_tail().is_ok_and(|tail| tail.shared().len() < tail.own.len())
    }

    fn tail(&self, question: &Value, answer: &Value, next: &Value) -> Result<Tail> {
        let after = |text: &str| text.rfind(ANSWER).map(|at| text[at + ANSWER.len()..].to_owned());
        let turn = [question.clone(), answer.clone()];
        let text = self.render(&turn, false)?;
        let own = after(&text).ok_or_else(|| {
            Error::new(ErrorKind::Template, "the chat template does not print what an assistant says")
        })?;
        let with_next = self
            .render(&[question.clone(), answer.clone(), next.clone()], false)
            .ok()
            .and_then(|text| after(&text))
            .and_then(|text| text.find(NEXT).map(|at| text[..at].to_owned()));
        let prompts_always = self.render(&turn, true).is_ok_and(|prompted| prompted == text);
        Ok(Tail { own, with_next, prompts_always })
    }

    pub fn render(&self, messages: &[Value], add_generation_prompt: bool) -> Result<String> {
        self.template.render(messages, self.tools, add_generation_prompt, |values, tools| {
            let TemplateSource { special_tokens, kwargs, .. } = self.source;
            super::variables(values, self.template.server.as_ref(), special_tokens, tools, [kwargs])
        })
    }
}

/// Why a template cannot be trained with, by what it writes after a turn.
fn without_stop(written: &str) -> String {
    let ends = if written.is_empty() {
        "without a control token".to_owned()
    } else {
        format!("with {}, in which this tokenizer has no control token", excerpt(written))
    };
    format!(
        "the chat template ends an assistant's turn {ends}, and the next message does not start with one: a model \
         trained with it would not learn to stop; the renderer's option stop_token names a control token to append to \
         each target, \"eos\" the model's own end"
    )
}

/// A tool as OpenAI describes one.
pub(super) fn made_up_tools() -> Value {
    let parameters = object(&[
        ("type", "object".into()),
        ("properties", object(&[("a", object(&[("type", "string".into()), ("description", "a".into())]))])),
        ("required", Value::Array(vec!["a".into()])),
    ]);
    let function =
        object(&[("name", TOOL.into()), ("description", "a tool".into()), ("parameters", parameters)]);
    Value::Array(vec![object(&[("type", "function".into()), ("function", function)])])
}

pub(super) fn calling_message(arguments: Value, content: Option<&str>) -> Value {
    let function = object(&[("name", TOOL.into()), ("arguments", arguments)]);
    let call = object(&[("type", "function".into()), ("id", "call_1".into()), ("function", function)]);
    let mut pairs = vec![("role", "assistant".into()), ("tool_calls", Value::Array(vec![call]))];
    pairs.extend(content.map(|content| ("content", content.into())));
    object(&pairs)
}

pub(super) fn message(role: &str, content: Value) -> Value {
    object(&[("role", role.into()), ("content", content)])
}

/// The position, or the start of the tag that is open there: `<|im`, `</thi`, `[INS`.
pub fn outside_of_tag(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    match text[line..at].rfind(['<', '[', '◁']) {
        Some(tag) if !text[line + tag..at].contains(['>', ']', '▷']) => line + tag,
        _ => at,
    }
}
