//! Expressions of the syntax tree to those of a program.

use super::{Compiler, Frame};
use crate::builtins::filters;
use crate::builtins::methods;
use crate::builtins::predicates;
use crate::compile::program::{
    Arguments, Attribute, Call, Conditional, Expr, FilterCall, Item, Load, LoopAttribute, MethodCall, Name,
    Slice, TestCall,
};
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::ast::{self, Arguments as AstArguments, BinaryOperator, Const, Expr as AstExpr, ExprKind};
use crate::value::Literal;

impl Compiler {
    /// An expression, constants folded.
    pub(super) fn expr(&mut self, expr: &AstExpr, frame: Frame<'_>) -> Result<Expr> {
        self.plain_expr(expr, frame).map(fold)
    }

    pub(super) fn plain_expr(&mut self, expr: &AstExpr, frame: Frame<'_>) -> Result<Expr> {
        self.expr_kind(expr, frame).map_err(|error| error.at(expr.place))
    }

    fn expr_kind(&mut self, expr: &AstExpr, frame: Frame<'_>) -> Result<Expr> {
        let place = expr.place;
        Ok(match &expr.kind {
            ExprKind::Const(constant) => self::constant(constant),
            ExprKind::Name(name) => self.name(name, frame)?,
            ExprKind::Tuple(items) => Expr::Tuple(self.exprs(items, frame)?),
            ExprKind::List(items) => Expr::List(self.exprs(items, frame)?),
            ExprKind::Dict(pairs) => Expr::Dict(
                pairs
                    .iter()
                    .map(|(key, value)| Ok((self.expr(key, frame)?, self.expr(value, frame)?)))
                    .collect::<Result<_>>()?,
            ),
            ExprKind::Attribute { object, name } => {
                let object = self.expr(object, frame)?;
                Expr::Attribute(Box::new(Attribute { object, name: attribute_name(name), place }))
            }
            ExprKind::Item { object, index } => self.item(expr, object, index, frame)?,
            ExprKind::Slice { .. } => {
                return Err(Error::new(ErrorKind::Syntax, "a slice stands only inside of brackets"));
            }
            ExprKind::Call { callee, arguments } => self.call(expr, callee, arguments, frame)?,
            ExprKind::Filter { object, filter } => {
                let object = self.expr(object, frame)?;
                self.filter(object, filter, frame)?
            }
            ExprKind::Test { object, test } => self.test(object, test, frame)?,
            ExprKind::Not(operand) => Expr::Not(Box::new(self.expr(operand, frame)?)),
            ExprKind::Negative(operand) => Expr::Negative(Box::new(self.expr(operand, frame)?)),
            ExprKind::Positive(operand) => Expr::Positive(Box::new(self.expr(operand, frame)?)),
            ExprKind::Binary { operator: BinaryOperator::Add, left, right } => {
                let (left, right) = (self.plain_expr(left, frame)?, self.expr(right, frame)?);
                let mut terms = match left {
                    Expr::Sum(terms) => terms,
                    left => vec![fold(left)],
                };
                terms.push(right);
                Expr::Sum(terms)
            }
            ExprKind::Binary { operator, left, right } => {
                Expr::Binary(Box::new((*operator, self.expr(left, frame)?, self.expr(right, frame)?)))
            }
            ExprKind::And(left, right) => {
                Expr::And(Box::new((self.expr(left, frame)?, self.expr(right, frame)?)))
            }
            ExprKind::Or(left, right) => {
                Expr::Or(Box::new((self.expr(left, frame)?, self.expr(right, frame)?)))
            }
            ExprKind::Compare { first, rest } => {
                let first = self.expr(first, frame)?;
                let rest = rest
                    .iter()
                    .map(|(operator, operand)| Ok((*operator, self.expr(operand, frame)?)))
                    .collect::<Result<_>>()?;
                Expr::Compare(Box::new((first, rest)))
            }
            ExprKind::Concat(parts) => Expr::Concat(self.exprs(parts, frame)?),
            ExprKind::Conditional { test, then, otherwise } => {
                let frame = Frame { soft: true, ..frame };
                let otherwise =
                    otherwise.as_ref().map(|otherwise| self.expr(otherwise, frame)).transpose()?;
                let (test, then) = (self.expr(test, frame)?, self.expr(then, frame)?);
                Expr::Conditional(Box::new(Conditional { test, then, otherwise }))
            }
        })
    }

    fn exprs(&mut self, exprs: &[AstExpr], frame: Frame<'_>) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(expr, frame)).collect()
    }

    pub(super) fn name(&mut self, name: &str, frame: Frame<'_>) -> Result<Expr> {
        Ok(match self.variable(name, frame)? {
            Load::Global(global) => Expr::Global(global),
            Load::Variable(variable) => Expr::Variable { variable, name: Literal(name.into()) },
            Load::Unset => return Err(super::internal("a name without a variable")),
        })
    }

