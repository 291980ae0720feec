//! `{"messages": [{"role", "content", ..}]}`, as OpenAI's API takes it.

use super::{EachMessage, Format, list};
use crate::conversation::message;
use crate::error::Result;
use crate::json::Object;

pub(super) fn each_message(record: &Object) -> Result<EachMessage<'_>> {
    Ok(Box::new(message::read_each(list(record, "messages", Format::Messages)?, 0)))
}
