//! What a client would post to a server for the prompts of a record's samples.
//!
//! In: an expander and a record. Out: for each sample that expanding gives the body of a request for a chat completion,
//! made of the messages that the prompt of its last target shows, of the record's tools, and of the template arguments
//! that it was rendered with. Nothing is sent.

use crate::conversation::Conversation;
use crate::error::{Error, Result};
use crate::expand::{Expander, PromptSource, Workspace};
use crate::json::{Object, Value, write};
use crate::model::Renderer;
use crate::read::Record;

/// The bodies as a JSON list in the order of the samples; null where a sample has no prompt of its own.
pub fn requests_of_record(expander: &Expander, record: Record<'_>) -> Result<String> {
    let mut workspace = Workspace::default();
    let read = expander.read(record, &mut workspace);
    let read = read.map_err(|error: Error| error.at_line(record.file, record.line))?;
    let (_, trace) = expander.expand_traced(record, &read, &mut workspace);
    let bodies = trace.texts.iter().map(|text| {
        let source = text.prompt.as_ref();
        source.map_or(Value::Null, |source| body(&expander.renderer, &read.conversation, source))
    });
    Ok(write(&Value::Array(bodies.collect())))
}

fn body(renderer: &Renderer, conversation: &Conversation, source: &PromptSource) -> Value {
    let Conversation { messages, tools, template_kwargs, .. } = conversation;
    let shown: Vec<&Object> =
        source.messages.iter().filter_map(|at| messages.get(*at)).map(|message| &message.fields).collect();
    let own = template_kwargs.iter().map(|(name, value)| (name.clone(), value.clone()));
    let switches = source.arguments.iter().map(|(name, value)| (name.as_str().into(), Value::Bool(*value)));
    renderer.request_of(&shown, tools.as_ref(), &own.chain(switches).collect())
}
