//! Messages, tools and template arguments as the template's own values.
//!
//! In: JSON values, and how this template wants them. Out: values in an arena, each traced to its place. What
//! transformers 5.23 does to a message before the template sees it is done here, and what servers do that feed a
//! template which takes no lists of text parts, or tool arguments in one form only; each such change is counted.

use everyturn_template::{Arena, Inputs, Node, Step, Value};

use super::capabilities::{ArgumentsForm, Capabilities};
use crate::conversation::{Message, REASONING_KEYS, part_texts};
use crate::json::{self, Number, Object, Value as Json};
use crate::serving::{Adaptations, SentMessage};

/// Makes the values of one conversation.
pub(super) struct Values<'a> {
    pub arena: &'a Arena,
    pub inputs: Inputs<'a>,
    pub adaptations: Adaptations,
}

impl<'a> Values<'a> {
    pub fn new(arena: &'a Arena) -> Self {
        Self { arena, inputs: Inputs::new(arena), adaptations: Adaptations::default() }
    }

    /// A variable of the rendering.
    pub fn variable(&mut self, name: &str, value: &Json) -> (&'a str, Value<'a>) {
        let name = &*self.arena.alloc_str(name);
        let node = self.inputs.place(Node::NONE, Step::Variable(name));
        (name, self.value(node, value))
    }

    /// Text that the template may as well have written itself: a special token.
    pub fn constant(&mut self, name: &str, text: &str) -> (&'a str, Value<'a>) {
        let text = &*self.arena.alloc_str(text);
        (&*self.arena.alloc_str(name), self.inputs.constant(text))
    }

