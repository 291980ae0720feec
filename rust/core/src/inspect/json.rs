//! An inspection as JSON: what Python's `everyturn.inspect.inspection` reads.

use super::fate::Fate;
use super::sample::{InspectedSample, Run};
use super::{InspectedMessage, Inspection};
use crate::chat_template::Author;
use crate::conversation::Weight;
use crate::error::Error;
use crate::json::{Number, Value, write};

impl Inspection {
    /// The inspection, less its report.
    pub fn to_json(&self) -> String {
        let value = object([
            ("conversation_id", Value::from(format!("{:032x}", self.conversation_id).as_str())),
            ("format", self.format.into()),
            ("messages", list(&self.messages, message)),
            ("samples", list(&self.samples, sample)),
            ("error", self.error.as_ref().map_or(Value::Null, fault)),
        ]);
        write(&value)
    }
}

fn message(message: &InspectedMessage) -> Value {
    let mut pairs = vec![
        ("role", Value::from(message.role.name())),
        ("weight", message.weight.map_or(Value::Null, self::weight)),
        ("excerpt", message.excerpt.as_str().into()),
        ("tool_calls", number(message.calls)),
    ];
    let fate = match &message.fate {
        Fate::Trained(samples) => {
            pairs.push(("samples", list(samples, |sample| number(*sample))));
            "trained"
        }
        Fate::Context => "context",
        Fate::Prompt => "prompt",
        Fate::Weight => "weight",
        Fate::TrainOn => "train_on",
        Fate::LeftOut => "left_out",
        Fate::Fault(error) => {
            pairs.push(("fault", fault(error)));
            "fault"
        }
    };
    pairs.push(("fate", fate.into()));
    object(pairs)
}

fn fault(error: &Error) -> Value {
    object([("kind", error.kind.name().into()), ("text", error.text.as_str().into())])
}

fn sample(inspected: &InspectedSample) -> Value {
    let sample = &inspected.sample;
    let trained = sample.trained.iter().enumerate().map(|(at, trained)| {
        object([
            ("start", number(trained.tokens.start)),
            ("end", number(trained.tokens.end)),
            ("weight", weight(trained.weight)),
            ("message", inspected.target_of(at).map_or(Value::Null, number)),
        ])
    });
    object([
        ("text", inspected.text.as_str().into()),
        ("ids", list(&sample.ids, |id| number(*id))),
        ("targets", list(&sample.targets, |target| number(*target))),
        ("trained", Value::Array(trained.collect())),
        ("cell_tokens", list(&inspected.cells, |cell| number(cell.tokens))),
        ("cell_bytes", list(&inspected.cells, |cell| number(cell.bytes))),
        ("runs", list(&inspected.runs, |run| self::run(inspected, run))),
    ])
}

fn run(inspected: &InspectedSample, run: &Run) -> Value {
    let traits = &run.traits;
    let target = traits.trained.and_then(|trained| inspected.target_of(trained));
    let (origin, message) = match traits.author {
        Author::Template => ("template", Value::Null),
        Author::Message(message) => ("message", number(message)),
        Author::Tools => ("tools", Value::Null),
        Author::Record => ("record", Value::Null),
    };
    object([
        ("start", number(run.tokens.start)),
        ("end", number(run.tokens.end)),
        ("byte_start", number(run.bytes.start)),
        ("byte_end", number(run.bytes.end)),
        ("origin", origin.into()),
        ("message", message),
        ("kind", traits.wording.name().into()),
        ("trained", Value::Bool(traits.trained.is_some())),
        ("target", target.map_or(Value::Null, number)),
        ("is_stop", Value::Bool(traits.is_stop)),
    ])
}

fn object<'k>(pairs: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    Value::Object(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn list<T>(items: &[T], to: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(to).collect())
}

fn number(number: impl TryInto<i64>) -> Value {
    number.try_into().map_or(Value::Null, |number| Value::Number(Number::Int(number)))
}

fn weight(weight: Weight) -> Value {
    Value::Number(Number::Float(weight.0.into()))
}
