//! Expressions of the syntax tree to those of a program.

use super::{Compiler, Frame};
use crate::builtins::filters;
use crate::builtins::methods;
use crate::builtins::predicates;
use crate::compile::program::{
    ArgumentsCode, Attribute, Call, Conditional, ExprCode, FilterCallCode, Item, Load, LoopAttribute,
    MethodCall, Name, Slice, TestCall,
};
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::ast::{self, Arguments, BinaryOperator, Const, Expr, ExprKind};
use crate::value::Literal;

impl Compiler {
    /// An expression, constants folded.
    pub(super) fn expr(&mut self, expr: &Expr, frame: Frame<'_>) -> Result<ExprCode> {
        self.plain_expr(expr, frame).map(fold)
    }

    pub(super) fn plain_expr(&mut self, expr: &Expr, frame: Frame<'_>) -> Result<ExprCode> {
        self.expr_kind(expr, frame).map_err(|error| error.at(expr.place))
    }

    fn expr_kind(&mut self, expr: &Expr, frame: Frame<'_>) -> Result<ExprCode> {
        let place = expr.place;
        Ok(match &expr.kind {
            ExprKind::Const(constant) => self::constant(constant),
            ExprKind::Name(name) => self.name(name, frame)?,
            ExprKind::Tuple(items) => ExprCode::Tuple(self.exprs(items, frame)?),
            ExprKind::List(items) => ExprCode::List(self.exprs(items, frame)?),
            ExprKind::Dict(pairs) => ExprCode::Dict(
                pairs
                    .iter()
                    .map(|(key, value)| Ok((self.expr(key, frame)?, self.expr(value, frame)?)))
                    .collect::<Result<_>>()?,
            ),
            ExprKind::Attribute { object, name } => {
                let object = self.expr(object, frame)?;
                ExprCode::Attribute(Box::new(Attribute { object, name: attribute_name(name), place }))
            }
            ExprKind::Item { object, index } => self.item(expr, object, index, frame)?,
            ExprKind::Slice { .. } => {
                return Err(Error::new(ErrorKind::Syntax, "a slice is allowed only inside brackets"));
            }
            ExprKind::Call { callee, arguments } => self.call(expr, callee, arguments, frame)?,
            ExprKind::Filter { object, filter } => {
                let object = self.expr(object, frame)?;
                self.filter(object, filter, frame)?
            }
            ExprKind::Test { object, test } => self.test(object, test, frame)?,
            ExprKind::Not(operand) => ExprCode::Not(Box::new(self.expr(operand, frame)?)),
            ExprKind::Negative(operand) => ExprCode::Negative(Box::new(self.expr(operand, frame)?)),
            ExprKind::Positive(operand) => ExprCode::Positive(Box::new(self.expr(operand, frame)?)),
            ExprKind::Binary { operator: BinaryOperator::Add, left, right } => {
                let (left, right) = (self.plain_expr(left, frame)?, self.expr(right, frame)?);
                let mut terms = match left {
                    ExprCode::Sum(terms) => terms,
                    left => vec![fold(left)],
                };
                terms.push(right);
                ExprCode::Sum(terms)
            }
            ExprKind::Binary { operator, left, right } => {
                ExprCode::Binary(Box::new((*operator, self.expr(left, frame)?, self.expr(right, frame)?)))
            }
            ExprKind::And(left, right) => {
                ExprCode::And(Box::new((self.expr(left, frame)?, self.expr(right, frame)?)))
            }
            ExprKind::Or(left, right) => {
                ExprCode::Or(Box::new((self.expr(left, frame)?, self.expr(right, frame)?)))
            }
            ExprKind::Compare { first, rest } => {
                let first = self.expr(first, frame)?;
                let rest = rest
                    .iter()
                    .map(|(operator, operand)| Ok((*operator, self.expr(operand, frame)?)))
                    .collect::<Result<_>>()?;
                ExprCode::Compare(Box::new((first, rest)))
            }
            ExprKind::Concat(parts) => ExprCode::Concat(self.exprs(parts, frame)?),
            ExprKind::Conditional { test, then, otherwise } => {
                let frame = Frame { soft: true, ..frame };
                let otherwise =
                    otherwise.as_ref().map(|otherwise| self.expr(otherwise, frame)).transpose()?;
                let (test, then) = (self.expr(test, frame)?, self.expr(then, frame)?);
                ExprCode::Conditional(Box::new(Conditional { test, then, otherwise }))
            }
        })
    }

    fn exprs(&mut self, exprs: &[Expr], frame: Frame<'_>) -> Result<Vec<ExprCode>> {
        exprs.iter().map(|expr| self.expr(expr, frame)).collect()
    }

    pub(super) fn name(&mut self, name: &str, frame: Frame<'_>) -> Result<ExprCode> {
        Ok(match self.variable(name, frame)? {
            Load::Global(global) => ExprCode::Global(global),
            Load::Variable(variable) => ExprCode::Variable { variable, name: Literal(name.into()) },
            Load::Unset => return Err(super::internal("a name without a variable")),
        })
    }

