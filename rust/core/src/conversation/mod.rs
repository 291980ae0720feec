//! One record to one conversation.
//!
//! In: the JSON value of a record and its format. Out: messages in order with known roles, the tools, the template
//! arguments of the record, and per message whether the record itself says that it is to be trained. Keys that steer
//! training (`weight`, ..) are taken out of the messages: a server never sees them. Contents, tools and tool
//! arguments are passed on as they stand. What a template makes of a message is not decided here.

mod blocks;
mod called;
mod calls;
mod facts;
mod formats;
mod guess;
mod identity;
mod item;
mod labels;
mod media;
mod message;
mod message_keys;
mod non_finite;
mod options;
mod order;
mod outline;
mod part_keys;
mod part_weights;
mod parts;
mod reasoning;
mod record_keys;
mod renames;
mod role;
mod spelled;
mod system;
mod tools;
pub mod trees;
mod turns;
mod under_names;
mod weight;

pub use calls::{arguments_are_object, function_of};
pub use facts::MessageColumns;
pub use formats::{Format, unknown_format};
pub use identity::id_of_bytes;
pub use message::{CLOSE_THINKING, Message, OPEN_THINKING, REASONING_KEYS, as_message};
pub use options::{Media, NonFinite, RecordOptions, Undesired, record_choices};
pub use outline::LenientMessage;
pub use part_weights::{PartWeight, WeightedPart};
pub use parts::{part_texts, text_part};
pub use record_keys::{is_of_some_record, unread as unread_keys};
pub use renames::Renames;
pub use role::{OTHER_NAMES, Role};
pub use weight::Weight;

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Object, Value};
use record_keys::TEMPLATE_KWARGS;

/// A record, understood.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    pub messages: Vec<Message>,
    pub tools: Option<Value>,
    /// The record's own `chat_template_kwargs`.
    pub template_kwargs: Object,
    /// The record's own, by which those of the answers are multiplied already.
    pub weight: Option<Weight>,
    pub unused: Unused,
}

/// What a record holds and the conversation does not.
#[derive(Debug, Clone, Default)]
pub struct Unused {
    /// Keys of the record that nothing reads.
    pub keys: Vec<Arc<str>>,
    /// Images, sounds or videos are left out, or their places are taken for text.
    pub media: bool,
    /// The answers are labelled as undesired, and are not trained.
    pub is_undesired: bool,
    /// Keys that an object of the record has twice, or one of a text that is read as JSON.
    pub repeated_keys: Vec<Arc<str>>,
}

/// Keys of `chat_template_kwargs` that are ours to set.
pub const RESERVED_KWARGS: [&str; 4] = ["messages", "tools", "documents", "add_generation_prompt"];

/// The most faults of one record that are named.
const MAX_FAULTS: usize = 1000;

impl Conversation {
    /// Reads a record of a known format. The error is the first of those that [`Self::read`] finds.
    pub fn from_record(record: &Value, format: Format, options: &RecordOptions) -> Result<Self> {
        Self::read_or_faults(record, format, options, 1).map_err(|mut faults| faults.swap_remove(0))
    }

    /// Reads a record of a known format, or finds everything for which it is refused: the first fault of each message,
    /// of its tools and of its template arguments, and what it says of itself as a whole, which comes first.
    pub fn read(record: &Value, format: Format, options: &RecordOptions) -> Result<Self, Vec<Error>> {
        Self::read_or_faults(record, format, options, MAX_FAULTS)
    }

    /// Whether a record of whatever format can be read.
    pub fn is_readable(record: &Value, options: &RecordOptions) -> bool {
        let is_finite = non_finite::check("", record, options.non_finite).is_ok();
        let renamed = options.renames.of_record(record).ok().filter(|_| is_finite);
        let format = renamed.as_deref().and_then(|record| Format::detect(record, &options.renames));
        let conversation =
            renamed.zip(format).map(|(record, format)| Self::from_record(&record, format, options));
        conversation.is_some_and(|conversation| conversation.is_ok())
    }

