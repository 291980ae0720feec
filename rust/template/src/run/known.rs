//! Values as they are remembered from one rendering to another.
//!
//! In: a value of a rendering. Out: what it can be compared with in another rendering of the same input, and the value
//! again where it can be made again. Values that cannot be compared have none.

use super::Machine;
use crate::error::Result;
use crate::value::text::{Node, Origin, Source, Span, Text};
use crate::value::{Function, Object, Undefined, Value};

/// The longest text that is compared by what it says.
const MAX_TEXT: usize = 256;

/// A value that can be compared with others later.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    Undefined,
    None,
    Bool(bool),
    Int(i64),
    Float(u64),
    /// Of the input: this many items or bytes, from this byte on.
    Input(Node, u32, usize),
    Text(Box<(String, Vec<Span>)>),
    Function(Function),
    Macro(usize),
    /// The list that grows, from this item on.
    Growing(usize),
}

impl<'a> Machine<'a> {
    pub(super) fn known(&self, value: Value<'a>) -> Option<Known> {
        Some(match value {
            Value::Undefined(Undefined::Unset | Undefined::Plain | Undefined::Name(_)) => Known::Undefined,
            Value::None => Known::None,
            Value::Bool(bool) => Known::Bool(bool),
            Value::Int(int) => Known::Int(int),
            Value::Float(float) => Known::Float(float.to_bits()),
            Value::Str(text) if text.markup => return None,
            Value::Str(text) => match text.origin {
                Origin::One(Source::Input { node, start }) => Known::Input(node, start, text.str.len()),
                _ => return known_text(text),
            },
            Value::Literal(literal) => return known_text(&Text::template(&literal.0)),
            Value::List(items) if items.node != Node::NONE => Known::Input(items.node, 0, items.items.len()),
            Value::Dict(dict) if dict.node != Node::NONE => Known::Input(dict.node, 0, dict.entries.len()),
            Value::Function(function) => Known::Function(function),
            Value::Object(Object::Macro(number)) => Known::Macro(self.macros[number as usize].function),
            _ => return None,
        })
    }

    /// The same as comparing with `known(value)`, without making it.
    pub(super) fn is_known(&self, value: Value<'a>, known: &Known) -> bool {
        match (value, known) {
            (Value::Bool(bool), Known::Bool(before)) => bool == *before,
            (Value::Int(int), Known::Int(before)) => int == *before,
            (Value::None, Known::None) => true,
            (Value::Literal(literal), Known::Text(text)) => {
                let (text, spans) = &**text;
                *literal.0 == **text && spans.iter().copied().eq(Text::template(&literal.0).spans())
            }
            (value, Known::Growing(from)) => self.grows_from(value) == Some(*from),
            (value, known) => self.known(value).is_some_and(|value| value == *known),
        }
    }

    /// What is remembered of a value that is to be made again.
    pub(super) fn known_to_make(&self, value: Value<'a>) -> Option<Known> {
        match value {
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => self.known(value),
            value => known_text(&value.as_text().filter(|text| !text.markup)?),
        }
    }

    /// The value again, of what `known_to_make` gave.
    pub(super) fn made_again(&mut self, known: &Known) -> Result<Value<'a>> {
        Ok(match known {
            Known::Bool(bool) => Value::Bool(*bool),
            Known::Int(int) => Value::Int(*int),
            Known::Float(bits) => Value::Float(f64::from_bits(*bits)),
            Known::Text(text) => {
                let (text, spans) = &**text;
                let str = self.memory.str(text)?;
                let origin = match **spans {
                    [] => Text::EMPTY.origin,
                    [one] => Origin::One(one.source),
                    _ => Origin::Several(self.memory.slice(spans)?),
                };
                self.memory.text(Text { str, origin, markup: false })?
            }
            _ => Value::None,
        })
    }
}

fn known_text(text: &Text<'_>) -> Option<Known> {
    (text.str.len() <= MAX_TEXT).then(|| Known::Text(Box::new((text.str.to_owned(), text.spans().collect()))))
}
