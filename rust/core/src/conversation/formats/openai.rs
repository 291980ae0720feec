//! `{"messages": [{"role", "content", ..}]}`, as OpenAI's API takes it, or Anthropic's.

use super::{Declaration, Format, list};
use crate::conversation::blocks;
use crate::conversation::item::Item;
use crate::conversation::outline::{Outline, TurnRule};
use crate::conversation::role::OPENAI_NAMES;
use crate::json::{Object, Value};

pub(super) const DECLARATION: Declaration = Declaration {
    keys: &["messages"],
    item_keys: &[],
    marks: &["messages"],
    fits: None,
    outline,
    rewrite: blocks::rewrite,
    turns: TurnRule::Calls,
    role_names: &OPENAI_NAMES,
    role_key,
    name_of_role: |_, role| role.name(),
};

fn role_key(_: &Object) -> &'static str {
    "role"
}

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    if let Some(items) = list(&mut outline, record, "messages", Format::Messages) {
        outline.push_list("messages", items, item, true);
    }
    outline
}

pub(in crate::conversation) fn item(object: &Object) -> Item {
    let item = Item {
        role: OPENAI_NAMES.read(object, "role", "\"role\""),
        role_key: "role",
        fields: object.clone(),
        call: None,
        repeated_keys: Vec::new(),
        fault: None,
    };
    item.with_call_of_content(object.get("role").and_then(Value::as_str)).with_calls_parsed()
}
