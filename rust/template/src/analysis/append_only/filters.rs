//! Filters: what they make of lists that grow.

use super::state::State;
use super::value::{Growing, Known, Value, Why};
use super::{Analysis, Result};
use crate::ast::FilterCall;

impl<'e> Analysis<'e> {
    pub(super) fn filter(
        &mut self,
        state: &mut State<'e>,
        object: &Value<'e>,
        filter: &'e FilterCall,
    ) -> Result<Value<'e>> {
        let mut arguments = Vec::new();
        filter.arguments.walk(&mut |argument| arguments.push(argument));
        let arguments: Vec<_> =
            arguments.into_iter().map(|argument| self.eval(state, argument)).collect::<Result<_>>()?;
        let with = self.combine(state, &arguments);
        let Value::Same(_) = with else { return Ok(self.combine(state, [object, &with])) };
        Ok(match (object, filter.name.as_str()) {
            (_, "random") => Value::opaque("chance", self.place),
            (Value::Same(known), "default" | "d") => of_default(*known, &arguments),
            (Value::Same(known @ (Known::Int(_) | Known::Index(..))), "int") => Value::Same(*known),
            (
                Value::Same(_),
                "map" | "select" | "reject" | "selectattr" | "rejectattr" | "items" | "batch" | "slice"
                | "unique" | "reverse",
            ) => {
                if filter.name == "map" && maps_to_iterators(filter) {
                    return Ok(Value::opaque("iterators in an iterator", self.place));
                }
                Value::Same(Known::Iterator(self.loops.len()))
            }
            (Value::Growing(list), "default" | "d") => Value::Growing(*list),
            (Value::Growing(list), _) => self.of_growing(*list, filter),
            _ => self.combine(state, [object]),
        })
    }

    fn of_growing(&self, list: Growing, filter: &FilterCall) -> Value<'e> {
        match filter.name.as_str() {
            "list" => Value::Growing(Growing { iterator: None, ..list }),
            "length" | "count" if list.iterator.is_none() => Value::Length(list, 0),
            "first" if list.at_least > 0 => Value::ANYTHING,
            "map" if maps_to_iterators(filter) => Value::opaque("iterators in an iterator", self.place),
            "map" | "select" | "reject" | "selectattr" | "rejectattr" => {
                Value::Growing(Growing { iterator: Some(self.loops.len()), ..Growing::ANY })
            }
            "first" => Value::differs(Why::Count, self.place),
            "last" | "reverse" => Value::differs(Why::Tail, self.place),
            _ => Value::differs(Why::Whole, self.place),
        }
    }
}

fn of_default(known: Known, arguments: &[Value<'_>]) -> Value<'static> {
    let falsy = |known| matches!(known, Known::Truth(false) | Known::Empty);
    match (known, arguments) {
        (iterator @ Known::Iterator(_), _) => Value::Same(iterator),
        (_, [Value::Same(iterator @ Known::Iterator(_)), ..]) => Value::Same(*iterator),
        (known, [Value::Same(other), ..]) if falsy(known) && falsy(*other) => {
            Value::Same(Known::Truth(false))
        }
        _ => Value::ANYTHING,
    }
}

/// `map('select', ..)`: each item is an iterator of its own.
fn maps_to_iterators(filter: &FilterCall) -> bool {
    let first = filter.arguments.positional.first();
    filter.arguments.keywords.iter().all(|(name, _)| name != "attribute")
        && !first.and_then(super::expressions::constant_text).is_some_and(|name| {
            matches!(
                name,
                "trim"
                    | "upper"
                    | "lower"
                    | "title"
                    | "capitalize"
                    | "string"
                    | "tojson"
                    | "length"
                    | "join"
                    | "first"
                    | "last"
                    | "int"
                    | "float"
                    | "replace"
                    | "default"
                    | "safe"
                    | "escape"
                    | "list"
            )
        })
}
