//! Runs a program: variables in, text with origins out.
//!
//! In: a compiled program, the variables of the rendering, limits. Out: the text and where each run of it comes
//! from, or an error with the place in the template. Statements are in `statements`, expressions in `expressions`,
//! calls in `calls`, loops in `loops`, attribute and item access in `access`.

mod access;
mod calls;
mod conditions;
mod explain;
mod expressions;
mod growing;
mod growing_loops;
mod growing_values;
pub mod iterate;
mod known;
mod loops;
mod objects;
pub mod output;
mod passes;
mod replay;
mod statements;
mod watch;

use bumpalo::Bump;
use jiff::civil::DateTime;

use crate::builtins::filters::Lazy;
use crate::compile::program::{Entry, Load, Program, Slot, Variable};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::run::iterate::Iter;
use crate::run::output::{Length, Output};
use crate::value::memory::Memory;
use crate::value::operators;
use crate::value::text::Text;
use crate::value::{Function, Object, Undefined, Value};

pub use expressions::insert;
use growing::Growth;
pub use growing::{Growing, Grown, ListPrefixes};
use growing_loops::MIN_ITEMS;
use loops::LoopState;
use objects::{Cycler, Joiner, MacroValue, Namespace};
use passes::Passes;
pub use passes::Series;
pub use replay::Replays;
use watch::Watch;

/// Generators inside of each other.
const MAX_LAZY_DEPTH: u32 = 100;

/// Everything that one rendering changes.
pub struct Machine<'a> {
    pub memory: Memory<'a>,
    program: &'a Program,
    output: Output,
    /// Emptied outputs of ended captures.
    spare: Vec<Output>,
    limits: Limits,
    pub now: DateTime,
    globals: Vec<Value<'a>>,
    slots: Vec<Value<'a>>,
    frames: Vec<FrameState>,
    /// The first slot of the running function.
    base: usize,
    /// Frames made so far: distinguishes a frame from a later one in the same slot.
    calls: u32,
    /// Values and texts of expressions that are being computed, a stack.
    pending: Vec<Value<'a>>,
    texts: Vec<Text<'a>>,
    loops: Vec<LoopState<'a>>,
    loops_made: u32,
    lazy: Vec<Option<Lazy<'a>>>,
    /// Generators that wait for one inside of them.
    lazy_depth: u32,
    namespaces: Vec<Namespace<'a>>,
    cyclers: Vec<Cycler<'a>>,
    joiners: Vec<Joiner<'a>>,
    macros: Vec<MacroValue>,
    /// More texts are wanted of this rendering.
    growth: Option<Growth<'a>>,
    /// What rounds printed before.
    replays: Option<Replays>,
    /// What is kept of the text before.
    passes: Option<Passes>,
    /// The round that is being watched.
    watch: Option<Watch<'a>>,
}

/// A running function.
#[derive(Debug, Clone, Copy)]
struct FrameState {
    /// Its first slot.
    base: usize,
    /// The frame of the function that it is written in.
    parent: usize,
    serial: u32,
}

/// What a block of statements ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
    /// All texts were handed out.
    Done,
}

