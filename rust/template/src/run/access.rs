//! Attributes and items, in the order in which Jinja2's sandbox looks for them.

use super::Machine;
use crate::builtins::methods;
use crate::compile::program::Name;
use crate::error::{ErrorKind, Result};
use crate::run::iterate::Iter;
use crate::value::memory::Memory;
use crate::value::operators;
use crate::value::slices;
use crate::value::text::Text;
use crate::value::{Dict, Function, Items, Method, Missing, Object, Undefined, Value, ViewKind};

/// Attributes that every object of Python has; the sandbox hides them.
const HIDDEN: [&str; 23] = [
    "__class__",
    "__delattr__",
    "__dir__",
    "__doc__",
    "__eq__",
    "__format__",
    "__ge__",
    "__getattribute__",
    "__gt__",
    "__hash__",
    "__init__",
    "__init_subclass__",
    "__le__",
    "__lt__",
    "__ne__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__repr__",
    "__setattr__",
    "__sizeof__",
    "__str__",
    "__subclasshook__",
];

impl<'a> Machine<'a> {
    /// `object.name` with the name of an expression.
    pub(super) fn named(&mut self, object: Value<'a>, name: &'a Name) -> Result<Value<'a>> {
        if let Value::Dict(dict) = object
            && name.is_item_of_dict
        {
            return match dict.find(&mut self.memory, &name.text.0)? {
                Some(value) => Ok(value),
                None => self.missing(object, Value::Literal(&name.text)),
            };
        }
        if let (Value::Object(Object::Loop(serial)), Some(attribute)) = (object, name.of_loop) {
            return self.loop_attribute(serial, attribute);
        }
        self.attribute(object, &name.text.0)
    }

    /// `environment.getattr(object, name)`: an attribute, else an item.
    pub fn attribute(&mut self, object: Value<'a>, name: &'a str) -> Result<Value<'a>> {
        if let Value::Undefined(undefined) = object
            && !HIDDEN.contains(&name)
        {
            return Err(operators::undefined_error(undefined));
        }
        if let Some(found) = self.own_attribute(object, name)? {
            return Ok(found);
        }
        let key = self.memory.text(Text::template(name))?;
        match self.own_item(object, key)? {
            Some(found) => Ok(found),
            None => self.missing(object, key),
        }
    }

    /// `environment.getitem(object, key)`: an item, else an attribute.
    pub fn item(&mut self, object: Value<'a>, key: Value<'a>) -> Result<Value<'a>> {
        if let Value::Undefined(undefined) = object {
            return Err(operators::undefined_error(undefined));
        }
        if let Some(found) = self.own_item(object, key)? {
            return Ok(found);
        }
        if let Some(name) = key.as_str()
            && let Some(found) = self.own_attribute(object, name)?
        {
            return Ok(found);
        }
        self.missing(object, key)
    }

    fn missing(&mut self, object: Value<'a>, name: Value<'a>) -> Result<Value<'a>> {
        Ok(Value::Undefined(Undefined::Missing(self.memory.alloc(Missing { object, name })?)))
    }

    /// `getattr(object, name)` within the sandbox's limits; `None` for an AttributeError.
    fn own_attribute(&mut self, object: Value<'a>, name: &'a str) -> Result<Option<Value<'a>>> {
        match object {
            Value::Object(Object::Namespace(number)) => return Ok(self.namespace_item(number, name)),
            Value::Tuple(items) if items.is_group => {
                let at = ["grouper", "list"].iter().position(|known| *known == name);
                if let Some(item) = at.and_then(|at| items.items.get(at)) {
                    return Ok(Some(*item));
                }
            }
            Value::Object(object) if !name.starts_with('_') => return self.object_attribute(object, name),
            _ => {}
        }
        if name.starts_with('_') && HIDDEN.contains(&name) || methods::forbidden(object, name) {
            let hint = format!("access to attribute '{name}' of '{}' object is unsafe.", object.type_name());
            let hint = self.memory.str(&hint)?;
            return Ok(Some(Value::Undefined(Undefined::Unsafe(self.memory.alloc(hint)?))));
        }
        if name.starts_with('_') {
            return Ok(None);
        }
        if let Some(value) = methods::attribute(&mut self.memory, object, name) {
            return Ok(Some(value));
        }
        let is_method = matches!((object, name), (Value::Function(Function::Dict), "fromkeys"))
            || methods::has(object, name);
        if !is_method {
            return Ok(None);
        }
        Ok(Some(Value::Method(self.memory.alloc(Method { object, name })?)))
    }

    /// `object[key]`; `None` for a TypeError or LookupError.
    fn own_item(&mut self, object: Value<'a>, key: Value<'a>) -> Result<Option<Value<'a>>> {
        Ok(match object {
            Value::Dict(dict) => match key.as_str() {
                Some(name) => dict.find(&mut self.memory, name)?,
                None if is_unhashable(&mut self.memory, key)? => None,
                None => dict_item(&mut self.memory, dict, key)?,
            },
            Value::List(items) | Value::Tuple(items) => list_item(items, key),
            Value::Str(_) | Value::Literal(_) => {
                let (Some(text), Some(index)) = (object.as_text(), key.as_index()) else {
                    return Ok(None);
                };
                match slices::character(&mut self.memory, text.str, index)? {
                    Some((start, end)) => {
                        let text = text.cut(&mut self.memory, start, end)?;
                        Some(self.memory.text(text)?)
                    }
                    None => None,
                }
            }
            Value::Range(range) => key.as_index().and_then(|index| {
                let index = position(index, range.len())?;
                range.get(index).map(Value::Int)
            }),
            _ => None,
        })
    }

    /// `item in container`
    pub fn contains(&mut self, container: Value<'a>, item: Value<'a>) -> Result<bool> {
        match container {
            Value::Str(_) | Value::Literal(_) => {
                let text = container.as_str().unwrap_or_default();
                self.memory.work(text.len())?;
                match item.as_str() {
                    Some(part) if part.len() > text.len() => Ok(false),
                    Some(part) => {
                        self.memory.work(part.len())?;
                        Ok(memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some())
                    }
                    None => Err(operators::type_error(format!(
                        "'in <string>' requires string as left operand, not {}",
                        item.type_name()
                    ))),
                }
            }
            Value::Dict(dict) => {
                operators::hashable(&mut self.memory, item)?;
                let found = match item.as_str() {
                    Some(name) => dict.find(&mut self.memory, name),
                    None => dict_item(&mut self.memory, dict, item),
                };
                found.map(|found| found.is_some())
            }
            Value::View(view) if view.kind == ViewKind::Keys => self.contains(Value::Dict(view.dict), item),
            Value::Object(Object::Namespace(_)) => {
                Err(operators::type_error("argument of type 'Namespace' is not iterable"))
            }
            container => {
                let mut iter = Iter::new(container)?;
                while let Some(candidate) = self.next(&mut iter)? {
                    self.memory.step()?;
                    if operators::same(&mut self.memory, candidate, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// Whether `hash(key)` is a TypeError.
fn is_unhashable(memory: &mut Memory<'_>, key: Value<'_>) -> Result<bool> {
    match operators::hashable(memory, key) {
        Ok(()) => Ok(false),
        Err(error) if error.kind == ErrorKind::Type => Ok(true),
        Err(error) => Err(error),
    }
}

fn dict_item<'a>(memory: &mut Memory<'a>, dict: &'a Dict<'a>, key: Value<'a>) -> Result<Option<Value<'a>>> {
    for entry in dict.entries {
        if operators::same(memory, entry.key, key)? {
            entry.read.set(true);
            return Ok(Some(entry.value));
        }
    }
    Ok(None)
}

fn list_item<'a>(items: &Items<'a>, key: Value<'a>) -> Option<Value<'a>> {
    let index = position(key.as_index()?, items.items.len())?;
    items.items.get(index).copied()
}

/// The place that an index means, counted from the end if negative.
fn position(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index + i64::try_from(length).ok()? } else { index };
    usize::try_from(index).ok()
}
