//! `{"messages": [{"role", "content", ..}]}`, as OpenAI's API takes it.

use super::{Declaration, Format, list};
use crate::conversation::item::Item;
use crate::conversation::outline::Outline;
use crate::conversation::role::OPENAI_NAMES;
use crate::json::Object;

pub(super) const DECLARATION: Declaration = Declaration {
    keys: &["messages", "parallel_tool_calls"],
    outline,
    role_names: &OPENAI_NAMES,
    name_of_role: |_, role| role.name(),
};

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    if let Some(items) = outline.note(list(record, "messages", Format::Messages)) {
        outline.push_list("messages", items, item, true);
    }
    outline
}

pub(super) fn item(object: &Object) -> Item {
    Item {
        role: OPENAI_NAMES.read(object, "role", "\"role\""),
        role_key: "role",
        fields: object.clone(),
        call: None,
        fault: None,
    }
}
