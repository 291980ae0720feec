//! How a template ends a turn, found by rendering made-up messages and looking at what comes behind them.
//!
//! In: the compiled template and the tokenizer's control tokens. Out: the stop token of plain turns and of turns that
//! call tools, who writes it (the turn itself or the next header), and what else the template puts behind a turn. No
//! list of names is consulted.

use std::sync::Arc;

use super::engine::{Engine, Input};
use crate::error::{Error, ErrorKind, Result};
use crate::json::Value;
use crate::tokenizer::ControlTokens;

/// A control token that ends a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopToken {
    pub text: Arc<str>,
    pub id: u32,
}

/// How the template ends the turns of the assistant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEnd {
    /// The turn's own rendering holds the stop token; behind it stands one of these texts (ChatML: a newline).
    Written { stops: Vec<StopToken>, trailing: Vec<String> },
    /// The turn has no end of its own: the header of the next message is what the model emits (GLM).
    NextHeader { plain: HeaderStop, tool_calls: HeaderStop },
}

/// What the next header starts with: text up to its first control token, and that token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderStop {
    pub before: String,
    pub stop: StopToken,
}

impl TurnEnd {
    pub fn stop_tokens(&self) -> Vec<&StopToken> {
        match self {
            Self::Written { stops, .. } => stops.iter().collect(),
            Self::NextHeader { plain, tool_calls } => vec![&plain.stop, &tool_calls.stop],
        }
    }

    /// Appends what the next header starts with, through the stop token, where that is what ends a turn.
    pub fn append_next_header(&self, turn: &mut String, calls_tools: bool) {
        if let Self::NextHeader { plain, tool_calls } = self {
            let header = if calls_tools { tool_calls } else { plain };
            turn.push_str(&header.before);
            turn.push_str(&header.stop.text);
        }
    }

    /// Cuts what the template wrote for a turn right behind its stop token, or appends the one that the next header
    /// would give. `None`: no stop token is where this template puts it.
    pub fn close(&self, mut turn: String, calls_tools: bool) -> Option<String> {
        match self {
            Self::NextHeader { .. } => {
                self.append_next_header(&mut turn, calls_tools);
                Some(turn)
            }
            Self::Written { stops, trailing } => {
                let end = stops
                    .iter()
                    .filter_map(|stop| turn.rfind(&*stop.text).map(|at| at + stop.text.len()))
                    .filter(|end| trailing.iter().any(|text| *text == turn[*end..]))
                    .max()?;
                turn.truncate(end);
                Some(turn)
            }
        }
    }
}

/// Words that no template contains.
const USER: &str = "everyturnQuestion";
const ANSWER: &str = "everyturnAnswer";
const NEXT: &str = "everyturnNext";
const TOOL: &str = "everyturnTool";

pub(super) struct Probe<'a> {
    engine: &'a Engine,
    variables: &'a [(Arc<str>, Input)],
    control_tokens: &'a ControlTokens,
}

/// What stands behind a probed turn: in its own rendering, and before the text of the message that follows it.
struct Tail {
    own: String,
    with_next: Option<String>,
}

impl<'a> Probe<'a> {
    pub fn new(
        engine: &'a Engine,
        variables: &'a [(Arc<str>, Input)],
        control_tokens: &'a ControlTokens,
    ) -> Self {
        Self { engine, variables, control_tokens }
    }

    /// True if a user's content given as a list of text parts comes out as that text.
    pub fn takes_parts(&self) -> bool {
        let part = object(&[("type", "text".into()), ("text", USER.into())]);
        let message = message("user", Value::Array(vec![part]));
        self.render(&[message], true)
            .is_ok_and(|text| text.contains(USER) && !text.contains("'type'") && !text.contains("\"type\""))
    }

