//! `{"query", "response"}`, with an optional `history` and `system`, as ms-swift has them.

use super::history::{self, HISTORY};
use super::{Declaration, Format, openai, required_text};
use crate::conversation::outline::Outline;
use crate::conversation::role::{Role, RoleNames};
use crate::json::{Object, Value};

pub(super) const DECLARATION: Declaration = Declaration {
    keys: &[QUERY, RESPONSE, HISTORY],
    marks: &[QUERY, RESPONSE],
    outline,
    role_names: &RoleNames(&[]),
    ..openai::DECLARATION
};

const QUERY: &str = "query";
const RESPONSE: &str = "response";

fn outline(record: &Object) -> Outline<'_> {
    let mut outline = Outline::default();
    history::push(&mut outline, record);
    for (key, role) in [(QUERY, Role::User), (RESPONSE, Role::Assistant)] {
        outline.note(required_text(record, key, Format::QueryResponse));
        outline.push_content(role, record.get(key).cloned().unwrap_or(Value::Null));
    }
    outline
}
