//! Options about thinking, tried together on the made-up conversations.
//!
//! In: a template and the conversations. Out: the first combination of `thinking`, `prompt_mismatch` and the template's
//! thinking flags that no other one surpasses, with what becomes of each target under it. What to say of it is decided
//! in `recommendations`.

use everyturn_template::Arena;

use super::probes::{Probed, targets};
use crate::chat_template::{ChatTemplate, Prepared};
use crate::conversation::{Conversation, Message};
use crate::error::ErrorKind;
use crate::json::{Object, Value};
use crate::options::{PromptMismatch, ThinkingPolicy};
use crate::target::{How, LeftOut, Marks, Rendered, Targets, has_empty_thinking};

/// What every template with an argument for it takes for much thinking.
const MUCH: &str = "high";

/// What becomes of a target; the later ones are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// The template refuses it, or does not end it.
    Failed,
    /// Its prompt is not a prefix, and the policy does not help.
    Mismatch,
    /// Some of what the message says is not trained.
    Partly,
    /// All of it, after an empty block of thinking.
    AfterEmptyThinking,
    Whole,
}

/// Options that are set together; the default is that of the options.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Combination {
    pub policy: PromptMismatch,
    pub thinking: ThinkingPolicy,
    pub kwargs: Object,
}

/// What a combination makes of every target of the conversations.
pub(super) struct Trial {
    pub combination: Combination,
    pub outcomes: Vec<Outcome>,
}

impl Outcome {
    fn of(prepared: &Prepared<'_>, message: &Message, index: usize, rendered: &Rendered<'_>) -> Self {
        let left_out = LeftOut::of_target(prepared, message, index, rendered, &mut Marks::default());
        if left_out.is_something() {
            Self::Partly
        } else if has_empty_thinking(prepared.thinking().format.as_ref(), message, rendered) {
            Self::AfterEmptyThinking
        } else {
            Self::Whole
        }
    }
}

impl Combination {
    /// The conversation with the template arguments of the combination.
    pub fn applied_to(&self, conversation: &Conversation) -> Conversation {
        let mut conversation = conversation.clone();
        for (name, value) in self.kwargs.iter() {
            conversation.template_kwargs.insert(name, value.clone());
        }
        conversation
    }

    /// Looks at each target of a conversation that can be rendered.
    pub fn any_target(
        &self,
        template: &ChatTemplate,
        conversation: &Conversation,
        is_so: impl Fn(&Prepared<'_>, &Message, &Rendered<'_>) -> bool,
    ) -> bool {
        let conversation = self.applied_to(conversation);
        let arena = Arena::new();
        let Ok(prepared) = template.prepare(&arena, &conversation) else { return false };
        let mut rendered = Targets::new(&prepared, self.how(), targets(&conversation));
        targets(&conversation).any(|(index, message)| {
            rendered.render(message, index).is_ok_and(|target| is_so(&prepared, message, &target))
        })
    }

    fn how(&self) -> How<'static> {
        How { policy: self.policy, thinking: self.thinking, ..How::default() }
    }

    /// What becomes of the targets of a conversation.
    pub fn outcomes(&self, template: &ChatTemplate, conversation: &Conversation) -> Vec<Outcome> {
        let conversation = self.applied_to(conversation);
        let arena = Arena::new();
        let Ok(prepared) = template.prepare(&arena, &conversation) else {
            return targets(&conversation).map(|_| Outcome::Failed).collect();
        };
        let mut rendered = Targets::new(&prepared, self.how(), targets(&conversation));
        targets(&conversation)
            .map(|(index, message)| match rendered.render(message, index) {
                Ok(rendered) => Outcome::of(&prepared, message, index, &rendered),
                Err(error) if error.kind == ErrorKind::PromptMismatch => Outcome::Mismatch,
                Err(_) => Outcome::Failed,
            })
            .collect()
    }

    pub fn try_on(self, template: &ChatTemplate, probed: &[Probed]) -> Trial {
        let outcomes = probed.iter().flat_map(|probed| self.outcomes(template, &probed.conversation));
        Trial { outcomes: outcomes.collect(), combination: self }
    }
}

impl Trial {
    /// How many targets are trained, how many of these whole, how many without an empty block of thinking.
    pub fn score(&self) -> [usize; 3] {
        [Outcome::Partly, Outcome::AfterEmptyThinking, Outcome::Whole].map(|least| self.count(least))
    }