    fn item(&mut self, expr: &Expr, object: &Expr, index: &Expr, frame: Frame<'_>) -> Result<ExprCode> {
        let place = expr.place;
        let object = self.expr(object, frame)?;
        if let ExprKind::Slice { start, stop, step } = &index.kind {
            let mut part =
                |part: &Option<Box<Expr>>| part.as_ref().map(|part| self.expr(part, frame)).transpose();
            let parts = [part(start)?, part(stop)?, part(step)?];
            return Ok(ExprCode::Slice(Box::new(Slice { object, parts, place })));
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
        Ok(ExprCode::Item(Box::new(Item { object, index, place })))
    }

    fn call(
        &mut self,
        expr: &Expr,
        callee: &Expr,
        arguments: &Arguments,
        frame: Frame<'_>,
    ) -> Result<ExprCode> {
        let place = expr.place;
        if let ExprKind::Attribute { object, name } = &callee.kind {
            let object = self.expr(object, frame)?;
            let arguments = self.arguments(arguments, frame)?;
            let name = attribute_name(name);
            return Ok(ExprCode::MethodCall(Box::new(MethodCall { object, name, arguments, place })));
        }
        let callee = self.expr(callee, frame)?;
        let arguments = self.arguments(arguments, frame)?;
        Ok(ExprCode::Call(Box::new(Call { callee, arguments, place })))
    }

    pub(super) fn filter(
        &mut self,
        object: ExprCode,
        filter: &ast::FilterCall,
        frame: Frame<'_>,
    ) -> Result<ExprCode> {
        let arguments = self.arguments(&filter.arguments, frame)?;
        match filters::find(&filter.name) {
            Some(found) => Ok(ExprCode::Filter(Box::new(FilterCallCode {
                filter: found,
                object,
                arguments,
                place: filter.place,
            }))),
            None => unknown(format!("there is no filter named '{}'", filter.name), filter, frame),
        }
    }

    fn test(&mut self, object: &Expr, test: &ast::FilterCall, frame: Frame<'_>) -> Result<ExprCode> {
        let object = self.expr(object, frame)?;
        let arguments = self.arguments(&test.arguments, frame)?;
        match predicates::find(&test.name) {
            Some(found) => {
                Ok(ExprCode::Test(Box::new(TestCall { test: found, object, arguments, place: test.place })))
            }
            None => unknown(format!("there is no test named '{}'", test.name), test, frame),
        }
    }

    fn arguments(&mut self, arguments: &Arguments, frame: Frame<'_>) -> Result<ArgumentsCode> {
        let mut more =
            |more: &Option<Box<Expr>>| more.as_ref().map(|more| self.expr(more, frame)).transpose();
        let (more_positional, more_keywords) =
            (more(&arguments.more_positional)?, more(&arguments.more_keywords)?);
        let keywords = arguments
            .keywords
            .iter()
            .map(|(name, value)| Ok((Literal(name.as_str().into()), self.expr(value, frame)?)))
            .collect::<Result<_>>()?;
        let positional = self.exprs(&arguments.positional, frame)?;
        Ok(ArgumentsCode { positional, keywords, more_positional, more_keywords })
    }
}

/// In a branch that may never be reached an unknown filter is an error only when it is.
fn unknown(message: String, call: &ast::FilterCall, frame: Frame<'_>) -> Result<ExprCode> {
    if frame.soft {
        return Ok(ExprCode::Unknown(message));
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

fn constant(constant: &Const) -> ExprCode {
    match constant {
        Const::None => ExprCode::None,
        Const::Bool(bool) => ExprCode::Bool(*bool),
        Const::Int(int) => ExprCode::Int(*int),
        Const::BigInt(digits) => ExprCode::BigInt(digits.as_str().into()),
        Const::Float(float) => ExprCode::Float(*float),
        Const::Str(text) => ExprCode::Str(Literal(text.as_str().into())),
    }
}

/// Joins neighbouring string constants: `x + "a" + "b"` is `x + "ab"` for every `x` that can be added to.
fn fold(expr: ExprCode) -> ExprCode {
    match expr {
        ExprCode::Sum(terms) => joined(terms, ExprCode::Sum),
        ExprCode::Concat(parts) => joined(parts, ExprCode::Concat),
        expr => expr,
    }
}

fn joined(parts: Vec<ExprCode>, rebuild: impl FnOnce(Vec<ExprCode>) -> ExprCode) -> ExprCode {
    let mut kept: Vec<ExprCode> = Vec::with_capacity(parts.len());
    for part in parts {
        match (kept.last_mut(), part) {
            (Some(ExprCode::Str(last)), ExprCode::Str(next)) => {
                *last = Literal(format!("{}{}", last.0, next.0).into());
            }
            (_, part) => kept.push(part),
        }
    }
    match kept.pop() {
        Some(only @ ExprCode::Str(_)) if kept.is_empty() => only,
        last => {
            kept.extend(last);
            rebuild(kept)
        }
    }
}
