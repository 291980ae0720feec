//! The syntax tree to a program: names become slots, constants are folded, neighbouring literals joined.
//!
//! In: the statements of a template. Out: a `Program`, or an error for what Jinja2 refuses when it compiles (an
//! unknown filter in a place that is always reached). Nothing runs here.

pub mod children;
mod expressions;
mod outside;
pub mod program;

use crate::compile::program::{
    Block, Entry, ExprCode, ForCode, FunctionCode, Load, LoopFilter, Parameter, Program, Slot, StmtCode,
    StmtCodeKind, TargetCode, Variable,
};
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::ast::{self, Pos, Stmt, StmtKind};
use crate::syntax::scope::{Binding, Ident, Idents, Symbols, undeclared};
use crate::value::Literal;
use crate::value::text::small;

pub fn compile(body: &[Stmt]) -> Result<Program> {
    let mut compiler = Compiler::default();
    compiler.functions.push(FunctionCode { name: "root".into(), ..FunctionCode::default() });
    let mut symbols = Symbols::new(&mut compiler.idents, None);
    symbols.block(&mut compiler.idents, body);
    let entry = compiler.enter(&symbols, ROOT);
    let mut body = compiler.block(body, Frame { symbols: &symbols, function: ROOT, soft: false })?;
    outside::mark(&mut body);
    if let Some(root) = compiler.functions.first_mut() {
        (root.entry, root.body) = (entry, body);
    }
    let generation_blocks = compiler.generation_blocks;
    Ok(Program { functions: compiler.functions, globals: compiler.globals, generation_blocks })
}

const ROOT: usize = 0;

#[derive(Default)]
struct Compiler {
    idents: Idents,
    /// Where each variable lives, by its number.
    homes: Vec<Option<Home>>,
    functions: Vec<FunctionCode>,
    globals: Vec<Literal>,
    generation_blocks: usize,
}

#[derive(Debug, Clone, Copy)]
enum Home {
    Slot { function: usize, slot: Slot },
    Global(u32),
}

/// Where a statement is.
#[derive(Clone, Copy)]
struct Frame<'s> {
    symbols: &'s Symbols<'s>,
    function: usize,
    /// In a branch: what does not exist is an error only if it is reached.
    soft: bool,
}

impl Compiler {
    fn function(&mut self, index: usize) -> Result<&mut FunctionCode> {
        self.functions.get_mut(index).ok_or_else(|| internal("a function that was never made"))
    }

    fn new_function(&mut self, name: &str, parent: usize) -> usize {
        let parent = Some(parent);
        self.functions.push(FunctionCode { name: name.into(), parent, ..FunctionCode::default() });
        self.functions.len() - 1
    }

    /// Gives the variables of a scope their slots; says what they are set to when it is entered.
    fn enter(&mut self, symbols: &Symbols<'_>, function: usize) -> Entry {
        let mut entry = Entry::new();
        for (ident, source) in symbols.loads() {
            let name = self.idents.names.get(ident.0 as usize).cloned().unwrap_or_default();
            if source == Binding::Resolve && !symbols.stores(&name) {
                let global = self.global(&name);
                self.settle(ident, Home::Global(global));
                continue;
            }
            let slot = self.new_slot(function);
            self.settle(ident, Home::Slot { function, slot });
            match source {
                Binding::Parameter => {}
                Binding::Undefined => entry.push((slot, Load::Unset)),
                Binding::Resolve => entry.push((slot, Load::Global(self.global(&name)))),
                Binding::Alias(outer) => entry.push((slot, self.load(outer, function))),
            }
        }
        entry
    }

    fn settle(&mut self, ident: Ident, home: Home) {
        let at = ident.0 as usize;
        if self.homes.len() <= at {
            self.homes.resize(at + 1, None);
        }
        if let Some(place) = self.homes.get_mut(at) {
            *place = Some(home);
        }
    }

    fn new_slot(&mut self, function: usize) -> Slot {
        let Some(code) = self.functions.get_mut(function) else { return 0 };
        code.slots += 1;
        small(code.slots - 1)
    }

    fn global(&mut self, name: &str) -> u32 {
        let at = self.globals.iter().position(|known| *known.0 == *name).unwrap_or_else(|| {
            self.globals.push(Literal(name.into()));
            self.globals.len() - 1
        });
        small(at)
    }

