//! What each server does to a request before the template sees it: one row of data for each server.
//!
//! Read from the servers' own code at the version that a row names, and compared with it by the tests. What the rules
//! do is said in `message`, `tools` and `content_format`; a server of its own rules is a row here.

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
pub struct CallRule {
    pub keys: &'static [&'static str],
    pub function_keys: &'static [&'static str],
    /// Keys that are null where the client did not send them.
    pub nulls: &'static [&'static str],
    pub function_nulls: &'static [&'static str],
    /// Other keys come after those.
    pub keeps_other_keys: bool,
    pub arguments: ArgumentsRule,
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

const PLAIN: &[&str] = &["role", "content", "name", "task"];

const VLLM: Preset = Preset {
    serve: Serve::Vllm,
    server: "vLLM",
    version: "0.33.0",
    content: ContentRule {
        format: FormatRule::ContentLoops,
        joiner: "\n",
        wraps_text: true,
        keeps_part_keys: true,
        text_parts: &[("text", "text"), ("refusal", "refusal"), ("thinking", "thinking")],
        skips_without_text: &["text", "refusal"],
        skips_empty_texts: true,
        other_parts: OtherParts::Refused,
        joins_tool_results: true,
        lists_come_last: false,
        empties_beside_calls: false,
        cut_first_line: Some("x-anthropic-billing-header"),
    },
    keys: MessageKeys {
        user: PLAIN,
        assistant: &["role", "content", "tool_calls", "reasoning", "reasoning_content", "name", "task"],
        tool: &["role", "content", "tool_call_id", "name", "task"],
        developer: &["role", "content", "name", "task", "tools"],
        others: PLAIN,
    },
    reasoning: ReasoningRule {
        is_text: false,
        sent_as: "reasoning",
        read_from: &["reasoning", "reasoning_content", "thinking"],
    },
    calls: CallRule {
        keys: &["id", "function", "type"],
        function_keys: &["arguments", "name"],
        nulls: &[],
        function_nulls: &[],
        keeps_other_keys: true,
        arguments: ArgumentsRule::ObjectOrEmpty,
        reads_constants: true,
        rounds_big_integers: false,
    },
    tools: Some(ToolRule {
        takes_any_type: false,
        function_keys: &["name", "description", "parameters", "strict", "defer_loading"],
        keeps_order: false,
        missing: Missing::Null,
        optional: &["strict", "defer_loading"],
        defer_loading: DeferLoading::Optional,
        normalizes_types: false,
        retries_bare: false,
    }),
    developer: DeveloperRule::FirstSystemUnlessQuoted,
    checks_shapes: true,
    may_have_null_content: &["assistant"],
    need_content: &[],
    may_think: &[],
    roles: &[],
    last_assistant_is_user: false,
    drops_unset_arguments: true,
    flags: &[],
    own_encoders: &[
        (Mark::ModelType("gpt_oss"), "the harmony library"),
        (Mark::Architecture("DeepseekV32ForCausalLM"), "an encoder of its own"),
        (Mark::Architecture("DeepseekV4"), "an encoder of its own"),
        (Mark::Architecture("KimiK3ForConditionalGeneration"), "an encoder of its own"),
        (Mark::Architecture("Inkling"), "an encoder of its own"),
        (Mark::File("tekken.json"), "mistral-common"),
        (Mark::File("tokenizer.model.v3"), "mistral-common"),
    ],
};

const SGLANG_KEYS: &[&str] = &[
    "role",
    "content",
    "tool_call_id",
    "name",
    "phase",
    "reasoning_content",
    "tool_calls",
    "tools",
    "prefix",
];

const SGLANG: Preset = Preset {
    serve: Serve::Sglang,
    server: "SGLang",
    version: "0.5.23",
    content: ContentRule {
        format: FormatRule::WordsOrLoops,
        joiner: " ",
        wraps_text: false,
        keeps_part_keys: false,
        text_parts: &[("text", "text")],
        skips_without_text: &[],
        skips_empty_texts: false,
        other_parts: OtherParts::SkippedIf(&["thinking", "reasoning"]),
        joins_tool_results: true,
        lists_come_last: true,
        empties_beside_calls: false,
        cut_first_line: None,
    },
    keys: MessageKeys {
        user: &["role", "content"],
        assistant: SGLANG_KEYS,
        tool: SGLANG_KEYS,
        developer: SGLANG_KEYS,
        others: SGLANG_KEYS,
    },
    reasoning: ReasoningRule {
        is_text: true,
        sent_as: "reasoning_content",
        read_from: &["reasoning_content", "reasoning", "thinking"],
    },
    calls: CallRule {
        keys: &["id", "index", "type", "function"],
        function_keys: &["name", "arguments"],
        nulls: &["id", "index"],
        function_nulls: &["name", "arguments"],
        keeps_other_keys: false,
        arguments: ArgumentsRule::Object,
        reads_constants: false,
        rounds_big_integers: true,
    },
    tools: Some(ToolRule {
        takes_any_type: true,
        function_keys: &["description", "name", "parameters", "strict", "defer_loading"],
        keeps_order: true,
        missing: Missing::Null,
        optional: &["strict", "defer_loading"],
        defer_loading: DeferLoading::Always,
        normalizes_types: true,
        retries_bare: true,
    }),
    developer: DeveloperRule::Stays,
    checks_shapes: true,
    may_have_null_content: &["system", "assistant", "tool", "function", "developer"],
    need_content: &["user"],
    may_think: &["assistant"],
    roles: &["system", "assistant", "tool", "function", "developer", "latest_reminder", "root", "user"],
    last_assistant_is_user: true,
    drops_unset_arguments: false,
    flags: &[],
    own_encoders: &[
        (Mark::Architecture("DeepseekV4"), "an encoder of its own"),
        (Mark::Architecture("KimiK3"), "an encoder of its own"),
        (Mark::Architecture("InklingForConditionalGeneration"), "an encoder of its own"),
    ],
};

