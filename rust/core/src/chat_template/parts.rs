//! What a record says, in the parts that a template may leave out one by one.
//!
//! In: the places of a conversation's inputs. Out: the part that each place belongs to, and the parts by their names.
//! Whether a part is in a text is found in `target::left_out`.

use everyturn_template::{Inputs, Node, Step};

use crate::conversation::REASONING_KEYS;

/// A part, by its number; `Part::NONE` is all that is around the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Part(u32);

impl Part {
    pub const NONE: Self = Self(0);

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a part is of the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartName {
    Messages,
    Tools,
    /// Of a list: of messages, tools, calls, or the parts of a content.
    Item(u32),
    Content,
    Reasoning,
    Calls,
    /// The name of a called function.
    Called,
    Arguments,
}

#[derive(Debug)]
pub struct RecordParts {
    /// Of each place; places in a part that has no parts belong to it.
    of_places: Vec<Part>,
    /// The first, which stands for `Part::NONE`, holds the lists.
    entries: Vec<PartEntry>,
    /// By their numbers: there may be many.
    messages: Vec<Part>,
}

#[derive(Debug, Clone, Copy)]
struct PartEntry {
    around: Part,
    /// What it is of the part around it.
    name: PartName,
    /// The last part in it, and the one before this in the part around it.
    last: Part,
    before: Part,
}

/// What a place in a part is.
enum Place {
    /// A part of it.
    Part(PartName),
    /// It says nothing: the role of a message, the id of a call.
    Nothing,
    /// It belongs to the part, and has no name of its own.
    Same,
}

const WITHOUT_PARTS: PartEntry =
    PartEntry { around: Part::NONE, name: PartName::Messages, last: Part::NONE, before: Part::NONE };

impl RecordParts {
    pub fn of(inputs: &Inputs<'_>) -> Self {
        let places = inputs.places();
        let mut parts = Self {
            of_places: Vec::with_capacity(places.len()),
            entries: vec![WITHOUT_PARTS],
            messages: Vec::new(),
        };
        for place in places {
            let around = parts.of_node(place.parent);
            let part = match parts.step_in(around, place.step) {
                Place::Part(name) => parts.part(around, name),
                Place::Nothing => Part::NONE,
                Place::Same => around,
            };
            parts.of_places.push(part);
        }
        parts
    }

    /// The part of a place; `Part::NONE` for several places.
    pub fn of_node(&self, node: Node) -> Part {
        (node.0 as usize).checked_sub(1).and_then(|at| self.of_places.get(at)).copied().unwrap_or_default()
    }

    /// How many numbers parts have.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// The part with these names, one in the other; `None`: the template is not given it.
    pub fn find(&self, names: &[PartName]) -> Option<Part> {
        self.find_in(Part::NONE, names)
    }

    /// The same of names in a part.
    pub fn find_in(&self, part: Part, names: &[PartName]) -> Option<Part> {
        names.iter().try_fold(part, |around, name| self.find_one(around, *name))
    }

    fn find_one(&self, around: Part, name: PartName) -> Option<Part> {
        if let (PartName::Item(at), true) = (name, self.is_messages(around)) {
            return self.messages.get(at as usize).copied().filter(|part| *part != Part::NONE);
        }
        let mut part = self.entry(around).last;
        while part != Part::NONE && self.entry(part).name != name {
            part = self.entry(part).before;
        }
        Some(part).filter(|part| *part != Part::NONE)
    }

    fn entry(&self, part: Part) -> PartEntry {
        self.entries.get(part.index()).copied().unwrap_or(WITHOUT_PARTS)
    }

    fn is_messages(&self, part: Part) -> bool {
        part != Part::NONE && self.entry(part).name == PartName::Messages
    }

    /// A part and those around it.
    pub fn with_surroundings(&self, part: Part) -> impl Iterator<Item = Part> {
        std::iter::successors(Some(part), |part| Some(self.entry(*part).around))
            .take_while(|part| *part != Part::NONE)
    }

    fn step_in(&self, around: Part, step: Step<'_>) -> Place {
        let PartEntry { around: of, name, .. } = self.entry(around);
        let is_in = |list: PartName| around != Part::NONE && name == list;
        let item_of = |list: PartName| matches!(name, PartName::Item(_)) && self.entry(of).name == list;
        match step {
            Step::Variable("messages") => Place::Part(PartName::Messages),
            Step::Variable("tools") => Place::Part(PartName::Tools),
            Step::Variable(_) => Place::Nothing,
            Step::Index(at) if is_in(PartName::Messages) || is_in(PartName::Tools) => {
                Place::Part(PartName::Item(at))
            }
            Step::Index(at) if matches!(name, PartName::Calls | PartName::Content) => {
                Place::Part(PartName::Item(at))
            }
            Step::Key(key) if item_of(PartName::Messages) => match key {
                "content" => Place::Part(PartName::Content),
                "tool_calls" => Place::Part(PartName::Calls),
                key if REASONING_KEYS.contains(&key) => Place::Part(PartName::Reasoning),
                _ => Place::Nothing,
            },
            Step::Key(key) if item_of(PartName::Calls) => match key {
                "function" => Place::Same,
                "name" => Place::Part(PartName::Called),
                "arguments" => Place::Part(PartName::Arguments),
                _ => Place::Nothing,
            },
            _ => Place::Same,
        }
    }

    fn part(&mut self, around: Part, name: PartName) -> Part {
        if let Some(known) = self.find_one(around, name) {
            return known;
        }
        let part = Part(u32::try_from(self.entries.len()).unwrap_or_default());
        let before = self.entry(around).last;
        self.entries.push(PartEntry { around, name, last: Part::NONE, before });
        if let Some(around) = self.entries.get_mut(around.index()) {
            around.last = part;
        }
        if let (PartName::Item(at), true) = (name, self.is_messages(around)) {
            let at = at as usize;
            self.messages.resize(self.messages.len().max(at + 1), Part::NONE);
            self.messages[at] = part;
        }
        part
    }
}
