//! Text, output and tags.

use super::arguments::refuse_caller;
use super::targets::Store;
use super::{OpenTag, Parser, Scope, syntax};
use crate::error::Result;
use crate::syntax::ast::{ExprKind, FilterCall, For, MacroBody, Pos, Stmt, StmtKind};
use crate::syntax::lexer::{Symbol, TokenKind};
use crate::syntax::scope::undeclared;

impl Parser<'_> {
    /// Statements up to a tag named in `ends`, whose name is the current token then; without any, up to the end.
    pub(super) fn statements(&mut self, ends: &[&str]) -> Result<Vec<Stmt>> {
        let mut body = Vec::new();
        loop {
            let place = self.token.place;
            match self.token.kind {
                TokenKind::Text(text) => {
                    body.push(Stmt { place, kind: StmtKind::Text(text.to_owned()) });
                    self.advance()?;
                }
                TokenKind::OutputStart => {
                    self.advance()?;
                    let tree = self.tuple(true)?;
                    self.expect_kind(&TokenKind::OutputEnd)?;
                    body.push(Stmt { place, kind: StmtKind::Output(*tree.expr) });
                }
                TokenKind::TagStart => {
                    self.advance()?;
                    if ends.iter().any(|end| self.at_name(end)) {
                        return Ok(body);
                    }
                    self.tag(place, &mut body)?;
                    self.expect_kind(&TokenKind::TagEnd)?;
                }
                TokenKind::End if ends.is_empty() => return Ok(body),
                _ => return Err(syntax(place, format!("the template ends{}", self.due()))),
            }
        }
    }

    /// A tag after its `{%`, up to the end of its last tag. `print` makes a statement of each of its expressions,
    /// every other tag makes one.
    fn tag(&mut self, place: Pos, body: &mut Vec<Stmt>) -> Result<()> {
        let TokenKind::Name(tag) = self.token.kind else {
            return Err(self.unexpected("the name of a tag"));
        };
        let parse: fn(&mut Self, Pos) -> Result<StmtKind> = match tag {
            "if" => Self::if_tag,
            "for" => Self::for_tag,
            "set" => Self::set_tag,
            "with" => Self::with_tag,
            "filter" => Self::filter_tag,
            "macro" => Self::macro_tag,
            "call" => Self::call_tag,
            "generation" => Self::generation_tag,
            "break" => |parser, place| parser.in_loop(place, "break", StmtKind::Break),
            "continue" => |parser, place| parser.in_loop(place, "continue", StmtKind::Continue),
            "print" => return self.print_tag(body),
            "autoescape" | "block" | "extends" | "from" | "import" | "include" => {
                return Err(syntax(place, format!("chat templates of this engine cannot '{tag}'")));
            }
            _ => return Err(syntax(place, format!("unknown tag '{tag}'{}", self.due()))),
        };
        self.advance()?;
        let kind = parse(self, place)?;
        body.push(Stmt { place, kind });
        Ok(())
    }

    /// What a message adds about the tag that is to be closed.
    fn due(&self) -> String {
        let Some(open) = self.open.last() else { return String::new() };
        let ends: Vec<_> = open.ends.iter().map(|end| format!("'{end}'")).collect();
        let Pos { line, column } = open.place;
        format!(", expected {} for the '{}' of line {line}, column {column}", ends.join(" or "), open.name)
    }

    /// The rest of a tag that has a body, and the body up to a tag named in `ends`, whose name is the current token
    /// then.
    fn body(&mut self, name: &'static str, place: Pos, ends: &'static [&'static str]) -> Result<Vec<Stmt>> {
        // As in Python, a colon may end the tag.
        self.take(Symbol::Colon)?;
        self.expect_kind(&TokenKind::TagEnd)?;
        self.open.push(OpenTag { name, place, ends });
        let body = self.nested(|parser| parser.statements(ends))?;
        self.open.pop();
        Ok(body)
    }

    /// The last body of a tag, with the name of its end.
    fn last_body(
        &mut self,
        name: &'static str,
        place: Pos,
        ends: &'static [&'static str; 1],
    ) -> Result<Vec<Stmt>> {
        let body = self.body(name, place, ends)?;
        self.advance()?;
        Ok(body)
    }

    fn if_tag(&mut self, place: Pos) -> Result<StmtKind> {
        let mut branches = Vec::new();
        loop {
            let test = *self.tuple(false)?.expr;
            branches.push((test, self.body("if", place, &["elif", "else", "endif"])?));
            if !self.take_name("elif")? {
                break;
            }
        }
        let mut otherwise = Vec::new();
        if self.take_name("else")? {
            otherwise = self.last_body("if", place, &["endif"])?;
        } else {
            self.advance()?;
        }
        Ok(StmtKind::If { branches, otherwise })
    }

    fn for_tag(&mut self, place: Pos) -> Result<StmtKind> {
        let outer = self.scope;
        let scope = Scope { breakable: true, loop_reserved: true };
        self.within(scope, |parser| {
            let target = parser.target(Store::For)?;
            if !parser.take_name("in")? {
                return Err(parser.unexpected("'in'"));
            }
            let iter = *parser.tuple(false)?.expr;
            let filter = if parser.take_name("if")? { Some(*parser.expression()?.expr) } else { None };
            let recursive = parser.take_name("recursive")?;
            let body = parser.body("for", place, &["endfor", "else"])?;
            let mut otherwise = Vec::new();
            if parser.take_name("else")? {
                // A recursive loop is a function, and its `else` part of it.
                let breakable = outer.breakable && !recursive;
                let scope = Scope { breakable, loop_reserved: true };
                otherwise = parser.within(scope, |parser| parser.last_body("for", place, &["endfor"]))?;
            } else {
                parser.advance()?;
            }
            Ok(StmtKind::For(Box::new(For { target, iter, filter, body, otherwise, recursive })))
        })
    }

    fn set_tag(&mut self, place: Pos) -> Result<StmtKind> {
        let target = self.target(Store::Set)?;
        if self.take(Symbol::Assign)? {
            let value = *self.tuple(true)?.expr;
            return Ok(StmtKind::Set { target, value });
        }
        let mut filters = Vec::new();
        while self.take(Symbol::Pipe)? {
            filters.push(self.filter_call()?.0);
        }
        let body = self.last_body("set", place, &["endset"])?;
        Ok(StmtKind::SetBlock { target, filters, body })
    }

    fn with_tag(&mut self, place: Pos) -> Result<StmtKind> {
        let mut assignments = Vec::new();
        while self.token.kind != TokenKind::TagEnd {
            if !assignments.is_empty() {
                self.expect(Symbol::Comma)?;
            }
            let target = self.target(Store::With)?;
            self.expect(Symbol::Assign)?;
            assignments.push((target, *self.expression()?.expr));
        }
        let body = self.last_body("with", place, &["endwith"])?;
        Ok(StmtKind::With { assignments, body })
    }

    fn filter_tag(&mut self, place: Pos) -> Result<StmtKind> {
        let mut filters: Vec<FilterCall> = vec![self.filter_call()?.0];
        while self.take(Symbol::Pipe)? {
            filters.push(self.filter_call()?.0);
        }
        let body = self.last_body("filter", place, &["endfilter"])?;
        Ok(StmtKind::FilterBlock { filters, body })
    }

    fn macro_tag(&mut self, place: Pos) -> Result<StmtKind> {
        let (_, name) = self.new_name("the name of a macro")?;
        let (parameters, defaults) = self.signature()?;
        let body = self.function_body("macro", place, &["endmacro"])?;
        let function = MacroBody { parameters, defaults, body };
        check_caller(place, &function)?;
        Ok(StmtKind::Macro { name, function })
    }

    fn call_tag(&mut self, place: Pos) -> Result<StmtKind> {
        let (parameters, defaults) =
            if self.at(Symbol::LeftParen) { self.signature()? } else { Default::default() };
        let call = *self.expression()?.expr;
        let ExprKind::Call { arguments, .. } = &call.kind else {
            return Err(syntax(call.place, "a call block needs a call"));
        };
        refuse_caller(call.place, arguments)?;
        let body = self.function_body("call", place, &["endcall"])?;
        let caller = MacroBody { parameters, defaults, body };
        check_caller(place, &caller)?;
        Ok(StmtKind::CallBlock { call, caller })
    }

    fn generation_tag(&mut self, place: Pos) -> Result<StmtKind> {
        Ok(StmtKind::Generation(self.function_body("generation", place, &["endgeneration"])?))
    }

    /// A body that is a separate function, so that `break` does not reach a loop around it.
    fn function_body(
        &mut self,
        name: &'static str,
        place: Pos,
        ends: &'static [&'static str; 1],
    ) -> Result<Vec<Stmt>> {
        let scope = Scope { breakable: false, ..self.scope };
        self.within(scope, |parser| parser.last_body(name, place, ends))
    }

    fn print_tag(&mut self, body: &mut Vec<Stmt>) -> Result<()> {
        self.advance()?;
        let mut first = true;
        while self.token.kind != TokenKind::TagEnd {
            if !first {
                self.expect(Symbol::Comma)?;
            }
            first = false;
            let expr = *self.expression()?.expr;
            body.push(Stmt { place: expr.place, kind: StmtKind::Output(expr) });
        }
        Ok(())
    }

    fn in_loop(&mut self, place: Pos, tag: &str, kind: StmtKind) -> Result<StmtKind> {
        if self.scope.breakable { Ok(kind) } else { Err(syntax(place, format!("'{tag}' outside of a loop"))) }
    }
}

/// A function that uses the block it is called with takes no parameter of that name, unless it has a default.
fn check_caller(place: Pos, function: &MacroBody) -> Result<()> {
    let required = function.parameters.len().saturating_sub(function.defaults.len());
    let takes_caller = function.parameters.iter().take(required).any(|parameter| parameter == "caller");
    if takes_caller && !undeclared(&function.body, &["caller"]).is_empty() {
        return Err(syntax(place, "the parameter 'caller' must be omitted or have a default"));
    }
    Ok(())
}