    pub fn turn_end(&self) -> Result<TurnEnd> {
        let plain = self.plain_tail()?;
        if let Some((at, stop)) = self.control_tokens.first(&plain.own) {
            let mut stops = vec![stop];
            let mut trailing = vec![plain.own[at..].to_owned()];
            if let Some((at, stop, tail)) =
                self.tool_tail().and_then(|tail| self.tool_stop(&stops[0], tail.own))
            {
                if stops[0] != stop {
                    stops.push(stop);
                }
                if !trailing.contains(&tail[at..].to_owned()) {
                    trailing.push(tail[at..].to_owned());
                }
            }
            return Ok(TurnEnd::Written { stops, trailing });
        }
        let no_stop = || {
            Error::new(
                ErrorKind::NoStopToken,
                "the chat template ends an assistant's turn with no control token, neither of its own nor of the \
                 next header: a model trained with it would not learn to stop",
            )
        };
        let plain = self.header_stop(&plain).ok_or_else(no_stop)?;
        let tool_calls =
            self.tool_tail().and_then(|tail| self.header_stop(&tail)).unwrap_or_else(|| plain.clone());
        Ok(TurnEnd::NextHeader { plain, tool_calls })
    }

    fn plain_tail(&self) -> Result<Tail> {
        let texts = |content: fn(&str) -> Value| {
            (
                message("user", content(USER)),
                message("assistant", content(ANSWER)),
                message("user", content(NEXT)),
            )
        };
        let as_text = |text: &str| Value::from(text);
        let as_parts =
            |text: &str| Value::Array(vec![object(&[("type", "text".into()), ("text", text.into())])]);
        let (question, answer, next) = texts(as_text);
        let probed = self.tail(&question, &answer, &next, ANSWER);
        let (question, answer, next) = texts(as_parts);
        probed.or_else(|error| self.tail(&question, &answer, &next, ANSWER).map_err(|_| error))
    }

    /// `None`: the template cannot render a tool call, or leaves it out.
    fn tool_tail(&self) -> Option<Tail> {
        let question = message("user", USER.into());
        let result = message("tool", NEXT.into());
        let arguments = object(&[("a", ANSWER.into())]);
        let as_text = Value::from(format!("{{\"a\": \"{ANSWER}\"}}").as_str());
        [arguments, as_text].into_iter().find_map(|arguments| {
            let function = object(&[("name", TOOL.into()), ("arguments", arguments)]);
            let call =
                object(&[("type", "function".into()), ("id", "call_1".into()), ("function", function)]);
            let mut fields = message("assistant", "".into());
            if let Value::Object(fields) = &mut fields {
                fields.insert("tool_calls", Value::Array(vec![call]));
            }
            self.tail(&question, &fields, &result, ANSWER).ok()
        })
    }

    /// The stop token of a turn that calls tools, with the place behind it: the plain one if it is there, else the
    /// last control token.
    fn tool_stop(&self, plain: &StopToken, tail: String) -> Option<(usize, StopToken, String)> {
        if let Some(at) = tail.rfind(&*plain.text) {
            return Some((at + plain.text.len(), plain.clone(), tail));
        }
        let (at, stop) = self.control_tokens.last(&tail)?;
        Some((at, stop, tail))
    }

    fn header_stop(&self, tail: &Tail) -> Option<HeaderStop> {
        let header = tail.with_next.as_ref()?.strip_prefix(&*tail.own)?;
        let (end, stop) = self.control_tokens.first(header)?;
        Some(HeaderStop { before: header[..end - stop.text.len()].to_owned(), stop })
    }

    fn tail(&self, question: &Value, answer: &Value, next: &Value, last_word: &str) -> Result<Tail> {
        let after = |text: &str| text.rfind(last_word).map(|at| text[at + last_word.len()..].to_owned());
        let own = self.render(&[question.clone(), answer.clone()], false)?;
        let own = after(&own).ok_or_else(|| {
            Error::new(ErrorKind::Template, "the chat template does not print what an assistant says")
        })?;
        let with_next = self
            .render(&[question.clone(), answer.clone(), next.clone()], false)
            .ok()
            .and_then(|text| after(&text))
            .and_then(|text| text.find(NEXT).map(|at| text[..at].to_owned()));
        Ok(Tail { own, with_next })
    }

    fn render(&self, messages: &[Value], add_generation_prompt: bool) -> Result<String> {
        let inputs: Vec<Input> = messages.iter().map(Input::from_json).collect();
        self.engine.render(&inputs, None, add_generation_prompt, self.variables)
    }
}

fn object(pairs: &[(&str, Value)]) -> Value {
    Value::Object(pairs.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
}

fn message(role: &str, content: Value) -> Value {
    object(&[("role", role.into()), ("content", content)])
}
