//! Where the records of a document are.
//!
//! In: the bytes of a document as they arrive. Out: the ranges of its records. Outside of records the grammar of JSON is
//! followed byte by byte; within them only brackets and strings are.

use std::ops::Range;
use std::sync::Arc;

use super::contents::{is_record, may_be_record};
use super::object::OpenObject;
use super::position::Position;
use super::skip::{Broken, Skip};
use crate::conversation::Renames;
use crate::json::{self, Value};

/// A record that has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The line on which it starts.
    pub line: u64,
    /// `None`: its bytes were dropped.
    pub range: Option<Range<usize>>,
}

#[derive(Debug)]
pub struct Walk {
    pub at: Position,
    state: State,
    /// The start of what becomes a record when it ends: its bytes have to stay at hand.
    held: Option<Start>,
    /// The start of a key or of a list's first item, which is parsed when it ends.
    marked: Option<Start>,
    /// The object around what is read now.
    object: Option<OpenObject>,
    /// A list of records is open.
    in_list: bool,
    /// Bytes of the record that is read now were dropped.
    has_dropped: bool,
    renames: Arc<Renames>,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    byte: usize,
    line: u64,
}

#[derive(Debug)]
enum State {
    /// Between JSON texts.
    Top,
    /// After the `[` of a list that may hold records.
    ListStart,
    /// In a list of records, before one.
    Element,
    /// In a list of records, after one.
    AfterElement,
    /// In an object, before a key; or before its end, where it may come.
    Key {
        may_end: bool,
    },
    Colon,
    Member,
    AfterMember,
    /// In a value, and what it is.
    Skipping(What, Skip),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Record,
    /// The first item of a list of which nothing is known yet.
    FirstItem,
    Key,
    /// The value of a key that is not a list of records.
    Member,
}

impl Walk {
    pub fn new(renames: Arc<Renames>) -> Self {
        Self {
            at: Position::first(),
            state: State::Top,
            held: None,
            marked: None,
            object: None,
            in_list: false,
            has_dropped: false,
            renames,
        }
    }

    /// The first byte that has to stay at hand.
    pub fn kept_from(&self) -> usize {
        let starts = [self.held, self.marked].into_iter().flatten().map(|start| start.byte);
        starts.min().unwrap_or(self.at.byte)
    }

    /// The first bytes are no longer at hand: at most those before `kept_from`.
    pub fn forget(&mut self, count: usize) {
        self.at.forget(count);
        for start in [&mut self.held, &mut self.marked].into_iter().flatten() {
            start.byte -= count;
        }
    }

    /// Stops to keep what is at hand from `kept_from` on, as it is too long, up to the end of the bytes. Where it is
    /// part of a record, that has none, and its bytes are to be dropped from the place that is returned.
    pub fn drop_kept(&mut self) -> Option<usize> {
        let marked = self.marked.take();
        let state = std::mem::replace(&mut self.state, State::Top);
        if self.held.is_none() {
            self.state = match state {
                State::Skipping(What::FirstItem, skip) => {
                    State::Skipping(What::Member, skip.put_within(b"["))
                }
                other => other,
            };
            return None;
        }
        let skip = match state {
            State::Skipping(What::Record, skip) => skip,
            State::Skipping(What::FirstItem, skip) if self.object.is_none() => {
                // A message is not that long.
                self.in_list = true;
                self.held = marked;
                skip
            }
            State::Skipping(What::FirstItem, skip) => skip.put_within(b"{["),
            State::Skipping(What::Key | What::Member, skip) => skip.put_within(b"{"),
            State::ListStart if self.object.is_none() => Skip::within(b"["),
            State::ListStart => Skip::within(b"{["),
            _ => Skip::within(b"{"),
        };
        if !self.in_list {
            self.object = None;
        }
        self.state = State::Skipping(What::Record, skip);
        self.has_dropped = true;
        let from = self.held?.byte;
        self.at.drop_from(from);
        Some(from)
    }

