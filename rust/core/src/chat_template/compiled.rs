//! A compiled template with the clock and the limits that everyturn renders it under.

use std::cell::RefCell;
use std::mem;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use everyturn_template::{
    Arena, ErrorKind as TemplateErrorKind, Grown, Limits, ListPrefixes, MAX_SOURCE_BYTES, Output, Replays,
    Series, Span, Template, Value,
};
use jiff::civil::DateTime;

use super::seams::rewrites;
use crate::error::{Error, ErrorKind, Result};
use crate::options::{LimitFactor, RAISED};

pub struct CompiledTemplate {
    template: Template,
    source: String,
    now: DateTime,
    limits: LimitFactor,
    /// It applies what may make a token of a text that holds none.
    pub rewrites: bool,
    /// Made-up messages are rendered, to find out about the template.
    is_probed: AtomicBool,
    /// The limit that one of these renderings met: no other one is tried.
    exhausted: OnceLock<Error>,
}

/// A rendered text and where each run of it comes from.
#[derive(Debug, Default)]
pub struct Rendering {
    pub text: String,
    pub spans: Vec<Span>,
    /// What `{% generation %}` blocks printed.
    pub generations: Vec<Range<usize>>,
}

/// What a rendering needs besides its input; used again by the next one.
#[derive(Default)]
pub struct RenderWorkspace {
    arena: RefCell<Arena>,
    /// Of the input that the workspace is used for.
    replays: RefCell<Replays>,
    /// The limit that a rendering of this input met: no other one is tried.
    exhausted: RefCell<Option<Error>>,
}

impl CompiledTemplate {
    pub fn compile(source: &str, now: DateTime, limits: LimitFactor) -> Result<Self> {
        let template = Template::compile_within(source, limits.times(MAX_SOURCE_BYTES))
            .map_err(|error| template_error(&error))?;
        let rewrites = rewrites(template.syntax());
        let (is_probed, exhausted) = (AtomicBool::new(true), OnceLock::new());
        Ok(Self { template, source: source.to_owned(), now, limits, rewrites, is_probed, exhausted })
    }

    /// Says that what is rendered from now on is somebody's; an error if a made-up rendering met a limit.
    pub fn end_probing(&self) -> Result<()> {
        self.is_probed.store(false, Ordering::Relaxed);
        self.exhausted.get().cloned().map_or(Ok(()), Err)
    }

    /// Whether the template's source contains these words.
    pub fn mentions(&self, words: &str) -> bool {
        self.source.contains(words)
    }

    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Renders; of two variables with one name the last one counts. `input_bytes` is the size of what they hold.
    pub fn render(
        &self,
        variables: &[(&str, Value<'_>)],
        input_bytes: usize,
        workspace: &RenderWorkspace,
    ) -> Result<Rendering> {
        self.check_limit(workspace)?;
        let mut output = Output::default();
        let mut arena = mem::take(&mut *workspace.arena.borrow_mut());
        let done =
            self.template.render(variables, self.now, self.limits_for(input_bytes), &mut arena, &mut output);
        workspace.arena.replace(arena);
        done.map_err(|error| self.failed(&error, workspace))?;
        let generations = output.generations().to_vec();
        let (text, spans) = output.into_parts();
        Ok(Rendering { text, spans, generations })
    }

    /// Renders the first n messages for each n of `counts`, in one go as far as that is possible: texts of the first
    /// counts, one at least, each of which goes on from the one before in its series.
    pub fn render_growing(
        &self,
        variables: &[(&str, Value<'_>)],
        counts: &[usize],
        input_bytes: usize,
        workspace: &RenderWorkspace,
        series: &mut Series,
    ) -> Result<Vec<Grown>> {
        self.check_limit(workspace)?;
        let mut arena = mem::take(&mut *workspace.arena.borrow_mut());
        let mut replays = mem::take(&mut *workspace.replays.borrow_mut());
        let limits = self.limits_for(input_bytes);
        let grown = self.template.render_growing(
            variables,
            ListPrefixes { variable: "messages", counts },
            self.now,
            limits,
            (&mut arena, &mut replays),
            series,
        );
        workspace.arena.replace(arena);
        workspace.replays.replace(replays);
        grown.map_err(|error| self.failed(&error, workspace))
    }

    fn limits_for(&self, input_bytes: usize) -> Limits {
        let Limits { fuel, output_bytes, scratch_bytes, depth } = Limits::for_input(input_bytes);
        let times = |limit| self.limits.times(limit);
        Limits {
            fuel: fuel.saturating_mul(self.limits.factor().into()),
            output_bytes: times(output_bytes),
            scratch_bytes: times(scratch_bytes),
            depth,
        }
    }

    /// An error if a rendering before met a limit: others of the same input would take as long, one after the other.
    fn check_limit(&self, workspace: &RenderWorkspace) -> Result<()> {
        let of_probes = self.exhausted.get().filter(|_| self.is_probed.load(Ordering::Relaxed));
        let met = of_probes.cloned().or_else(|| workspace.exhausted.borrow().clone());
        met.map_or(Ok(()), Err)
    }

    fn failed(&self, error: &everyturn_template::Error, workspace: &RenderWorkspace) -> Error {
        let is_limit = error.kind.is_limit();
        let error = template_error(error);
        if is_limit {
            workspace.exhausted.replace(Some(error.clone()));
            if self.is_probed.load(Ordering::Relaxed) {
                self.exhausted.get_or_init(|| error.clone());
            }
        }
        error
    }
}

pub(super) fn template_error(error: &everyturn_template::Error) -> Error {
    let says = if error.kind == TemplateErrorKind::Raised { "raises" } else { "says" };
    let raised = if error.kind == TemplateErrorKind::Budget { RAISED } else { "" };
    let place = error
        .place
        .map_or_else(String::new, |place| format!(" (line {}, column {})", place.line, place.column));
    Error::new(ErrorKind::Template, format!("the chat template{place} {says}: {}{raised}", error.message))
}