    /// An error holds at least one fault; of those of messages the first ones.
    fn read_or_faults(
        record: &Value,
        format: Format,
        options: &RecordOptions,
        most_of_messages: usize,
    ) -> Result<Self, Vec<Error>> {
        let record = as_record(record).map_err(|error| vec![error])?;
        let mut faults = Vec::new();
        let verdict = labels::read(record, options.undesired).map_err(|error| faults.push(error));
        let ReadMessages { mut messages, faults: of_messages, is_undesired, mut repeated_keys } =
            read_messages(record, format, options, most_of_messages);
        faults.extend(of_messages);
        let tools = tools::read(record, &mut messages, &mut repeated_keys).and_then(|tools| {
            tools.iter().try_for_each(|tools| non_finite::check("tools", tools, options.non_finite))?;
            Ok(tools)
        });
        let tools = tools.map_err(|error| faults.push(error));
        let template_kwargs =
            read_template_kwargs(record.get(TEMPLATE_KWARGS)).map_err(|error| faults.push(error));
        let media = media::read(record, &messages, options.media).map_err(|error| faults.push(error));
        let (Ok(tools), Ok(template_kwargs), Ok(verdict), Ok(media), true) =
            (tools, template_kwargs, verdict, media, faults.is_empty())
        else {
            return Err(faults);
        };
        if let Some(weight) = verdict.weight {
            let answers = messages.iter_mut().enumerate().filter(|(_, message)| message.is_answer());
            for (at, answer) in answers {
                answer.scale(weight).map_err(|error| vec![error.at_message(at)])?;
            }
        }
        let keys = record_keys::unread(record, format, options).cloned().collect();
        let is_undesired = is_undesired || verdict.is_skipped;
        let unused = Unused { keys, media, is_undesired, repeated_keys };
        Ok(Self { messages, tools, template_kwargs, weight: verdict.weight, unused })
    }
}

/// The messages of a record, at least one, or the first faults of them.
#[derive(Default)]
struct ReadMessages {
    messages: Vec<Message>,
    faults: Vec<Error>,
    /// One of them is an answer that its label calls undesired, and is not trained.
    is_undesired: bool,
    /// Keys that an object has twice in what is JSON text.
    repeated_keys: Vec<Arc<str>>,
}

fn read_messages(
    record: &Object,
    format: Format,
    options: &RecordOptions,
    most_faults: usize,
) -> ReadMessages {
    let outline = format.outline(record, &options.renames);
    if let Some(fault) = outline.fault {
        return ReadMessages { faults: vec![fault], ..ReadMessages::default() };
    }
    let mut read = ReadMessages { repeated_keys: outline.repeated_keys, ..ReadMessages::default() };
    for (i, entry) in outline.entries.iter().enumerate() {
        let message = entry.read().and_then(|mut message| {
            non_finite::check_message(&message.fields, options.non_finite)?;
            if message.is_answer() {
                read.is_undesired |= labels::take_of_answer(&mut message, options.undesired)?;
            }
            Ok(message)
        });
        match message {
            Ok(mut message) => {
                read.repeated_keys.append(&mut message.repeated_keys);
                read.messages.push(message);
            }
            Err(error) => read.faults.push(error.at_message(i)),
        }
        if read.faults.len() == most_faults {
            break;
        }
    }
    if read.messages.is_empty() && read.faults.is_empty() {
        read.faults.push(no_messages());
    }
    read
}

fn no_messages() -> Error {
    Error::new(ErrorKind::Shape, "the conversation has no messages")
}

/// Refuses what is neither an object nor a list of messages.
pub fn check_is_record(record: &Value, renames: &Renames) -> Result<()> {
    if matches!(record, Value::Array(_)) && renames.format_of(record).is_some() {
        return Ok(());
    }
    as_record(record).map(|_| ())
}

/// The object that a record must be.
fn as_record(record: &Value) -> Result<&Object> {
    record.as_object().ok_or_else(|| {
        Error::new(
            ErrorKind::NotAnObject,
            format!("the record is {}, expected an object", record.type_name()),
        )
    })
}

fn read_template_kwargs(kwargs: Option<&Value>) -> Result<Object> {
    let error = |text: String| Error::new(ErrorKind::TemplateKwargs, text);
    match kwargs {
        None | Some(Value::Null) => Ok(Object::default()),
        Some(Value::Object(kwargs)) => {
            check_reserved(kwargs).map_err(error)?;
            Ok(kwargs.clone())
        }
        Some(other) => {
            Err(error(format!("{TEMPLATE_KWARGS:?} is {}, expected an object", other.type_name())))
        }
    }
}

/// Refuses template arguments that are ours to set.
pub fn check_reserved(kwargs: &Object) -> Result<(), String> {
    match RESERVED_KWARGS.iter().find(|key| kwargs.contains_key(key)) {
        Some(key) => Err(format!("the template argument {key:?} is set by everyturn and cannot be given")),
        None => Ok(()),
    }
}

/// Whether a variable of the template is one that a template argument cannot set.
pub fn is_reserved(name: &str) -> bool {
    RESERVED_KWARGS.contains(&name)
}

/// JSON held in a text, with the constants of Python's `json`, or the value itself. Keys that an object of the text has
/// twice are added to `repeated`.
fn from_json_text(value: &Value, what: &str, kind: ErrorKind, repeated: &mut Vec<Arc<str>>) -> Result<Value> {
    match value {
        Value::String(text) => json::parse_with_constants_noting(text, repeated)
            .map_err(|error| Error::new(kind, format!("{what} is text that is not JSON: {error}"))),
        other => Ok(other.clone()),
    }
}
