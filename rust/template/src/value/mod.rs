//! The values of a rendering: Python's, as far as templates can hold them.
//!
//! A value is two words, copied freely; what it points to lives in the arena of the rendering, in the input or in
//! the compiled template. Nothing that templates can reach is mutable except namespaces and the state of iterators,
//! which live in the machine under a number. What operators do with values is in `operators`.

pub mod float;
pub mod format;
pub mod inputs;
pub mod json;
pub mod markup;
pub mod memory;
pub mod operators;
pub mod slices;
pub mod text;
pub mod unicode;

use std::cell::Cell;

use crate::error::Result;
use crate::run::Growing;
use crate::value::memory::Memory;
use crate::value::text::{Node, Text};

/// A string of the template's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal(pub Box<str>);

#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Undefined(Undefined<'a>),
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond `i64`, in decimal, as Python prints it.
    BigInt(&'a &'a str),
    Float(f64),
    Str(&'a Text<'a>),
    Literal(&'a Literal),
    List(&'a Items<'a>),
    /// A list of which more is shown later. Only variables hold it: whatever reads one takes it for a list.
    Growing(&'a Growing<'a>),
    Tuple(&'a Items<'a>),
    Dict(&'a Dict<'a>),
    /// `dict.items()` and its kind.
    View(&'a View<'a>),
    Range(&'a Range),
    /// A method of a value, not yet called.
    Method(&'a Method<'a>),
    /// A global function.
    Function(Function),
    /// Something with state, kept by the machine.
    Object(Object),
}

const _: () = assert!(size_of::<Value<'_>>() == 16, "a value is two words");

#[derive(Debug, Clone, Copy)]
pub enum Undefined<'a> {
    /// A variable's slot before anything was stored: seen by variable access only.
    Unset,
    /// Without a story: an empty sequence's first item, an `if` expression without `else`.
    Plain,
    /// A variable that nobody set.
    Name(&'a Literal),
    /// An item or attribute that an object does not have.
    Missing(&'a Missing<'a>),
    /// What an error is to say.
    Hint(&'a &'a str),
    /// What the sandbox hides; any use is a security error that says this.
    Unsafe(&'a &'a str),
}

#[derive(Debug, Clone, Copy)]
pub struct Missing<'a> {
    pub object: Value<'a>,
    pub name: Value<'a>,
}

/// The items of a list or a tuple.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_field_names, reason = "the items are what it is about")]
pub struct Items<'a> {
    pub items: &'a [Value<'a>],
    /// The place in the input, if it is from there.
    pub node: Node,
    /// A group of the filter `groupby`: its items have the names `grouper` and `list`, too.
    pub is_group: bool,
}

impl<'a> Items<'a> {
    pub fn new(items: &'a [Value<'a>]) -> Self {
        Self { items, node: Node::NONE, is_group: false }
    }
}

/// A dict in insertion order; keys are different and hashable.
#[derive(Debug)]
pub struct Dict<'a> {
    pub entries: &'a [Entry<'a>],
    pub node: Node,
}

#[derive(Debug)]
pub struct Entry<'a> {
    pub key: Value<'a>,
    pub value: Value<'a>,
    /// Whether a rendering has looked at it.
    pub read: Cell<bool>,
}

impl<'a> Entry<'a> {
    pub fn new(key: Value<'a>, value: Value<'a>) -> Self {
        Self { key, value, read: Cell::new(false) }
    }
}

impl<'a> Dict<'a> {
    pub fn new(entries: &'a [Entry<'a>]) -> Self {
        Self { entries, node: Node::NONE }
    }

    /// The value under a text key.
    #[inline]
    pub fn find(&self, memory: &mut Memory<'_>, key: &str) -> Result<Option<Value<'a>>> {
        memory.lookup(self.entries.len(), key)?;
        let entry = self.entries.iter().find(|entry| entry.key.as_str().is_some_and(|known| known == key));
        if let Some(entry) = entry {
            entry.read.set(true);
        }
        Ok(entry.map(|entry| entry.value))
    }

    /// Every entry, each marked as read.
    pub fn iter(&self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> + use<'a> {
        self.entries.iter().map(|entry| {
            entry.read.set(true);
            (entry.key, entry.value)
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub dict: &'a Dict<'a>,
    pub kind: ViewKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewKind {
    Keys,
    Values,
    Items,
}

/// `range(start, stop, step)`; `step` is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub start: i64,
    pub stop: i64,
    pub step: i64,
}

impl Range {
    pub fn len(&self) -> usize {
        let (start, stop, step) = (i128::from(self.start), i128::from(self.stop), i128::from(self.step));
        let (distance, step) = if step > 0 { (stop - start, step) } else { (start - stop, -step) };
        let count = if distance <= 0 { 0 } else { (distance + step - 1) / step };
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    pub fn get(&self, index: usize) -> Option<i64> {
        let offset = i64::try_from(index).ok().filter(|_| index < self.len())?;
        self.step.checked_mul(offset)?.checked_add(self.start)
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Method<'a> {
    pub object: Value<'a>,
    pub name: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    Range,
    Dict,
    Namespace,
    Cycler,
    Joiner,
    RaiseException,
    StrftimeNow,
}

impl Function {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "range" => Self::Range,
            "dict" => Self::Dict,
            "namespace" => Self::Namespace,
            "cycler" => Self::Cycler,
            "joiner" => Self::Joiner,
            "raise_exception" => Self::RaiseException,
            "strftime_now" => Self::StrftimeNow,
            _ => return None,
        })
    }
}

/// A number in one of the machine's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    Namespace(u32),
    Loop(u32),
    /// A generator, or another iterator that is used up by use.
    Iterator(u32),
    Cycler(u32),
    Joiner(u32),
    Macro(u32),
}

impl<'a> Value<'a> {
    #[inline]
    pub fn as_text(self) -> Option<Text<'a>> {
        match self {
            Self::Str(text) => Some(*text),
            Self::Literal(literal) => Some(Text::template(&literal.0)),
            _ => None,
        }
    }

    #[inline]
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text.str),
            Self::Literal(literal) => Some(&literal.0),
            _ => None,
        }
    }

    pub fn is_undefined(self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    /// A bool or an integer of 64 bits, as Python takes for an index.
    pub fn as_index(self) -> Option<i64> {
        match self {
            Self::Bool(bool) => Some(i64::from(bool)),
            Self::Int(int) => Some(int),
            _ => None,
        }
    }

    /// The place of the input that it is, where it is one.
    pub fn node(self) -> Node {
        match self {
            Self::Str(text) => text.made_from().unwrap_or_default(),
            Self::List(items) | Self::Tuple(items) => items.node,
            Self::Dict(dict) => dict.node,
            Self::View(view) => view.dict.node,
            _ => Node::NONE,
        }
    }

    /// The name of its Python type.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(text) if text.markup => "Markup",
            Self::Str(_) | Self::Literal(_) => "str",
            Self::List(_) | Self::Growing(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::View(view) => match view.kind {
                ViewKind::Keys => "dict_keys",
                ViewKind::Values => "dict_values",
                ViewKind::Items => "dict_items",
            },
            Self::Range(_) => "range",
            Self::Method(_) => "builtin_function_or_method",
            Self::Function(Function::Range | Function::Dict | Function::Namespace) => "type",
            Self::Function(_) => "function",
            Self::Object(object) => match object {
                Object::Namespace(_) => "Namespace",
                Object::Loop(_) => "LoopContext",
                Object::Iterator(_) => "generator",
                Object::Cycler(_) => "Cycler",
                Object::Joiner(_) => "Joiner",
                Object::Macro(_) => "Macro",
            },
        }
    }
}
