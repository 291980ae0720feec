//! Options that put right what a template does.
//!
//! In: what the conversations showed, and the best combination of options about thinking. Out: settings with a reason
//! each, which were tried together; and, under these, the rows of each conversation.

use everyturn_template::Arena;

use super::probes::{Probed, Rewriting, is_prefix, rewriting, rows};
use super::trials::{Combination, Trial};
use crate::chat_template::{ChatTemplate, TemplateSource};
use crate::choice::Choice;
use crate::json::{Object, Value};
use crate::options::{ContentFormat, HeaderPolicy, PromptMismatch, ThinkingPolicy};

/// An option, its value, and why.
pub(super) struct Recommendation {
    pub option: &'static str,
    pub value: Value,
    pub text: String,
}

/// Where contents do not reach the model as the server hands them over by itself.
pub(super) fn content_format(format: ContentFormat) -> Recommendation {
    Recommendation {
        option: ContentFormat::OPTION,
        value: format.name().into(),
        text: "shows every text of a chat as it is: serve with the same format".into(),
    }
}

/// Where nothing ends a turn.
pub(super) fn stop_token() -> Recommendation {
    Recommendation {
        option: "stop_token",
        value: "eos".into(),
        text: "appends the model's own end to each target: let the server stop there".into(),
    }
}

/// Where no prompt ends with the header of an answer.
pub(super) fn header_in_prompt() -> Recommendation {
    Recommendation {
        option: HeaderPolicy::OPTION,
        value: HeaderPolicy::Context.name().into(),
        text:
            "trains after the header: serve with a template that writes it where add_generation_prompt is set"
                .into(),
    }
}

pub(super) fn about_rendering(
    template: &ChatTemplate,
    source: &TemplateSource,
    probed: &mut [Probed],
    best: &Trial,
    asks_for_the_date: bool,
) -> Vec<Recommendation> {
    let Combination { policy, thinking, kwargs } = &best.combination;
    for probed in &mut *probed {
        let conversation = best.combination.applied_to(&probed.conversation);
        probed.rows = rows(template, &conversation, *policy, *thinking);
    }
    let mut recommendations = Vec::new();
    if *thinking == ThinkingPolicy::Match {
        recommendations.push(match_thinking());
    }
    recommendations.extend(mismatch_policy(best));
    if kwargs.is_empty() {
        recommendations.extend(keeper(template, probed, best));
    } else {
        recommendations.push(arguments(kwargs));
    }
    if asks_for_the_date {
        recommendations.push(Recommendation {
            option: "now",
            value: source.now.to_string().as_str().into(),
            text: "the template asks for the date: fix one, or each run shows its own".into(),
        });
    }
    recommendations
}

fn match_thinking() -> Recommendation {
    Recommendation {
        option: ThinkingPolicy::OPTION,
        value: ThinkingPolicy::Match.name().into(),
        text: "renders each target with the thinking switch that fits it, as a server does that is asked not to think \
               where an answer has no reasoning"
            .into(),
    }
}

fn arguments(kwargs: &Object) -> Recommendation {
    Recommendation {
        option: "template_kwargs",
        value: Value::Object(kwargs.clone()),
        text: "more is trained with these arguments than without: serve with them, too".into(),
    }
}

/// `None`: every prompt is a prefix, or no policy leaves anything.
fn mismatch_policy(best: &Trial) -> Option<Recommendation> {
    let policy = match best.combination.policy {
        PromptMismatch::Error if !best.has_mismatch() || best.trained() == 0 => return None,
        PromptMismatch::Error => PromptMismatch::Skip,
        policy => policy,
    };
    let text = match policy {
        PromptMismatch::MatchThinking => {
            "renders each prompt with the thinking flag that fits its answer, so that it is a prefix: serve with \
             the same flag"
        }
        PromptMismatch::Splice => "trains the message's own text after what the prompt has already written",
        _ => "drops the targets whose prompt is not a prefix, for which no other option works",
    };
    let left = if best.has_mismatch() {
        format!("; of {} made-up targets {} are left", best.outcomes.len(), best.trained())
    } else {
        String::new()
    };
    Some(Recommendation {
        option: PromptMismatch::OPTION,
        value: policy.name().into(),
        text: format!("{text}{left}"),
    })
}

/// An argument that keeps the thinking of earlier turns, if it makes one row of what needs several, and costs nothing.
fn keeper(template: &ChatTemplate, probed: &[Probed], best: &Trial) -> Option<Recommendation> {
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
    let free = keepers.filter(|(name, _)| !template.kwargs().contains_key(name));
    let mut with_keeper = free.map(|(name, value)| {
        let kwargs = [(name.as_str().into(), Value::Bool(*value))].into_iter().collect();
        (name, Combination { kwargs, ..best.combination.clone() })
    });
    let (name, combination) = with_keeper.find(|(_, combination)| {
        cut.iter().all(|probed| is_kept(template, probed, combination))
            && combination.clone().try_on(template, probed).score() >= best.score()
    })?;
    let text = format!(
        "{name} keeps the thinking of earlier turns, so a chat is one sample: use it only if you serve with it"
    );
    Some(Recommendation { option: "template_kwargs", value: Value::Object(combination.kwargs), text })
}

fn is_kept(template: &ChatTemplate, probed: &Probed, combination: &Combination) -> bool {
    let conversation = combination.applied_to(&probed.conversation);
    let arena = Arena::new();
    let Ok(prepared) = template.prepare(&arena, &conversation) else { return false };
    let format = template.variant_for(conversation.tools.as_ref()).thinking.format.as_ref();
    is_prefix(&prepared, &conversation) == Ok(true)
        && matches!(rewriting(&prepared, &conversation, format), None | Some(Rewriting::EndToken))
        && rows(template, &conversation, combination.policy, combination.thinking) == Some(1)
}
