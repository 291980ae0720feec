//! What the lexer hands to the parser.

use std::borrow::Cow;
use std::fmt;

use crate::syntax::ast::{Const, Pos};

#[derive(Debug, Clone, PartialEq)]
pub struct Token<'s> {
    pub place: Pos,
    pub kind: TokenKind<'s>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TokenKind<'s> {
    /// Text outside of tags, never empty.
    Text(&'s str),
    /// `{{`
    OutputStart,
    /// `}}`
    OutputEnd,
    /// `{%`
    TagStart,
    /// `%}`
    TagEnd,
    Name(&'s str),
    Str(Cow<'s, str>),
    Integer(Const),
    Float(f64),
    Symbol(Symbol),
    End,
}

impl fmt::Display for TokenKind<'_> {
    /// As error messages name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "text",
            Self::OutputStart => "'{{'",
            Self::OutputEnd => "'}}'",
            Self::TagStart => "'{%'",
            Self::TagEnd => "'%}'",
            Self::Name(name) => return write!(f, "'{name}'"),
            Self::Str(_) => "a string",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Symbol(symbol) => return write!(f, "'{}'", symbol.text()),
            Self::End => "the end of the template",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbol {
    Assign,
    Colon,
    Comma,
    Dot,
    Equal,
    Greater,
    GreaterOrEqual,
    LeftBrace,
    LeftBracket,
    LeftParen,
    Less,
    LessOrEqual,
    Minus,
    NotEqual,
    Percent,
    Pipe,
    Plus,
    RightBrace,
    RightBracket,
    RightParen,
    Semicolon,
    Slash,
    SlashSlash,
    Star,
    StarStar,
    Tilde,
}

/// Longest first: the first match wins.
const SYMBOLS: [(&str, Symbol); 26] = [
    ("**", Symbol::StarStar),
    ("//", Symbol::SlashSlash),
    ("==", Symbol::Equal),
    ("!=", Symbol::NotEqual),
    (">=", Symbol::GreaterOrEqual),
    ("<=", Symbol::LessOrEqual),
    ("=", Symbol::Assign),
    (":", Symbol::Colon),
    (",", Symbol::Comma),
    (".", Symbol::Dot),
    (">", Symbol::Greater),
    ("{", Symbol::LeftBrace),
    ("[", Symbol::LeftBracket),
    ("(", Symbol::LeftParen),
    ("<", Symbol::Less),
    ("-", Symbol::Minus),
    ("%", Symbol::Percent),
    ("|", Symbol::Pipe),
    ("+", Symbol::Plus),
    ("}", Symbol::RightBrace),
    ("]", Symbol::RightBracket),
    (")", Symbol::RightParen),
    (";", Symbol::Semicolon),
    ("/", Symbol::Slash),
    ("*", Symbol::Star),
    ("~", Symbol::Tilde),
];

impl Symbol {
    /// The symbol that `rest` starts with.
    pub fn at(rest: &str) -> Option<Self> {
        SYMBOLS.iter().find(|(text, _)| rest.starts_with(text)).map(|&(_, symbol)| symbol)
    }

    pub fn text(self) -> &'static str {
        SYMBOLS.iter().find(|&&(_, symbol)| symbol == self).map_or("", |&(text, _)| text)
    }
}
