//! What can go wrong, and where.
//!
//! In: a kind, a text, and the location as far as the stage knows it. Out: one `Error` that every stage returns and
//! that callers complete with the outer location (file, line). Nothing here decides whether an error ends the run:
//! that is `expand`'s business.

use std::fmt;
use std::sync::Arc;

/// The kinds of errors and their families, each declared once. `name` is what reports count by, `family` the exception
/// class in Python.
macro_rules! kinds {
    (
        families { $($family:ident = $class:literal,)+ }
        kinds { $($kind:ident = $name:literal of $of:ident,)+ }
    ) => {
        /// What an error is about; each family is one exception class in Python.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorFamily { $($family),+ }

        impl ErrorFamily {
            /// Every family.
            pub const ALL: &[Self] = &[$(Self::$family),+];

            /// The name of its exception class.
            pub fn class(self) -> &'static str {
                match self { $(Self::$family => $class),+ }
            }
        }

        /// The kinds of errors, in the order of the stages.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorKind { $($kind),+ }

        impl ErrorKind {
            /// Every kind, in the order of the stages.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The stable name that reports and exceptions carry.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            pub fn family(self) -> ErrorFamily {
                match self { $(Self::$kind => ErrorFamily::$of),+ }
            }
        }
    };
}

kinds! {
families {
    Input = "InputError",
    Jsonl = "JsonlError",
    Conversation = "ConversationError",
    Template = "TemplateError",
    Tokenizer = "TokenizerError",
    Sample = "SampleError",
    Model = "ModelError",
    Options = "OptionsError",
    Internal = "InternalError",
}
kinds {
    // Reading.
    Io = "io" of Input,
    Compression = "compression" of Input,
    Content = "content" of Input,
    LineTooLong = "line_too_long" of Jsonl,
    // JSON.
    Json = "json" of Jsonl,
    JsonUtf8 = "json_utf8" of Jsonl,
    JsonSurrogate = "json_surrogate" of Jsonl,
    JsonNumber = "json_number" of Jsonl,
    JsonDepth = "json_depth" of Jsonl,
    JsonDocument = "json_document" of Jsonl,
    // Shape of a record.
    NotAnObject = "not_an_object" of Conversation,
    UnknownFormat = "unknown_format" of Conversation,
    Shape = "shape" of Conversation,
    Role = "role" of Conversation,
    Tools = "tools" of Conversation,
    Weight = "weight" of Conversation,
    Undesired = "undesired" of Conversation,
    Media = "media" of Conversation,
    TemplateKwargs = "template_kwargs" of Conversation,
    ControlToken = "control_token" of Conversation,
    Refused = "refused_by_server" of Conversation,
    // One target.
    EmptyPrompt = "empty_prompt" of Sample,
    Template = "template" of Template,
    PromptMismatch = "prompt_mismatch" of Sample,
    NoStopToken = "no_stop_token" of Sample,
    NotLocated = "not_located" of Sample,
    TooLong = "too_long" of Sample,
    Encode = "encode" of Tokenizer,
    // A model folder, an option, a bug of ours or of a dependency.
    Model = "model" of Model,
    Options = "options" of Options,
    Internal = "internal" of Internal,
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

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A long text is cut: what it says of the data may be as long as a line.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > MAX_TEXT_BYTES {
            let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
            text.push('…');
        }
        Self { kind, text, location: Location::default() }
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

    /// What is wrong, without the file, line and message.
    pub fn text_without_place(&self) -> String {
        match self.location.byte {
            Some(byte) => format!("byte {byte}: {}", self.text),
            None => self.text.clone(),
        }
    }
}

/// File, line and message, as what is said of them starts.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        match self.message {
            Some(message) => write!(f, "message {message}: "),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.location, self.text_without_place())
    }
}

impl std::error::Error for Error {}

/// The most bytes that an error's text has.
pub const MAX_TEXT_BYTES: usize = 4000;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_longer_than_the_most() {
        let error = Error::new(ErrorKind::Shape, "é".repeat(MAX_TEXT_BYTES));
        assert_eq!(error.text.len(), MAX_TEXT_BYTES + "…".len());
        assert_eq!(Error::new(ErrorKind::Shape, "é").text, "é");
    }
}
