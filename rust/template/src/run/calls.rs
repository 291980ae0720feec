//! Calls: of macros, of methods, of the few functions that templates are given.

use super::Machine;
use super::objects::MacroValue;
use crate::builtins::arguments::Args;
use crate::builtins::functions;
use crate::builtins::methods;
use crate::compile::program::{ArgumentsCode, Call, ExprCode, FunctionCode, MethodCall};
use crate::error::{Error, ErrorKind, Result};
use crate::value::operators;
use crate::value::{Entry, Function, Method, Object, Undefined, Value};

impl<'a> Machine<'a> {
    /// A call expression; `caller` is the body of a call block.
    pub(super) fn call_expr(&mut self, expr: &'a ExprCode, caller: Option<Value<'a>>) -> Result<Value<'a>> {
        match expr {
            ExprCode::Call(call) => {
                let callee = self.eval(&call.callee)?;
                self.call_with(callee, call, caller)
            }
            ExprCode::MethodCall(call) => {
                self.method_call(call, caller).map_err(|error| error.at(call.place))
            }
            _ => Err(operators::type_error("a call block calls nothing")),
        }
    }

    pub(super) fn call_with(
        &mut self,
        callee: Value<'a>,
        call: &'a Call,
        caller: Option<Value<'a>>,
    ) -> Result<Value<'a>> {
        self.arguments(&call.arguments, caller)
            .and_then(|args| self.call(callee, args))
            .map_err(|error| error.at(call.place))
    }

    fn method_call(&mut self, call: &'a MethodCall, caller: Option<Value<'a>>) -> Result<Value<'a>> {
        let object = self.eval(&call.object)?;
        let name = &*call.name.text.0;
        let is_method = match object {
            Value::Dict(_) => !call.name.is_item_of_dict,
            Value::Object(_) | Value::Undefined(_) => false,
            _ => true,
        } && !name.starts_with('_')
            && methods::has(object, name);
        if is_method {
            let args = self.arguments(&call.arguments, caller)?;
            return methods::call(self, object, name, args);
        }
        let callee = self.named(object, &call.name)?;
        let args = self.arguments(&call.arguments, caller)?;
        self.call(callee, args)
    }

    pub(super) fn arguments(
        &mut self,
        arguments: &'a ArgumentsCode,
        caller: Option<Value<'a>>,
    ) -> Result<Args<'a>> {
        let base = self.pending.len();
        let positional = self.positional(arguments, base);
        self.pending.truncate(base);
        let keywords: &[_] = match (arguments.keywords.is_empty(), &arguments.more_keywords, caller) {
            (true, None, None) => &[],
            _ => self.keywords(arguments, caller)?,
        };
        Ok(Args { positional: positional?, keywords })
    }

    fn positional(&mut self, arguments: &'a ArgumentsCode, base: usize) -> Result<&'a [Value<'a>]> {
        if arguments.positional.is_empty() && arguments.more_positional.is_none() {
            return Ok(&[]);
        }
        self.eval_onto_pending(&arguments.positional)?;
        if let Some(more) = &arguments.more_positional {
            let more = self.eval(more)?;
            let more = self.collect(more)?;
            self.pending.extend(more);
        }
        self.memory.slice(&self.pending[base..])
    }

    fn keywords(
        &mut self,
        arguments: &'a ArgumentsCode,
        caller: Option<Value<'a>>,
    ) -> Result<&'a [(&'a str, Value<'a>)]> {
        let mut keywords: Vec<(&'a str, Value<'a>)> = Vec::new();
        for (name, value) in &arguments.keywords {
            let value = self.eval(value)?;
            keywords.push((&name.0, value));
        }
        if let Some(caller) = caller {
            keywords.push(("caller", caller));
        }
        if let Some(more) = &arguments.more_keywords {
            let Value::Dict(more) = self.eval(more)? else {
                return Err(operators::type_error("argument after ** must be a mapping"));
            };
            for (key, value) in more.iter() {
                let Some(name) = key.as_str() else {
                    return Err(operators::type_error("keywords must be strings"));
                };
                keywords.push((name, value));
            }
        }
        for (at, (name, _)) in keywords.iter().enumerate() {
            if keywords[..at].iter().any(|(known, _)| known == name) {
                return Err(operators::type_error(format!(
                    "got multiple values for keyword argument '{name}'"
                )));
            }
        }
        self.memory.slice(&keywords)
    }

    pub fn call(&mut self, callee: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
        match callee {
            Value::Object(Object::Macro(number)) => {
                let text = self.captured(|machine| machine.run_macro(number, args))?;
                self.memory.text(text)
            }
            Value::Object(object) => self.call_object(object, args),
            Value::Method(method) => self.call_method(method, args),
            Value::Function(function) => functions::call(self, function, args),
            Value::Undefined(undefined) => Err(operators::undefined_error(undefined)),
            other => Err(operators::type_error(format!("'{}' object is not callable", other.type_name()))),
        }
    }

    fn call_method(&mut self, method: &'a Method<'a>, args: Args<'a>) -> Result<Value<'a>> {
        match method.object {
            Value::Object(object) => self.call_object_method(object, method.name, args),
            Value::Function(Function::Dict) => {
                Err(Error::new(ErrorKind::Unsupported, "dict.fromkeys is not supported"))
            }
            object => methods::call(self, object, method.name, args),
        }
    }

    pub(super) fn make_macro(&mut self, function: usize) -> Result<Value<'a>> {
        self.memory.reserve(size_of::<MacroValue>())?;
        let frame = self.frames.len() - 1;
        self.macros.push(MacroValue { function, frame, serial: self.frames[frame].serial });
        Ok(Value::Object(Object::Macro(crate::value::text::small(self.macros.len() - 1))))
    }

    /// Runs a macro, printing to the current output.
    pub(super) fn run_macro(&mut self, number: u32, args: Args<'a>) -> Result<()> {
        let MacroValue { function, frame, serial } = self.macros[number as usize];
        if self.frames.get(frame).is_none_or(|frame| frame.serial != serial) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a macro is called after the macro or loop around its definition has ended",
            ));
        }
        let code = &self.program.functions[function];
        self.push_frame(code.slots, frame)?;
        self.enter(&code.entry);
        let done = self.bind(code, args).and_then(|()| self.block(&code.body)).map(drop);
        self.pop_frame();
        done
    }

    /// The arguments of a macro into its slots: by position, by keyword, by default.
    fn bind(&mut self, code: &'a FunctionCode, args: Args<'a>) -> Result<()> {
        let count = code.parameters.len();
        let mut used = 0;
        let mut set = vec![false; if args.positional.len() < count { count } else { 0 }];
        for (at, parameter) in code.parameters.iter().enumerate() {
            let value = args.positional.get(at).copied().or_else(|| {
                let named = args.keywords.iter().find(|(name, _)| *name == &*parameter.name.0);
                used += usize::from(named.is_some());
                named.map(|(_, value)| *value)
            });
            if let Some(value) = value {
                self.store(parameter.slot, value);
                if let Some(set) = set.get_mut(at) {
                    *set = true;
                }
            }
        }
        used += self.bind_extra(code, args)?;
        if used < args.keywords.len() && code.more_keywords.is_none() {
            return Err(operators::type_error(format!(
                "macro '{}' takes no such keyword argument",
                code.name
            )));
        }
        if args.positional.len() > count && code.more_positional.is_none() {
            return Err(operators::type_error(format!(
                "macro '{}' takes not more than {count} argument(s)",
                code.name
            )));
        }
        for (at, parameter) in code.parameters.iter().enumerate() {
            if set.get(at).copied().unwrap_or(true) {
                continue;
            }
            let default = (at + code.defaults.len()).checked_sub(count).and_then(|at| code.defaults.get(at));
            let value = match default {
                Some(default) => self.eval(default)?,
                None => {
                    self.memory.undefined(&format!("parameter '{}' was not provided", parameter.name.0))?
                }
            };
            self.store(parameter.slot, value);
        }
        Ok(())
    }

    /// `caller`, `kwargs` and `varargs` of a macro whose body mentions them; how many keywords that took.
    fn bind_extra(&mut self, code: &'a FunctionCode, args: Args<'a>) -> Result<usize> {
        let mut used = 0;
        if let Some(slot) = code.caller {
            let caller = args.keywords.iter().find(|(name, _)| *name == "caller").map(|(_, caller)| *caller);
            used += usize::from(caller.is_some());
            let caller = match caller {
                None | Some(Value::None) => self.memory.undefined("No caller defined")?,
                Some(caller) => caller,
            };
            self.store(slot, caller);
        }
        if let Some(slot) = code.more_keywords {
            let taken = |name: &str| {
                let later = code.parameters.iter().skip(args.positional.len());
                later.into_iter().any(|parameter| &*parameter.name.0 == name)
                    || (code.caller.is_some() && name == "caller")
            };
            let mut entries = Vec::new();
            for (name, value) in args.keywords.iter().filter(|(name, _)| !taken(name)) {
                let key = self.memory.text(crate::value::text::Text::keyword(name))?;
                entries.push(Entry::new(key, *value));
            }
            let more = self.memory.dict(entries)?;
            self.store(slot, more);
        }
        if let Some(slot) = code.more_positional {
            let more = args.positional.get(code.parameters.len()..).unwrap_or_default();
            let more = self.memory.tuple(more)?;
            self.store(slot, more);
        }
        Ok(used)
    }

    pub fn is_callable(value: Value<'a>) -> bool {
        match value {
            Value::Function(_) | Value::Method(_) => true,
            Value::Object(object) => {
                !matches!(object, Object::Namespace(_) | Object::Iterator(_) | Object::Cycler(_))
            }
            // Jinja2's Undefined has a `__call__`, which raises.
            Value::Undefined(undefined) => !matches!(undefined, Undefined::Unset),
            _ => false,
        }
    }
}
