//! An explanation as JSON: what Python's `everyturn.inspect.explanation` reads.

use super::origin::Author;
use super::row::{Row, Run};
use super::{Explained, Explanation, Fate};
use crate::conversation::Weight;
use crate::error::Error;
use crate::json::{Number, Value, write};

impl Explanation {
    /// The explanation, less its report.
    pub fn to_json(&self) -> String {
        let value = object([
            ("conversation_id", Value::from(format!("{:032x}", self.conversation_id).as_str())),
            ("format", self.format.into()),
            ("messages", list(&self.messages, message)),
            ("samples", list(&self.rows, row)),
            ("error", self.error.as_ref().map_or(Value::Null, fault)),
        ]);
        write(&value)
    }
}

fn message(message: &Explained) -> Value {
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

fn row(row: &Row) -> Value {
    let trained = row.sample.trained.iter().enumerate().map(|(at, trained)| {
        object([
            ("start", number(trained.tokens.start)),
            ("end", number(trained.tokens.end)),
            ("weight", weight(trained.weight)),
            ("message", row.target_of(at).map_or(Value::Null, number)),
        ])
    });
    object([
        ("text", row.text.as_str().into()),
        ("ids", list(&row.sample.ids, |id| number(*id))),
        ("targets", list(&row.sample.targets, |target| number(*target))),
        ("trained", Value::Array(trained.collect())),
        ("cell_tokens", list(&row.cells, |cell| number(cell.tokens))),
        ("cell_bytes", list(&row.cells, |cell| number(cell.bytes))),
        ("runs", list(&row.runs, |run| self::run(row, run))),
    ])
}

fn run(row: &Row, run: &Run) -> Value {
    let target = run.look.trained.and_then(|trained| row.target_of(trained));
    let (origin, message) = match run.look.origin {
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
        ("kind", run.look.kind.name().into()),
        ("trained", Value::Bool(run.look.trained.is_some())),
        ("target", target.map_or(Value::Null, number)),
        ("is_stop", Value::Bool(run.look.is_stop)),
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
