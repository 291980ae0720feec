//! What other names a record has for what is read here, for errors about a record of no known format.
//!
//! In: a record. Out: a sentence that says how to read it, if its shape tells. Nothing is read by a guess.

use super::formats::{given, repeats};
use super::labels::is_rejected;
use super::role::Role;
use crate::json::{Object, Value};

/// Keys that hold a question and its answer, most often used first.
const PAIRS: [(&str, &str); 8] = [
    ("prompt", "response"),
    ("question", "answer"),
    ("query", "response"),
    ("input", "output"),
    ("question", "response"),
    ("input", "response"),
    ("prompt", "output"),
    ("user", "assistant"),
];

/// Names of the key of a role, and of a text.
const ROLE_KEYS: [&str; 7] = ["role", "from", "speaker", "author", "sender", "name", "type"];
const CONTENT_KEYS: [&str; 6] = ["content", "value", "text", "message", "utterance", "body"];

/// How to read a record of that shape.
pub(super) fn renames(record: &Object) -> Option<String> {
    preference(record).or_else(|| pair(record)).or_else(|| messages(record)).or_else(|| text(record))
}

/// A text without roles.
fn text(record: &Object) -> Option<String> {
    record.get("text").and_then(Value::as_str)?;
    let text =
        "it is a text as for pretraining: it has no answer of an assistant, which is what is trained here";
    Some(text.into())
}

/// Keys of the better of two answers: that of most records, and OpenAI's.
const CHOSEN: [&str; 2] = ["chosen", "preferred_output"];

/// Two answers of which one is better.
pub(super) fn preference(record: &Object) -> Option<String> {
    let rejected = record.iter().map(|(key, _)| key).find(|key| is_rejected(key))?;
    let (name, chosen) = CHOSEN.into_iter().find_map(|name| Some((name, given(record, name)?)))?;
    let what = format!(
        "it is a pair of preferences ({name:?}, {rejected:?}), of which supervised training can use the {} answer only",
        name.trim_end_matches("_output")
    );
    if chosen.as_object().is_some() || record.contains_key("messages") {
        return Some(format!(
            "{what}: undesired=\"skip\" does that once it stands at the end of the messages"
        ));
    }
    if given(record, "input").is_some_and(|input| input.as_object().is_some()) {
        return Some(format!("{what}: put the messages of \"input\" and that answer into \"messages\""));
    }
    let ours = if record.contains_key("instruction") {
        "output"
    } else {
        match record.get("prompt") {
            None => "messages",
            Some(prompt) if repeats(prompt, chosen) => "messages",
            Some(_) if is_answer(chosen) => "completion",
            // As either of them something of the prompt would be lost, or doubled.
            Some(_) => return Some(format!("{what}: put the prompt and that answer into \"messages\"")),
        }
    };
    Some(format!("{what}: map={{{ours:?}: {name:?}}} and undesired=\"skip\" do that"))
}

/// Whether nothing but what follows a prompt is there: a text, or no message of a user or of the system.
fn is_answer(chosen: &Value) -> bool {
    let role = |item: &Value| item.as_object()?.get("role")?.as_str().and_then(Role::from_name);
    let is_of_prompt = |item: &Value| !matches!(role(item), Some(Role::Assistant | Role::Tool));
    chosen.as_array().is_none_or(|items| !items.iter().any(is_of_prompt))
}

/// A list of objects under another name.
fn messages(record: &Object) -> Option<String> {
    let (list, item) = record.iter().find_map(|(key, value)| {
        let item = value.as_array()?.first()?.as_object()?;
        Some((key, item))
    })?;
    let has_text = |key: &&str| item.get(key).is_some_and(|value| value.as_str().is_some());
    let role = ROLE_KEYS.into_iter().find(has_text)?;
    let content = CONTENT_KEYS.into_iter().find(|key| has_text(key) && *key != role)?;
    let mut names = vec![format!("\"messages\": {list:?}")];
    names.extend((role != "role").then(|| format!("\"role\": {role:?}")));
    names.extend((content != "content").then(|| format!("\"content\": {content:?}")));
    let roles = match item.get(role).and_then(Value::as_str) {
        Some(name) if Role::from_name(name).is_none() => {
            format!(", with roles={{{name:?}: ..}} for its roles,")
        }
        _ => String::new(),
    };
    Some(format!("map={{{}}}{roles} would read {list:?} as messages", names.join(", ")))
}

/// What to add to an error about a message that lacks its role, or its content, under the names that are read here.
pub(super) fn message_keys(message: &Object) -> String {
    let text = |key: &&str| message.get(key).is_some_and(|value| value.as_str().is_some());
    let is_known = |keys: [&str; 2]| keys.iter().any(|key| message.contains_key(key));
    let role = ROLE_KEYS.into_iter().find(text).filter(|_| !is_known(["role", "from"]));
    let content = CONTENT_KEYS.into_iter().find(text).filter(|_| !is_known(["content", "value"]));
    let names: Vec<String> = [("role", role), ("content", content)]
        .into_iter()
        .filter_map(|(ours, theirs)| Some(format!("{ours:?}: {:?}", theirs?)))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!("; map={{{}}} would read it", names.join(", "))
}

/// A question and an answer.
fn pair(record: &Object) -> Option<String> {
    let is_text = |key: &str| record.get(key).is_some_and(|value| value.as_str().is_some());
    let is_question = |key: &str| is_text(key) || record.get(key).is_some_and(is_list_of_objects);
    let (question, answer) =
        PAIRS.into_iter().find(|(question, answer)| is_question(question) && is_text(answer))?;
    let mut names = Vec::new();
    names.extend((question != "prompt").then(|| format!("\"prompt\": {question:?}")));
    names.extend((answer != "completion").then(|| format!("\"completion\": {answer:?}")));
    Some(format!("map={{{}}} would read it as a question and its answer", names.join(", ")))
}

fn is_list_of_objects(value: &Value) -> bool {
    let items = value.as_array().unwrap_or_default();
    !items.is_empty() && items.iter().all(|item| item.as_object().is_some())
}