    /// The next record that ends in these bytes; `None` where more are needed.
    pub fn next_record(&mut self, bytes: &[u8]) -> Result<Option<Found>, Broken> {
        loop {
            if let State::Skipping(what, skip) = &mut self.state {
                let what = *what;
                if !skip.go(bytes, &mut self.at)? {
                    return Ok(None);
                }
                if let Some(found) = self.after_value(what, bytes)? {
                    return Ok(Some(found));
                }
                continue;
            }
            match bytes.get(self.at.byte) {
                None => return Ok(None),
                Some(b' ' | b'\t' | b'\r') => self.at.byte += 1,
                Some(b'\n') => {
                    self.at.note_newline();
                    self.at.byte += 1;
                }
                Some(&byte) => self.step(byte, bytes)?,
            }
        }
    }

    /// Why the document may not end here; `None` if it may.
    pub fn end(&self) -> Option<Broken> {
        let what = match (&self.state, &self.object, self.held) {
            (State::Top, ..) => return None,
            (State::Skipping(What::Record, _), _, Some(held)) => {
                format!("the record that starts on line {}", held.line)
            }
            (_, Some(object), _) => format!("the object that starts on line {}", object.line),
            _ => "a list of records".to_owned(),
        };
        Some(self.at.broken(format!("the file ends within {what}: it is truncated")))
    }