    fn load(&self, ident: Ident, function: usize) -> Load {
        match self.homes.get(ident.0 as usize).copied().flatten() {
            Some(Home::Global(global)) => Load::Global(global),
            Some(Home::Slot { function: home, slot }) => {
                Load::Variable(Variable { out: self.levels_out(function, home), slot })
            }
            None => Load::Unset,
        }
    }

    fn levels_out(&self, from: usize, to: usize) -> u32 {
        let (mut at, mut out) = (from, 0);
        while at != to
            && let Some(parent) = self.functions.get(at).and_then(|code| code.parent)
        {
            (at, out) = (parent, out + 1);
        }
        out
    }

    fn variable(&self, name: &str, frame: Frame<'_>) -> Result<Load> {
        let ident = frame.symbols.find(name).ok_or_else(|| {
            Error::new(ErrorKind::Syntax, format!("Jinja2 cannot decide which variable `{name}` is here"))
        })?;
        Ok(self.load(ident, frame.function))
    }

    /// The slot of a name that this scope stores.
    fn own_slot(&self, name: &str, frame: Frame<'_>) -> Result<Slot> {
        match self.variable(name, frame)? {
            Load::Variable(Variable { out: 0, slot }) => Ok(slot),
            _ => Err(internal("a variable that is stored outside of its scope")),
        }
    }

    fn block(&mut self, body: &[Stmt], frame: Frame<'_>) -> Result<Block> {
        let mut block = Block::new();
        for stmt in body {
            self.stmt(&mut block, stmt, frame).map_err(|error| error.at(stmt.place))?;
        }
        Ok(block)
    }

    fn stmt(&mut self, block: &mut Block, stmt: &Stmt, frame: Frame<'_>) -> Result<()> {
        let place = stmt.place;
        let kind = match &stmt.kind {
            StmtKind::Text(text) => {
                push_text(block, place, text);
                return Ok(());
            }
            StmtKind::Output(expr) => {
                let expr = self.expr(expr, frame)?;
                push_output(block, place, expr);
                return Ok(());
            }
            StmtKind::If { branches, otherwise } => self.if_stmt(branches, otherwise, frame)?,
            StmtKind::For(for_stmt) => self.for_stmt(for_stmt, frame)?,
            StmtKind::Set { target, value } => {
                let value = self.expr(value, frame)?;
                StmtCodeKind::Set { target: self.target(target, frame)?, value }
            }
            StmtKind::SetBlock { target, filters, body } => {
                self.capture(place, body, filters, frame, |compiler, value| {
                    Ok(StmtCodeKind::Set { target: compiler.target(target, frame)?, value })
                })?
            }
            StmtKind::FilterBlock { filters, body } => {
                self.capture(place, body, filters, frame, |_, value| Ok(StmtCodeKind::OutputText(value)))?
            }
            StmtKind::With { assignments, body } => self.with(assignments, body, frame)?,
            StmtKind::Generation(body) => {
                self.generation_blocks += 1;
                let (entry, body) = self.scope(body, frame)?;
                StmtCodeKind::Generation { entry, body }
            }
            StmtKind::Macro { name, function } => {
                let Load::Variable(slot) = self.variable(name, frame)? else {
                    return Err(internal("a macro without a variable"));
                };
                StmtCodeKind::Macro { slot, function: self.macro_function(name, function, frame)? }
            }
            StmtKind::CallBlock { call, caller } => {
                let function = self.macro_function("", caller, frame)?;
                StmtCodeKind::CallBlock { call: self.plain_expr(call, frame)?, function }
            }
            StmtKind::Break => StmtCodeKind::Break,
            StmtKind::Continue => StmtCodeKind::Continue,
        };
        block.push(StmtCode { place, kind });
        Ok(())
    }

    fn if_stmt(
        &mut self,
        branches: &[(ast::Expr, Vec<Stmt>)],
        otherwise: &[Stmt],
        frame: Frame<'_>,
    ) -> Result<StmtCodeKind> {
        let frame = Frame { soft: true, ..frame };
        let branches = branches
            .iter()
            .map(|(test, body)| Ok((self.expr(test, frame)?, self.block(body, frame)?)))
            .collect::<Result<_>>()?;
        Ok(StmtCodeKind::If { branches, otherwise: self.block(otherwise, frame)? })
    }

