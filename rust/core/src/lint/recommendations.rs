//! Options that put right what a template does.
//!
//! In: what the conversations showed. Out: settings with a reason each, tried on the very conversations that fail;
//! and, under the policy that was chosen, the rows of each.

use everyturn_template::Arena;

use super::probes::{Probed, Rewriting, is_prefix, rewriting, rows};
use crate::chat_template::{ChatTemplate, TemplateSource};
use crate::conversation::Conversation;
use crate::json::{Value, object};
use crate::options::PromptMismatch;

/// An option, its value, and why.
pub(super) struct Recommendation {
    pub option: &'static str,
    pub value: Value,
    pub text: String,
}

pub(super) fn recommendations(
    template: &ChatTemplate,
    source: &TemplateSource,
    probed: &mut [Probed],
    asks_for_the_date: bool,
) -> Vec<Recommendation> {
    let policy = policy(template, probed);
    for probed in &mut *probed {
        probed.rows = rows(template, &probed.conversation, policy.unwrap_or(PromptMismatch::Error));
    }
    let mut recommendations: Vec<Recommendation> = policy.map(mismatch_policy).into_iter().collect();
    recommendations.extend(keeper(template, probed));
    if asks_for_the_date {
        recommendations.push(Recommendation {
            option: "now",
            value: source.now.to_string().as_str().into(),
            text: "the template asks for the date: fix one, or each run shows its own".into(),
        });
    }
    recommendations
}

/// The policy that works for every prompt that is not a prefix; `None` if all are.
fn policy(template: &ChatTemplate, probed: &[Probed]) -> Option<PromptMismatch> {
    let mut failing = probed.iter().filter(|probed| probed.is_prefix == Ok(false)).peekable();
    failing.peek()?;
    let failing: Vec<&Conversation> = failing.map(|probed| &probed.conversation).collect();
    let is_cured = |policy: &PromptMismatch| {
        failing.iter().all(|conversation| rows(template, conversation, *policy).is_some())
    };
    let found = [PromptMismatch::MatchThinking, PromptMismatch::Splice].into_iter().find(is_cured);
    Some(found.unwrap_or(PromptMismatch::Skip))
}

fn mismatch_policy(policy: PromptMismatch) -> Recommendation {
    let (value, text) = match policy {
        PromptMismatch::MatchThinking => (
            "match_thinking",
            "renders each prompt with the thinking flag that fits its answer, so that it is a prefix: serve with \
             the same flag",
        ),
        PromptMismatch::Splice => {
            ("splice", "trains the message's own text after what the prompt has already written")
        }
        _ => (
            "skip",
            "drops the targets whose prompt is not a prefix: neither match_thinking nor splice works for all of them",
        ),
    };
    Recommendation { option: "prompt_mismatch", value: value.into(), text: text.into() }
}

/// An argument that keeps the thinking of earlier turns, if it makes one row of what needs several.
fn keeper(template: &ChatTemplate, probed: &[Probed]) -> Option<Recommendation> {
    let cut: Vec<&Probed> = probed
        .iter()
        .filter(|probed| {
            matches!(probed.rewriting, Some(Rewriting::ThinkingCut | Rewriting::EmptyThinkBlock))
        })
        .collect();
    if cut.is_empty() {
        return None;
    }
    let keepers = template.variants().flat_map(|variant| &variant.thinking.keepers);
    let free = |name: &str| !template.kwargs().contains_key(name);
    let (name, value) = keepers.filter(|(name, _)| free(name)).find(|(name, value)| {
        cut.iter().all(|probed| is_kept(template, &probed.conversation, name, *value))
    })?;
    let value = object(&[(name.as_str(), Value::Bool(*value))]);
    let text = format!(
        "{name} keeps the thinking of earlier turns, so a chat is one sample: use it only if you serve with it"
    );
    Some(Recommendation { option: "template_kwargs", value, text })
}

fn is_kept(template: &ChatTemplate, conversation: &Conversation, name: &str, value: bool) -> bool {
    let mut conversation = conversation.clone();
    conversation.template_kwargs.insert(name, Value::Bool(value));
    let arena = Arena::new();
    let prepared = template.prepare(&arena, &conversation);
    let format = template.variant(conversation.tools.is_some()).thinking.format.as_ref();
    is_prefix(&prepared, &conversation) == Ok(true)
        && matches!(rewriting(&prepared, &conversation, format), None | Some(Rewriting::EndToken))
        && rows(template, &conversation, PromptMismatch::Error) == Some(1)
}
