//! The targets of a conversation: which they are, and the prompt and completion of each, as text and as ids.
//!
//! In: a conversation and `train_on`. Out: the assistant messages that the model is to be trained to produce, with
//! their weights. A message's own weight decides over `train_on`: 0 is context only. `window` says what each is shown,
//! `render`, `header`, `mismatch` and `splice` make prompt and completion, `encode` their ids, which `id_guard` holds to what
//! the template wrote; `left_out` finds what of a message (`said`) is in neither, `context` what prompts leave out,
//! `thinking_blocks` looks at what is trained of thinking.

mod context;
mod encode;
mod header;
mod id_guard;
mod left_out;
mod mismatch;
mod own_turn;
mod part_weights;
mod provenance;
mod render;
mod said;
mod splice;
mod thinking_blocks;
mod window;

pub use context::{ContextMarks, LeftOutOfPrompt, PreparedConversation};
pub use encode::{Encoded, Encoder};
pub use header::HeaderPlace;
pub use left_out::{LeftOut, Marks};
pub use part_weights::{weigh_bytes, weigh_tokens};
pub use provenance::{Provenance, TextKind, TokenWriters, Tokenized, Writers};
pub use render::{Foreign, How, PromptMatch, Rendered, Targets, render_alone};
pub use said::{calls, says_reasoning};
pub use thinking_blocks::{has_empty_thinking, has_two_thinking_blocks};
pub use window::{Exchanges, FewestDropped, prompt_too_long};

use crate::conversation::{Conversation, Role, Weight};
use crate::options::TrainOn;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Index into the conversation's messages.
    pub message: usize,
    pub weight: Weight,
}

/// Whether a message is a target, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selection {
    Target(Weight),
    /// Only assistants are trained.
    OtherRole,
    /// It belongs to the prompt of a pair.
    Prompt,
    /// Its own weight is 0.
    Weight,
    /// `train_on` leaves it out.
    TrainOn,
}

/// The targets in the order of the conversation.
pub fn targets(conversation: &Conversation, train_on: TrainOn) -> Vec<Target> {
    let selections = select(conversation, train_on).enumerate();
    let target = |(message, selection)| match selection {
        Selection::Target(weight) => Some(Target { message, weight }),
        _ => None,
    };
    selections.filter_map(target).collect()
}

/// Which messages are targets.
pub fn select(conversation: &Conversation, train_on: TrainOn) -> impl Iterator<Item = Selection> {
    let messages = &conversation.messages;
    let last_of = |role: Role| messages.iter().rposition(|message| message.role == role);
    let last_assistant = last_of(Role::Assistant);
    let last_user = last_of(Role::User);
    messages.iter().enumerate().map(move |(i, message)| {
        let is_wanted = match train_on {
            TrainOn::AllAssistantMessages | TrainOn::AllTokens => true,
            TrainOn::LastAssistantMessage => Some(i) == last_assistant,
            TrainOn::LastAssistantTurn => last_user.is_none_or(|user| i > user),
            TrainOn::Marked => message.weight.is_some() || message.has_positive_weight(),
        };
        // What is not marked of a message that is marked in part is context.
        let unmarked = if train_on == TrainOn::Marked { Weight::ZERO } else { Weight::ONE };
        let has_part = message.has_positive_weight();
        match message.weight.unwrap_or(unmarked) {
            _ if message.role != Role::Assistant => Selection::OtherRole,
            _ if !message.may_be_target => Selection::Prompt,
            _ if message.weight.is_some_and(|weight| weight <= Weight::ZERO) && !has_part => {
                Selection::Weight
            }
            _ if !is_wanted => Selection::TrainOn,
            weight => Selection::Target(weight),
        }
    })
}
