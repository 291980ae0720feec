//! The variables of a rendering, made from somebody's data: each text and container gets a number, and the number a
//! path, so that what comes out of a template can be traced back to its place.

use bumpalo::Bump;

use crate::value::text::{Node, Origin, Source, Text, small};
use crate::value::{Dict, Entry, Items, Value};

/// How a place is reached from the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A variable of the rendering.
    Variable(&'a str),
    Key(&'a str),
    Index(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputPlace<'a> {
    /// `Node::NONE` for a variable.
    pub parent: Node,
    pub step: Step<'a>,
}

/// Makes values in an arena that outlives the renderings that see them.
pub struct Inputs<'a> {
    arena: &'a Bump,
    places: Vec<InputPlace<'a>>,
    bytes: usize,
}

impl<'a> Inputs<'a> {
    pub fn new(arena: &'a Bump) -> Self {
        Self { arena, places: Vec::new(), bytes: 0 }
    }

    /// A number for a new place.
    pub fn place(&mut self, parent: Node, step: Step<'a>) -> Node {
        self.places.push(InputPlace { parent, step });
        Node(small(self.places.len()))
    }

    /// Bytes of text so far: what limits of renderings are measured by.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn text(&mut self, node: Node, str: &'a str) -> Value<'a> {
        self.bytes += str.len();
        let origin = Origin::One(Source::Input { node, start: 0 });
        Value::Str(self.arena.alloc(Text { str, origin, markup: false }))
    }

    /// A text of one's own making, traced like template text: special tokens, flags.
    pub fn constant(&self, str: &'a str) -> Value<'a> {
        Value::Str(self.arena.alloc(Text::template(str)))
    }

    /// An integer beyond 64 bits, in Python's spelling.
    pub fn big_int(&self, digits: &'a str) -> Value<'a> {
        Value::BigInt(self.arena.alloc(digits))
    }

    pub fn list(&mut self, node: Node, items: &[Value<'a>]) -> Value<'a> {
        self.bytes += size_of_val(items);
        let items = self.arena.alloc_slice_copy(items);
        Value::List(self.arena.alloc(Items { items, node, is_group: false }))
    }

    pub fn tuple(&mut self, node: Node, items: &[Value<'a>]) -> Value<'a> {
        let items = self.arena.alloc_slice_copy(items);
        Value::Tuple(self.arena.alloc(Items { items, node, is_group: false }))
    }

    /// A dict of these keys, which are different.
    pub fn dict(
        &mut self,
        node: Node,
        pairs: impl ExactSizeIterator<Item = (&'a str, Value<'a>)>,
    ) -> Value<'a> {
        self.bytes += pairs.len() * size_of::<Entry<'_>>();
        let arena = self.arena;
        let entries = arena.alloc_slice_fill_iter(pairs.map(|(key, value)| {
            self.bytes += key.len();
            // A key is text of the input, too; being derived distinguishes it from its value.
            let key = Text::derived(key, node);
            Entry::new(Value::Str(arena.alloc(key)), value)
        }));
        Value::Dict(arena.alloc(Dict { entries, node }))
    }

    /// The first items of a list, which stay where they are.
    pub fn prefix(&self, list: Value<'a>, count: usize) -> Value<'a> {
        match list {
            Value::List(items) => {
                let node = items.node;
                let items = items.items.get(..count).unwrap_or(items.items);
                Value::List(self.arena.alloc(Items { items, node, is_group: false }))
            }
            other => other,
        }
    }

    /// The same, with another item in place of the last.
    pub fn prefix_ending_with(&self, list: Value<'a>, count: usize, last: Value<'a>) -> Value<'a> {
        match list {
            Value::List(items) if count > 0 => {
                let kept = items.items.get(..count - 1).unwrap_or(items.items);
                let ended: Vec<Value<'a>> = kept.iter().copied().chain([last]).collect();
                let ended = self.arena.alloc_slice_copy(&ended);
                Value::List(self.arena.alloc(Items { items: ended, node: items.node, is_group: false }))
            }
            other => other,
        }
    }

    pub fn get(&self, node: Node) -> Option<InputPlace<'a>> {
        self.places.get((node.0 as usize).checked_sub(1)?).copied()
    }

    /// All places in the order of their numbers, the first of which is 1: each after the one around it.
    pub fn places(&self) -> &[InputPlace<'a>] {
        &self.places
    }

    /// The steps to a place, from the variable on.
    pub fn path(&self, node: Node) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        let mut at = node;
        while let Some(place) = self.get(at) {
            steps.push(place.step);
            at = place.parent;
        }
        steps.reverse();
        steps
    }
}

impl<'a> Value<'a> {
    /// The items of a list; none of anything else.
    pub fn items(self) -> &'a [Value<'a>] {
        match self {
            Value::List(items) => items.items,
            _ => &[],
        }
    }

    /// The text keys of a dict.
    pub fn keys(self) -> impl Iterator<Item = &'a str> {
        self.entries().iter().filter_map(|entry| entry.key.as_str())
    }

    fn entries(self) -> &'a [Entry<'a>] {
        match self {
            Value::Dict(dict) => dict.entries,
            _ => &[],
        }
    }

    /// The text under a key of a dict, and where it comes from; it does not count as read.
    pub fn text_under(self, key: &str) -> Option<(&'a str, Source)> {
        let entry = self.entries().iter().find(|entry| entry.key.as_str() == Some(key))?;
        match entry.value {
            Value::Str(Text { str, origin: Origin::One(source), .. }) => Some((*str, *source)),
            _ => None,
        }
    }

    /// The items of a list under a key of a dict; it does not count as read.
    pub fn items_under(self, key: &str) -> &'a [Value<'a>] {
        let entry = self.entries().iter().find(|entry| entry.key.as_str() == Some(key));
        entry.map_or(&[], |entry| entry.value.items())
    }

    /// What a dict has under a key; it does not count as read.
    pub fn value_under(self, key: &str) -> Option<Value<'a>> {
        self.entries().iter().find(|entry| entry.key.as_str() == Some(key)).map(|entry| entry.value)
    }

    /// Whether a rendering has looked at a key of a dict.
    pub fn has_read(self, key: &str) -> bool {
        self.entries().iter().any(|entry| entry.read.get() && entry.key.as_str() == Some(key))
    }

    /// Whether a rendering has looked at any key of a dict.
    pub fn is_read(self) -> bool {
        self.entries().iter().any(|entry| entry.read.get())
    }

    /// What no rendering has looked at in a dict, of what is not empty.
    pub fn unread(self) -> impl Iterator<Item = &'a str> {
        let says = |value: Value<'_>| crate::value::operators::truth(value);
        let unread = self.entries().iter().filter(move |entry| !entry.read.get() && says(entry.value));
        unread.filter_map(|entry| entry.key.as_str())
    }
}
