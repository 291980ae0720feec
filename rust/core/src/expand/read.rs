//! A line to a record that was read.
//!
//! In: a line and how records are read. Out: its conversation and what its samples carry along, or everything for which
//! it is refused; whoever wants to know of a refused record, too, is shown how far it could be read. A panic of a
//! dependency is a fault of the record.

use super::stage_times::Stage;
use super::workspace::Workspace;
use crate::conversation::{Conversation, Format, Renames, check_is_record, unknown_format};
use crate::error::{Error, ErrorKind};
use crate::json::{Object, Value};
use crate::panics::catch_panics;
use crate::read::{ReadOptions, Record};
use crate::samples::{KeptValues, kept_values};

/// A record that was read: it can be expanded more than once.
pub struct ReadRecord {
    /// Equal for conversations that are the same; see [`Conversation::id`].
    pub conversation_id: u128,
    pub format: Format,
    pub conversation: Conversation,
    /// What its samples carry along.
    pub kept: KeptValues,
}

/// A record before its messages are read.
pub struct OpenedRecord<'v> {
    /// Under the names that are read here; `None`: it is no object.
    pub object: Option<&'v Object>,
    /// The format that it is read by: as it is given, as the option says, or as its own keys show. The records of a
    /// file before the one that shows its format have none of these.
    pub format: Option<Format>,
    /// The format that its own keys show.
    pub own_format: Option<Format>,
}

/// Reads one record, after it was `shown`. An error holds at least one fault.
pub fn read_record(
    record: Record<'_>,
    options: &ReadOptions,
    workspace: &mut Workspace,
    shown: impl FnOnce(&OpenedRecord<'_>),
) -> Result<ReadRecord, Vec<Error>> {
    let read = catch_panics(|| Ok(read_opened(record, options, workspace, shown)));
    read.unwrap_or_else(|panic: Error| Err(vec![panic]))
}

fn read_opened(
    record: Record<'_>,
    options: &ReadOptions,
    workspace: &mut Workspace,
    shown: impl FnOnce(&OpenedRecord<'_>),
) -> Result<ReadRecord, Vec<Error>> {
    let one = |fault: Error| vec![fault];
    let bytes = record.bytes.ok_or_else(|| one(line_too_long(options.max_line_bytes)))?;
    let Workspace { parser, times, .. } = workspace;
    let (input_format, options) = (options.input_format, &options.record);
    let mut repeated = Vec::new();
    let value = times.measure(Stage::Parse, || {
        let line = options.parse(parser, bytes)?;
        repeated = parser.take_repeated_keys();
        Renames::held_by(line, options.non_finite, &mut repeated)
    });
    let value = value.map_err(one)?;
    let kept = match &value {
        Value::Object(object) => kept_values(object, &options.keep),
        // A list of messages has no keys.
        _ => kept_values(&Object::default(), &options.keep),
    };
    let value = options.renames.renamed(value).map_err(one)?;
    let own_format = options.renames.format_of(&value);
    let format = record.format.or(input_format).or(own_format);
    let refused = check_is_record(&value, &options.renames).err();
    let value = match format.filter(|_| refused.is_none()) {
        Some(format) => format.with_key(value),
        None => value,
    };
    shown(&OpenedRecord { object: value.as_object(), format, own_format });
    if let Some(fault) = refused {
        return Err(one(fault));
    }
    let format = format.ok_or_else(|| one(unknown_format(&value, record.columns_of)))?;
    let conversation = times.measure(Stage::Convert, || Conversation::read(&value, format, options));
    let mut conversation = conversation?;
    conversation.unused.repeated_keys.splice(..0, repeated);
    let conversation_id = times.measure(Stage::Convert, || conversation.id());
    Ok(ReadRecord { conversation_id, format, conversation, kept })
}

/// The error for a line that was not kept.
fn line_too_long(max_line_bytes: usize) -> Error {
    let text = format!("the line is longer than max_line_bytes ({max_line_bytes})");
    Error::new(ErrorKind::LineTooLong, text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn read(
        format: Option<Format>,
        options: &ReadOptions,
        shown: impl FnOnce(&OpenedRecord<'_>),
    ) -> Result<ReadRecord, Vec<ErrorKind>> {
        let line = br#"{"messages": [{"role": "user", "content": "a"}], "prompt": "b", "completion": "c"}"#;
        let file = Arc::from("");
        let record = Record { bytes: Some(line), file: &file, line: 1, format, columns_of: None };
        let read = read_record(record, options, &mut Workspace::default(), shown);
        read.map_err(|faults| faults.iter().map(|fault| fault.kind).collect())
    }

    #[test]
    fn the_format_is_as_it_is_given_or_as_the_option_says_or_as_keys_show() {
        let option = ReadOptions { input_format: Some(Format::PromptCompletion), ..ReadOptions::default() };
        for (given, options, expected) in [
            (Some(Format::Messages), &option, Format::Messages),
            (None, &option, Format::PromptCompletion),
            (None, &ReadOptions::default(), Format::Messages),
        ] {
            let mut formats = None;
            let read = read(given, options, |opened| formats = opened.format.zip(opened.own_format));
            assert_eq!(read.map(|read| read.format).ok(), Some(expected));
            assert_eq!(formats, Some((expected, Format::Messages)));
        }
    }

    #[test]
    #[allow(clippy::panic, reason = "a panic is what is looked at")]
    fn a_panic_is_a_fault_of_the_record() {
        let read = read(None, &ReadOptions::default(), |_| panic!("no rest"));
        assert_eq!(read.err(), Some(vec![ErrorKind::Internal]));
    }
}
