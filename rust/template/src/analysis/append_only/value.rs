//! What is known of a value in two renderings at once: the short one, of the messages up to a cut, and the long one,
//! of more messages.

use std::rc::Rc;

use crate::ast::{Function, Place};

/// A `namespace(..)` call: all namespaces made there.
pub(super) type Site = (u32, u32);

#[derive(Debug, Clone)]
pub(super) enum Value<'e> {
    /// The same in both renderings.
    Same(Known),
    /// A list: that of the short rendering is the start of that of the long one.
    Growing(Growing),
    /// The length of such a list, plus a constant.
    Length(Growing, i64),
    Namespace(Site),
    /// A macro, and the scope it was defined in, counted from the outermost.
    Macro(&'e Function, usize),
    /// The `loop` of an open loop.
    Loop(usize),
    Differs(Reason, Hint),
}

/// More about a value that is the same in both renderings. Loops are counted from the outermost open one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Anything,
    /// It is an empty text, or undefined: it prints nothing.
    Empty,
    /// Its truth.
    Truth(bool),
    Int(i64),
    /// `loop.index0` of a loop over a growing list, plus a constant.
    Index(usize, i64),
    /// The message that a loop is at.
    Message(usize),
    /// That message's role.
    Role(usize),
    /// The role of the message after it.
    NextRole(usize),
    /// An iterator made inside of so many loops: reading it uses it up.
    Iterator(usize),
}

/// More about a value that may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    Nothing,
    /// Its truth in the short and in the long rendering, where known.
    Truths(Option<bool>, Option<bool>),
    /// It is the same in both, or undefined in the short one.
    Absent,
    /// The message after the one that a loop is at, and undefined in the short one.
    Next(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Growing {
    /// So many items there are in the short rendering, and more in the long one, unless the list is the same in both.
    pub at_least: u32,
    /// It is `messages[offset..]`.
    pub offset: Option<Offset>,
    /// Its items are not the messages but their numbers, from this one on.
    pub numbers: Option<i64>,
    /// Equal for lists that are one list.
    pub identity: Option<u32>,
    /// It is an iterator made inside of so many loops.
    pub iterator: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    pub low: i64,
    pub high: i64,
}

impl Growing {
    pub const MESSAGES: Self = Self {
        at_least: 1,
        offset: Some(Offset { low: 0, high: 0 }),
        numbers: None,
        identity: Some(0),
        iterator: None,
    };

    /// A list of which nothing more is known.
    pub const ANY: Self = Self { at_least: 0, offset: None, numbers: None, identity: None, iterator: None };

    fn join(self, other: Self) -> Self {
        let offset = match (self.offset, other.offset) {
            (Some(a), Some(b)) => Some(Offset { low: a.low.min(b.low), high: a.high.max(b.high) }),
            _ => None,
        };
        Self {
            at_least: self.at_least.min(other.at_least),
            offset: offset.filter(|_| self.numbers == other.numbers),
            numbers: self.numbers.filter(|_| self.numbers == other.numbers),
            identity: self.identity.filter(|_| self.identity == other.identity),
            iterator: self.iterator.into_iter().chain(other.iterator).min(),
        }
    }
}

/// Why a value may differ, and where that comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub why: Why,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    Count,
    Last,
    Later,
    Tail,
    Whole,
    /// An attribute of a namespace.
    Gathered(Rc<str>),
    /// Not followed.
    Opaque(&'static str),
}

impl Reason {
    pub fn text(&self) -> String {
        let Place { line, column } = self.place;
        let what = match &self.why {
            Why::Count => "how many messages there are".to_owned(),
            Why::Last => "whether a message is the last one".to_owned(),
            Why::Later => "a message that may not be there yet".to_owned(),
            Why::Tail => "the last messages".to_owned(),
            Why::Whole => "the list of messages as a whole".to_owned(),
            Why::Gathered(name) => format!("'{name}', which a loop over the messages has set"),
            Why::Opaque(what) => (*what).to_owned(),
        };
        format!("{what} (line {line}, column {column})")
    }
}

impl Value<'_> {
    pub const ANYTHING: Self = Value::Same(Known::Anything);

    pub fn differs(why: Why, place: Place) -> Self {
        Value::Differs(Reason { why, place }, Hint::Nothing)
    }

    pub fn opaque(what: &'static str, place: Place) -> Self {
        Self::differs(Why::Opaque(what), place)
    }

    /// Joins the values of two branches that both renderings choose between alike; says whether this one changed.
    /// Namespaces that it loses track of go to `lost`.
    pub fn join(&mut self, other: &Self, lost: &mut Vec<Site>) -> bool {
        let joined = match (&*self, other) {
            (Value::Same(a), Value::Same(b)) => Value::Same(join_known(*a, *b)),
            (Value::Growing(a), Value::Growing(b)) => Value::Growing(a.join(*b)),
            (Value::Growing(grown), Value::Same(known)) | (Value::Same(known), Value::Growing(grown)) => {
                let iterator = match known {
                    Known::Iterator(depth) => grown.iterator.into_iter().chain([*depth]).min(),
                    _ => grown.iterator,
                };
                Value::Growing(Growing { at_least: grown.at_least, iterator, ..Growing::ANY })
            }
            (Value::Length(a, plus), Value::Length(b, other_plus)) if plus == other_plus => {
                Value::Length(a.join(*b), *plus)
            }
            (Value::Namespace(a), Value::Namespace(b)) if a == b => return false,
            (Value::Macro(a, _), Value::Macro(b, _)) if std::ptr::eq(*a, *b) => return false,
            (Value::Loop(a), Value::Loop(b)) if a == b => return false,
            (Value::Differs(reason, a), Value::Differs(_, b)) => {
                if a == b || *a == Hint::Nothing {
                    return false;
                }
                Value::Differs(reason.clone(), Hint::Nothing)
            }
            (Value::Differs(reason, _), lesser) | (lesser, Value::Differs(reason, _)) => {
                lost.extend(lesser.site());
                Value::Differs(reason.clone(), Hint::Nothing)
            }
            (a, b) => {
                lost.extend(a.site().into_iter().chain(b.site()));
                Value::opaque("a value that is of one kind here and of another there", Place::default())
            }
        };
        let changed = !self.is(&joined);
        *self = joined;
        changed
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Same(a), Value::Same(b)) => a == b,
            (Value::Growing(a), Value::Growing(b)) => a == b,
            (Value::Length(a, plus), Value::Length(b, other_plus)) => a == b && plus == other_plus,
            (Value::Differs(_, a), Value::Differs(_, b)) => a == b,
            _ => false,
        }
    }

    pub fn site(&self) -> Option<Site> {
        match self {
            Value::Namespace(site) => Some(*site),
            _ => None,
        }
    }
}

