//! The kinds of rules by which servers change a request before the template sees it.
//!
//! In: nothing. Out: the types of which a preset is made. The values are in `presets`; what is done by them, in
//! `message`, `content`, `calls`, `tools` and `content_format`.

use crate::options::Serve;

/// A server and its rules.
#[derive(Debug)]
pub struct Preset {
    pub serve: Serve,
    /// As the server's makers write it.
    pub server: &'static str,
    /// The version that the row was checked against.
    pub version: &'static str,
    pub content: ContentRule,
    pub keys: MessageKeys,
    pub reasoning: ReasoningRule,
    pub calls: CallRule,
    /// `None`: tools reach the template as they are sent.
    pub tools: Option<ToolRule>,
    pub developer: DeveloperRule,
    /// The shapes of tool calls and tools are checked.
    pub checks_shapes: bool,
    /// Roles whose content may be null; empty: any.
    pub may_have_null_content: &'static [&'static str],
    /// Roles whose message needs a content.
    pub need_content: &'static [&'static str],
    /// Roles that may have parts of thinking.
    pub may_think: &'static [&'static str],
    /// The roles that a message may have; empty: any.
    pub roles: &'static [&'static str],
    /// An assistant message at the end of a request becomes a user message.
    pub last_assistant_is_user: bool,
    /// Template arguments that are null or `"auto"` are not passed on.
    pub drops_unset_arguments: bool,
    /// Flags that every request gives the template, unless it sets them itself.
    pub flags: &'static [(&'static str, bool)],
    /// Models whose requests this server does not render by the template, and by what instead.
    pub own_encoders: &'static [(Mark, &'static str)],
}

/// What in a model's folder shows that it is one of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `model_type` of `config.json`.
    ModelType(&'static str),
    /// An entry of `architectures` of `config.json` holds this.
    Architecture(&'static str),
    /// A file of this name.
    File(&'static str),
}

/// How contents reach the template.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "a row of facts, each true or not")]
pub struct ContentRule {
    /// How the server finds whether the template takes lists of parts.
    pub format: FormatRule,
    /// Between the texts of parts that become one text.
    pub joiner: &'static str,
    /// Where the template takes lists, a text becomes a list of one part.
    pub wraps_text: bool,
    /// Keys of a part besides its type and text stay.
    pub keeps_part_keys: bool,
    /// Types of parts, and the key that holds their text.
    pub text_parts: &'static [(&'static str, &'static str)],
    /// Types of parts that are left out where they have no text; with any of these, a part of another type stays, and
    /// its text is null.
    pub skips_without_text: &'static [&'static str],
    /// An empty text is left out where texts are joined.
    pub skips_empty_texts: bool,
    pub other_parts: OtherParts,
    /// The results of tools are one text, whatever the template takes.
    pub joins_tool_results: bool,
    /// A list comes last among the keys of its message.
    pub lists_come_last: bool,
    /// The content of a message that calls tools is empty, whatever it said.
    pub empties_beside_calls: bool,
    /// A system text that starts with this loses its first line.
    pub cut_first_line: Option<&'static str>,
}

/// What becomes of parts of types that hold no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherParts {
    Refused,
    Skipped,
    /// These are left out, the rest is refused.
    SkippedIf(&'static [&'static str]),
}

/// How a server finds out which contents a template takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatRule {
    /// A loop over the content of a message, followed through assignments and macros.
    ContentLoops,
    /// A word for media in the source, or a loop over the content of a variable with one of three names.
    WordsOrLoops,
    /// Text, unless the model takes images.
    Text,
    /// Whatever made-up messages show.
    Trial,
}

/// The keys of a message in the order in which the template sees them, for each role.
#[derive(Debug)]
pub struct MessageKeys {
    pub user: &'static [&'static str],
    pub assistant: &'static [&'static str],
    pub tool: &'static [&'static str],
    pub developer: &'static [&'static str],
    /// `system`, and roles that the server does not know.
    pub others: &'static [&'static str],
}

/// The names of reasoning.
#[derive(Debug)]
pub struct ReasoningRule {
    /// It has to be text.
    pub is_text: bool,
    /// The key under which a client sends it.
    pub sent_as: &'static str,
    /// Where a message has several, the first of these counts.
    pub read_from: &'static [&'static str],
}

/// How tool calls reach the template.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "a row of facts, each true or not")]
pub struct CallRule {
    pub keys: &'static [&'static str],
    pub function_keys: &'static [&'static str],
    /// Keys that are null where the client did not send them.
    pub nulls: &'static [&'static str],
    pub function_nulls: &'static [&'static str],
    /// Other keys come after those.
    pub keeps_other_keys: bool,
    pub arguments: ArgumentsRule,
    /// A call without an id is refused.
    pub needs_id: bool,
    /// `NaN`, `Infinity` and floats beyond 64 bits in the text of arguments are numbers.
    pub reads_constants: bool,
    /// Integers beyond 64 bits become floats.
    pub rounds_big_integers: bool,
}

/// What arguments may be once their text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentsRule {
    /// An object; anything else becomes an empty one.
    ObjectOrEmpty,
    /// An object; anything else is refused.
    Object,
    /// Any JSON.
    Any,
}

/// How tools reach the template where a server rebuilds them.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "a row of facts, each true or not")]
pub struct ToolRule {
    /// A tool may be of another type than `function`.
    pub takes_any_type: bool,
    pub function_keys: &'static [&'static str],
    /// The client's order of keys stays, and what is missing comes after it.
    pub keeps_order: bool,
    pub missing: Missing,
    /// Keys that are left out where they have no value.
    pub optional: &'static [&'static str],
    /// `defer_loading` is a key of the tool as well; null where it has no value, if that is said.
    pub defer_loading: DeferLoading,
    /// Names of types in `parameters` become those of JSON Schema.
    pub normalizes_types: bool,
    /// Where rendering fails, it is tried again with the functions alone.
    pub retries_bare: bool,
}

/// What becomes of the key `defer_loading` of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeferLoading {
    Dropped,
    Optional,
    /// Null where it has no value.
    Always,
}

/// What stands for a missing description and for missing parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Null,
    /// `""` and `{}`.
    Empty,
}

/// What becomes of messages of the role `developer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeveloperRule {
    Stays,
    /// They become system messages.
    System,
    /// The same, unless the template's source quotes the role; then all system texts are one first message.
    FirstSystemUnlessQuoted,
}

impl CallRule {
    /// Calls are brought into the form of the API before the server sees them, and rebuilt by it.
    pub fn is_completed(&self) -> bool {
        !self.keys.is_empty()
    }
}

impl MessageKeys {
    pub fn of(&self, role: &str) -> &'static [&'static str] {
        match role {
            "user" => self.user,
            "assistant" => self.assistant,
            "tool" => self.tool,
            "developer" => self.developer,
            _ => self.others,
        }
    }
}
