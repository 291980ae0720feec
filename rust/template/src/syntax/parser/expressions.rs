//! Expressions down to their operators, with Jinja2's precedence. It is not Python's: `~` binds tighter than `+`,
//! `**` is left-associative, and a sign binds tighter than both `**` and a filter.

use super::{ExprList, Parser, Tree};
use crate::error::Result;
use crate::syntax::ast::{BinaryOperator, Comparison, Expr, ExprKind, Pos};
use crate::syntax::lexer::{Symbol, TokenKind};

/// From the loosest to the tightest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Compare,
    Sum,
    Concat,
    Product,
    Power,
    Operand,
}

#[derive(Clone, Copy)]
enum Operator {
    Or,
    And,
    Compare(Comparison),
    Concat,
    Binary(BinaryOperator),
}

impl Operator {
    fn level(self) -> Level {
        use BinaryOperator::{Add, Divide, FloorDivide, Multiply, Power, Remainder, Subtract};
        match self {
            Self::Or => Level::Or,
            Self::And => Level::And,
            Self::Compare(_) => Level::Compare,
            Self::Binary(Add | Subtract) => Level::Sum,
            Self::Concat => Level::Concat,
            Self::Binary(Multiply | Divide | FloorDivide | Remainder) => Level::Product,
            Self::Binary(Power) => Level::Power,
        }
    }

    /// The loosest operators in its right operand: one level tighter, which makes all of them left-associative.
    fn right(self) -> Level {
        match self.level() {
            Level::Or => Level::And,
            Level::And | Level::Not => Level::Not,
            Level::Compare => Level::Sum,
            Level::Sum => Level::Concat,
            Level::Concat => Level::Product,
            Level::Product => Level::Power,
            Level::Power | Level::Operand => Level::Operand,
        }
    }
}