fn join_known(a: Known, b: Known) -> Known {
    match (a, b) {
        (a, b) if a == b => a,
        (Known::Iterator(a), Known::Iterator(b)) => Known::Iterator(a.min(b)),
        (Known::Iterator(depth), _) | (_, Known::Iterator(depth)) => Known::Iterator(depth),
        _ => Known::Anything,
    }
}

/// Whether a condition holds in the short and in the long rendering, where known.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub short: Option<bool>,
    pub long: Option<bool>,
    /// Why the two may differ; none if they cannot.
    pub differs: Option<Reason>,
}

impl Truth {
    pub const SAME: Self = Self { short: None, long: None, differs: None };

    pub fn known(truth: bool) -> Self {
        Self::pair(Some(truth), Some(truth), None)
    }

    pub fn pair(short: Option<bool>, long: Option<bool>, differs: Option<Reason>) -> Self {
        let differs = differs.filter(|_| short.is_none() || short != long);
        Self { short, long, differs }
    }

    /// What it is in both.
    pub fn settled(&self) -> Option<bool> {
        self.short.filter(|_| self.short == self.long)
    }

    pub fn not(self) -> Self {
        Self { short: self.short.map(|short| !short), long: self.long.map(|long| !long), ..self }
    }

    pub fn and(self, other: Self) -> Self {
        let both = |a: Option<bool>, b: Option<bool>| match (a, b) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let (short, long) = (both(self.short, other.short), both(self.long, other.long));
        Self::pair(short, long, self.differs.or(other.differs))
    }

    pub fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}
