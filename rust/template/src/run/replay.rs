//! Rounds of a loop that print what they printed before.
//!
//! In: a round that is to run, and what is kept of earlier ones, of this rendering and of others with the same input.
//! Out: its text, handed back, or printed and kept. A round is as before if its item is, and all that it read from
//! outside is (`compile::outside` says what that may be): the reads are compared in their order, so that nothing is
//! asked that the round itself would not ask. Rounds that change something outside, or read what cannot be compared,
//! run each time.

use super::{Flow, Machine};
use crate::compile::program::{Entry, ForCode, Load, Rounds, Variable};
use crate::error::{Error, ErrorKind, Result};
use crate::run::output::Length;
use crate::value::text::{Node, Origin, Source, Span};
use crate::value::{Function, Object, Undefined, Value};

/// Ways in which the round of one item may be printed.
const MAX_REPLAYS: usize = 6;
/// Rounds of an item that are watched in vain before it is left alone.
const MAX_UNTOLD: u8 = 3;
/// The longest text that is compared by what it says.
const MAX_TEXT: usize = 256;
/// Texts that are kept for one input; further ones run each time.
const MAX_KEPT_BYTES: usize = 16 << 20;

/// What is kept of the rounds of all renderings of one input by one template.
#[derive(Debug, Default)]
pub struct Replays {
    /// By loop and by the item's place in the input: small numbers both.
    rounds: Vec<Vec<RoundReplays>>,
    bytes: usize,
}

impl Replays {
    fn kept_of_round(&mut self, number: u32, item: Node) -> &mut RoundReplays {
        let (number, item) = (number as usize, item.0 as usize);
        if self.rounds.len() <= number {
            self.rounds.resize_with(number + 1, Vec::new);
        }
        let items = &mut self.rounds[number];
        if items.len() <= item {
            items.resize_with(item + 1, RoundReplays::default);
        }
        &mut items[item]
    }
}

#[derive(Debug, Default)]
struct RoundReplays {
    replays: Vec<Replay>,
    /// How often it was not known in advance what such a round prints.
    untold: u8,
}

/// A round as it was once.
#[derive(Debug)]
struct Replay {
    reads: Vec<(Read, Known)>,
    text: String,
    spans: Vec<Span>,
    flow: Flow,
}

/// Where a round read from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// An expression of the loop, by its number.
    Expr(u32),
    Global(u32),
    /// A slot of the root.
    Slot(u32),
}

/// A value that can be compared with others later.
#[derive(Debug, PartialEq)]
enum Known {
    Undefined,
    None,
    Bool(bool),
    Int(i64),
    Float(u64),
    /// Of the input: this many items or bytes, from this byte on.
    Input(Node, u32, usize),
    Text(String, Vec<Span>),
    Function(Function),
    Macro(usize),
}

/// A round that is being watched.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    rounds: &'a Rounds,
    reads: Vec<(Read, Known)>,
    /// An outside expression is being evaluated: what it reads is not looked at.
    pub paused: bool,
    failed: bool,
}

impl<'a> Machine<'a> {
    /// Runs a round whose target is set.
    pub(super) fn round(&mut self, code: &'a ForCode, item: Value<'a>, is_outermost: bool) -> Result<Flow> {
        let rounds = code.rounds.as_ref().filter(|_| is_outermost && self.replays.is_some());
        if let (Some(rounds), Value::Dict(item)) = (rounds, item)
            && item.node != Node::NONE
        {
            return self.round_of(code, rounds, item.node);
        }
        self.run_round(code)
    }

    fn run_round(&mut self, code: &'a ForCode) -> Result<Flow> {
        self.enter(&code.entry);
        self.aside(|machine| machine.block(&code.body))
    }

    fn round_of(&mut self, code: &'a ForCode, rounds: &'a Rounds, item: Node) -> Result<Flow> {
        let Some(mut replays) = self.replays.take() else { return self.run_round(code) };
        let is_full = replays.bytes > MAX_KEPT_BYTES;
        let mut bytes = 0;
        let kept = replays.kept_of_round(rounds.number, item);
        let replay = kept.replays.iter().find(|replay| self.reads_again(rounds, replay));
        let flow = match replay {
            Some(replay) => self.print_again(replay).map(|()| replay.flow),
            None if kept.untold >= MAX_UNTOLD || kept.replays.len() >= MAX_REPLAYS || is_full => {
                self.run_round(code)
            }
            None => {
                let start = self.output.length();
                self.watch = Some(Watch { rounds, reads: Vec::new(), paused: false, failed: false });
                let flow = self.run_round(code);
                let watch = self.watch.take();
                if let (Ok(flow), Some(watch)) = (&flow, watch) {
                    if watch.failed {
                        kept.untold += 1;
                    } else {
                        let replay = self.replay(watch, start, *flow);
                        bytes = replay.text.len() + size_of::<Replay>();
                        kept.replays.push(replay);
                    }
                }
                flow
            }
        };
        replays.bytes += bytes;
        self.replays = Some(replays);
        flow
    }

    fn replay(&self, watch: Watch<'a>, start: Length, flow: Flow) -> Replay {
        let (text, spans) = self.output.after(start);
        Replay { reads: watch.reads, text, spans, flow }
    }

