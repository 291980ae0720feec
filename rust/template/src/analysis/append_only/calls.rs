//! Calls: macros, which are followed into, and what Jinja2 and transformers define.

use std::collections::{BTreeMap, BTreeSet};

use super::super::unset;
use super::expressions::constant_text;
use super::state::State;
use super::value::{Hint, Known, Value, Why};
use super::{Analysis, Result};
use crate::ast::{Arguments, Expr, ExprKind, Function};

/// Macros inside of each other that are followed.
const MAX_CALLS: usize = 8;

/// The arguments of a call.
struct Passed<'e> {
    positional: Vec<Value<'e>>,
    keywords: Vec<(&'e str, Value<'e>)>,
    /// `*args` and `**kwargs`
    more: Option<Value<'e>>,
}

impl<'e> Passed<'e> {
    fn all(&self) -> impl Iterator<Item = &Value<'e>> {
        self.positional.iter().chain(self.keywords.iter().map(|(_, value)| value)).chain(&self.more)
    }
}

impl<'e> Analysis<'e> {
    pub(super) fn call(
        &mut self,
        state: &mut State<'e>,
        call: &'e Expr,
        callee: &'e Expr,
        arguments: &'e Arguments,
    ) -> Result<Value<'e>> {
        match &callee.kind {
            ExprKind::Name(name) if state.is_bound(name) => {
                let callee = self.eval(state, callee)?;
                let passed = self.passed(state, arguments)?;
                match callee {
                    Value::Macro(function, scope) => self.call_macro(state, function, scope, &passed),
                    callee => Ok(self.combine(state, [&callee].into_iter().chain(passed.all()))),
                }
            }
            ExprKind::Name(name) => {
                let passed = self.passed(state, arguments)?;
                self.call_global(state, call, name, passed)
            }
            ExprKind::Attribute { object, name } => {
                let object = self.eval(state, object)?;
                let passed = self.passed(state, arguments)?;
                Ok(self.call_method(state, &object, name, arguments, &passed))
            }
            _ => {
                let callee = self.eval(state, callee)?;
                let passed = self.passed(state, arguments)?;
                Ok(self.combine(state, [&callee].into_iter().chain(passed.all())))
            }
        }
    }

    fn passed(&mut self, state: &mut State<'e>, arguments: &'e Arguments) -> Result<Passed<'e>> {
        let mut positional = Vec::new();
        for argument in &arguments.positional {
            positional.push(self.eval(state, argument)?);
        }
        let mut keywords = Vec::new();
        for (name, argument) in &arguments.keywords {
            keywords.push((name.as_str(), self.eval(state, argument)?));
        }
        let mut more = Vec::new();
        for argument in arguments.more_positional.iter().chain(&arguments.more_keywords) {
            let value = self.eval(state, argument)?;
            more.push(self.lose(state, &value));
        }
        let more = if more.is_empty() { None } else { Some(self.combine(state, &more)) };
        Ok(Passed { positional, keywords, more })
    }

    fn call_global(
        &mut self,
        state: &mut State<'e>,
        call: &'e Expr,
        name: &str,
        passed: Passed<'e>,
    ) -> Result<Value<'e>> {
        match name {
            "range" if passed.keywords.is_empty() && passed.more.is_none() => {
                Ok(self.range(state, &passed.positional))
            }
            "namespace" => self.new_namespace(state, call, passed),
            "cycler" | "joiner" | "lipsum" => {
                self.combine(state, passed.all());
                Ok(Value::opaque("a helper that changes with each use", self.place))
            }
            _ => Ok(self.combine(state, passed.all())),
        }
    }

    fn new_namespace(
        &mut self,
        state: &mut State<'e>,
        call: &'e Expr,
        passed: Passed<'e>,
    ) -> Result<Value<'e>> {
        let site = (call.place.line, call.place.column);
        self.spend(state.attributes.len())?;
        state.attributes.retain(|(known, _), _| *known != site);
        let unnamed = self.combine(state, passed.positional.iter().chain(&passed.more));
        if matches!(unnamed, Value::Differs(..)) {
            state.lost.insert(site);
        }
        for (name, value) in passed.keywords {
            self.write(state, site, name, value)?;
        }
        Ok(Value::Namespace(site))
    }

    fn call_method(
        &mut self,
        state: &mut State<'e>,
        object: &Value<'e>,
        name: &str,
        arguments: &'e Arguments,
        passed: &Passed<'e>,
    ) -> Value<'e> {
        let key = arguments.positional.first().and_then(constant_text);
        let of_role = name == "get" && key == Some("role") && passed.all().count() == 1;
        match object {
            Value::Same(Known::Message(at)) if of_role => Value::Same(Known::Role(*at)),
            // Where it is undefined, this raises.
            Value::Differs(_, Hint::Next(at)) if of_role => Value::Same(Known::NextRole(*at)),
            Value::Differs(_, Hint::Next(_) | Hint::Absent) => self.combine(state, passed.all()),
            Value::Loop(at) if name == "cycle" && self.loops.len() > *at => {
                let index = match &self.loops.get(*at).map(|open| &open.over) {
                    Some(super::loops::Over::Differs(reason)) => {
                        Value::Differs(reason.clone(), Hint::Nothing)
                    }
                    _ => Value::ANYTHING,
                };
                self.combine(state, passed.all().chain([&index]))
            }
            Value::Growing(_) => {
                self.combine(state, passed.all());
                Value::differs(Why::Whole, self.place)
            }
            _ => self.combine(state, passed.all().chain([object])),
        }
    }

    fn call_macro(
        &mut self,
        state: &mut State<'e>,
        function: &'e Function,
        scope: usize,
        passed: &Passed<'e>,
    ) -> Result<Value<'e>> {
        let same = passed.all().all(|value| matches!(value, Value::Same(_)));
        if same && self.reads_the_same(state, function, scope, &mut BTreeSet::new())? {
            return Ok(Value::ANYTHING);
        }
        if self.calls.len() == MAX_CALLS || self.calls.iter().any(|open| std::ptr::eq(*open, function)) {
            return Err(self.doubt("a macro that calls itself, with what may differ, is not followed"));
        }
        let inner = state.scopes.split_off((scope + 1).min(state.scopes.len()));
        state.scopes.push(BTreeMap::new());
        self.calls.push(function);
        let text = self.capture(state, |analysis, state| {
            analysis.bind(state, function, passed)?;
            analysis.block(state, &function.body)
        });
        self.calls.pop();
        state.scopes.truncate(scope + 1);
        state.scopes.extend(inner);
        text
    }

    fn bind(&mut self, state: &mut State<'e>, function: &'e Function, passed: &Passed<'e>) -> Result<()> {
        let without_default = function.parameters.len().saturating_sub(function.defaults.len());
        for (at, name) in function.parameters.iter().enumerate() {
            let given = passed.positional.get(at).or_else(|| {
                let keyword = passed.keywords.iter().find(|(keyword, _)| keyword == name);
                keyword.map(|(_, value)| value)
            });
            let default = at.checked_sub(without_default).and_then(|at| function.defaults.get(at));
            let value = match (given, default, &passed.more) {
                // Its scope is not one of this macro's.
                (Some(given @ Value::Macro(_, 2..)), ..) => self.lose(state, given),
                (Some(given), _, None) => given.clone(),
                (given, _, Some(more)) => self.combine(state, given.into_iter().chain([more])),
                (None, Some(default), None) => self.eval(state, default)?,
                (None, None, None) => Value::Same(Known::Empty),
            };
            state.set(name, value);
        }
        let takes = |name: &str| function.parameters.iter().any(|parameter| parameter == name);
        let keywords = passed.keywords.iter().filter(|(name, _)| !takes(name)).map(|(_, value)| value);
        let rest =
            passed.positional.iter().skip(function.parameters.len()).chain(keywords).chain(&passed.more);
        let rest: Vec<_> = rest.map(|value| self.lose(state, value)).collect();
        let rest = self.combine(state, &rest);
        for (name, value) in [("varargs", &rest), ("kwargs", &rest), ("caller", &Value::ANYTHING)] {
            if !takes(name) {
                state.set(name, value.clone());
            }
        }
        Ok(())
    }

    /// Whether all that a macro reads from around it is the same in both renderings, so that its text is, too.
    fn reads_the_same(
        &mut self,
        state: &State<'e>,
        function: &'e Function,
        scope: usize,
        known: &mut BTreeSet<usize>,
    ) -> Result<bool> {
        let address = std::ptr::from_ref(function).addr();
        if !known.insert(address) {
            return Ok(true);
        }
        let mentions = self.mentions(function)?;
        self.spend(mentions.len())?;
        for name in mentions {
            let same = match state.get_in(scope, name) {
                Value::Same(Known::Iterator(_)) => false,
                Value::Same(_) => true,
                Value::Macro(function, scope) => self
                    .nested(self.place, |analysis| analysis.reads_the_same(state, function, scope, known))?,
                _ => false,
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn mentions(&mut self, function: &'e Function) -> Result<BTreeSet<&'e str>> {
        let address = std::ptr::from_ref(function).addr();
        if let Some(known) = self.mentions.get(&address) {
            return Ok(known.clone());
        }
        let (names, nodes) = unset::of_function(function);
        self.spend(nodes)?;
        self.mentions.insert(address, names.clone());
        Ok(names)
    }

    /// `{% call macro(..) %}body{% endcall %}`
    pub(super) fn eval_call_block(
        &mut self,
        state: &mut State<'e>,
        call: &'e Expr,
        caller: &'e Function,
    ) -> Result<Value<'e>> {
        let scope = state.scopes.len().saturating_sub(1);
        let value = self.eval(state, call)?;
        if self.reads_the_same(state, caller, scope, &mut BTreeSet::new())?
            && let ExprKind::Call { callee, .. } = &call.kind
            && let ExprKind::Name(name) = &callee.kind
            && let Value::Macro(function, scope) = state.get(name)
            && self.reads_the_same(state, function, scope, &mut BTreeSet::new())?
        {
            return Ok(value);
        }
        Err(self.doubt("a call with a body is not followed"))
    }
}
