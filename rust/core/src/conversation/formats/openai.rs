//! `{"messages": [{"role", "content", ..}]}`, as OpenAI's API takes it.

use super::{Format, list};
use crate::conversation::message::{self, Message};
use crate::error::Result;
use crate::json::Object;

pub(super) fn each(record: &Object) -> Result<impl Iterator<Item = Result<Message>>> {
    Ok(message::each(list(record, "messages", Format::Messages)?, 0))
}