/// Runs the program. Variables named twice: the last one counts.
pub fn run(
    program: &Program,
    variables: &[(&str, Value<'_>)],
    now: DateTime,
    limits: Limits,
    arena: &Bump,
    output: &mut Output,
) -> Result<()> {
    let mut machine = Machine::new(program, variables, (now, limits), arena);
    output.clear();
    machine.output = std::mem::take(output);
    let done = machine.root();
    *output = machine.output;
    done
}

/// The same for several lengths of a list at once, as far as the template allows: the first of them, and one at
/// least, which go on from the last text of the series.
pub fn run_growing(
    program: &Program,
    variables: &[(&str, Value<'_>)],
    prefixes: ListPrefixes<'_>,
    (now, limits): (DateTime, Limits),
    (arena, replays): (&Bump, &mut Replays),
    series: &mut Series,
) -> Result<Vec<Grown>> {
    let mut machine = Machine::new(program, variables, (now, limits), arena);
    let list = variables.iter().rev().find(|(name, _)| *name == prefixes.variable);
    let Some((_, Value::List(list))) = list else {
        return Err(operators::type_error(format!("the variable '{}' is not a list", prefixes.variable)));
    };
    let growth = Growth::new(&mut machine.memory, arena, list, prefixes.counts)?;
    if let Some(at) = program.globals.iter().position(|name| &*name.0 == prefixes.variable) {
        machine.globals[at] = growth.whole();
    }
    machine.growth = Some(growth);
    machine.replays = Some(std::mem::take(replays));
    machine.passes = Some(std::mem::take(&mut series.passes));
    machine.output = std::mem::take(&mut series.output);
    machine.output.go_back(Length::default());
    if list.items.len() < MIN_ITEMS {
        machine.output.leave();
    }
    let done = machine.root();
    let grown = machine.end_growth(&done);
    *replays = machine.replays.take().unwrap_or_default();
    *series = Series { output: machine.output, passes: machine.passes.unwrap_or_default() };
    Ok(grown)
}

impl<'a> Machine<'a> {
    fn new(
        program: &'a Program,
        variables: &[(&str, Value<'a>)],
        (now, limits): (DateTime, Limits),
        arena: &'a Bump,
    ) -> Self {
        Self {
            memory: Memory::new(arena, &limits),
            program,
            output: Output::default(),
            spare: Vec::new(),
            limits,
            now,
            globals: globals(program, variables),
            slots: Vec::new(),
            frames: Vec::new(),
            base: 0,
            calls: 0,
            pending: Vec::new(),
            texts: Vec::new(),
            loops: Vec::new(),
            loops_made: 0,
            lazy: Vec::new(),
            lazy_depth: 0,
            namespaces: Vec::new(),
            cyclers: Vec::new(),
            joiners: Vec::new(),
            macros: Vec::new(),
            growth: None,
            replays: None,
            passes: None,
            watch: None,
        }
    }
}

fn globals<'a>(program: &'a Program, variables: &[(&str, Value<'a>)]) -> Vec<Value<'a>> {
    let lookup = |name: &str| {
        let given = variables.iter().rev().find(|(known, _)| *known == name);
        given.map(|(_, value)| *value).or_else(|| Function::named(name).map(Value::Function))
    };
    let value = |name| lookup(name).unwrap_or(Value::Undefined(Undefined::Unset));
    program.globals.iter().map(|name| value(&*name.0)).collect()
}

impl<'a> Machine<'a> {
    fn root(&mut self) -> Result<()> {
        let Some(root) = self.program.functions.first() else {
            return Ok(());
        };
        self.push_frame(root.slots, 0)?;
        self.enter(&root.entry);
        self.block(&root.body).map(drop)
    }

    fn push_frame(&mut self, slots: usize, parent: usize) -> Result<()> {
        if self.frames.len() > self.limits.depth {
            return Err(Error::new(ErrorKind::Limit, "macros call each other too deep"));
        }
        let base = self.slots.len();
        self.slots.resize(base + slots, Value::Undefined(Undefined::Unset));
        self.calls += 1;
        self.frames.push(FrameState { base, parent, serial: self.calls });
        self.base = base;
        Ok(())
    }

    fn pop_frame(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.slots.truncate(frame.base);
        }
        self.base = self.frames.last().map_or(0, |frame| frame.base);
    }

    #[inline]
    fn index(&self, variable: Variable) -> usize {
        if variable.out == 0 {
            return self.base + variable.slot as usize;
        }
        let mut at = self.frames.len() - 1;
        for _ in 0..variable.out {
            at = self.frames[at].parent;
        }
        self.frames[at].base + variable.slot as usize
    }

    fn enter(&mut self, entry: &Entry) {
        if self.watch.is_some() {
            self.note_entry(entry);
        }
        for (slot, load) in entry {
            let value = match *load {
                Load::Unset => Value::Undefined(Undefined::Unset),
                Load::Global(global) => self.globals[global as usize],
                Load::Variable(variable) => self.slots[self.index(variable)],
            };
            self.store(*slot, value);
        }
    }

    fn store(&mut self, slot: Slot, value: Value<'a>) {
        let at = self.index(Variable { out: 0, slot });
        self.slots[at] = value;
    }

    /// Runs something with a separate output, and returns what it printed.
    fn captured(&mut self, run: impl FnOnce(&mut Self) -> Result<()>) -> Result<Text<'a>> {
        let own = self.spare.pop().unwrap_or_default();
        let outer = std::mem::replace(&mut self.output, own);
        let done = self.aside(run);
        let mut own = std::mem::replace(&mut self.output, outer);
        let text = done.and_then(|()| own.as_text(&mut self.memory));
        own.clear();
        self.spare.push(own);
        text
    }

    fn print(&mut self, text: &Text<'_>) -> Result<()> {
        if self.output.length().text + text.str.len() > self.limits.output_bytes {
            return Err(Error::new(ErrorKind::Budget, "the template writes more text than a rendering may"));
        }
        self.memory.work(text.str.len())?;
        self.output.push(text);
        Ok(())
    }

    /// A generator: `lazy` runs on as its items are asked for.
    pub fn start(&mut self, lazy: Lazy<'a>) -> Result<Value<'a>> {
        self.memory.reserve(size_of::<Lazy<'_>>())?;
        self.lazy.push(Some(lazy));
        Ok(Value::Object(Object::Iterator(crate::value::text::small(self.lazy.len() - 1))))
    }

    /// The next item of the generator of this number.
    pub(crate) fn next_lazy(&mut self, number: u32) -> Result<Option<Value<'a>>> {
        let Some(mut lazy) = self.lazy.get_mut(number as usize).and_then(Option::take) else {
            return Err(Error::new(ErrorKind::Value, "generator already executing"));
        };
        if self.lazy_depth >= MAX_LAZY_DEPTH {
            return Err(Error::new(ErrorKind::Limit, "generators are nested too deep"));
        }
        self.lazy_depth += 1;
        let next = lazy.next(self);
        self.lazy_depth -= 1;
        if let Some(place) = self.lazy.get_mut(number as usize) {
            *place = Some(lazy);
        }
        next
    }

    pub fn next(&mut self, iter: &mut Iter<'a>) -> Result<Option<Value<'a>>> {
        iter.next(self)
    }

    pub fn collect(&mut self, value: Value<'a>) -> Result<Vec<Value<'a>>> {
        let mut iter = Iter::new(value)?;
        let mut items = Vec::new();
        while let Some(item) = self.next(&mut iter)? {
            self.memory.reserve(size_of::<Value<'_>>())?;
            items.push(item);
        }
        Ok(items)
    }
}