    fn for_stmt(&mut self, stmt: &ast::For, frame: Frame<'_>) -> Result<StmtCodeKind> {
        let iter = self.expr(&stmt.iter, frame)?;
        if !stmt.recursive {
            return Ok(StmtCodeKind::For(Box::new(self.loop_code(stmt, iter, frame)?)));
        }
        let function = self.new_function("loop", frame.function);
        let code = self.loop_code(stmt, ExprCode::None, Frame { function, ..frame })?;
        self.function(function)?.recursive_loop = Some(Box::new(code));
        Ok(StmtCodeKind::RecursiveFor { iter, function })
    }

    fn loop_code(&mut self, stmt: &ast::For, iter: ExprCode, frame: Frame<'_>) -> Result<ForCode> {
        let outer = Some(frame.symbols);
        let filter = match &stmt.filter {
            None => None,
            Some(test) => {
                let mut symbols = Symbols::new(&mut self.idents, outer);
                symbols.target(&mut self.idents, &stmt.target, true);
                symbols.expr(&mut self.idents, test);
                let entry = self.enter(&symbols, frame.function);
                let inner = Frame { symbols: &symbols, soft: false, ..frame };
                let target = self.target(&stmt.target, inner)?;
                Some(LoopFilter { target, entry, test: self.expr(test, inner)? })
            }
        };
        let mut symbols = Symbols::new(&mut self.idents, outer);
        let has_loop = stmt.recursive || !undeclared(&stmt.body, &["loop"]).is_empty();
        if has_loop {
            symbols.parameter(&mut self.idents, "loop");
        }
        symbols.target(&mut self.idents, &stmt.target, true);
        symbols.block(&mut self.idents, &stmt.body);
        let entry = self.enter(&symbols, frame.function);
        let inner = Frame { symbols: &symbols, soft: false, ..frame };
        let loop_slot = if has_loop { Some(self.own_slot("loop", inner)?) } else { None };
        let target = self.target(&stmt.target, inner)?;
        let body = self.block(&stmt.body, inner)?;
        let otherwise = match stmt.otherwise.as_slice() {
            [] => None,
            otherwise => Some(self.scope(otherwise, frame)?),
        };
        Ok(ForCode { target, iter, filter, entry, body, loop_slot, otherwise, rounds: None })
    }

    /// A body with its own scope.
    fn scope(&mut self, body: &[Stmt], frame: Frame<'_>) -> Result<(Entry, Block)> {
        let mut symbols = Symbols::new(&mut self.idents, Some(frame.symbols));
        symbols.block(&mut self.idents, body);
        let entry = self.enter(&symbols, frame.function);
        let block = self.block(body, Frame { symbols: &symbols, soft: false, ..frame })?;
        Ok((entry, block))
    }

    fn with(
        &mut self,
        assignments: &[(ast::Target, ast::Expr)],
        body: &[Stmt],
        frame: Frame<'_>,
    ) -> Result<StmtCodeKind> {
        let mut symbols = Symbols::new(&mut self.idents, Some(frame.symbols));
        for (target, _) in assignments {
            symbols.target(&mut self.idents, target, false);
        }
        symbols.block(&mut self.idents, body);
        let entry = self.enter(&symbols, frame.function);
        let inner = Frame { symbols: &symbols, soft: false, ..frame };
        let assignments = assignments
            .iter()
            .map(|(target, value)| Ok((self.target(target, inner)?, self.expr(value, frame)?)))
            .collect::<Result<_>>()?;
        Ok(StmtCodeKind::Scope { entry, assignments, body: self.block(body, inner)? })
    }

