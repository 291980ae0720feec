//! Values with a state: namespaces, cyclers, joiners, macros.

use super::Machine;
use crate::builtins::arguments::Args;
use crate::builtins::functions::dict_entries;
use crate::compile::program::LoopAttribute;
use crate::error::{Error, ErrorKind, Result};
use crate::value::operators;
use crate::value::text::{Text, small};
use crate::value::{Entry, Object, Value};

pub(super) struct Namespace<'a> {
    pub entries: Vec<Entry<'a>>,
}

impl Namespace<'_> {
    pub(super) fn copy(&self) -> Self {
        Self { entries: self.entries.iter().map(|entry| Entry::new(entry.key, entry.value)).collect() }
    }
}

pub(super) struct Cycler<'a> {
    items: &'a [Value<'a>],
    at: usize,
}

pub(super) struct Joiner<'a> {
    separator: Value<'a>,
    used: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct MacroValue {
    pub function: usize,
    /// The frame it was defined in, and which of the frames in that place.
    pub frame: usize,
    pub serial: u32,
}

impl<'a> Machine<'a> {
    pub fn make_namespace(&mut self, args: Args<'a>) -> Result<Value<'a>> {
        let entries = dict_entries(self, args)?;
        for entry in &entries {
            check_name(entry.key)?;
        }
        self.untold();
        self.memory.reserve(size_of::<Namespace<'_>>() + entries.len() * size_of::<Entry<'_>>())?;
        self.namespaces.push(Namespace { entries });
        Ok(Value::Object(Object::Namespace(small(self.namespaces.len() - 1))))
    }

    pub(super) fn set_namespace(&mut self, number: u32, name: Value<'a>, value: Value<'a>) -> Result<()> {
        check_name(name)?;
        let entries = &mut self.namespaces[number as usize].entries;
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key.as_str() == name.as_str()) {
            entry.value = value;
        } else {
            self.memory.reserve(size_of::<Entry<'_>>())?;
            entries.push(Entry::new(name, value));
        }
        Ok(())
    }

    pub(super) fn namespace_item(&self, number: u32, name: &str) -> Option<Value<'a>> {
        let entries = &self.namespaces[number as usize].entries;
        entries.iter().find(|entry| entry.key.as_str() == Some(name)).map(|entry| entry.value)
    }