    pub fn value(&mut self, node: Node, value: &Json) -> Value<'a> {
        match value {
            Json::Null => Value::None,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(Number::Int(int)) => Value::Int(*int),
            Json::Number(Number::BigInt(digits)) => {
                let digits = &*self.arena.alloc_str(digits);
                self.inputs.big_int(digits)
            }
            Json::Number(Number::Float(float)) => Value::Float(*float),
            Json::String(text) => self.text(node, text),
            Json::Array(items) => {
                let items: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| {
                        let place =
                            self.inputs.place(node, Step::Index(u32::try_from(i).unwrap_or(u32::MAX)));
                        self.value(place, item)
                    })
                    .collect();
                self.inputs.list(node, &items)
            }
            Json::Object(object) => {
                let pairs: Vec<_> = object.iter().map(|(key, value)| self.pair(node, key, value)).collect();
                self.inputs.dict(node, pairs.into_iter())
            }
        }
    }

    fn text(&mut self, node: Node, text: &str) -> Value<'a> {
        let text = &*self.arena.alloc_str(text);
        self.inputs.text(node, text)
    }

    fn key(&mut self, node: Node, key: &str) -> (&'a str, Node) {
        let key = &*self.arena.alloc_str(key);
        (key, self.inputs.place(node, Step::Key(key)))
    }

    fn pair(&mut self, node: Node, key: &str, value: &Json) -> (&'a str, Value<'a>) {
        let (key, place) = self.key(node, key);
        (key, self.value(place, value))
    }

    /// Messages as given, whatever their capabilities.
    pub fn raw_messages(&mut self, messages: &[&Object]) -> Value<'a> {
        let list = self.inputs.place(Node::NONE, Step::Variable("messages"));
        let messages: Vec<_> =
            messages.iter().enumerate().map(|(i, fields)| self.message(list, i, fields)).collect();
        self.inputs.list(list, &messages)
    }

    /// A message as a server hands it over.
    pub fn sent(&mut self, list: Node, sent: &SentMessage<'_>) -> Value<'a> {
        let node = self.inputs.place(list, Step::Index(u32::try_from(sent.message).unwrap_or(u32::MAX)));
        let pairs: Vec<_> = sent.fields.iter().map(|(key, value)| self.pair(node, key, value)).collect();
        self.inputs.dict(node, pairs.into_iter())
    }

    /// A message as transformers hands it over: keys whose value is null are dropped, reasoning is given under each
    /// name that templates read. The order of the keys matters to templates that print a whole message.
    pub fn message(&mut self, list: Node, index: usize, fields: &Object) -> Value<'a> {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let node = self.inputs.place(list, Step::Index(index));
        let pairs: Vec<_> =
            as_transformers(fields).into_iter().map(|(key, value)| self.pair(node, key, value)).collect();
        self.inputs.dict(node, pairs.into_iter())
    }

    /// The same for a message of a record, adapted to what the template takes.
    pub fn adapted(
        &mut self,
        list: Node,
        index: usize,
        message: &Message,
        capabilities: &Capabilities,
    ) -> Value<'a> {
        let node = self.inputs.place(list, Step::Index(u32::try_from(index).unwrap_or(u32::MAX)));
        let takes_parts = capabilities.roles_with_parts.contains(&message.role);
        let mut pairs = Vec::with_capacity(message.fields.len() + 2);
        for (key, value) in as_transformers(&message.fields) {
            pairs.push(match (key, value) {
                ("content", Json::Array(parts)) if !takes_parts => {
                    self.adaptations.joined_parts += 1;
                    let (key, place) = self.key(node, key);
                    // As servers do that feed such a template.
                    (key, self.text(place, &part_texts(parts).join("\n")))
                }
                ("tool_calls", Json::Array(calls)) if capabilities.arguments != ArgumentsForm::Either => {
                    let (key, place) = self.key(node, key);
                    (key, self.tool_calls(place, calls, capabilities.arguments))
                }
                (key, value) => self.pair(node, key, value),
            });
        }
        if capabilities.needs_content && message.calls_tools() && !message.fields.contains_key("content") {
            self.adaptations.filled_contents += 1;
            let (key, place) = self.key(node, "content");
            pairs.push((key, self.text(place, "")));
        }
        self.inputs.dict(node, pairs.into_iter())
    }

    fn tool_calls(&mut self, node: Node, calls: &[Json], form: ArgumentsForm) -> Value<'a> {
        let calls: Vec<_> = calls
            .iter()
            .enumerate()
            .map(|(i, call)| {
                let place = self.inputs.place(node, Step::Index(u32::try_from(i).unwrap_or(u32::MAX)));
                self.call(place, call, form)
            })
            .collect();
        self.inputs.list(node, &calls)
    }

    /// A tool call, its `arguments` in the form asked for; `function` holds them, or the call itself.
    fn call(&mut self, node: Node, call: &Json, form: ArgumentsForm) -> Value<'a> {
        let Json::Object(object) = call else {
            return self.value(node, call);
        };
        let mut pairs = Vec::with_capacity(object.len());
        for (key, value) in object.iter() {
            let (key, place) = self.key(node, key);
            let value = match key {
                "function" => self.call(place, value, form),
                "arguments" => self.arguments(place, value, form),
                _ => self.value(place, value),
            };
            pairs.push((key, value));
        }
        self.inputs.dict(node, pairs.into_iter())
    }

    fn arguments(&mut self, node: Node, arguments: &Json, form: ArgumentsForm) -> Value<'a> {
        match (form, arguments) {
            (ArgumentsForm::Object, Json::String(text)) => {
                // What is not a JSON object stays as it is: the template shows it, or says what is wrong.
                let Ok(object @ Json::Object(_)) = json::parse_with_constants(text) else {
                    return self.value(node, arguments);
                };
                self.adaptations.converted_arguments += 1;
                self.value(node, &object)
            }
            (ArgumentsForm::Text, Json::Object(_)) => {
                self.adaptations.converted_arguments += 1;
                self.text(node, &json::write(arguments))
            }
            _ => self.value(node, arguments),
        }
    }
}

fn as_transformers(fields: &Object) -> Vec<(&str, &Json)> {
    let mut pairs: Vec<(&str, &Json)> =
        fields.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (&**key, value)).collect();
    let find = |pairs: &[(&str, &Json)], key: &str| pairs.iter().position(|(known, _)| *known == key);
    let reasoning = REASONING_KEYS.iter().find_map(|key| find(&pairs, key)).map(|at| pairs[at].1);
    if let Some(reasoning) = reasoning {
        let thinking = find(&pairs, "thinking").map_or(reasoning, |at| pairs.remove(at).1);
        pairs.insert(0, ("thinking", thinking));
        match find(&pairs, "reasoning_content") {
            Some(at) => pairs[at].1 = reasoning,
            None => pairs.push(("reasoning_content", reasoning)),
        }
    }
    pairs
}
