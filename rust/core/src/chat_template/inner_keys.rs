//! Keys of calls and of tools beside those that templates read of them.
//!
//! In: the messages and the tools of a record. Out: where it has such keys, and, once everything is rendered, whether
//! the template has looked at them. Those that a server leaves out it has not.

use everyturn_template::{Arena, Value as TemplateValue};

use super::prepared::Given;
use super::unread_keys::is_empty;
use crate::json::{Object, Value};

/// A key of a call or a tool, or of the function in it.
pub struct InnerKey<'a> {
    /// The number of the message whose call it is.
    pub message: usize,
    /// The number of the call or the tool.
    item: usize,
    is_of_function: bool,
    key: &'a str,
    /// With the keys that lead to it.
    pub name: &'a str,
}

/// Keys of a call, of its function, of a tool and of its function that are read, or say nothing to a model.
const OF_CALL: [&str; 4] = ["id", "type", "index", FUNCTION];
const OF_CALLED: [&str; 5] = ["name", "arguments", "parameters", "id", "type"];
const OF_TOOL: [&str; 4] = ["type", FUNCTION, "cache_control", "defer_loading"];
const OF_DEFINED: [&str; 6] = ["name", "description", "parameters", "strict", "defer_loading", "type"];

const CALLS: &str = "tool_calls";
const FUNCTION: &str = "function";

pub(super) fn of_calls<'a>(arena: &'a Arena, given: &Given<'_>) -> Vec<InnerKey<'a>> {
    let mut found = Vec::new();
    let mut add = |message: usize, fields: &Object| {
        let calls = fields.get(CALLS).and_then(Value::as_array).unwrap_or_default();
        add_keys(arena, (message, CALLS), calls, [&OF_CALL, &OF_CALLED], &mut found);
    };
    match given {
        Given::Adapted(messages) => {
            messages.iter().enumerate().for_each(|(at, message)| add(at, &message.fields));
        }
        Given::Raw(messages) | Given::Sent { of: messages, .. } => {
            messages.iter().enumerate().for_each(|(at, fields)| add(at, fields));
        }
    }
    found
}

pub(super) fn of_tools<'a>(arena: &'a Arena, tools: Option<&Value>) -> Vec<InnerKey<'a>> {
    let tools = tools.and_then(Value::as_array).unwrap_or_default();
    let mut found = Vec::new();
    add_keys(arena, (0, "tools"), tools, [&OF_TOOL, &OF_DEFINED], &mut found);
    found
}

/// Adds the keys of items, and of their functions, that are none of these.
fn add_keys<'a>(
    arena: &'a Arena,
    (message, list): (usize, &str),
    items: &[Value],
    [of_item, of_function]: [&[&str]; 2],
    found: &mut Vec<InnerKey<'a>>,
) {
    for (item, object) in items.iter().enumerate().filter_map(|(at, item)| Some((at, item.as_object()?))) {
        let mut add = |object: &Object, known: &[&str], is_of_function: bool| {
            for (key, _) in object.iter().filter(|(key, value)| !known.contains(&&***key) && !is_empty(value))
            {
                let inner = if is_of_function { ".function" } else { "" };
                let name = arena.alloc_str(&format!("{list}{inner}.{key}"));
                found.push(InnerKey { message, item, is_of_function, key: arena.alloc_str(key), name });
            }
        };
        match object.get(FUNCTION).and_then(Value::as_object) {
            Some(function) => {
                add(object, of_item, false);
                add(function, of_function, true);
            }
            // A function by itself.
            None => add(object, &[of_item, of_function].concat(), true),
        }
    }
}

impl InnerKey<'_> {
    /// Whether the template has looked at it in none of these forms of what has the calls, or of the list of tools.
    pub(super) fn is_unread_in<'f, 'v: 'f>(
        &self,
        mut forms: impl Iterator<Item = &'f TemplateValue<'v>>,
    ) -> bool {
        !forms.any(|form| self.is_read_in(*form))
    }

    fn is_read_in(&self, form: TemplateValue<'_>) -> bool {
        let items = match form.items() {
            [] => form.items_under(CALLS),
            tools => tools,
        };
        let Some(item) = items.get(self.item).copied() else { return false };
        let holder = if self.is_of_function { item.value_under(FUNCTION).unwrap_or(item) } else { item };
        holder.has_read(self.key)
    }
}
