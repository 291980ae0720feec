//! Which servers send other prompts than the one that is asked for.
//!
//! In: a template with its server, and its source. Out: for each other preset the kinds of made-up chats of which some
//! prompt differs. The chats are as clients have them: arguments as compact text, null for a missing content.

use everyturn_template::Arena;

use super::probes::{CALL_ID, Reasoning, TOOL_NAME, conversation, targets, word};
use crate::chat_template::{ChatTemplate, TemplateSource};
use crate::choice::Choice;
use crate::conversation::Conversation;
use crate::error::Result;
use crate::json::{Value, object};
use crate::options::Serve;
use crate::tokenizer::ControlTokens;

/// A preset, and the kinds of chats of which it has other prompts.
pub(super) struct OtherPrompts {
    pub serve: Serve,
    pub chats: Vec<&'static str>,
}

/// Every preset but the one that is asked for, in the order of their names.
pub(super) fn other_prompts(
    template: &ChatTemplate,
    source: &TemplateSource,
    control_tokens: &ControlTokens,
) -> Result<Vec<OtherPrompts>> {
    let chats = chats();
    let own = chats.each_ref().map(|(_, chat)| prompts(template, chat));
    let others = Serve::NAMES.iter().filter_map(|name| Serve::named(name));
    others
        .filter(|serve| *serve != source.serve)
        .map(|serve| {
            let source = TemplateSource { serve, ..source.clone() };
            let (other, _) = ChatTemplate::load_lenient(&source, control_tokens)?;
            let differs = |(chat, own): (&(&'static str, Conversation), &Prompts)| {
                (prompts(&other, &chat.1) != *own).then_some(chat.0)
            };
            Ok(OtherPrompts { serve, chats: chats.iter().zip(&own).filter_map(differs).collect() })
        })
        .collect()
}

/// `None`: the template or the server refuses the chat.
type Prompts = Vec<Option<String>>;

fn prompts(template: &ChatTemplate, chat: &Conversation) -> Prompts {
    let arena = Arena::new();
    let Ok(prepared) = template.prepare(&arena, chat) else {
        return targets(chat).map(|_| None).collect();
    };
    targets(chat).map(|(target, _)| Some(prepared.render(target, true).ok()?.text)).collect()
}

fn chats() -> [(&'static str, Conversation); 3] {
    let mut with_tools = conversation(true, Reasoning::None);
    for message in with_tools.messages.iter_mut().filter(|message| message.calls_tools()) {
        message.fields.insert("tool_calls", compact_call());
        message.fields.insert("content", Value::Null);
    }
    [
        ("plain", conversation(false, Reasoning::None)),
        ("reasoning", conversation(false, Reasoning::Field)),
        ("tools", with_tools),
    ]
}

/// A call whose arguments are JSON text without blanks.
fn compact_call() -> Value {
    let arguments = format!(r#"{{"place":"{}","days":2}}"#, word("Argument", 0));
    let function = object(&[("name", TOOL_NAME.into()), ("arguments", arguments.as_str().into())]);
    Value::Array(vec![object(&[("id", CALL_ID.into()), ("type", "function".into()), ("function", function)])])
}
