//! Each test's name says a rule of the grammar; trees are shown as text with all of their brackets.

mod expressions;
mod limits;
mod statements;

use std::fmt::Write as _;

use super::parse;
use crate::error::{Error, ErrorKind};
use crate::syntax::ast::{Arguments, Const, Expr, ExprKind, Pos};

/// An expression with all of its brackets.
fn shown(expr: &Expr) -> String {
    let many = |exprs: &[Expr]| exprs.iter().map(shown).collect::<Vec<_>>().join(" ");
    let maybe = |expr: &Option<Box<Expr>>| expr.as_deref().map_or_else(|| "_".to_owned(), shown);
    match &expr.kind {
        ExprKind::Const(Const::None) => "None".to_owned(),
        ExprKind::Const(Const::Bool(bool)) => format!("{bool:?}"),
        ExprKind::Const(Const::Int(integer)) => integer.to_string(),
        ExprKind::Const(Const::BigInt(digits)) => digits.clone(),
        ExprKind::Const(Const::Float(float)) => format!("{float:?}"),
        ExprKind::Const(Const::Str(text)) => format!("{text:?}"),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Tuple(items) => format!("(tuple {})", many(items)),
        ExprKind::List(items) => format!("[{}]", many(items)),
        ExprKind::Concat(items) => format!("(~ {})", many(items)),
        ExprKind::Dict(pairs) => {
            let pairs: Vec<_> =
                pairs.iter().map(|(key, value)| format!("{}:{}", shown(key), shown(value))).collect();
            format!("{{{}}}", pairs.join(" "))
        }
        ExprKind::Attribute { object, name } => format!("{}.{name}", shown(object)),
        ExprKind::Item { object, index } => format!("{}[{}]", shown(object), shown(index)),
        ExprKind::Slice { start, stop, step } => format!("{}:{}:{}", maybe(start), maybe(stop), maybe(step)),
        ExprKind::Call { callee, arguments } => format!("{}{}", shown(callee), shown_arguments(arguments)),
        ExprKind::Filter { object, filter } => {
            format!("({} | {}{})", shown(object), filter.name, shown_arguments(&filter.arguments))
        }
        ExprKind::Test { object, test } => {
            format!("({} is {}{})", shown(object), test.name, shown_arguments(&test.arguments))
        }
        ExprKind::Not(operand) => format!("(not {})", shown(operand)),
        ExprKind::Negative(operand) => format!("(- {})", shown(operand)),
        ExprKind::Positive(operand) => format!("(+ {})", shown(operand)),
        ExprKind::Binary { operator, left, right } => {
            format!("({operator:?} {} {})", shown(left), shown(right))
        }
        ExprKind::And(left, right) => format!("(and {} {})", shown(left), shown(right)),
        ExprKind::Or(left, right) => format!("(or {} {})", shown(left), shown(right)),
        ExprKind::Compare { first, rest } => {
            let mut text = shown(first);
            for (comparison, operand) in rest {
                write!(text, " {comparison:?} {}", shown(operand)).unwrap();
            }
            format!("({text})")
        }
        ExprKind::Conditional { test, then, otherwise } => {
            format!("({} if {} else {})", shown(then), shown(test), maybe(otherwise))
        }
    }
}

fn shown_arguments(arguments: &Arguments) -> String {
    let mut shown_all: Vec<_> = arguments.positional.iter().map(shown).collect();
    shown_all.extend(arguments.keywords.iter().map(|(name, value)| format!("{name}={}", shown(value))));
    shown_all.extend(arguments.more_positional.iter().map(|more| format!("*{}", shown(more))));
    shown_all.extend(arguments.more_keywords.iter().map(|more| format!("**{}", shown(more))));
    format!("({})", shown_all.join(" "))
}

#[track_caller]
fn refused(source: &str) -> Error {
    let error = parse(source).expect_err(source);
    assert!(error.place.is_some(), "{error:?}");
    error
}

#[track_caller]
fn assert_refused(source: &str, line: u32, column: u32, message: &str) {
    let error = refused(source);
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Syntax, message), "{source}");
    assert_eq!(error.place, Some(Pos { line, column }), "{source}");
}
