//! What a caller can choose. Names and defaults are those of the Python options.

use crate::choice::{Choice, ChoiceNames, choices};
use crate::conversation::{Format, record_choices};
use crate::read::ReadOptions;

/// Every choice that a caller has.
pub fn choices() -> Vec<ChoiceNames> {
    let mut all = own_choices();
    all.extend(record_choices());
    all.push(ChoiceNames::of::<Option<Format>>());
    all
}

choices! {
    /// Those of this module.
    fn own_choices;

    /// Which assistant messages are targets, of those whose own weight is not 0.
    TrainOn of "train_on" {
        #[default]
        AllAssistantMessages = "all_assistant_messages",
        /// The last assistant message of the conversation.
        LastAssistantMessage = "last_assistant_message",
        /// Every assistant message after the last user message.
        LastAssistantTurn = "last_assistant_turn",
        /// Those that say so themselves.
        Marked = "marked",
        /// Every token of the conversation, rendered once, has a label.
        AllTokens = "all_tokens",
    }

    Layout of "layout" {
        PerTurn = "per_turn",
        #[default]
        Merged = "merged",
        /// One prefix tree a conversation.
        Tree = "tree",
        Conversation = "conversation",
    }

    /// A sample longer than `max_length`, or a prompt that `max_prompt_tokens` cannot hold.
    Overflow of "overflow" {
        #[default]
        Error = "error",
        Drop = "drop",
        /// The oldest exchanges are dropped until it fits.
        ShrinkHistory = "shrink_history",
        /// The prompt's first tokens are cut.
        TruncatePrompt = "truncate_prompt",
    }

    /// A prompt that is not a prefix of its turn's own rendering.
    PromptMismatch of "prompt_mismatch" {
        #[default]
        Error = "error",
        Skip = "skip",
        /// Prompt and turn are rendered with the thinking flag that fits the message.
        MatchThinking = "match_thinking",
        /// The message's own text after what the prompt already wrote.
        Splice = "splice",
        /// From where prompt and rendering part: not what inference shows.
        CommonPrefix = "common_prefix",
    }

    /// Which thinking switch a target is rendered with.
    ThinkingPolicy of "thinking" {
        /// The one that the template arguments set, or none.
        #[default]
        AsRendered = "as_rendered",
        /// The one that fits the message: off where it has no reasoning.
        Match = "match",
    }

    /// A header that the template writes before an answer and not at the end of its prompt.
    HeaderPolicy of "header" {
        /// It is trained: where the template has it, the model would have to write it.
        #[default]
        AsRendered = "as_rendered",
        /// It belongs to the prompt.
        Context = "context",
    }

    /// Control tokens in text that users, tools or models wrote.
    ControlTokenPolicy of "control_tokens" {
        Allow = "allow",
        #[default]
        Warn = "warn",
        /// They are encoded as the plain text that they are.
        Literal = "literal",
        Reject = "reject",
    }

    /// What stands between a client and the template: the server whose prompts are trained.
    Serve of "serve" {
        #[default]
        Vllm = "vllm",
        Sglang = "sglang",
        /// `transformers serve`.
        Transformers = "transformers",
        LlamaCpp = "llama.cpp",
        /// Nothing: `apply_chat_template` of the record as it stands.
        Template = "template",
    }

    /// How contents reach the template.
    ContentFormat of "content_format" {
        /// As the server finds out.
        #[default]
        Auto = "auto",
        /// As text.
        String = "string",
        /// As lists of parts.
        Openai = "openai",
    }

    /// What encodes text.
    EngineChoice of "engine" {
        /// The fast engine where it gives the reference's ids, which is verified.
        #[default]
        Auto = "auto",
        Reference = "reference",
        /// The fast engine, or an error.
        Fast = "fast",
    }

    /// How samples are put into packs.
    PackStrategy of "strategy" {
        #[default]
        BestFitDecreasing = "bfd",
        /// Next-fit in the order of the input.
        Sequential = "sequential",
    }

    /// What the weights of the trained tokens are divided by.
    Normalize of "normalize" {
        #[default]
        None = "none",
        /// The number of trained tokens of the sample.
        Sample = "sample",
        /// That of all samples of the conversation.
        Conversation = "conversation",
    }

    OnError of "on_error" {
        #[default]
        Raise = "raise",
        Skip = "skip",
    }
}

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub train_on: TrainOn,
    pub layout: Layout,
    pub max_length: Option<usize>,
    pub overflow: Overflow,
    /// The exchanges that a prompt shows, the one that its target ends included. `None`: all.
    pub history_turns: Option<usize>,
    /// The oldest exchanges of a longer prompt are dropped.
    pub max_prompt_tokens: Option<usize>,
    pub prompt_mismatch: PromptMismatch,
    pub thinking: ThinkingPolicy,
    pub header: HeaderPolicy,
    pub control_tokens: ControlTokenPolicy,
    pub normalize: Normalize,
    /// Samples say what wrote each of their tokens, and carry what rules look at in messages.
    pub provenance: bool,
    /// The texts of messages, too.
    pub keep_texts: bool,
    /// Of conversations that are the same the first is kept.
    pub deduplicate: bool,
    pub on_error: OnError,
    pub read: ReadOptions,
    /// `None`: one per core.
    pub num_threads: Option<usize>,
}

/// `None`: the first record of each file with a known key shows it.
impl Choice for Option<Format> {
    const OPTION: &'static str = "input_format";
    const NAMES: &'static [&'static str] = &INPUT_FORMATS;

    fn named(name: &str) -> Option<Self> {
        if name == AUTO { Some(None) } else { Format::named(name).map(Some) }
    }

    fn name(&self) -> &'static str {
        self.map_or(AUTO, Format::name)
    }
}

const AUTO: &str = "auto";

const INPUT_FORMATS: [&str; Format::ALL.len() + 1] = {
    let mut names = [AUTO; Format::ALL.len() + 1];
    let mut i = 0;
    while i < Format::ALL.len() {
        names[i + 1] = Format::ALL[i].name();
        i += 1;
    }
    names
};

/// How many times as much as by default a template and the files of a model may be and cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitFactor(u32);

/// What errors about a limit end with.
pub const RAISED: &str = "; raise it with the option limits (--limits)";

impl LimitFactor {
    pub const ONE: Self = Self(1);

    /// `None`: it is 0, with which nothing could be loaded.
    pub fn new(factor: u32) -> Option<Self> {
        (factor > 0).then_some(Self(factor))
    }

    pub fn factor(self) -> u32 {
        self.0
    }

    pub fn times(self, limit: usize) -> usize {
        limit.saturating_mul(self.0 as usize)
    }
}
