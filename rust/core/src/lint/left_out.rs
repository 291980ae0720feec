//! What a template leaves out of conversations without a word.
//!
//! In: a template, and made-up conversations that some templates show in part. Out: of each conversation what is in no
//! prompt, or in no completion, as expansion counts it.

use everyturn_template::Arena;

use super::probes::{CALL_ID, TOOL_NAME, message, tools, word};
use crate::chat_template::ChatTemplate;
use crate::conversation::{Conversation, Role};
use crate::json::{Value, object};
use crate::options::PromptMismatch;
use crate::report::warning;
use crate::target::{ContextMarks, How, LeftOut, Marks, PreparedConversation, Targets};

/// Another id than that of the first call, in the same form.
const SECOND_CALL_ID: &str = "callQ0002";

/// Something that is left out: the name that expansion counts it by, and in words what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Omission {
    pub kind: &'static str,
    pub text: &'static str,
}

/// What a conversation is made up for, and what is said where it is left out.
struct Case {
    conversation: Conversation,
    kind: &'static str,
    text: &'static str,
}

/// Everything that is left out of the conversations that the template takes.
pub(super) fn omissions(template: &ChatTemplate, policy: PromptMismatch) -> Vec<Omission> {
    let is_left_out = |case: &Case| left_out(template, &case.conversation, policy).contains(&case.kind);
    cases().into_iter().filter(is_left_out).map(|Case { kind, text, .. }| Omission { kind, text }).collect()
}

fn cases() -> [Case; 5] {
    let text = |role, what| (role, vec![("content", word(what, 0).as_str().into())]);
    let call = |number: usize, id: &str| {
        let arguments = object(&[("place", word("Argument", number).as_str().into())]);
        let function = object(&[("name", TOOL_NAME.into()), ("arguments", arguments)]);
        object(&[("type", "function".into()), ("id", id.into()), ("function", function)])
    };
    let result = |number: usize, id: &str| {
        let content = ("content", word("Result", number).as_str().into());
        (Role::Tool, vec![content, ("tool_call_id", id.into()), ("name", TOOL_NAME.into())])
    };
    let question = || text(Role::User, "Question");
    let answer = || text(Role::Assistant, "Answer");
    let calling = |content: &str, calls: Vec<Value>| {
        (Role::Assistant, vec![("content", content.into()), ("tool_calls", Value::Array(calls))])
    };
    [
        Case {
            conversation: made_up(vec![text(Role::Developer, "Developer"), question(), answer()], false),
            kind: warning::MESSAGE_DROPPED,
            text: "a developer message is in no prompt",
        },
        Case {
            conversation: made_up(
                vec![question(), answer(), text(Role::System, "System"), text(Role::User, "Next"), answer()],
                false,
            ),
            kind: warning::MESSAGE_DROPPED,
            text: "a system message that is not the first message is in no prompt",
        },
        Case {
            conversation: made_up(vec![question(), answer()], true),
            kind: warning::TOOLS_DROPPED,
            text: "the list of tools is in no prompt",
        },
        Case {
            conversation: made_up(
                vec![
                    question(),
                    calling(&word("Beside", 0), vec![call(0, CALL_ID)]),
                    result(0, CALL_ID),
                    answer(),
                ],
                true,
            ),
            kind: warning::OWN_TEXT_DROPPED,
            text: "the text of a message that calls tools, too, is not trained",
        },
        Case {
            conversation: made_up(
                vec![
                    question(),
                    calling("", vec![call(0, CALL_ID), call(1, SECOND_CALL_ID)]),
                    result(0, CALL_ID),
                    result(1, SECOND_CALL_ID),
                    answer(),
                ],
                true,
            ),
            kind: warning::TOOL_CALLS_DROPPED,
            text: "not all of several tool calls of one message are trained",
        },
    ]
}

fn made_up(messages: Vec<(Role, Vec<(&str, Value)>)>, with_tools: bool) -> Conversation {
    let messages = messages.into_iter().map(|(role, fields)| message(role, &fields)).collect();
    Conversation { messages, tools: with_tools.then(tools), ..Conversation::default() }
}

/// The names of what is left out of a conversation; none if a target cannot be rendered.
fn left_out(
    template: &ChatTemplate,
    conversation: &Conversation,
    policy: PromptMismatch,
) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    let arena = Arena::new();
    let Ok(prepared) = template.prepare(&arena, conversation) else { return kinds };
    let message = |at: usize| conversation.messages.get(at);
    let given =
        PreparedConversation { prepared: &prepared, message: &message, tools: conversation.tools.as_ref() };
    let targets = || super::probes::targets(conversation);
    let how = How { policy, ..How::default() };
    let mut rendering = Targets::new(&prepared, how, targets());
    let (mut context, mut marks) = (ContextMarks::default(), Marks::default());
    for (number, message) in targets() {
        let Ok(rendered) = rendering.render(message, number) else { continue };
        context.share(rendered.same);
        let of_target = LeftOut::of_target(&prepared, message, number, &rendered, &mut marks);
        kinds.extend(of_target.text.then_some(warning::OWN_TEXT_DROPPED));
        kinds.extend((!of_target.calls.is_empty()).then_some(warning::TOOL_CALLS_DROPPED));
        let found = context.find(given, number, &rendered);
        rendering.set_taken(true);
        for (at, left_out) in &found.messages {
            let is_context = conversation.messages.get(*at).is_some_and(|of| of.role != Role::Assistant);
            kinds.extend((left_out.everything && is_context).then_some(warning::MESSAGE_DROPPED));
        }
        kinds.extend((!found.tools.is_empty()).then_some(warning::TOOLS_DROPPED));
    }
    kinds
}