    fn item(&mut self, expr: &AstExpr, object: &AstExpr, index: &AstExpr, frame: Frame<'_>) -> Result<Expr> {
        let place = expr.place;
        let object = self.expr(object, frame)?;
        if let ExprKind::Slice { start, stop, step } = &index.kind {
            let mut part =
                |part: &Option<Box<AstExpr>>| part.as_ref().map(|part| self.expr(part, frame)).transpose();
            let parts = [part(start)?, part(stop)?, part(step)?];
            return Ok(Expr::Slice(Box::new(Slice { object, parts, place })));
        }
        let index = match &index.kind {
            // `x[1:2, 3]`: nothing here can be asked for slices, so the lookup fails as Python's does.
            ExprKind::Tuple(items)
                if items.iter().any(|item| matches!(item.kind, ExprKind::Slice { .. })) =>
            {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "an index of several slices is not supported",
                ));
            }
            _ => self.expr(index, frame)?,
        };
        Ok(Expr::Item(Box::new(Item { object, index, place })))
    }

    fn call(
        &mut self,
        expr: &AstExpr,
        callee: &AstExpr,
        arguments: &AstArguments,
        frame: Frame<'_>,
    ) -> Result<Expr> {
        let place = expr.place;
        if let ExprKind::Attribute { object, name } = &callee.kind {
            let object = self.expr(object, frame)?;
            let arguments = self.arguments(arguments, frame)?;
            let name = attribute_name(name);
            return Ok(Expr::MethodCall(Box::new(MethodCall { object, name, arguments, place })));
        }
        let callee = self.expr(callee, frame)?;
        let arguments = self.arguments(arguments, frame)?;
        Ok(Expr::Call(Box::new(Call { callee, arguments, place })))
    }

    pub(super) fn filter(
        &mut self,
        object: Expr,
        filter: &ast::FilterCall,
        frame: Frame<'_>,
    ) -> Result<Expr> {
        let arguments = self.arguments(&filter.arguments, frame)?;
        match filters::find(&filter.name) {
            Some(found) => Ok(Expr::Filter(Box::new(FilterCall {
                filter: found,
                object,
                arguments,
                place: filter.place,
            }))),
            None => unknown(format!("there is no filter named '{}'", filter.name), filter, frame),
        }
    }

    fn test(&mut self, object: &AstExpr, test: &ast::FilterCall, frame: Frame<'_>) -> Result<Expr> {
        let object = self.expr(object, frame)?;
        let arguments = self.arguments(&test.arguments, frame)?;
        match predicates::find(&test.name) {
            Some(found) => {
                Ok(Expr::Test(Box::new(TestCall { test: found, object, arguments, place: test.place })))
            }
            None => unknown(format!("there is no test named '{}'", test.name), test, frame),
        }
    }

    fn arguments(&mut self, arguments: &AstArguments, frame: Frame<'_>) -> Result<Arguments> {
        let mut more =
            |more: &Option<Box<AstExpr>>| more.as_ref().map(|more| self.expr(more, frame)).transpose();
        let (more_positional, more_keywords) =
            (more(&arguments.more_positional)?, more(&arguments.more_keywords)?);
        let keywords = arguments
            .keywords
            .iter()
            .map(|(name, value)| Ok((Literal(name.as_str().into()), self.expr(value, frame)?)))
            .collect::<Result<_>>()?;
        let positional = self.exprs(&arguments.positional, frame)?;
        Ok(Arguments { positional, keywords, more_positional, more_keywords })
    }
}

/// In a branch that may never be reached an unknown filter is an error only when it is.
fn unknown(message: String, call: &ast::FilterCall, frame: Frame<'_>) -> Result<Expr> {
    if frame.soft {
        return Ok(Expr::Unknown(message));
    }
    Err(Error::new(ErrorKind::Syntax, message).at(call.place))
}

fn attribute_name(name: &str) -> Name {
    Name {
        text: Literal(name.into()),
        is_item_of_dict: !name.starts_with('_') && !methods::is_of_dict(name),
        of_loop: LoopAttribute::named(name),
    }
}

fn constant(constant: &Const) -> Expr {
    match constant {
        Const::None => Expr::None,
        Const::Bool(bool) => Expr::Bool(*bool),
        Const::Int(int) => Expr::Int(*int),
        Const::BigInt(digits) => Expr::BigInt(digits.as_str().into()),
        Const::Float(float) => Expr::Float(*float),
        Const::Str(text) => Expr::Str(Literal(text.as_str().into())),
    }
}

/// Joins neighbouring string constants: `x + "a" + "b"` is `x + "ab"` for every `x` that can be added to.
fn fold(expr: Expr) -> Expr {
    match expr {
        Expr::Sum(terms) => joined(terms, Expr::Sum),
        Expr::Concat(parts) => joined(parts, Expr::Concat),
        expr => expr,
    }
}

fn joined(parts: Vec<Expr>, rebuild: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    let mut kept: Vec<Expr> = Vec::with_capacity(parts.len());
    for part in parts {
        match (kept.last_mut(), part) {
            (Some(Expr::Str(last)), Expr::Str(next)) => {
                *last = Literal(format!("{}{}", last.0, next.0).into());
            }
            (_, part) => kept.push(part),
        }
    }
    match kept.pop() {
        Some(only @ Expr::Str(_)) if kept.is_empty() => only,
        last => {
            kept.extend(last);
            rebuild(kept)
        }
    }
}