    /// Reads a byte outside of records that is not white space.
    fn step(&mut self, byte: u8, bytes: &[u8]) -> Result<(), Broken> {
        match (&self.state, byte) {
            (State::Top, b'[') => self.begin_list(),
            (State::Top, b'{') => self.begin_object(),
            // A byte order mark.
            (State::Top, 0xBB | 0xBF | 0xEF) if self.at.offset() < 3 => self.at.byte += 1,
            (State::ListStart | State::AfterElement, b']') => self.end_list(),
            (State::ListStart, b'[' | b'{' | b'"' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => {
                self.mark(What::FirstItem);
            }
            (State::Element, b',' | b']' | b'}' | b':') => return Err(self.unexpected(bytes, "a record")),
            (State::Top, b'"') | (State::Element, _) => self.begin_record(),
            (State::AfterElement, b',') => self.pass(State::Element),
            (State::Key { .. }, b'"') => self.mark(What::Key),
            (State::Key { may_end: true } | State::AfterMember, b'}') => self.end_object(),
            (State::Colon, b':') => self.pass(State::Member),
            (State::Member, b'[') => self.pass(State::ListStart),
            (State::Member, b'{' | b'"' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => {
                self.state = State::Skipping(What::Member, Skip::default());
            }
            (State::AfterMember, b',') => self.pass(State::Key { may_end: false }),
            _ => return self.refuse(bytes),
        }
        Ok(())
    }

    fn pass(&mut self, state: State) {
        self.at.byte += 1;
        self.state = state;
    }

    fn here(&self) -> Start {
        Start { byte: self.at.byte, line: self.at.line }
    }

    fn mark(&mut self, what: What) {
        self.marked = Some(self.here());
        self.state = State::Skipping(what, Skip::default());
    }

    fn begin_record(&mut self) {
        self.held = Some(self.here());
        self.state = State::Skipping(What::Record, Skip::default());
    }

    fn begin_list(&mut self) {
        self.held = Some(self.here());
        self.pass(State::ListStart);
    }

    fn begin_object(&mut self) {
        self.held = Some(self.here());
        self.object = Some(OpenObject::starting_on(self.at.line));
        self.pass(State::Key { may_end: true });
    }

    fn end_list(&mut self) {
        self.in_list = false;
        if self.object.is_none() {
            self.held = None;
        }
        self.pass(if self.object.is_some() { State::AfterMember } else { State::Top });
    }

    /// An object that holds no list of records is one itself.
    fn end_object(&mut self) {
        match self.object.take() {
            Some(object) if object.holds_records() => self.pass(State::Top),
            _ => self.state = State::Skipping(What::Record, Skip::within(b"{")),
        }
    }

    /// What stands here fits nothing. In what may be a record that is the record's fault.
    fn refuse(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let is_open = self.object.as_ref().is_none_or(|object| !object.holds_records());
        let around: &[u8] = match (&self.state, &self.object) {
            (State::ListStart, Some(_)) => b"{[",
            (State::ListStart, None) => b"[",
            _ => b"{",
        };
        match &self.state {
            State::ListStart | State::Key { .. } | State::Colon | State::Member | State::AfterMember
                if is_open =>
            {
                self.object = None;
                self.state = State::Skipping(What::Record, Skip::within(around));
                Ok(())
            }
            State::Top => Err(self.unexpected(bytes, "the end of the file")),
            State::ListStart => Err(self.unexpected(bytes, "a value or ']'")),
            State::Key { .. } => Err(self.unexpected(bytes, "a key in double quotes")),
            State::Colon => Err(self.unexpected(bytes, "':'")),
            State::Member => Err(self.unexpected(bytes, "a value")),
            State::AfterMember => Err(self.unexpected(bytes, "',' or '}'")),
            State::Element | State::AfterElement | State::Skipping(..) => {
                Err(self.unexpected(bytes, "',' or ']'"))
            }
        }
    }

    fn unexpected(&self, bytes: &[u8], expected: &str) -> Broken {
        let rest = &bytes[self.at.byte..];
        if rest.iter().all(|byte| *byte == 0) {
            let text = "the rest of the file is NUL bytes: it was not written to its end, or was copied badly; \
                        `tr -d '\\0'` takes them out";
            return self.at.broken(text);
        }
        let start = String::from_utf8_lossy(&rest[..rest.len().min(4)]);
        let found = start.chars().next().unwrap_or_default();
        self.at.broken(format!("found {found:?}, expected {expected}"))
    }

    /// Goes on after a value; returns it if it is a record.
    fn after_value(&mut self, what: What, bytes: &[u8]) -> Result<Option<Found>, Broken> {
        match what {
            What::Record => return Ok(self.end_record()),
            What::FirstItem => return self.after_first_item(bytes),
            What::Member => {
                let is_record = self.object.as_ref().is_some_and(OpenObject::is_record_by_key);
                self.state = if is_record {
                    self.object = None;
                    State::Skipping(What::Record, Skip::within(b"{"))
                } else {
                    State::AfterMember
                };
            }
            What::Key => {
                let marked = self.marked.take().map_or(self.at.byte, |start| start.byte);
                let key = json::parse_strict(&bytes[marked..self.at.byte]);
                let key = key.ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
                let name = self.renames.of_record_key(&key).to_owned();
                if let Some(object) = &mut self.object {
                    object.note_key(key, &name).map_err(|text| self.at.broken(text))?;
                }
                self.state = State::Colon;
            }
        }
        Ok(None)
    }

    fn end_record(&mut self) -> Option<Found> {
        self.state = if self.in_list { State::AfterElement } else { State::Top };
        let held = self.held.take()?;
        let has_dropped = std::mem::take(&mut self.has_dropped);
        let range = (!has_dropped).then_some(held.byte..self.at.byte);
        Some(Found { line: held.line, range })
    }

    /// What the first item says of its list.
    fn after_first_item(&mut self, bytes: &[u8]) -> Result<Option<Found>, Broken> {
        let Some(first) = self.marked.take() else {
            return Ok(None);
        };
        let item = bytes.get(first.byte..self.at.byte).unwrap_or_default();
        let value = json::Parser::default().parse_with_constants(item).ok();
        let Some(object) = &mut self.object else {
            // What cannot be read is a record's fault.
            if value.as_ref().is_none_or(|value| may_be_record(value, &self.renames)) {
                self.in_list = true;
                self.held = Some(first);
                return Ok(self.end_record());
            }
            self.state = State::Skipping(What::Record, Skip::within(b"["));
            return Ok(None);
        };
        if !value.as_ref().is_some_and(|value| is_record(value, &self.renames)) {
            self.state = State::Skipping(What::Member, Skip::within(b"["));
            return Ok(None);
        }
        object.begin_list().map_err(|text| self.at.broken(text))?;
        self.in_list = true;
        self.held = Some(first);
        Ok(self.end_record())
    }
}
