//! What can go wrong with a template: one error type, its kind and its place in the source.

use std::ops::Deref;

use crate::syntax::ast::Pos;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The source is not a template, or uses a tag that chat templates do not need.
    Syntax,
    /// `raise_exception` was called: the text is the template's own.
    Raised,
    /// An undefined value was used where Jinja2 refuses it.
    Undefined,
    /// A value of the wrong type.
    Type,
    /// A value of the right type that does not fit: Python's ValueError, IndexError, KeyError, ZeroDivisionError.
    Value,
    /// What the sandbox of transformers refuses.
    Security,
    /// More work, memory or output than the [`Limits`](crate::Limits) of the rendering, or a longer source, than allowed.
    Budget,
    /// Deeper or longer than any template may be, or make anything.
    Limit,
    /// Something of Jinja2 or Python that this engine does not have.
    Unsupported,
}

impl ErrorKind {
    /// Whether something was more than is allowed, whoever allows it.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::Budget | Self::Limit)
    }
}

/// What went wrong. Boxed, because it is one half of every `Result` of a rendering.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Error(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub kind: ErrorKind,
    pub message: String,
    /// Innermost place known.
    pub place: Option<Pos>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Deref for Error {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl Error {
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details { kind, message: message.into(), place: None }))
    }

    /// Adds the place, unless an inner one is known.
    #[cold]
    #[must_use]
    pub fn at(mut self, place: Pos) -> Self {
        self.0.place.get_or_insert(place);
        self
    }
}
