//! The rules of a preset in words: a row of the table in the documentation each.
//!
//! In: a preset. Out: what each rule is about, and what the server does. Nothing is decided here.

use super::rules::{ArgumentsRule, DeferLoading, DeveloperRule, FormatRule, Missing, OtherParts, Preset};

impl Preset {
    /// What the rules are about, and what this server does, in the order of a request.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let content = &self.content;
        vec![
            ("keys of a user message", code_list(self.keys.user)),
            ("keys of an assistant message", code_list(self.keys.assistant)),
            ("keys of a tool result", code_list(self.keys.tool)),
            ("roles", if self.roles.is_empty() { "any".into() } else { code_list(self.roles) }),
            ("role `developer`", self.developer_fact().into()),
            ("contents are lists of parts", self.format_fact().into()),
            (
                "a text where contents are lists",
                if content.wraps_text { "a list of one part" } else { "stays a text" }.into(),
            ),
            ("parts joined to a text", format!("with {}", shown(content.joiner))),
            ("other keys of a part", if content.keeps_part_keys { "stay" } else { "are dropped" }.into()),
            ("other types of parts", self.parts_fact()),
            (
                "content of a tool result",
                if content.joins_tool_results { "always a text" } else { "as other contents" }.into(),
            ),
            (
                "content beside tool calls",
                if content.empties_beside_calls { "emptied" } else { "stays" }.into(),
            ),
            ("reasoning is read from", code_list(self.reasoning.read_from)),
            ("reasoning reaches the template as", self.reasoning_fact()),
            ("keys of a tool call", self.calls_fact()),
            ("arguments of a tool call", self.arguments_fact().into()),
            ("tools", self.tools_fact()),
            (
                "an assistant message that ends the request",
                if self.last_assistant_is_user { "becomes a user message" } else { "stays" }.into(),
            ),
            (
                "template arguments that are null or \"auto\"",
                if self.drops_unset_arguments { "are dropped" } else { "are passed on" }.into(),
            ),
            ("flags that it adds", self.flags_fact()),
        ]
    }

    fn developer_fact(&self) -> &'static str {
        match self.developer {
            DeveloperRule::Stays => "stays",
            DeveloperRule::System => "becomes `system`",
            DeveloperRule::FirstSystemUnlessQuoted => {
                "stays if the template quotes the word; else becomes `system`, and all system texts one first message"
            }
        }
    }

    fn format_fact(&self) -> &'static str {
        match self.content.format {
            FormatRule::ContentLoops => "if the template loops over the content of a message",
            FormatRule::WordsOrLoops => {
                "if the template loops over the content of `message`, `msg` or `m`, or has a word for media"
            }
            FormatRule::Text => "only with `content_format=\"openai\"`",
            FormatRule::Trial => "if made-up lists come out as their texts",
        }
    }

    fn parts_fact(&self) -> String {
        match self.content.other_parts {
            OtherParts::Refused => "refused".into(),
            OtherParts::Skipped => "dropped".into(),
            OtherParts::SkippedIf(kinds) => format!("{} dropped, others refused", code_list(kinds)),
        }
    }

    fn reasoning_fact(&self) -> String {
        let keys = self.keys.assistant.iter().copied().filter(|key| key.starts_with("reasoning"));
        let keys: Vec<&str> = keys.collect();
        if keys.is_empty() { "nothing, in earlier messages".into() } else { code_list(&keys) }
    }

    fn calls_fact(&self) -> String {
        let rule = &self.calls;
        if rule.keys.is_empty() {
            return "as sent".into();
        }
        let others = if rule.keeps_other_keys { "; others stay" } else { "; others are dropped" };
        format!("{}, its function {}{others}", code_list(rule.keys), code_list(rule.function_keys))
    }

    fn arguments_fact(&self) -> &'static str {
        match self.calls.arguments {
            ArgumentsRule::ObjectOrEmpty => "an object; what is not one becomes `{}`",
            ArgumentsRule::Object => "an object; what is not one is refused",
            ArgumentsRule::Any => "what their text is as JSON",
        }
    }

    fn tools_fact(&self) -> String {
        let Some(rule) = &self.tools else { return "as sent".into() };
        let order = if rule.keeps_order { "in the order sent, missing ones after" } else { "in this order" };
        let missing = match rule.missing {
            Missing::Null => "null",
            Missing::Empty => "empty",
        };
        let keys = code_list(rule.function_keys);
        let mut fact = format!("{keys} {order}; a missing description or parameters: {missing}");
        if rule.defer_loading == DeferLoading::Always {
            fact += "; then `\"defer_loading\": null`";
        }
        if rule.normalizes_types {
            fact += "; names of types become those of JSON Schema";
        }
        fact
    }

    fn flags_fact(&self) -> String {
        let flags = self.flags.iter().map(|(name, value)| format!("`{name}={value}`"));
        let flags: Vec<String> = flags.collect();
        if flags.is_empty() { "none".into() } else { flags.join(", ") }
    }
}

fn code_list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn shown(joiner: &str) -> &'static str {
    match joiner {
        "\n" => "a newline",
        " " => "a space",
        _ => "nothing",
    }
}