const TRANSFORMERS_KEYS: &[&str] = &["role", "content", "tool_calls", "tool_call_id"];

const TRANSFORMERS: Preset = Preset {
    serve: Serve::Transformers,
    server: "transformers serve",
    version: "5.23.0",
    content: ContentRule {
        format: FormatRule::Text,
        joiner: " ",
        wraps_text: true,
        keeps_part_keys: false,
        text_parts: &[("text", "text"), ("input_text", "text"), ("output_text", "text")],
        skips_without_text: &[],
        skips_empty_texts: false,
        other_parts: OtherParts::Skipped,
        joins_tool_results: false,
        lists_come_last: false,
        empties_beside_calls: true,
        cut_first_line: None,
    },
    keys: MessageKeys {
        user: TRANSFORMERS_KEYS,
        assistant: TRANSFORMERS_KEYS,
        tool: TRANSFORMERS_KEYS,
        developer: TRANSFORMERS_KEYS,
        others: TRANSFORMERS_KEYS,
    },
    reasoning: ReasoningRule {
        is_text: false,
        sent_as: "reasoning_content",
        read_from: &["reasoning_content", "thinking", "reasoning"],
    },
    calls: CallRule {
        keys: &[],
        function_keys: &[],
        nulls: &[],
        function_nulls: &[],
        keeps_other_keys: true,
        arguments: ArgumentsRule::Any,
        reads_constants: true,
        rounds_big_integers: false,
    },
    tools: None,
    developer: DeveloperRule::Stays,
    checks_shapes: false,
    may_have_null_content: &[],
    need_content: &[],
    may_think: &[],
    roles: &[],
    last_assistant_is_user: false,
    drops_unset_arguments: false,
    flags: &[],
    own_encoders: &[],
};

const LLAMA_CPP_KEYS: &[&str] =
    &["role", "content", "reasoning_content", "name", "tool_call_id", "tool_calls"];

const LLAMA_CPP: Preset = Preset {
    serve: Serve::LlamaCpp,
    server: "llama.cpp",
    version: "0c1e57098",
    content: ContentRule {
        format: FormatRule::Trial,
        joiner: "\n",
        wraps_text: true,
        keeps_part_keys: true,
        text_parts: &[("text", "text")],
        skips_without_text: &[],
        skips_empty_texts: false,
        other_parts: OtherParts::Refused,
        joins_tool_results: false,
        lists_come_last: false,
        empties_beside_calls: false,
        cut_first_line: None,
    },
    keys: MessageKeys {
        user: LLAMA_CPP_KEYS,
        assistant: LLAMA_CPP_KEYS,
        tool: LLAMA_CPP_KEYS,
        developer: LLAMA_CPP_KEYS,
        others: LLAMA_CPP_KEYS,
    },
    reasoning: ReasoningRule {
        is_text: false,
        sent_as: "reasoning_content",
        read_from: &["reasoning_content", "reasoning", "thinking"],
    },
    calls: CallRule {
        keys: &["type", "function", "id"],
        function_keys: &["name", "arguments"],
        nulls: &[],
        function_nulls: &[],
        keeps_other_keys: false,
        arguments: ArgumentsRule::Object,
        reads_constants: false,
        rounds_big_integers: false,
    },
    tools: Some(ToolRule {
        takes_any_type: true,
        function_keys: &["name", "description", "parameters"],
        keeps_order: false,
        missing: Missing::Empty,
        optional: &[],
        defer_loading: DeferLoading::Dropped,
        normalizes_types: false,
        retries_bare: false,
    }),
    developer: DeveloperRule::System,
    checks_shapes: false,
    may_have_null_content: &[],
    need_content: &[],
    may_think: &[],
    roles: &[],
    last_assistant_is_user: false,
    drops_unset_arguments: false,
    flags: &[("enable_thinking", true)],
    own_encoders: &[(Mark::ModelType("gpt_oss"), "a handler of its own")],
};

/// Every preset; `Serve::Template` is not a server and has none.
pub const PRESETS: [&Preset; 4] = [&VLLM, &SGLANG, &TRANSFORMERS, &LLAMA_CPP];

impl Preset {
    /// `None`: the record reaches the template as it stands.
    pub fn of(serve: Serve) -> Option<&'static Self> {
        PRESETS.into_iter().find(|preset| preset.serve == serve)
    }

    /// The server with its version, as reports name it.
    pub fn name(&self) -> String {
        format!("{} {}", self.server, self.version)
    }
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
