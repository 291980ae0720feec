//! An item of a list of messages, sorted out by its format and not checked any further.

use super::role::Role;
use crate::error::{Error, Result};
use crate::json::{Object, Value};

/// What a format makes of an item of its lists.
pub type ReadItem = fn(&Object) -> Item;

/// An item with its role and content under the names that the other stages know.
pub struct Item {
    pub role: Result<Role>,
    /// The key that the role stands under in the record.
    pub role_key: &'static str,
    /// Role and content come first if there is a call.
    pub fields: Object,
    /// The tool calls of an item that is nothing else.
    pub call: Option<Value>,
    /// Why the item is refused, whoever says it.
    pub fault: Option<Error>,
}
