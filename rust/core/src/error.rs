//! What can go wrong, and where.
//!
//! In: a kind, a text, and the location as far as the stage knows it. Out: one `Error` that every stage returns and
//! that callers complete with the outer location (file, line). Nothing here decides whether an error ends the run:
//! that is `expand`'s business.

use std::fmt;
use std::sync::Arc;

/// The kinds of errors. `name` is what reports count by, `family` what Python's exception classes follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    // Reading.
    Io,
    Compression,
    LineTooLong,
    // JSON.
    Json,
    JsonUtf8,
    JsonSurrogate,
    JsonNumber,
    JsonDepth,
    // Shape of a record.
    NotAnObject,
    UnknownFormat,
    Shape,
    Role,
    Tools,
    Weight,
    TemplateKwargs,
    ControlToken,
    // One target.
    EmptyPrompt,
    Template,
    PromptMismatch,
    NoStopToken,
    NotLocated,
    TooLong,
    Encode,
    // A model folder, an option, a bug of ours or of a dependency.
    Model,
    Options,
    Internal,
}

/// What an error is about; each family is one exception class in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorFamily {
    Input,
    Jsonl,
    Conversation,
    Template,
    Tokenizer,
    Sample,
    Model,
    Options,
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the stages.
    pub const ALL: [Self; 26] = [
        Self::Io,
        Self::Compression,
        Self::LineTooLong,
        Self::Json,
        Self::JsonUtf8,
        Self::JsonSurrogate,
        Self::JsonNumber,
        Self::JsonDepth,
        Self::NotAnObject,
        Self::UnknownFormat,
        Self::Shape,
        Self::Role,
        Self::Tools,
        Self::Weight,
        Self::TemplateKwargs,
        Self::ControlToken,
        Self::EmptyPrompt,
        Self::Template,
        Self::PromptMismatch,
        Self::NoStopToken,
        Self::NotLocated,
        Self::TooLong,
        Self::Encode,
        Self::Model,
        Self::Options,
        Self::Internal,
    ];

    /// The stable name that reports and exceptions carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Compression => "compression",
            Self::LineTooLong => "line_too_long",
            Self::Json => "json",
            Self::JsonUtf8 => "json_utf8",
            Self::JsonSurrogate => "json_surrogate",
            Self::JsonNumber => "json_number",
            Self::JsonDepth => "json_depth",
            Self::NotAnObject => "not_an_object",
            Self::UnknownFormat => "unknown_format",
            Self::Shape => "shape",
            Self::Role => "role",
            Self::Tools => "tools",
            Self::Weight => "weight",
            Self::TemplateKwargs => "template_kwargs",
            Self::ControlToken => "control_token",
            Self::EmptyPrompt => "empty_prompt",
            Self::Template => "template",
            Self::PromptMismatch => "prompt_mismatch",
            Self::NoStopToken => "no_stop_token",
            Self::NotLocated => "not_located",
            Self::TooLong => "too_long",
            Self::Encode => "encode",
            Self::Model => "model",
            Self::Options => "options",
            Self::Internal => "internal",
        }
    }

    pub fn family(self) -> ErrorFamily {
        match self {
            Self::Io | Self::Compression => ErrorFamily::Input,
            Self::LineTooLong
            | Self::Json
            | Self::JsonUtf8
            | Self::JsonSurrogate
            | Self::JsonNumber
            | Self::JsonDepth => ErrorFamily::Jsonl,
            Self::NotAnObject
            | Self::UnknownFormat
            | Self::Shape
            | Self::Role
            | Self::Tools
            | Self::Weight
            | Self::TemplateKwargs
            | Self::ControlToken => ErrorFamily::Conversation,
            Self::Template => ErrorFamily::Template,
            Self::Encode => ErrorFamily::Tokenizer,
            Self::EmptyPrompt
            | Self::PromptMismatch
            | Self::NoStopToken
            | Self::NotLocated
            | Self::TooLong => ErrorFamily::Sample,
            Self::Model => ErrorFamily::Model,
            Self::Options => ErrorFamily::Options,
            Self::Internal => ErrorFamily::Internal,
        }
    }
}

/// Where it went wrong, as far as known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    pub file: Option<Arc<str>>,
    /// 1-based, as editors count.
    pub line: Option<u64>,
    /// 0-based index into the conversation's messages, as in `targets`.
    pub message: Option<usize>,
    /// Byte offset in the line.
    pub byte: Option<usize>,
}

/// A kind, a location and a text: `chats.jsonl:12: message 3: role "bot" is unknown; expected one of ..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    /// Lower case, values in quotes, no full stop.
    pub text: String,
    pub location: Location,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), location: Location::default() }
    }

    #[must_use]
    pub fn at_byte(mut self, byte: usize) -> Self {
        self.location.byte = Some(byte);
        self
    }

    #[must_use]
    pub fn at_message(mut self, message: usize) -> Self {
        self.location.message = Some(message);
        self
    }

    #[must_use]
    pub fn at_line(mut self, file: &Arc<str>, line: u64) -> Self {
        self.location.file = Some(file.clone());
        self.location.line = Some(line);
        self
    }

    /// The error that a panic of a dependency becomes.
    pub fn from_panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        Self::new(ErrorKind::Internal, format!("a dependency panicked: {}", excerpt(text)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.location.file, self.location.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        if let Some(message) = self.location.message {
            write!(f, "message {message}: ")?;
        }
        if let Some(byte) = self.location.byte {
            write!(f, "byte {byte}: ")?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

/// The characters of a text shown in an error; contents are private and may be long.
const EXCERPT_CHARS: usize = 60;

/// A short, escaped, quoted view of a text for error messages.
pub fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(EXCERPT_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
