//! A compiled template.

use bumpalo::Bump;
use jiff::civil::DateTime;

use crate::compile::compile;
use crate::compile::program::Program;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{Limits, MAX_SOURCE_BYTES};
use crate::run;
use crate::run::output::Output;
use crate::run::{Grown, ListPrefixes, Replays, Series};
use crate::syntax::ast::Stmt;
use crate::syntax::parser;
use crate::value::Value;

/// A template, ready to be rendered, by several threads at once if need be.
#[derive(Debug)]
pub struct Template {
    syntax: Vec<Stmt>,
    program: Program,
}

impl Template {
    pub fn compile(source: &str) -> Result<Self> {
        Self::compile_within(source, MAX_SOURCE_BYTES)
    }

    /// The same of a source of at most so many bytes: compiling takes memory in proportion to it.
    pub fn compile_within(source: &str, max_bytes: usize) -> Result<Self> {
        if source.len() > max_bytes {
            let message = format!("the template has {} bytes, more than {max_bytes}", source.len());
            return Err(Error::new(ErrorKind::Budget, message));
        }
        let syntax = parser::parse(source)?;
        let program = compile(&syntax)?;
        Ok(Self { syntax, program })
    }

    /// How many `{% generation %}` blocks the source has.
    pub fn generation_blocks(&self) -> usize {
        self.program.generation_blocks
    }

    /// The statements as written, for `analysis`.
    pub fn syntax(&self) -> &[Stmt] {
        &self.syntax
    }

    /// Renders with these variables; of two with one name the last one counts. Values made along the way live in
    /// `scratch`, which is empty again afterwards. An error leaves in `output` what was written before it.
    pub fn render(
        &self,
        variables: &[(&str, Value<'_>)],
        now: DateTime,
        limits: Limits,
        scratch: &mut Bump,
        output: &mut Output,
    ) -> Result<()> {
        let done = run::run(&self.program, variables, now, limits, scratch, output);
        scratch.reset();
        done
    }

    /// Renders several times, with the first items of one list each, in one go as far as the template allows: the
    /// texts are of the first counts, of one at least, and each goes on from the one before in its series. The others
    /// want another call. `replays` is what is kept from call to call of one input: the same variables but for how many
    /// items there are, and other flags; `series`, what is kept where the flags are the same, too.
    pub fn render_growing(
        &self,
        variables: &[(&str, Value<'_>)],
        prefixes: ListPrefixes<'_>,
        now: DateTime,
        limits: Limits,
        (scratch, replays): (&mut Bump, &mut Replays),
        series: &mut Series,
    ) -> Result<Vec<Grown>> {
        let spare = (&*scratch, replays);
        let grown = run::run_growing(&self.program, variables, prefixes, (now, limits), spare, series);
        scratch.reset();
        grown
    }
}
