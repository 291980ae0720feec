//! The control tokens that a template writes.
//!
//! In: a template, the tokens that may be meant. Out: those that are in its own texts, and those that come out of it
//! where made-up chats are rendered and no byte of the token was a chat's: a template may put them together of pieces,
//! of roles say.

use std::collections::HashSet;

use everyturn_template::Arena;
use everyturn_template::written::written;

use super::prepared::{Given, Prepared};
use super::turn_end::{ANSWER, NEXT, Probe, TOOL, USER, calling_message, made_up_tools, message};
use super::{ForeignTokens, TemplateSource, thinking_flags};
use crate::conversation::text_part;
use crate::error::Result;
use crate::json::{Object, Value, object};

/// Roles that templates know.
const ROLES: [&str; 10] = [
    "system",
    "developer",
    "user",
    "assistant",
    "tool",
    "function",
    "ipython",
    "observation",
    "tool_response",
    "environment",
];

impl Probe<'_> {
    /// Their ids.
    pub fn written_tokens(&self) -> HashSet<u32> {
        let texts = written(self.template.syntax());
        let ids = |text: &str| {
            self.control_tokens.all(text).into_iter().map(|(_, token)| token.id).collect::<Vec<_>>()
        };
        let mut found: HashSet<u32> = texts.iter().flat_map(|text| ids(text)).collect();
        let flags = thinking_flags(self.template.syntax());
        let flags = [true, false].map(|value| {
            let named = flags.iter().map(|flag| (flag.name.as_str().into(), Value::Bool(value)));
            named.collect::<Object>()
        });
        let tools = made_up_tools();
        for chat in chats() {
            for tools in [None, Some(&tools)] {
                for kwargs in [&Object::default(), &flags[0], &flags[1]] {
                    // What a template refuses it does not write.
                    found.extend(self.rendered_tokens(&chat, tools, kwargs).unwrap_or_default());
                }
            }
        }
        found
    }

    fn rendered_tokens(
        &self,
        chat: &[Value],
        tools: Option<&Value>,
        kwargs: &Object,
    ) -> Result<HashSet<u32>> {
        let arena = Arena::new();
        let messages = super::message_objects(chat)?;
        let given = Given::from_client(self.template.server.as_ref(), messages)?;
        let prepared = Prepared::new(&arena, self.template, given, tools, |values, tools| {
            let TemplateSource { special_tokens, kwargs: of_model, .. } = self.source;
            super::variables(values, self.template.server.as_ref(), special_tokens, tools, [of_model, kwargs])
        })?;
        let rendering = prepared.render(chat.len(), true)?;
        let tokens = ForeignTokens::of(&prepared, &rendering.text, &rendering.spans, self.control_tokens);
        Ok(tokens.own_from(0).map(|token| token.id.cast_unsigned()).collect())
    }
}

/// Chats that make a template write what it can.
fn chats() -> Vec<Vec<Value>> {
    let turns =
        [message("user", USER.into()), message("assistant", ANSWER.into()), message("user", NEXT.into())];
    let with_parts = [message("user", Value::Array(vec![text_part(USER)]))];
    let reasoning = object(&[
        ("role", "assistant".into()),
        ("content", ANSWER.into()),
        ("reasoning_content", TOOL.into()),
    ]);
    let thoughtful = [message("user", USER.into()), reasoning];
    let arguments = [object(&[("a", ANSWER.into())]), format!("{{\"a\": \"{ANSWER}\"}}").as_str().into()];
    let calling = arguments.map(|arguments| {
        vec![message("user", USER.into()), calling_message(arguments, Some("")), message("tool", NEXT.into())]
    });
    let by_role = ROLES.iter().flat_map(|role| {
        let first = vec![message(role, USER.into()), message("user", NEXT.into())];
        let last = vec![
            message("user", USER.into()),
            message("assistant", ANSWER.into()),
            message(role, NEXT.into()),
        ];
        [first, last]
    });
    let thoughts = [thoughtful.to_vec(), [&thoughtful[..], &turns[2..]].concat()];
    let all = [turns.to_vec(), with_parts.to_vec()].into_iter().chain(thoughts).chain(calling);
    all.chain(by_role).collect()
}
