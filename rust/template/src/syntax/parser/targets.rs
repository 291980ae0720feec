//! What is written to: targets of `set`, `for` and `with`, and the parameters of functions.

use super::arguments::repeated;
use super::operands::constant;
use super::{Parser, syntax};
use crate::error::Result;
use crate::syntax::ast::{Expr, ExprKind, Pos, Target};
use crate::syntax::lexer::{Symbol, TokenKind};

/// Which statement a target belongs to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Store {
    /// Attributes of namespaces are targets too.
    Set,
    For,
    /// Makes a new variable, so that `loop` is a name like any other.
    With,
}

impl Parser<'_> {
    /// A target, or a tuple of targets without parentheses.
    pub(super) fn target(&mut self, store: Store) -> Result<Target> {
        let mut targets = Vec::new();
        let mut comma = false;
        while !self.ends_tuple() {
            targets.push(self.single_target(store)?);
            comma = self.take(Symbol::Comma)?;
            if !comma {
                break;
            }
        }
        if comma || targets.len() > 1 {
            return Ok(Target::Tuple(targets));
        }
        targets.pop().ok_or_else(|| self.unexpected("a name to assign to"))
    }

    fn single_target(&mut self, store: Store) -> Result<Target> {
        if store == Store::Set
            && let TokenKind::Name(name) = self.token.kind
            && constant(name).is_none()
            && *self.peek()? == TokenKind::Symbol(Symbol::Dot)
        {
            let place = self.advance()?.place;
            self.advance()?;
            let (_, attribute) = self.expect_name("the name of an attribute")?;
            return Ok(Target::Attribute {
                namespace: name.to_owned(),
                attribute: attribute.to_owned(),
                place,
            });
        }
        let tree = self.primary()?;
        self.assignable(*tree.expr, store)
    }

    fn assignable(&self, expr: Expr, store: Store) -> Result<Target> {
        match expr.kind {
            ExprKind::Name(name) if name == "loop" && self.scope.loop_reserved && store != Store::With => {
                Err(syntax(expr.place, "'loop' cannot be assigned to in a loop"))
            }
            ExprKind::Name(name) => Ok(Target::Name(name)),
            ExprKind::Tuple(items) => {
                let items = items.into_iter().map(|item| self.assignable(item, store));
                items.collect::<Result<_>>().map(Target::Tuple)
            }
            ExprKind::Const(_) => Err(syntax(expr.place, "a constant cannot be assigned to")),
            _ => Err(syntax(expr.place, "an expression cannot be assigned to")),
        }
    }

    /// The name of a macro or of a parameter.
    pub(super) fn new_name(&mut self, what: &str) -> Result<(Pos, String)> {
        let (place, name) = self.expect_name(what)?;
        if constant(name).is_some() {
            return Err(syntax(place, format!("'{name}' is a constant and cannot be assigned to")));
        }
        Ok((place, name.to_owned()))
    }

    /// The parameters of a macro or call block in parentheses, and the defaults of the last of them.
    pub(super) fn signature(&mut self) -> Result<(Vec<String>, Vec<Expr>)> {
        let start = self.token.place;
        self.expect(Symbol::LeftParen)?;
        let mut parameters = Vec::new();
        let mut defaults = Vec::new();
        while !self.at(Symbol::RightParen) {
            if !parameters.is_empty() {
                self.expect(Symbol::Comma)?;
            }
            let (place, parameter) = self.new_name("the name of a parameter")?;
            if self.take(Symbol::Assign)? {
                defaults.push(*self.expression()?.expr);
            } else if !defaults.is_empty() {
                return Err(syntax(
                    place,
                    format!("the parameter '{parameter}' needs a default, as those before it"),
                ));
            }
            parameters.push(parameter);
        }
        self.advance()?;
        if let Some(name) = repeated(parameters.iter().map(String::as_str)) {
            return Err(syntax(start, format!("the parameter '{name}' is repeated")));
        }
        Ok((parameters, defaults))
    }
}
