//! Template source in, syntax tree out: Jinja2's grammar as transformers sets it up.
//!
//! It also refuses what Jinja2 refuses when it compiles: `break` outside of a loop, a repeated parameter, a store to
//! `loop`. It does not know which names, filters and tests exist.
//!
//! Every function starts at the current token and leaves the token after what it read as the current one.

mod arguments;
mod expressions;
mod operands;
mod statements;
mod targets;

#[cfg(test)]
mod tests;

use crate::error::{Error, ErrorKind, Result};
use crate::limits::MAX_PARSE_DEPTH;
use crate::syntax::ast::{Expr, ExprKind, Pos, Stmt};
use crate::syntax::lexer::{Lexer, Symbol, Token, TokenKind, normalise};

/// Parses a template.
pub fn parse(source: &str) -> Result<Vec<Stmt>> {
    let source = normalise(source);
    let mut lexer = Lexer::new(&source);
    let token = lexer.next_token()?;
    let mut parser =
        Parser { lexer, token, ahead: None, depth: 0, scope: Scope::default(), open: Vec::new() };
    parser.statements(&[])
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    /// The current token.
    token: Token<'s>,
    /// The token after it, where it was needed.
    ahead: Option<Token<'s>>,
    /// Statements, brackets and operators open around the current token.
    depth: usize,
    scope: Scope,
    /// The tags to be closed, innermost last.
    open: Vec<OpenTag>,
}

/// What the statements around the current one forbid.
#[derive(Clone, Copy, Default)]
struct Scope {
    /// In the body of a loop, and not in a function in it: `break` and `continue` mean something.
    breakable: bool,
    /// Anywhere in a loop, where `loop` cannot be assigned to.
    loop_reserved: bool,
}

struct OpenTag {
    name: &'static str,
    place: Pos,
    /// The tags that end its current part.
    ends: &'static [&'static str],
}

/// An expression and how deep it nests: 0 for a name or a constant. Boxed, because it is handed through many functions
/// of a deep recursion.
struct Tree {
    expr: Box<Expr>,
    height: usize,
}

impl Tree {
    fn leaf(place: Pos, kind: ExprKind) -> Self {
        Self { expr: Box::new(Expr { place, kind }), height: 0 }
    }
}

/// Expressions side by side, and the height of the highest.
#[derive(Default)]
struct ExprList {
    exprs: Vec<Expr>,
    height: usize,
}

impl ExprList {
    fn push(&mut self, tree: Tree) {
        self.height = self.height.max(tree.height);
        self.exprs.push(*tree.expr);
    }

    /// The last one; meant for where it is the only one.
    fn only(mut self) -> Option<Tree> {
        let expr = Box::new(self.exprs.pop()?);
        Some(Tree { expr, height: self.height })
    }
}

impl<'s> Parser<'s> {
    /// Moves on to the next token and returns the one that was current.
    fn advance(&mut self) -> Result<Token<'s>> {
        let next = match self.ahead.take() {
            Some(token) => token,
            None => self.lexer.next_token()?,
        };
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// The token after the current one.
    fn peek(&mut self) -> Result<&TokenKind<'s>> {
        let token = match self.ahead.take() {
            Some(token) => token,
            None => self.lexer.next_token()?,
        };
        Ok(&self.ahead.insert(token).kind)
    }

    fn at(&self, symbol: Symbol) -> bool {
        self.token.kind == TokenKind::Symbol(symbol)
    }

    fn at_name(&self, name: &str) -> bool {
        self.token.kind == TokenKind::Name(name)
    }

    fn take(&mut self, symbol: Symbol) -> Result<bool> {
        let found = self.at(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn take_name(&mut self, name: &str) -> Result<bool> {
        let found = self.at_name(name);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, symbol: Symbol) -> Result<()> {
        if self.take(symbol)? { Ok(()) } else { Err(self.unexpected(&format!("'{}'", symbol.text()))) }
    }

    fn expect_kind(&mut self, kind: &TokenKind<'_>) -> Result<()> {
        if self.token.kind != *kind {
            return Err(self.unexpected(&kind.to_string()));
        }
        self.advance()?;
        Ok(())
    }

    /// Any name; `what` says what it names.
    fn expect_name(&mut self, what: &str) -> Result<(Pos, &'s str)> {
        let TokenKind::Name(name) = self.token.kind else { return Err(self.unexpected(what)) };
        let place = self.token.place;
        self.advance()?;
        Ok((place, name))
    }

    fn unexpected(&self, expected: &str) -> Error {
        let message = format!("found {}, expected {expected}", self.token.kind);
        Error::new(ErrorKind::Syntax, message).at(self.token.place)
    }

    /// Parses one level deeper, which bounds the recursion of the parser.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_PARSE_DEPTH {
            return Err(too_deep(self.token.place));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Makes an expression over parts of at most `height`, which bounds the depth of the tree: a chain of operators
    /// needs no recursion to parse, but makes a tree as deep as it is long.
    fn grow(&self, place: Pos, height: usize, kind: ExprKind) -> Result<Tree> {
        let height = height + 1;
        if self.depth + height > MAX_PARSE_DEPTH {
            return Err(too_deep(place));
        }
        Ok(Tree { expr: Box::new(Expr { place, kind }), height })
    }

    /// Parses in another scope.
    fn within<T>(&mut self, scope: Scope, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = std::mem::replace(&mut self.scope, scope);
        let parsed = parse(self);
        self.scope = outer;
        parsed
    }
}

#[cold]
fn too_deep(place: Pos) -> Error {
    Error::new(ErrorKind::Limit, format!("nested deeper than {MAX_PARSE_DEPTH} levels")).at(place)
}

#[cold]
fn syntax(place: Pos, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Syntax, message).at(place)
}