    /// Whether all that a round read is as it was.
    fn reads_again(&mut self, rounds: &'a Rounds, replay: &Replay) -> bool {
        replay.reads.iter().all(|(read, known)| {
            let value = match *read {
                Read::Expr(number) => match rounds.outside.get(number as usize) {
                    // An error is one of the round, which is then run to say so.
                    Some(expr) => self.eval(expr).ok(),
                    None => None,
                },
                Read::Global(global) => self.globals.get(global as usize).copied(),
                Read::Slot(slot) => self.slots.get(slot as usize).copied(),
            };
            value.is_some_and(|value| self.is_known(value, known))
        })
    }

    fn print_again(&mut self, replay: &Replay) -> Result<()> {
        if self.output.text().len() + replay.text.len() > self.limits.output_bytes {
            return Err(Error::new(ErrorKind::Limit, "the template writes more text than a rendering may"));
        }
        self.memory.work(replay.text.len())?;
        self.output.push_spans(&replay.text, &replay.spans);
        Ok(())
    }

    /// Notes what an outside expression of the loop gave.
    pub(super) fn note_expr(&mut self, number: u32, value: Value<'a>) {
        self.note(Read::Expr(number), value);
    }

    /// Notes a variable that is read in a macro, which may be one around the loop.
    pub(super) fn note_variable(&mut self, variable: Variable) {
        if self.watch.as_ref().is_none_or(|watch| watch.paused) || variable.out == 0 {
            return;
        }
        let at = self.index(variable);
        let of_root = self.frames.get(1).is_none_or(|frame| at < frame.base);
        match u32::try_from(at) {
            Ok(slot) if of_root => self.note(Read::Slot(slot), self.slots[at]),
            // A variable of another macro is set by what was noted already.
            Ok(_) => {}
            Err(_) => self.untold(),
        }
    }

    pub(super) fn note_global(&mut self, global: u32) {
        if self.watch.as_ref().is_some_and(|watch| !watch.paused) {
            self.note(Read::Global(global), self.globals[global as usize]);
        }
    }

    /// Notes what the slots of a scope are set to from outside.
    pub(super) fn note_entry(&mut self, entry: &Entry) {
        for (_, load) in entry {
            match *load {
                Load::Unset => {}
                Load::Global(global) => self.note_global(global),
                Load::Variable(variable) if self.frames.len() == 1 => {
                    let at = self.index(variable);
                    let slot = u32::try_from(at).unwrap_or(u32::MAX);
                    let is_inside = |watch: &Watch<'_>| watch.rounds.inside.contains(&slot);
                    if !self.watch.as_ref().is_some_and(is_inside) {
                        self.note(Read::Slot(slot), self.slots[at]);
                    }
                }
                Load::Variable(variable) => self.note_variable(variable),
            }
        }
    }

    /// The round does what cannot be handed back.
    pub(super) fn untold(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.failed = true;
        }
    }

    fn note(&mut self, read: Read, value: Value<'a>) {
        let known = self.known(value);
        let Some(watch) = &mut self.watch else { return };
        if watch.failed || watch.paused {
            return;
        }
        match known {
            // What is read twice is compared once, unless it has changed meanwhile.
            Some(known) => match watch.reads.iter().find(|(earlier, _)| *earlier == read) {
                None => watch.reads.push((read, known)),
                Some((_, before)) => watch.failed = *before != known,
            },
            None => watch.failed = true,
        }
    }

    fn known(&self, value: Value<'a>) -> Option<Known> {
        Some(match value {
            Value::Undefined(Undefined::Unset | Undefined::Plain | Undefined::Name(_)) => Known::Undefined,
            Value::None => Known::None,
            Value::Bool(bool) => Known::Bool(bool),
            Value::Int(int) => Known::Int(int),
            Value::Float(float) => Known::Float(float.to_bits()),
            Value::Str(text) if text.markup => return None,
            Value::Str(text) => match text.origin {
                Origin::One(Source::Input { node, start }) => Known::Input(node, start, text.str.len()),
                _ if text.str.len() > MAX_TEXT => return None,
                _ => Known::Text(text.str.to_owned(), text.spans().collect()),
            },
            Value::Literal(literal) if literal.0.len() <= MAX_TEXT => {
                Known::Text(literal.0.to_string(), literal_spans(&literal.0))
            }
            Value::List(items) if items.node != Node::NONE => Known::Input(items.node, 0, items.items.len()),
            Value::Dict(dict) if dict.node != Node::NONE => Known::Input(dict.node, 0, dict.entries.len()),
            Value::Function(function) => Known::Function(function),
            Value::Object(Object::Macro(number)) => Known::Macro(self.macros[number as usize].function),
            _ => return None,
        })
    }

    /// The same as comparing with `known(value)`, without making it.
    fn is_known(&self, value: Value<'a>, known: &Known) -> bool {
        match (value, known) {
            (Value::Bool(bool), Known::Bool(before)) => bool == *before,
            (Value::Int(int), Known::Int(before)) => int == *before,
            (Value::None, Known::None) => true,
            (Value::Literal(literal), Known::Text(text, spans)) => {
                *literal.0 == **text && *spans == literal_spans(&literal.0)
            }
            (value, known) => self.known(value).is_some_and(|value| value == *known),
        }
    }
}

fn literal_spans(text: &str) -> Vec<Span> {
    crate::value::text::Text::template(text).spans().collect()
}