    pub fn trained(&self) -> usize {
        self.count(Outcome::Partly)
    }

    pub fn has_mismatch(&self) -> bool {
        self.outcomes.contains(&Outcome::Mismatch)
    }

    fn count(&self, least: Outcome) -> usize {
        self.outcomes.iter().filter(|outcome| **outcome >= least).count()
    }

    fn or_better(self, other: Self) -> Self {
        if other.score() > self.score() { other } else { self }
    }

    fn is_perfect(&self) -> bool {
        self.outcomes.iter().all(|outcome| *outcome == Outcome::Whole)
    }
}

/// The first of the best combinations, in the order of preference: what changes less comes first.
pub(super) fn best(template: &ChatTemplate, probed: &[Probed]) -> Trial {
    let mut best = Combination::default().try_on(template, probed);
    // Policies are tried where a prompt is not a prefix.
    let mut mismatching: Vec<Combination> = Vec::new();
    if best.has_mismatch() {
        mismatching.push(best.combination.clone());
    }
    for combination in without_splice(template) {
        if best.is_perfect() {
            return best;
        }
        let plain = Combination { policy: PromptMismatch::Error, ..combination.clone() };
        if combination.policy == PromptMismatch::MatchThinking && !mismatching.contains(&plain) {
            continue;
        }
        let trial = combination.try_on(template, probed);
        if trial.combination == plain && trial.has_mismatch() {
            mismatching.push(plain);
        }
        best = best.or_better(trial);
    }
    for plain in mismatching {
        if best.is_perfect() {
            return best;
        }
        let spliced = Combination { policy: PromptMismatch::Splice, ..plain };
        best = best.or_better(spliced.try_on(template, probed));
    }
    best
}

/// Every combination but the default.
fn without_splice(template: &ChatTemplate) -> Vec<Combination> {
    let mut combinations = Vec::new();
    for kwargs in arguments(template) {
        for policy in [PromptMismatch::Error, PromptMismatch::MatchThinking] {
            for thinking in thinking_policies(template, &kwargs) {
                combinations.push(Combination { policy, thinking, kwargs: kwargs.clone() });
            }
        }
    }
    combinations.retain(|combination| *combination != Combination::default());
    combinations
}

/// Those that make a difference: with no switch left, both are one.
fn thinking_policies(template: &ChatTemplate, kwargs: &Object) -> Vec<ThinkingPolicy> {
    let is_free = |name: &String| !template.kwargs().contains_key(name) && !kwargs.contains_key(name);
    let has_switch = template.variants().any(|variant| variant.thinking.switches.iter().any(is_free));
    if has_switch {
        vec![ThinkingPolicy::AsRendered, ThinkingPolicy::Match]
    } else {
        vec![ThinkingPolicy::AsRendered]
    }
}

/// Template arguments to try: none, then what can be set of the thinking flags: switches before those that keep the
/// thinking of earlier turns, and before how much to think.
fn arguments(template: &ChatTemplate) -> Vec<Object> {
    let thinking = || template.variants().map(|variant| &variant.thinking);
    let free = |pairs: Vec<(&String, Value)>| -> Object {
        let free = pairs.into_iter().filter(|(name, _)| !template.kwargs().contains_key(name));
        free.map(|(name, value)| (name.as_str().into(), value)).collect()
    };
    let switches = |value: bool| {
        free(thinking().flat_map(|found| &found.switches).map(|name| (name, Value::Bool(value))).collect())
    };
    let keepers =
        thinking().flat_map(|found| &found.keepers).map(|(name, value)| (name, Value::Bool(*value)));
    let efforts = thinking().flat_map(|found| &found.efforts).map(|name| (name, MUCH.into()));
    let (keepers, efforts) = (free(keepers.collect()), free(efforts.collect()));
    let both = |one: &Object, other: &Object| {
        one.iter().chain(other.iter()).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let [on, off] = [true, false].map(switches);
    let [on_kept, off_kept] = [&on, &off].map(|switches| both(switches, &keepers));
    let much_kept = both(&efforts, &keepers);
    let mut tried = vec![Object::default()];
    for candidate in [on, off, keepers, on_kept, off_kept, efforts, much_kept] {
        if !tried.contains(&candidate) {
            tried.push(candidate);
        }
    }
    tried
}
