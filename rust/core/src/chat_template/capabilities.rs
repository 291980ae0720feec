//! How a template takes messages, found by rendering made-up ones.

use super::turn_end::{ANSWER, NEXT, Probe, TOOL, USER, calling_message, message};
use crate::conversation::Role;
use crate::json::{Value, object};

/// How tool arguments must be given so that the template writes them as one JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentsForm {
    /// As they stand: both forms come out right, or neither does.
    Either,
    Object,
    /// JSON text.
    Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The roles whose content may be a list of text parts: the template prints their texts.
    pub roles_with_parts: Vec<Role>,
    pub arguments: ArgumentsForm,
    /// The template fails on a message that calls tools and has no content, and takes an empty one.
    pub needs_content: bool,
}

impl Capabilities {
    /// Of a template of which nothing is known.
    pub(super) fn none() -> Self {
        Self { roles_with_parts: Vec::new(), arguments: ArgumentsForm::Either, needs_content: false }
    }
}

impl Probe<'_> {
    /// Whether a content that is a text is printed.
    pub fn prints_text(&self) -> bool {
        self.render(&[message("user", USER.into())], false).is_ok_and(|text| text.contains(USER))
    }

    pub fn capabilities(&self) -> Capabilities {
        let arguments = self.arguments_form();
        Capabilities {
            roles_with_parts: self.roles_with_parts(),
            arguments,
            needs_content: self.needs_content(arguments),
        }
    }

    /// The roles whose content, given as a list of text parts, comes out as those texts.
    fn roles_with_parts(&self) -> Vec<Role> {
        let texts = [USER, ANSWER].map(|text| object(&[("type", "text".into()), ("text", text.into())]));
        let parts = |role: Role| message(role.name(), Value::Array(texts.to_vec()));
        let user = message("user", NEXT.into());
        let call = calling_message(object(&[("a", TOOL.into())]), Some(""));
        let conversations = [
            (Role::System, vec![parts(Role::System), user.clone()]),
            (Role::Developer, vec![parts(Role::Developer), user.clone()]),
            (Role::User, vec![parts(Role::User)]),
            (Role::Assistant, vec![user.clone(), parts(Role::Assistant)]),
            (Role::Tool, vec![user, call, parts(Role::Tool)]),
        ];
        let prints = |messages: &[Value]| {
            self.render(messages, false).is_ok_and(|text| {
                let printed = |word: &str| text.matches(word).count() == 1;
                printed(USER)
                    && printed(ANSWER)
                    && !text.contains("'type'")
                    && !text.contains("\"type\": \"text\"")
            })
        };
        conversations.into_iter().filter(|(_, messages)| prints(messages)).map(|(role, _)| role).collect()
    }

    fn arguments_form(&self) -> ArgumentsForm {
        let [argument, text] = arguments();
        let written = |arguments: Value| {
            let messages = [message("user", USER.into()), calling_message(arguments, Some(""))];
            self.render(&messages, false).ok().filter(|written| {
                // Not as a Python dict, not as JSON within JSON.
                written.contains(ANSWER) && !written.contains("{'a'") && !written.contains("\\\"a\\\"")
            })
        };
        match (written(argument), written(text)) {
            (Some(of_object), Some(of_text)) if of_object == of_text => ArgumentsForm::Either,
            // A template that writes arguments one by one does so only for an object.
            (Some(_), _) => ArgumentsForm::Object,
            (None, Some(_)) => ArgumentsForm::Text,
            (None, None) => ArgumentsForm::Either,
        }
    }

    fn needs_content(&self, form: ArgumentsForm) -> bool {
        let [of_object, of_text] = arguments();
        let arguments = if form == ArgumentsForm::Text { of_text } else { of_object };
        let renders = |content: Option<&str>| {
            let call = calling_message(arguments.clone(), content);
            let chat = [message("user", USER.into()), call, message("tool", NEXT.into())];
            // Some templates look at the content of a turn only once others follow.
            self.render(&chat, false).is_ok() && self.render(&chat[..2], false).is_ok()
        };
        !renders(None) && renders(Some(""))
    }
}

/// The same arguments as an object and as JSON text.
fn arguments() -> [Value; 2] {
    [object(&[("a", ANSWER.into())]), format!("{{\"a\": \"{ANSWER}\"}}").as_str().into()]
}
