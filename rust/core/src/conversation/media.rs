//! Images, sounds and videos of a record, of which only the text can be trained here.
//!
//! In: a record and its messages. Out: whether there are any that are left out, or why the record is refused.

use super::formats::is_nothing;
use super::message::Message;
use super::options::Media;
use super::parts::part_texts;
use super::role::Role;
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

/// The keys of a record, or of a message, that they stand under.
pub const KEYS: [&str; 6] = ["image", "images", "video", "videos", "audio", "audios"];

/// What marks their places in a text, each with what would close it as a tag of HTML.
const PLACEHOLDERS: [(&str, &str); 3] =
    [("<image>", "</image>"), ("<video>", "</video>"), ("<audio>", "</audio>")];

/// True if the record has media, which are left out because the caller says so.
pub(super) fn read(record: &Object, messages: &[Message], media: Media) -> Result<bool> {
    let error =
        |text: String| Error::new(ErrorKind::Media, format!("{text}, and only text is trained; {AS_TEXT}"));
    let held = |key: &str| error(format!("{key:?} holds media"));
    let of_record = key(record).map(held);
    let of_message = |(at, message): (usize, &Message)| {
        let of_key = || key(&message.fields).map(held);
        let of_text = || Some(error(format!("{:?} is the place of media", placeholder(message)?)));
        of_key().or_else(of_text).map(|error| error.at_message(at))
    };
    let found = of_record.or_else(|| messages.iter().enumerate().find_map(of_message));
    match (media, found) {
        (_, None) => Ok(false),
        (Media::Text, Some(_)) => Ok(true),
        (Media::Error, Some(error)) => Err(error),
    }
}

/// The first key of a record or a message that holds any.
fn key(object: &Object) -> Option<&'static str> {
    KEYS.into_iter().find(|key| object.get(key).is_some_and(|value| !is_nothing(value)))
}

const AS_TEXT: &str = "media=\"text\" leaves media out and takes placeholders for text";

/// The first placeholder of a message that is shown to the model. One that stands within a line, or that is closed as
/// a tag of HTML, is text.
fn placeholder(message: &Message) -> Option<&'static str> {
    if message.role == Role::Assistant {
        return None;
    }
    let content = message.fields.get("content")?;
    let texts = match content {
        Value::Array(parts) => part_texts(parts),
        other => other.as_str().into_iter().collect(),
    };
    let found = PLACEHOLDERS.into_iter().find(|(placeholder, end)| {
        let stands_alone = |text: &&str| {
            let has_line = || text.lines().any(|line| line.trim() == *placeholder);
            text.contains(placeholder)
                && (text.trim_start().starts_with(placeholder)
                    || text.trim_end().ends_with(placeholder)
                    || has_line())
        };
        texts.iter().any(stands_alone) && !texts.iter().any(|text| text.contains(end))
    });
    found.map(|(placeholder, _)| placeholder)
}
