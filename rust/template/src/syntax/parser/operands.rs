//! Operands: names, literals, brackets, and the attributes, items, calls, filters and tests
//! after them.

use super::{ExprList, Parser, Tree, syntax};
use crate::error::Result;
use crate::syntax::ast::{Const, Expr, ExprKind, FilterCall, Pos};
use crate::syntax::lexer::{Symbol, TokenKind};

impl Parser<'_> {
    /// An operand. The operand of a sign takes no filters: they apply to both.
    pub(super) fn operand(&mut self, filters: bool) -> Result<Tree> {
        let tree = match self.token.kind {
            TokenKind::Symbol(Symbol::Minus) => self.signed(ExprKind::Negative)?,
            TokenKind::Symbol(Symbol::Plus) => self.signed(ExprKind::Positive)?,
            _ => self.primary()?,
        };
        let tree = self.postfix(tree)?;
        if filters { self.filters_and_tests(tree) } else { Ok(tree) }
    }

    fn signed(&mut self, sign: fn(Box<Expr>) -> ExprKind) -> Result<Tree> {
        let place = self.advance()?.place;
        let operand = self.nested(|parser| parser.operand(false))?;
        self.grow(place, operand.height, sign(operand.expr))
    }

    /// A name, a literal, or an expression in brackets.
    pub(super) fn primary(&mut self) -> Result<Tree> {
        let place = self.token.place;
        let kind = match &self.token.kind {
            TokenKind::Symbol(Symbol::LeftParen) => return self.parenthesised(),
            TokenKind::Symbol(Symbol::LeftBracket) => return self.list(),
            TokenKind::Symbol(Symbol::LeftBrace) => return self.dict(),
            TokenKind::Str(_) => return self.string(),
            TokenKind::Name(name) => {
                constant(name).map_or_else(|| ExprKind::Name((*name).to_owned()), ExprKind::Const)
            }
            TokenKind::Integer(integer) => ExprKind::Const(integer.clone()),
            TokenKind::Float(float) => ExprKind::Const(Const::Float(*float)),
            _ => return Err(self.unexpected("an expression")),
        };
        self.advance()?;
        Ok(Tree::leaf(place, kind))
    }

    /// Adjacent string literals are one.
    fn string(&mut self) -> Result<Tree> {
        let place = self.token.place;
        let mut text = String::new();
        while let TokenKind::Str(part) = &self.token.kind {
            text.push_str(part);
            self.advance()?;
        }
        Ok(Tree::leaf(place, ExprKind::Const(Const::Str(text))))
    }

    /// Only here can a tuple be empty.
    fn parenthesised(&mut self) -> Result<Tree> {
        let place = self.advance()?.place;
        let (items, comma) = self.tuple_items(true)?;
        self.expect(Symbol::RightParen)?;
        if comma || items.exprs.is_empty() {
            return self.tuple_of(place, items);
        }
        let mut tree = items.only().ok_or_else(|| self.unexpected("an expression"))?;
        tree.expr.place = place;
        Ok(tree)
    }

    fn list(&mut self) -> Result<Tree> {
        let place = self.advance()?.place;
        let mut items = ExprList::default();
        while !self.at(Symbol::RightBracket) {
            items.push(self.expression()?);
            if !self.take(Symbol::Comma)? {
                break;
            }
        }
        self.expect(Symbol::RightBracket)?;
        self.grow(place, items.height, ExprKind::List(items.exprs))
    }

    fn dict(&mut self) -> Result<Tree> {
        let place = self.advance()?.place;
        let mut height = 0;
        let mut items = Vec::new();
        while !self.at(Symbol::RightBrace) {
            let key = self.expression()?;
            self.expect(Symbol::Colon)?;
            let value = self.expression()?;
            height = height.max(key.height).max(value.height);
            items.push((*key.expr, *value.expr));
            if !self.take(Symbol::Comma)? {
                break;
            }
        }
        self.expect(Symbol::RightBrace)?;
        self.grow(place, height, ExprKind::Dict(items))
    }

    /// Attributes, items and calls.
    pub(super) fn postfix(&mut self, mut tree: Tree) -> Result<Tree> {
        loop {
            tree = match self.token.kind {
                TokenKind::Symbol(Symbol::Dot) => self.attribute(tree)?,
                TokenKind::Symbol(Symbol::LeftBracket) => self.item(tree)?,
                TokenKind::Symbol(Symbol::LeftParen) => self.call(tree)?,
                _ => return Ok(tree),
            };
        }
    }

    /// `a.b`, and `a.0` for `a[0]`
    fn attribute(&mut self, object: Tree) -> Result<Tree> {
        self.advance()?;
        let place = object.expr.place;
        let height = object.height;
        let token = self.token.clone();
        let kind = match token.kind {
            TokenKind::Name(name) => ExprKind::Attribute { object: object.expr, name: name.to_owned() },
            TokenKind::Integer(integer) => {
                let index = Tree::leaf(token.place, ExprKind::Const(integer)).expr;
                ExprKind::Item { object: object.expr, index }
            }
            _ => return Err(self.unexpected("a name or an integer after '.'")),
        };
        self.advance()?;
        self.grow(place, height, kind)
    }

    /// `a[b]`, `a[b, c]`, `a[b:c]`
    fn item(&mut self, object: Tree) -> Result<Tree> {
        let bracket = self.advance()?.place;
        let mut indices = ExprList::default();
        while !self.at(Symbol::RightBracket) {
            if !indices.exprs.is_empty() {
                self.expect(Symbol::Comma)?;
            }
            indices.push(self.subscript()?);
        }
        self.advance()?;
        let index = match indices.exprs.len() {
            1 => indices.only().ok_or_else(|| self.unexpected("an expression"))?,
            _ => self.tuple_of(bracket, indices)?,
        };
        // Jinja2 parses it, but makes Python of it that is none.
        if let ExprKind::Tuple(indices) = &index.expr.kind
            && let Some(slice) = indices.iter().find(|index| matches!(index.kind, ExprKind::Slice { .. }))
        {
            return Err(syntax(slice.place, "a slice together with other indices"));
        }
        let place = object.expr.place;
        let height = object.height.max(index.height);
        self.grow(place, height, ExprKind::Item { object: object.expr, index: index.expr })
    }

    /// An index or a slice.
    fn subscript(&mut self) -> Result<Tree> {
        let place = self.token.place;
        let mut bounds = [self.slice_bound()?, None, None];
        if !self.take(Symbol::Colon)? {
            let [index, ..] = bounds;
            return index.ok_or_else(|| self.unexpected("an expression"));
        }
        bounds[1] = self.slice_bound()?;
        if self.take(Symbol::Colon)? {
            bounds[2] = self.slice_bound()?;
        }
        let height = bounds.iter().flatten().map(|bound| bound.height).max().unwrap_or(0);
        let [start, end, step] = bounds.map(|bound| bound.map(|tree| tree.expr));
        self.grow(place, height, ExprKind::Slice { start, stop: end, step })
    }

    fn slice_bound(&mut self) -> Result<Option<Tree>> {
        if self.at(Symbol::Colon) || self.at(Symbol::Comma) || self.at(Symbol::RightBracket) {
            return Ok(None);
        }
        self.expression().map(Some)
    }

    fn call(&mut self, callee: Tree) -> Result<Tree> {
        let place = callee.expr.place;
        let (arguments, height) = self.arguments()?;
        let height = height.max(callee.height);
        self.grow(place, height, ExprKind::Call { callee: callee.expr, arguments })
    }

    fn filters_and_tests(&mut self, mut tree: Tree) -> Result<Tree> {
        loop {
            tree = match self.token.kind {
                TokenKind::Symbol(Symbol::Pipe) => self.filter(tree)?,
                TokenKind::Name("is") => self.test(tree)?,
                TokenKind::Symbol(Symbol::LeftParen) => self.call(tree)?,
                _ => return Ok(tree),
            };
        }
    }

    fn filter(&mut self, object: Tree) -> Result<Tree> {
        self.advance()?;
        let (filter, height) = self.filter_call()?;
        let place = object.expr.place;
        let height = height.max(object.height);
        self.grow(place, height, ExprKind::Filter { object: object.expr, filter })
    }

    /// A filter's name and arguments, and their height.
    pub(super) fn filter_call(&mut self) -> Result<(FilterCall, usize)> {
        let (place, name) = self.dotted_name("the name of a filter")?;
        let (arguments, height) =
            if self.at(Symbol::LeftParen) { self.arguments()? } else { Default::default() };
        Ok((FilterCall { place, name, arguments }, height))
    }

    fn dotted_name(&mut self, what: &str) -> Result<(Pos, String)> {
        let (place, first) = self.expect_name(what)?;
        let mut name = first.to_owned();
        while self.take(Symbol::Dot)? {
            name.push('.');
            name.push_str(self.expect_name(what)?.1);
        }
        Ok((place, name))
    }

    /// `a is b`, `a is not b(c)`, `a is b c`
    fn test(&mut self, object: Tree) -> Result<Tree> {
        self.advance()?;
        let negated = self.take_name("not")?;
        let (place, name) = self.dotted_name("the name of a test")?;
        let (arguments, height) =
            if self.at(Symbol::LeftParen) { self.arguments()? } else { self.bare_argument()? };
        let start = object.expr.place;
        let height = height.max(object.height);
        let test = FilterCall { place, name, arguments };
        let tree = self.grow(start, height, ExprKind::Test { object: object.expr, test })?;
        if negated { self.grow(start, tree.height, ExprKind::Not(tree.expr)) } else { Ok(tree) }
    }
}

/// The constants that names stand for; Jinja2 knows them in two spellings.
pub(super) fn constant(name: &str) -> Option<Const> {
    match name {
        "true" | "True" => Some(Const::Bool(true)),
        "false" | "False" => Some(Const::Bool(false)),
        "none" | "None" => Some(Const::None),
        _ => None,
    }
}
