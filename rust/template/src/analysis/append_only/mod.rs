//! Whether a template only ever appends: whether what it prints for the first messages is the start of what it prints
//! for all of them.
//!
//! In: the statements of a template. Out: a proof, or the first thing that stands in its way. Two renderings are
//! followed at once, the short one of the messages up to a cut and the long one of more messages, with all else equal
//! and `add_generation_prompt` false. They walk in step, and may part in one place only: where a loop over the messages
//! ends in the short one and goes on in the long one. From there on the short one must not print anything, and up to
//! there both must print the same. Renderings that fail are outside of the claim. Nothing is run, and whatever is not
//! understood counts as not proven.

mod branches;
mod calls;
mod conditions;
mod expressions;
mod filters;
mod lists;
mod loops;
mod refine;
mod same;
mod state;
mod statements;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{Function, Place, Stmt};
use state::State;
use value::{Hint, Known, Reason, Site, Value, Why};

/// Where the messages of the short rendering may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cuts {
    /// Behind any message.
    Anywhere,
    /// Right before or right behind a message whose role is `assistant`: the cuts that the samples of a conversation
    /// need. Not inside of a run of tool results, which many templates wrap as one.
    AroundAnswers,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOnly {
    /// For each conversation and each cut, the text of the messages before the cut (one at least) is the start of the
    /// text of the whole, byte for byte, if both are rendered without an error, without a generation prompt and with
    /// all other variables and the clock equal.
    Proven,
    Unknown {
        /// In plain words.
        why: String,
        place: Place,
    },
}

/// Looks for a proof that what the template prints for a conversation only ever grows at its end.
pub fn append_only(body: &[Stmt], cuts: Cuts) -> AppendOnly {
    let mut analysis = Analysis::new(cuts);
    analysis.bound = bound_names(body);
    match analysis.block(&mut State::new(), body) {
        Ok(()) => AppendOnly::Proven,
        Err(Doubt { why, place }) => AppendOnly::Unknown { why, place },
    }
}

/// Steps of the analysis: one for each node that is looked at and for each variable that is copied.
const STEPS: usize = 4_000_000;
/// Expressions and statements inside of each other, through macros too.
const MAX_DEPTH: usize = 160;

/// Why there is no proof.
#[derive(Debug)]
struct Doubt {
    why: String,
    place: Place,
}

/// A place to which only one of the two renderings may come.
#[derive(Debug, Clone)]
struct Control {
    reason: Reason,
    /// The short rendering may come to it.
    short: bool,
    long: bool,
}

impl Control {
    fn either(reason: Reason) -> Self {
        Self { reason, short: true, long: true }
    }

    /// Where a condition holds.
    fn of(truth: &value::Truth) -> Option<Self> {
        let (short, long) = (truth.short != Some(false), truth.long != Some(false));
        truth.differs.clone().map(|reason| Self { reason, short, long })
    }
}

type Result<T> = std::result::Result<T, Doubt>;

struct Analysis<'e> {
    cuts: Cuts,
    /// The names that the template gives a meaning of its own somewhere.
    bound: BTreeSet<&'e str>,
    /// What a macro reads from around it, by its address.
    mentions: BTreeMap<usize, BTreeSet<&'e str>>,
    /// The open loops, from the outermost on.
    loops: Vec<loops::Open<'e>>,
    captures: Vec<statements::Capture>,
    control: Option<Control>,
    /// The macros that are being called.
    calls: Vec<&'e Function>,
    /// In the condition of a loop's own `if`.
    in_filter: bool,
    lists: u32,
    steps: usize,
    depth: usize,
    place: Place,
}

impl<'e> Analysis<'e> {
    fn new(cuts: Cuts) -> Self {
        Self {
            cuts,
            bound: BTreeSet::new(),
            mentions: BTreeMap::new(),
            loops: Vec::new(),
            captures: Vec::new(),
            control: None,
            calls: Vec::new(),
            in_filter: false,
            lists: 0,
            steps: STEPS,
            depth: 0,
            place: Place::default(),
        }
    }

    fn spend(&mut self, steps: usize) -> Result<()> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(self.doubt("the template is too involved to be followed")),
        }
    }

    fn doubt(&self, why: impl Into<String>) -> Doubt {
        Doubt { why: why.into(), place: self.place }
    }

    /// One level deeper into the tree.
    fn nested<T>(&mut self, place: Place, look: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.spend(1)?;
        let outer = std::mem::replace(&mut self.place, place);
        if self.depth == MAX_DEPTH {
            return Err(self.doubt("the template is nested too deeply to be followed"));
        }
        self.depth += 1;
        let found = look(self);
        self.depth -= 1;
        self.place = outer;
        found
    }

    fn copy(&mut self, state: &State<'e>) -> Result<State<'e>> {
        self.spend(state.size())?;
        Ok(state.clone())
    }

    fn join(&mut self, state: &mut State<'e>, other: &State<'e>) -> Result<bool> {
        self.spend(other.size())?;
        Ok(state.join(other))
    }

    /// Why only one of the two renderings may be here.
    fn control(&self) -> Option<Control> {
        let parted = self.loops.iter().find_map(|open| open.parted.clone());
        parted.map(Control::either).or_else(|| self.control.clone())
    }

    /// Looks at what only one of the two renderings may reach.
    fn under<T>(&mut self, control: Option<Control>, look: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = self.control.clone();
        self.enter_control(control);
        let found = look(self);
        self.control = outer;
        found
    }

    fn enter_control(&mut self, inner: Option<Control>) {
        self.control = match (self.control.take(), inner) {
            (Some(outer), Some(inner)) => {
                Some(Control { short: outer.short && inner.short, long: outer.long && inner.long, ..outer })
            }
            (outer, inner) => outer.or(inner),
        };
    }

    /// Makes one value of several: the same in both renderings if all of them are.
    fn combine<'v>(&self, state: &mut State<'e>, values: impl IntoIterator<Item = &'v Value<'e>>) -> Value<'e>
    where
        'e: 'v,
    {
        let mut combined = Value::ANYTHING;
        for value in values {
            let part = match value {
                // It is read here.
                Value::Same(Known::Iterator(_)) => Value::ANYTHING,
                value => self.lose(state, value),
            };
            if let (Value::Same(_), Value::Differs(..)) = (&combined, &part) {
                combined = part;
            }
        }
        combined
    }

    /// What becomes of a value that goes where it is not followed.
    fn lose(&self, state: &mut State<'e>, value: &Value<'e>) -> Value<'e> {
        match value {
            Value::Same(Known::Iterator(_)) => Value::opaque("an iterator that is passed on", self.place),
            Value::Same(_) => Value::ANYTHING,
            Value::Growing(_) => Value::differs(Why::Whole, self.place),
            Value::Length(..) => Value::differs(Why::Count, self.place),
            Value::Namespace(site) => {
                self.lose_site(state, *site);
                Value::opaque("a namespace that is passed on", self.place)
            }
            Value::Macro(..) => Value::opaque("a macro that is passed on", self.place),
            Value::Loop(_) => Value::opaque("a loop that is passed on", self.place),
            Value::Differs(reason, _) => Value::Differs(reason.clone(), Hint::Nothing),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as its neighbours")]
    fn lose_site(&self, state: &mut State<'e>, site: Site) {
        state.lost.insert(site);
    }
}

/// The names that are set, looped over, passed or defined anywhere.
fn bound_names(body: &[Stmt]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    super::walk::statements(body, &mut |stmt| {
        super::walk::bound(stmt, &mut |name| {
            names.insert(name);
        });
    });
    names
}