    pub fn make_cycler(&mut self, args: Args<'a>) -> Result<Value<'a>> {
        if args.positional.is_empty() || !args.keywords.is_empty() {
            return Err(operators::type_error("cycler() takes items"));
        }
        self.memory.reserve(size_of::<Cycler<'_>>())?;
        self.cyclers.push(Cycler { items: args.positional, at: 0 });
        Ok(Value::Object(Object::Cycler(small(self.cyclers.len() - 1))))
    }

    pub fn make_joiner(&mut self, args: Args<'a>) -> Result<Value<'a>> {
        let [separator] = args.bind("joiner", ["sep"], 0)?;
        let comma = self.memory.text(Text::template(", "))?;
        self.memory.reserve(size_of::<Joiner<'_>>())?;
        self.joiners.push(Joiner { separator: separator.unwrap_or(comma), used: false });
        Ok(Value::Object(Object::Joiner(small(self.joiners.len() - 1))))
    }

    /// Calls an object that is not a macro.
    pub(super) fn call_object(&mut self, object: Object, args: Args<'a>) -> Result<Value<'a>> {
        match object {
            Object::Loop(serial) => {
                let [items] = args.bind("loop", ["iterable"], 1)?;
                self.loop_call(serial, items.unwrap_or(Value::None))
            }
            Object::Joiner(number) => {
                args.none("joiner")?;
                self.untold();
                let joiner = &mut self.joiners[number as usize];
                if joiner.used {
                    return Ok(joiner.separator);
                }
                joiner.used = true;
                self.memory.text(Text::EMPTY)
            }
            object => {
                let name = Value::Object(object).type_name();
                Err(operators::type_error(format!("'{name}' object is not callable")))
            }
        }
    }

    pub(super) fn call_object_method(
        &mut self,
        object: Object,
        name: &str,
        args: Args<'a>,
    ) -> Result<Value<'a>> {
        match (object, name) {
            (Object::Loop(serial), "cycle") => self.loop_cycle(serial, args.positional),
            (Object::Loop(serial), "changed") => self.loop_changed(serial, args.positional),
            (Object::Cycler(number), "next") => {
                self.untold();
                args.none("next")?;
                let cycler = &mut self.cyclers[number as usize];
                let item = cycler.items.get(cycler.at).copied().unwrap_or(Value::None);
                cycler.at = (cycler.at + 1) % cycler.items.len().max(1);
                Ok(item)
            }
            (Object::Cycler(number), "reset") => {
                args.none("reset")?;
                self.untold();
                self.cyclers[number as usize].at = 0;
                Ok(Value::None)
            }
            _ => Err(Error::new(ErrorKind::Unsupported, format!("the method '{name}' is not supported"))),
        }
    }

    /// A plain attribute, or a method, of an object that is not a namespace.
    pub(super) fn object_attribute(&mut self, object: Object, name: &'a str) -> Result<Option<Value<'a>>> {
        let method = match object {
            Object::Loop(_) => matches!(name, "cycle" | "changed"),
            Object::Cycler(_) => matches!(name, "next" | "reset"),
            _ => false,
        };
        if method {
            let method = crate::value::Method { object: Value::Object(object), name };
            return Ok(Some(Value::Method(self.memory.alloc(method)?)));
        }
        match (object, name) {
            (Object::Loop(serial), name) => {
                LoopAttribute::named(name).map(|attribute| self.loop_attribute(serial, attribute)).transpose()
            }
            (Object::Cycler(number), "current") => {
                let cycler = &self.cyclers[number as usize];
                Ok(cycler.items.get(cycler.at).copied())
            }
            (Object::Cycler(number), "pos") => {
                Ok(Some(Value::Int(i64::try_from(self.cyclers[number as usize].at).unwrap_or(0))))
            }
            (Object::Cycler(number), "items") => {
                let items = self.cyclers[number as usize].items;
                self.memory.tuple(items).map(Some)
            }
            (Object::Macro(number), name) => self.macro_attribute(number, name),
            (Object::Joiner(number), "sep") => Ok(Some(self.joiners[number as usize].separator)),
            (Object::Joiner(number), "used") => Ok(Some(Value::Bool(self.joiners[number as usize].used))),
            _ => Ok(None),
        }
    }

    fn macro_attribute(&mut self, number: u32, name: &str) -> Result<Option<Value<'a>>> {
        let code = &self.program.functions[self.macros[number as usize].function];
        let takes = |name: &str| code.parameters.iter().any(|parameter| &*parameter.name.0 == name);
        Ok(Some(match name {
            // The body of a call block.
            "name" if code.name.is_empty() => Value::None,
            "name" => self.memory.text(Text::template(&code.name))?,
            "arguments" => {
                let names: Vec<_> =
                    code.parameters.iter().map(|parameter| Value::Literal(&parameter.name)).collect();
                self.memory.tuple(&names)?
            }
            "catch_kwargs" => Value::Bool(code.more_keywords.is_some()),
            "catch_varargs" => Value::Bool(code.more_positional.is_some()),
            "caller" => Value::Bool(code.caller.is_some() || takes("caller")),
            _ => return Ok(None),
        }))
    }

    /// What printing an object gives; where Python prints an address there is nothing to be equal to.
    pub(super) fn object_text(&mut self, object: Object) -> Result<String> {
        match object {
            Object::Namespace(number) => {
                let mut out = String::from("<Namespace {");
                for (at, entry) in self.namespaces[number as usize].entries.iter().enumerate() {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    operators::write_repr(&mut self.memory, &mut out, entry.key)?;
                    out.push_str(": ");
                    operators::write_repr(&mut self.memory, &mut out, entry.value)?;
                }
                out.push_str("}>");
                Ok(out)
            }
            Object::Loop(serial) => {
                let length = self.loop_length(serial)?;
                let index = self.loop_attribute(serial, LoopAttribute::Index)?.as_index().unwrap_or(0);
                Ok(format!("<LoopContext {index}/{length}>"))
            }
            Object::Macro(number) => {
                let function = self.macros[number as usize].function;
                Ok(format!("<Macro '{}'>", self.program.functions[function].name))
            }
            Object::Iterator(_) | Object::Cycler(_) | Object::Joiner(_) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("a {} is printed: Python would print its address", Value::Object(object).type_name()),
            )),
        }
    }
}

fn check_name(name: Value<'_>) -> Result<()> {
    match name.as_str() {
        Some(name) if name.starts_with('_') => Err(Error::new(
            ErrorKind::Security,
            format!("chat templates cannot store underscore-prefixed attributes on a namespace: '{name}'"),
        )),
        _ => Ok(()),
    }
}