    /// A body whose text goes through filters, then on to `then`.
    fn capture(
        &mut self,
        place: Pos,
        body: &[Stmt],
        filters: &[ast::FilterCall],
        frame: Frame<'_>,
        then: impl FnOnce(&mut Self, ExprCode) -> Result<StmtCodeKind>,
    ) -> Result<StmtCodeKind> {
        let mut symbols = Symbols::new(&mut self.idents, Some(frame.symbols));
        symbols.block(&mut self.idents, body);
        let entry = self.enter(&symbols, frame.function);
        let inner = Frame { symbols: &symbols, soft: false, ..frame };
        let body = self.block(body, inner)?;
        let slot = self.new_slot(frame.function);
        let captured = ExprCode::Variable { variable: Variable { out: 0, slot }, name: Literal("".into()) };
        let mut value = captured;
        for filter in filters {
            value = self.filter(value, filter, inner)?;
        }
        let then = Box::new(StmtCode { place, kind: then(self, value)? });
        Ok(StmtCodeKind::Capture { entry, body, slot, then })
    }

    fn macro_function(&mut self, name: &str, macro_: &ast::MacroBody, frame: Frame<'_>) -> Result<usize> {
        let function = self.new_function(name, frame.function);
        let mut symbols = Symbols::new(&mut self.idents, Some(frame.symbols));
        let analyse = |symbols: &mut Symbols<'_>, idents: &mut Idents| {
            for name in &macro_.parameters {
                symbols.parameter(idents, name);
            }
            for default in &macro_.defaults {
                symbols.expr(idents, default);
            }
            symbols.block(idents, &macro_.body);
        };
        analyse(&mut symbols, &mut self.idents);
        let takes = |name: &str| macro_.parameters.iter().any(|parameter| parameter == name);
        let mut extra = undeclared(&macro_.body, &["caller", "kwargs", "varargs"]);
        extra.retain(|name| !takes(name));
        for name in &extra {
            symbols.parameter(&mut self.idents, name);
        }
        analyse(&mut symbols, &mut self.idents);
        let entry = self.enter(&symbols, function);
        let inner = Frame { symbols: &symbols, function, soft: false };
        let own = |compiler: &Self, name: &str| {
            extra.contains(name).then(|| compiler.own_slot(name, inner)).transpose()
        };
        let slots = [own(self, "caller")?, own(self, "kwargs")?, own(self, "varargs")?];
        let parameters = macro_
            .parameters
            .iter()
            .map(|name| {
                Ok(Parameter { name: Literal(name.as_str().into()), slot: self.own_slot(name, inner)? })
            })
            .collect::<Result<_>>()?;
        let defaults =
            macro_.defaults.iter().map(|default| self.expr(default, inner)).collect::<Result<_>>()?;
        let body = self.block(&macro_.body, inner)?;
        let code = self.function(function)?;
        [code.caller, code.more_keywords, code.more_positional] = slots;
        (code.parameters, code.defaults, code.entry, code.body) = (parameters, defaults, entry, body);
        Ok(function)
    }

    fn target(&mut self, target: &ast::Target, frame: Frame<'_>) -> Result<TargetCode> {
        Ok(match target {
            ast::Target::Name(name) => TargetCode::Slot(self.own_slot(name, frame)?),
            ast::Target::Attribute { namespace, attribute, .. } => TargetCode::Attribute {
                namespace: self.name(namespace, frame)?,
                attribute: Literal(attribute.as_str().into()),
            },
            ast::Target::Tuple(targets) => TargetCode::Tuple(
                targets.iter().map(|target| self.target(target, frame)).collect::<Result<_>>()?,
            ),
        })
    }
}

fn push_text(block: &mut Block, place: Pos, text: &str) {
    match block.last_mut() {
        Some(StmtCode { kind: StmtCodeKind::Text(last), .. }) => {
            *last = Literal(format!("{}{text}", last.0).into());
        }
        _ => block.push(StmtCode { place, kind: StmtCodeKind::Text(Literal(text.into())) }),
    }
}

/// Prints the parts of a `~` one by one: the text is the same, and nothing is joined for it.
fn push_output(block: &mut Block, place: Pos, expr: ExprCode) {
    match expr {
        ExprCode::Str(text) => push_text(block, place, &text.0),
        ExprCode::Concat(parts) => parts.into_iter().for_each(|part| push_output(block, place, part)),
        expr => block.push(StmtCode { place, kind: StmtCodeKind::Output(expr) }),
    }
}

#[cold]
fn internal(what: &str) -> Error {
    Error::new(ErrorKind::Syntax, format!("the template cannot be compiled: {what}"))
}
