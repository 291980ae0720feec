//! Text that knows where it comes from.
//!
//! A piece of text is template source, or bytes of a named place of the input, or made from such by a function that
//! rewrites (upper, tojson, format). Concatenation and cutting keep that knowledge; nothing here decides what it
//! means.

use crate::error::Result;
use crate::value::memory::Memory;

/// A place of the input: a text or a container, by its number in `Inputs`. Zero: several places, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Node(pub u32);

impl Node {
    pub const NONE: Self = Self(0);
}

/// Where a run of bytes comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Template,
    /// A text of the input, unchanged, from its byte `start` on.
    Input {
        node: Node,
        start: u32,
    },
    /// Rewritten by a function. `Node::NONE` if made from several places, or from numbers alone.
    Derived {
        node: Node,
    },
}

/// A run of bytes with one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub len: u32,
    pub source: Source,
}

#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    One(Source),
    /// In order, covering the whole text, none empty.
    Several(&'a [Span]),
}

/// A Python `str`, or a `Markup` (whose operations escape what is added to it).
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    pub str: &'a str,
    pub origin: Origin<'a>,
    pub markup: bool,
}

impl<'a> Text<'a> {
    pub const EMPTY: Text<'static> = Text::template("");

    pub const fn template(str: &'a str) -> Self {
        Self { str, origin: Origin::One(Source::Template), markup: false }
    }

    pub const fn derived(str: &'a str, node: Node) -> Self {
        Self { str, origin: Origin::One(Source::Derived { node }), markup: false }
    }

    /// The name of a keyword argument. What is no identifier came out of a mapping, as in `dict(**mapping)`.
    pub fn keyword(name: &'a str) -> Self {
        let is_identifier = name.chars().all(|c| c == '_' || c.is_alphanumeric());
        if is_identifier { Self::template(name) } else { Self::derived(name, Node::NONE) }
    }

    /// Text that a function made from this one.
    pub fn rewritten(&self, str: &'a str) -> Self {
        let source = match self.made_from() {
            None => Source::Template,
            Some(node) => Source::Derived { node },
        };
        Self { str, origin: Origin::One(source), markup: false }
    }

    /// The place of the input that some of it comes from; `Some(Node::NONE)` for several, `None` for template text.
    pub fn made_from(&self) -> Option<Node> {
        match self.origin {
            Origin::One(source) => source.made_from(),
            Origin::Several(spans) => {
                let mut nodes = spans.iter().filter_map(|span| span.source.made_from());
                let first = nodes.next()?;
                Some(if nodes.all(|node| node == first) { first } else { Node::NONE })
            }
        }
    }

    #[must_use]
    pub fn with_markup(self, markup: bool) -> Self {
        Self { markup, ..self }
    }

    /// The bytes `start..end`, which are character boundaries, with their sources.
    pub fn cut(&self, memory: &mut Memory<'a>, start: usize, end: usize) -> Result<Self> {
        let str = self.str.get(start..end).unwrap_or_default();
        let origin = match self.origin {
            Origin::One(Source::Input { node, start: from }) => {
                Origin::One(Source::Input { node, start: from + small(start) })
            }
            Origin::One(source) => Origin::One(source),
            Origin::Several(_) if str.is_empty() => Origin::One(Source::Template),
            Origin::Several(spans) => {
                memory.work(spans.len())?;
                Origin::Several(memory.spans(cut_spans(spans, start, end))?)
            }
        };
        Ok(Self { str, origin, markup: self.markup })
    }

    /// The same for a part of `self.str`, as the methods of `str` return it.
    pub fn part(&self, memory: &mut Memory<'a>, part: &'a str) -> Result<Self> {
        let start = (part.as_ptr() as usize).wrapping_sub(self.str.as_ptr() as usize);
        self.cut(memory, start, start + part.len())
    }

    pub fn spans(&self) -> impl Iterator<Item = Span> {
        let (one, several): (Option<Span>, &'a [Span]) = match self.origin {
            Origin::One(source) => (Some(Span { len: small(self.str.len()), source }), &[]),
            Origin::Several(spans) => (None, spans),
        };
        one.into_iter().chain(several.iter().copied()).filter(|span| span.len > 0)
    }
}

impl Source {
    pub fn made_from(self) -> Option<Node> {
        match self {
            Self::Template => None,
            Self::Input { node, .. } | Self::Derived { node } => Some(node),
        }
    }

    /// Whether this many bytes into a run of this source a run of another one would be a part of it.
    pub(crate) fn is_at(self, bytes: u32, other: Self) -> bool {
        match (self, other) {
            (Self::Input { node, start }, Self::Input { node: other, start: from }) => {
                node == other && start + bytes == from
            }
            _ => self == other,
        }
    }
}

/// Appends a run; neighbours of one source become one.
pub fn push_span(spans: &mut Vec<Span>, span: Span) {
    if span.len == 0 {
        return;
    }
    match spans.last_mut() {
        Some(last) if last.source.is_at(last.len, span.source) => last.len += span.len,
        _ => spans.push(span),
    }
}

/// The runs of the bytes `start..end` of a text with these runs.
pub fn cut_spans(spans: &[Span], start: usize, end: usize) -> impl Iterator<Item = Span> {
    let (start, end) = (small(start), small(end));
    let mut at = 0u32;
    spans.iter().filter_map(move |span| {
        let from = at;
        at += span.len;
        let (first, last) = (from.max(start), at.min(end));
        let source = match span.source {
            Source::Input { node, start } => {
                Source::Input { node, start: start + first.saturating_sub(from) }
            }
            source => source,
        };
        (first < last).then(|| Span { len: last - first, source })
    })
}

/// Texts are far below 4 GiB: the limits of a rendering and of a record see to that.
pub(crate) fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