impl Parser<'_> {
    /// Any expression but a tuple without parentheses.
    pub(super) fn expression(&mut self) -> Result<Tree> {
        self.nested(Self::conditional)
    }

    /// One expression, or a tuple where there is a comma. Without `conditional`, an `if` is left to the caller.
    pub(super) fn tuple(&mut self, conditional: bool) -> Result<Tree> {
        let place = self.token.place;
        let (items, comma) = self.tuple_items(conditional)?;
        if comma {
            self.tuple_of(place, items)
        } else {
            items.only().ok_or_else(|| self.unexpected("an expression"))
        }
    }

    /// Expressions with commas between them, and whether there was a comma.
    pub(super) fn tuple_items(&mut self, conditional: bool) -> Result<(ExprList, bool)> {
        let mut items = ExprList::default();
        let mut comma = false;
        while !self.ends_tuple() {
            items.push(if conditional { self.expression()? } else { self.operators(Level::Or)? });
            if !self.take(Symbol::Comma)? {
                break;
            }
            comma = true;
        }
        Ok((items, comma))
    }

    pub(super) fn tuple_of(&self, place: Pos, items: ExprList) -> Result<Tree> {
        self.grow(place, items.height, ExprKind::Tuple(items.exprs))
    }

    pub(super) fn ends_tuple(&self) -> bool {
        use TokenKind::{OutputEnd, Symbol as Is, TagEnd};
        matches!(self.token.kind, OutputEnd | TagEnd | Is(Symbol::RightParen))
    }

    /// `a if b else c`
    fn conditional(&mut self) -> Result<Tree> {
        let mut tree = self.operators(Level::Or)?;
        while self.take_name("if")? {
            let test = self.operators(Level::Or)?;
            let otherwise = if self.take_name("else")? { Some(self.expression()?) } else { None };
            let place = tree.expr.place;
            let height = tree.height.max(test.height).max(otherwise.as_ref().map_or(0, |tree| tree.height));
            let (test, then, otherwise) = (test.expr, tree.expr, otherwise.map(|tree| tree.expr));
            tree = self.grow(place, height, ExprKind::Conditional { test, then, otherwise })?;
        }
        Ok(tree)
    }

    /// Operators of a level and the tighter ones, by precedence climbing.
    fn operators(&mut self, loosest: Level) -> Result<Tree> {
        // `not` is an operator only where its level is wanted; elsewhere it is a name like any other.
        let negation = loosest <= Level::Not && self.at_name("not");
        let mut left = if negation { self.negation()? } else { self.operand(true)? };
        while let Some(operator) = self.operator()?
            && operator.level() >= loosest
        {
            left =
                match operator {
                    Operator::Compare(_) => self.comparisons(left)?,
                    Operator::Concat => self.concatenation(left)?,
                    Operator::Or => self.binary(left, operator, ExprKind::Or)?,
                    Operator::And => self.binary(left, operator, ExprKind::And)?,
                    Operator::Binary(sign) => self.binary(left, operator, |left, right| {
                        ExprKind::Binary { operator: sign, left, right }
                    })?,
                };
        }
        Ok(left)
    }

    /// The operator that the current token is or starts.
    fn operator(&mut self) -> Result<Option<Operator>> {
        Ok(match self.token.kind {
            TokenKind::Symbol(symbol) => operator_of(symbol),
            TokenKind::Name("or") => Some(Operator::Or),
            TokenKind::Name("and") => Some(Operator::And),
            TokenKind::Name("in") => Some(Operator::Compare(Comparison::In)),
            TokenKind::Name("not") => {
                let not_in = *self.peek()? == TokenKind::Name("in");
                not_in.then_some(Operator::Compare(Comparison::NotIn))
            }
            _ => None,
        })
    }

    fn binary(
        &mut self,
        left: Tree,
        operator: Operator,
        kind: impl FnOnce(Box<Expr>, Box<Expr>) -> ExprKind,
    ) -> Result<Tree> {
        self.advance()?;
        let right = self.right_operand(operator)?;
        let place = left.expr.place;
        let height = left.height.max(right.height);
        self.grow(place, height, kind(left.expr, right.expr))
    }

    fn right_operand(&mut self, operator: Operator) -> Result<Tree> {
        self.nested(|parser| parser.operators(operator.right()))
    }

    /// `not a`
    fn negation(&mut self) -> Result<Tree> {
        let place = self.advance()?.place;
        let operand = self.nested(|parser| parser.operators(Level::Not))?;
        self.grow(place, operand.height, ExprKind::Not(operand.expr))
    }

    /// `a < b <= c`
    fn comparisons(&mut self, first: Tree) -> Result<Tree> {
        let mut height = first.height;
        let mut rest = Vec::new();
        while let Some(operator @ Operator::Compare(comparison)) = self.operator()? {
            self.advance()?;
            if comparison == Comparison::NotIn {
                self.advance()?;
            }
            let operand = self.right_operand(operator)?;
            height = height.max(operand.height);
            rest.push((comparison, *operand.expr));
        }
        self.grow(first.expr.place, height, ExprKind::Compare { first: first.expr, rest })
    }

    /// `a ~ b ~ c`
    fn concatenation(&mut self, first: Tree) -> Result<Tree> {
        let place = first.expr.place;
        let mut parts = ExprList::default();
        parts.push(first);
        while self.take(Symbol::Tilde)? {
            parts.push(self.right_operand(Operator::Concat)?);
        }
        self.grow(place, parts.height, ExprKind::Concat(parts.exprs))
    }
}

fn operator_of(symbol: Symbol) -> Option<Operator> {
    Some(match symbol {
        Symbol::Equal => Operator::Compare(Comparison::Equal),
        Symbol::NotEqual => Operator::Compare(Comparison::NotEqual),
        Symbol::Less => Operator::Compare(Comparison::Less),
        Symbol::LessOrEqual => Operator::Compare(Comparison::LessOrEqual),
        Symbol::Greater => Operator::Compare(Comparison::Greater),
        Symbol::GreaterOrEqual => Operator::Compare(Comparison::GreaterOrEqual),
        Symbol::Tilde => Operator::Concat,
        Symbol::Plus => Operator::Binary(BinaryOperator::Add),
        Symbol::Minus => Operator::Binary(BinaryOperator::Subtract),
        Symbol::Star => Operator::Binary(BinaryOperator::Multiply),
        Symbol::Slash => Operator::Binary(BinaryOperator::Divide),
        Symbol::SlashSlash => Operator::Binary(BinaryOperator::FloorDivide),
        Symbol::Percent => Operator::Binary(BinaryOperator::Remainder),
        Symbol::StarStar => Operator::Binary(BinaryOperator::Power),
        _ => return None,
    })
}
