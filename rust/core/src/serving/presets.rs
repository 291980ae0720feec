//! What each server does to a request before the template sees it: one row of data for each server.
//!
//! Read from the servers' own code at the version that a row names, and compared with it by the tests, but for llama.cpp.
//! The kinds of rules are in `rules`; a server of its own rules is a row here.

use super::rules::{
    ArgumentsRule, CallRule, ContentRule, DeferLoading, DeveloperRule, FormatRule, Mark, MessageKeys,
    Missing, OtherParts, Preset, ReasoningRule, ToolRule,
};
use crate::options::Serve;

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
        needs_id: true,
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
        needs_id: false,
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
        needs_id: false,
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
        needs_id: false,
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
