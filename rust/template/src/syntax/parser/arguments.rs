//! The arguments of calls, filters and tests.

use std::collections::HashSet;

use super::{Parser, syntax};
use crate::error::Result;
use crate::syntax::ast::{Arguments, Pos};
use crate::syntax::lexer::{Symbol, TokenKind};

/// Python's own, which no keyword argument can be named without a detour.
const PYTHON_KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

impl Parser<'_> {
    /// Arguments in parentheses, and their height.
    pub(super) fn arguments(&mut self) -> Result<(Arguments, usize)> {
        let place = self.token.place;
        self.expect(Symbol::LeftParen)?;
        let mut arguments = Arguments::default();
        let mut height = 0;
        while !self.at(Symbol::RightParen) {
            height = height.max(self.argument(&mut arguments)?);
            if !self.take(Symbol::Comma)? {
                break;
            }
        }
        self.expect(Symbol::RightParen)?;
        if let Some(name) = repeated_keyword(keywords(&arguments)) {
            return Err(syntax(place, format!("the keyword argument '{name}' is repeated")));
        }
        Ok((arguments, height))
    }

    /// Reads one argument and returns its height. As in Jinja2, `*a` may follow keyword arguments and come before
    /// them, and nothing follows `**a`.
    fn argument(&mut self, arguments: &mut Arguments) -> Result<usize> {
        let place = self.token.place;
        let refuse = |after: bool, what: &str| if after { Err(syntax(place, what)) } else { Ok(()) };
        refuse(arguments.more_keywords.is_some(), "an argument after '**'")?;
        if self.take(Symbol::Star)? {
            refuse(arguments.more_positional.is_some(), "a second '*' argument")?;
            let value = self.expression()?;
            let height = value.height;
            arguments.more_positional = Some(value.expr);
            return Ok(height);
        }
        if self.take(Symbol::StarStar)? {
            let value = self.expression()?;
            let height = value.height;
            arguments.more_keywords = Some(value.expr);
            return Ok(height);
        }
        if let TokenKind::Name(name) = self.token.kind
            && *self.peek()? == TokenKind::Symbol(Symbol::Assign)
        {
            self.advance()?;
            self.advance()?;
            let value = self.expression()?;
            arguments.keywords.push((name.to_owned(), *value.expr));
            return Ok(value.height);
        }
        refuse(arguments.more_positional.is_some(), "a positional argument after '*'")?;
        refuse(!arguments.keywords.is_empty(), "a positional argument after a keyword argument")?;
        let value = self.expression()?;
        arguments.positional.push(*value.expr);
        Ok(value.height)
    }

    /// The argument of a test without parentheses, where the next token can start one.
    pub(super) fn bare_argument(&mut self) -> Result<(Arguments, usize)> {
        let none = (Arguments::default(), 0);
        match self.token.kind {
            TokenKind::Name("else" | "or" | "and") => return Ok(none),
            TokenKind::Name("is") => {
                return Err(syntax(self.token.place, "tests cannot be chained: 'is' after a test"));
            }
            TokenKind::Name(_)
            | TokenKind::Str(_)
            | TokenKind::Integer(_)
            | TokenKind::Float(_)
            | TokenKind::Symbol(Symbol::LeftBracket | Symbol::LeftBrace) => {}
            _ => return Ok(none),
        }
        let argument = self.primary()?;
        let argument = self.postfix(argument)?;
        Ok((Arguments { positional: vec![*argument.expr], ..Arguments::default() }, argument.height))
    }
}

fn keywords(arguments: &Arguments) -> impl Iterator<Item = &str> + Clone {
    arguments.keywords.iter().map(|(name, _)| name.as_str())
}

/// Jinja2 turns arguments into a call in Python, which refuses a repeated one; if one of the names is a keyword of
/// Python, it turns them into a dict, and the last one wins.
fn repeated_keyword<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
    if names.clone().any(|name| PYTHON_KEYWORDS.contains(&name)) { None } else { repeated(names) }
}

/// The first name that came before.
pub(super) fn repeated<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// Jinja2 adds the block to the arguments of the call that it is for.
pub(super) fn refuse_caller(place: Pos, arguments: &Arguments) -> Result<()> {
    match repeated_keyword(keywords(arguments).chain(["caller"])) {
        Some(_) => Err(syntax(place, "the keyword argument 'caller' is the call block itself")),
        None => Ok(()),
    }
}
