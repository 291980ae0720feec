//! What a caller can choose. The names are those of the Python options; the defaults live there too.

use std::str::FromStr;

use crate::conversation::Format;
use crate::error::{Error, ErrorKind, Result};
use crate::read::ReadOptions;

/// An option with a fixed set of names.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            pub const NAMES: &[&str] = &[$($text),+];
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(name: &str) -> Result<Self> {
                match name {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(unknown(name, Self::NAMES)),
                }
            }
        }
    };
}

fn unknown(name: &str, names: &[&str]) -> Error {
    let text = format!("{name:?} is unknown; expected one of {}", names.join(", "));
    Error::new(ErrorKind::Options, text)
}

choice! {
    /// Which assistant messages are targets; a message's own weight goes over it.
    TrainOn {
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
}

choice! {
    Layout { PerTurn = "per_turn", Merged = "merged", Conversation = "conversation" }
}

choice! {
    /// A sample longer than `max_length`, or a prompt that `max_prompt_tokens` cannot hold.
    Overflow {
        Error = "error",
        Drop = "drop",
        /// The oldest exchanges are left out until it fits.
        ShrinkHistory = "shrink_history",
        /// The prompt's first tokens are left out.
        TruncatePrompt = "truncate_prompt",
    }
}

choice! {
    /// A prompt that is no prefix of its turn's own rendering.
    PromptMismatch {
        Error = "error",
        Skip = "skip",
        /// Prompt and turn are rendered with the thinking flag that fits the message.
        MatchThinking = "match_thinking",
        /// The message's own text behind what the prompt already wrote.
        Splice = "splice",
        /// From where prompt and rendering part: not what inference shows.
        CommonPrefix = "common_prefix",
    }
}

choice! {
    /// Control tokens in text that users, tools or models wrote.
    ControlTokenPolicy {
        Allow = "allow",
        Warn = "warn",
        /// They are encoded as the plain text that they are.
        Literal = "literal",
        Reject = "reject",
    }
}

choice! {
    /// What encodes text.
    EngineChoice {
        /// The fast engine where it gives the reference's ids, which is verified.
        Auto = "auto",
        Reference = "reference",
        /// The fast engine, or an error.
        Fast = "fast",
    }
}

choice! {
    /// How samples are put into packs.
    PackStrategy {
        BestFitDecreasing = "bfd",
        /// Next-fit in the order of the input.
        Sequential = "sequential",
    }
}

choice! {
    /// What the weights of the trained tokens are divided by.
    Normalize {
        None = "none",
        /// The number of trained tokens of the sample.
        Sample = "sample",
        /// That of all samples of the conversation.
        Conversation = "conversation",
    }
}

choice! {
    OnError { Raise = "raise", Skip = "skip" }
}

#[derive(Debug, Clone)]
pub struct Options {
    pub train_on: TrainOn,
    pub layout: Layout,
    pub max_length: Option<usize>,
    pub overflow: Overflow,
    /// The exchanges that a prompt shows, the one that its target ends included. `None`: all.
    pub history_turns: Option<usize>,
    /// The oldest exchanges are left out of a longer prompt.
    pub max_prompt_tokens: Option<usize>,
    pub prompt_mismatch: PromptMismatch,
    pub control_tokens: ControlTokenPolicy,
    pub normalize: Normalize,
    /// Of conversations with the same bytes the first is kept.
    pub deduplicate: bool,
    pub on_error: OnError,
    pub read: ReadOptions,
    /// `None`: one per core.
    pub num_threads: Option<usize>,
}

/// The names of `input_format`.
pub const INPUT_FORMATS: [&str; 5] = ["auto", "messages", "sharegpt", "alpaca", "prompt_completion"];

/// Reads `input_format`.
pub fn input_format(name: &str) -> Result<Option<Format>> {
    if name == "auto" {
        return Ok(None);
    }
    Format::from_str(name).map(Some).map_err(|()| unknown(name, &INPUT_FORMATS))
}
