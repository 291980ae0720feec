//! The report as JSON.
//!
//! In: the facts. Out: a value whose keys are the fields of Python's `TemplateReport`, in their order.

use super::findings::{Finding, broken as broken_finding, findings};
use super::{Begin, Facts, Stop};
use crate::chat_template::{ArgumentsForm, FlagKind};
use crate::choice::Choice;
use crate::error::Error;
use crate::json::{Number, Value, object};

fn number(number: impl TryInto<i64>) -> Value {
    number.try_into().map_or(Value::Null, |number| Value::Number(Number::Int(number)))
}

fn text(text: &str) -> Value {
    text.into()
}

fn or_null<T>(value: Option<T>, to: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, to)
}

fn list<T>(items: impl IntoIterator<Item = T>, to: impl FnMut(T) -> Value) -> Value {
    Value::Array(items.into_iter().map(to).collect())
}

/// The report on a template that cannot even be compiled.
pub(super) fn broken(error: &Error, is_bare: bool) -> Value {
    object(&[
        ("compiles", Value::Bool(false)),
        ("control_tokens_guessed", Value::Bool(is_bare)),
        ("findings", list(&[broken_finding(&error.text)], finding)),
    ])
}

pub(super) fn whole(facts: &Facts) -> Value {
    let by_probe = |to: &dyn Fn(&super::Probed) -> Value| {
        object(&facts.probed.iter().map(|probed| (probed.name, to(probed))).collect::<Vec<_>>())
    };
    let some_by_probe = |to: &dyn Fn(&super::Probed) -> Option<Value>| {
        object(&facts.probed.iter().filter_map(|probed| Some((probed.name, to(probed)?))).collect::<Vec<_>>())
    };
    let keys = |is_read: bool| list(facts.keys.iter().filter(|key| key.1 == is_read), |key| text(key.0));
    let others = facts.other_prompts.iter().filter(|other| !other.chats.is_empty());
    object(&[
        ("compiles", Value::Bool(true)),
        ("control_tokens_guessed", Value::Bool(facts.is_bare)),
        ("server", or_null(facts.server.as_ref(), |(name, _)| text(name))),
        ("content_format", or_null(facts.server.as_ref(), |(_, format)| text(format.name()))),
        (
            "prompts_differ",
            object(
                &others
                    .map(|other| (other.serve.name(), list(&other.chats, |chat| text(chat))))
                    .collect::<Vec<_>>(),
            ),
        ),
        ("stop_tokens", list(&facts.stops, |found| stop(found, facts.is_bare))),
        (
            "prompt_is_prefix",
            by_probe(&|probed| or_null(probed.is_prefix.as_ref().ok(), |is| Value::Bool(*is))),
        ),
        ("refused", some_by_probe(&|probed| Some(text(&probed.is_prefix.as_ref().err()?.text)))),
        ("history_rewritten", some_by_probe(&|probed| Some(text(probed.rewriting?.name())))),
        ("rows", by_probe(&|probed| or_null(probed.rows, number))),
        ("keys_read", keys(true)),
        ("keys_ignored", keys(false)),
        ("tool_arguments", text(arguments(facts.arguments))),
        ("default_system", or_null(facts.system.default.as_deref(), text)),
        ("begin_token", or_null(facts.begin.as_ref(), begin)),
        ("generation_blocks", generation(facts)),
        ("asks_for_the_date", Value::Bool(facts.asks_for_the_date)),
        (
            "thinking_flags",
            object(&facts.flags.iter().map(|flag| (&*flag.name, text(kind(flag.kind)))).collect::<Vec<_>>()),
        ),
        ("findings", list(&findings(facts), finding)),
        (
            "recommendation",
            list(&facts.recommendations, |recommendation| {
                object(&[
                    ("option", text(recommendation.option)),
                    ("value", recommendation.value.clone()),
                    ("text", text(&recommendation.text)),
                ])
            }),
        ),
    ])
}

fn stop(stop: &Stop, is_guessed: bool) -> Value {
    object(&[
        ("text", text(&stop.token.text)),
        ("id", if is_guessed { Value::Null } else { number(stop.token.id) }),
        ("owner", text(stop.owner.name())),
        ("of", text(stop.of)),
        ("trailing", text(&stop.trailing)),
    ])
}

fn begin(begin: &Begin) -> Value {
    object(&[
        ("text", text(&begin.token.text)),
        ("id", number(begin.token.id)),
        ("written", number(begin.written)),
        ("added", Value::Bool(begin.is_added)),
        ("doubled", Value::Bool(begin.written + usize::from(begin.is_added) > 1)),
    ])
}

fn generation(facts: &Facts) -> Value {
    let differs = facts.generation.differs.as_ref();
    object(&[
        ("count", number(facts.generation.blocks)),
        ("equals_rule", or_null(differs, |differs| Value::Bool(differs.is_empty()))),
        ("differs", list(differs.into_iter().flatten(), |words| text(words))),
    ])
}

fn finding(finding: &Finding) -> Value {
    object(&[
        ("severity", text(finding.severity.name())),
        ("kind", text(finding.kind)),
        ("text", text(&finding.text)),
    ])
}

fn arguments(form: ArgumentsForm) -> &'static str {
    match form {
        ArgumentsForm::Either => "either",
        ArgumentsForm::Object => "object",
        ArgumentsForm::Text => "text",
    }
}

fn kind(kind: FlagKind) -> &'static str {
    match kind {
        FlagKind::Switch => "switch",
        FlagKind::KeepsHistory => "keeps_history",
        FlagKind::DropsHistory => "drops_history",
        FlagKind::Effort => "effort",
    }
}
