//! Template source in, tokens out, one at a time, each with its place.
//!
//! White-space control is applied here, as Jinja2 does it with `trim_blocks` and `lstrip_blocks`; comments are gone,
//! raw blocks are text. Of the grammar it knows only that brackets are balanced, because `}}` inside of brackets
//! ends no tag.

mod literals;
mod names;
mod token;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2, memmem, memrchr};

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::ast::Pos;
use crate::value::unicode::{is_decimal, is_space};
use names::{continues_name, starts_name};
pub use token::{Symbol, Token, TokenKind};

/// What Jinja2 reads: every newline is `\n`, and one at the end is dropped.
pub fn normalise(source: &str) -> Cow<'_, str> {
    let mut source = Cow::Borrowed(source);
    if source.contains('\r') {
        source = Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"));
    }
    match source {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix('\n').unwrap_or(text)),
        Cow::Owned(mut text) => {
            if text.ends_with('\n') {
                text.pop();
            }
            Cow::Owned(text)
        }
    }
}

/// Reads a normalised source.
pub struct Lexer<'s> {
    source: &'s str,
    /// Byte offset of what is read next.
    at: usize,
    mode: Mode,
    /// The closing brackets that are due, innermost last.
    due: Vec<Symbol>,
    /// The tag that follows a text just handed out.
    pending: Option<Token<'s>>,
    /// The place of the byte offset `placed`: both only move forward, so that all places together take linear time.
    place: Pos,
    placed: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Text,
    /// In `{# .. #}`, which started here.
    Comment(Pos),
    /// In `{% raw %} .. {% endraw %}`, which started here.
    Raw(Pos),
    /// In `{{ .. }}`.
    Output,
    /// In `{% .. %}`.
    Tag,
}

/// What ends a text: `{{`, `{%`, `{#` or a whole `{% raw %}`.
struct Opening {
    at: usize,
    /// The offset after it.
    end: usize,
    mark: Option<Mark>,
    kind: OpeningKind,
}

#[derive(Clone, Copy, PartialEq)]
enum OpeningKind {
    Output,
    Tag,
    Comment,
    Raw,
}

/// White-space control after an opening.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    /// `-`
    Strip,
    /// `+`
    Keep,
}

impl<'s> Lexer<'s> {
    pub fn new(source: &'s str) -> Self {
        Self {
            source,
            at: 0,
            mode: Mode::Text,
            due: Vec::new(),
            pending: None,
            place: Pos { line: 1, column: 1 },
            placed: 0,
        }
    }

    /// The next token; `End` again and again at the end.
    pub fn next_token(&mut self) -> Result<Token<'s>> {
        if let Some(token) = self.pending.take() {
            return Ok(token);
        }
        loop {
            let token = match self.mode {
                Mode::Text => self.text(),
                Mode::Comment(start) => self.comment(start)?,
                Mode::Raw(start) => self.raw(start)?,
                Mode::Output | Mode::Tag => Some(self.code()?),
            };
            if let Some(token) = token {
                return Ok(token);
            }
        }
    }

    fn from(&self, at: usize) -> &'s str {
        self.source.get(at..).unwrap_or_default()
    }

    fn between(&self, start: usize, end: usize) -> &'s str {
        self.source.get(start..end).unwrap_or_default()
    }

    /// The offset at which `rest`, an end of the source, starts.
    fn offset_of(&self, rest: &str) -> usize {
        self.source.len() - rest.len()
    }

    /// The place of an offset; it must not be before the one asked for last.
    fn place_of(&mut self, at: usize) -> Pos {
        let passed = self.between(self.placed, at);
        let mut last_line = passed;
        if let Some(newline) = memrchr(b'\n', passed.as_bytes()) {
            let lines = memchr_iter(b'\n', passed.as_bytes()).count();
            self.place.line = self.place.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
            self.place.column = 1;
            last_line = passed.get(newline + 1..).unwrap_or_default();
        }
        let columns = u32::try_from(last_line.chars().count()).unwrap_or(u32::MAX);
        self.place.column = self.place.column.saturating_add(columns);
        self.placed = at;
        self.place
    }

    /// Text up to the next opening, which decides what mode follows. No token where neither is one.
    fn text(&mut self) -> Option<Token<'s>> {
        let start = self.at;
        let place = self.place_of(start);
        let Some(opening) = self.opening() else {
            let text = self.from(start);
            self.at = self.source.len();
            let kind = if text.is_empty() { TokenKind::End } else { TokenKind::Text(text) };
            return Some(Token { place, kind });
        };
        let lstrip = opening.kind != OpeningKind::Output;
        let text = self.strip_before(start, opening.at, opening.mark, lstrip);
        let opened = self.place_of(opening.at);
        self.at = opening.end;
        let (mode, kind) = match opening.kind {
            OpeningKind::Output => (Mode::Output, Some(TokenKind::OutputStart)),
            OpeningKind::Tag => (Mode::Tag, Some(TokenKind::TagStart)),
            OpeningKind::Comment => (Mode::Comment(opened), None),
            OpeningKind::Raw => (Mode::Raw(opened), None),
        };
        self.mode = mode;
        let tag = kind.map(|kind| Token { place: opened, kind });
        if text.is_empty() {
            return tag;
        }
        self.pending = tag;
        Some(Token { place, kind: TokenKind::Text(text) })
    }

    fn opening(&self) -> Option<Opening> {
        let rest = self.from(self.at);
        memchr_iter(b'{', rest.as_bytes()).find_map(|offset| self.opening_at(self.at + offset))
    }

    fn opening_at(&self, at: usize) -> Option<Opening> {
        let mut kind = match self.source.as_bytes().get(at + 1)? {
            b'{' => OpeningKind::Output,
            b'%' => OpeningKind::Tag,
            b'#' => OpeningKind::Comment,
            _ => return None,
        };
        let (mark, mut rest) = take_mark(self.from(at + 2));
        if kind == OpeningKind::Tag
            && let Some(after) = raw_start(rest)
        {
            kind = OpeningKind::Raw;
            rest = after;
        }
        Some(Opening { at, end: self.offset_of(rest), mark, kind })
    }

    /// The text from `start` up to a tag at `end`, without the white space that the tag strips.
    fn strip_before(&self, start: usize, end: usize, mark: Option<Mark>, lstrip: bool) -> &'s str {
        let text = self.between(start, end);
        match mark {
            Some(Mark::Strip) => text.trim_end_matches(is_space),
            None if lstrip => {
                let line_start = text.rfind('\n').map_or(0, |newline| newline + 1);
                let starts_line = line_start > 0 || start == 0 || self.between(0, start).ends_with('\n');
                let (before, line) = text.split_at_checked(line_start).unwrap_or((text, ""));
                if starts_line && line.chars().all(is_space) { before } else { text }
            }
            _ => text,
        }
    }

    fn comment(&mut self, start: Pos) -> Result<Option<Token<'s>>> {
        let rest = self.from(self.at);
        let Some(end) = memmem::find(rest.as_bytes(), b"#}") else {
            return self.unclosed(start, "'{#' without '#}'");
        };
        let marked = matches!(rest.as_bytes().get(..end), Some([.., b'-' | b'+']));
        let tail = self.from(self.at + end - usize::from(marked));
        self.at = self.offset_of(strip_tag_end(tail, "#}").unwrap_or_default());
        self.mode = Mode::Text;
        Ok(None)
    }

    fn raw(&mut self, start: Pos) -> Result<Option<Token<'s>>> {
        let rest = self.from(self.at);
        let found = memmem::find_iter(rest.as_bytes(), b"{%").find_map(|offset| {
            let at = self.at + offset;
            let (mark, tag) = take_mark(self.from(at + 2));
            Some((at, mark, strip_tag_end(strip_word(tag, "endraw")?, "%}")?))
        });
        let Some((at, mark, after)) = found else {
            return self.unclosed(start, "'{% raw %}' without '{% endraw %}'");
        };
        let text = self.strip_before(self.at, at, mark, true);
        let place = self.place_of(self.at);
        self.at = self.offset_of(after);
        self.mode = Mode::Text;
        Ok((!text.is_empty()).then_some(Token { place, kind: TokenKind::Text(text) }))
    }

    /// Jinja2 accepts what opens at the very end of the source.
    fn unclosed(&mut self, start: Pos, message: &str) -> Result<Option<Token<'s>>> {
        if self.at < self.source.len() {
            return Err(Error::new(ErrorKind::Syntax, message).at(start));
        }
        self.mode = Mode::Text;
        Ok(None)
    }

    /// A token of `{{ .. }}` or `{% .. %}`.
    fn code(&mut self) -> Result<Token<'s>> {
        self.at = self.offset_of(self.from(self.at).trim_start_matches(is_space));
        let place = self.place_of(self.at);
        let rest = self.from(self.at);
        if self.due.is_empty()
            && let Some((kind, after)) = self.tag_end(rest)
        {
            self.at = self.offset_of(after);
            self.mode = Mode::Text;
            return Ok(Token { place, kind });
        }
        let kind = match rest.chars().next() {
            None => Ok(TokenKind::End),
            Some(quote @ ('\'' | '"')) => self.string(quote),
            Some(char) if is_decimal(char) => self.number(),
            Some(char) if starts_name(char) => Ok(self.name()),
            Some(char) => self.symbol(char),
        };
        kind.map(|kind| Token { place, kind }).map_err(|error| error.at(place))
    }

    fn tag_end(&self, rest: &'s str) -> Option<(TokenKind<'s>, &'s str)> {
        if self.mode == Mode::Tag {
            return Some((TokenKind::TagEnd, strip_tag_end(rest, "%}")?));
        }
        let after = match rest.strip_prefix("-}}") {
            Some(after) => after.trim_start_matches(is_space),
            None => rest.strip_prefix("}}")?,
        };
        Some((TokenKind::OutputEnd, after))
    }

    fn name(&mut self) -> TokenKind<'s> {
        let rest = self.from(self.at);
        let after = rest.trim_start_matches(continues_name);
        let name = self.between(self.at, self.offset_of(after));
        self.at = self.offset_of(after);
        TokenKind::Name(name)
    }

    fn number(&mut self) -> Result<TokenKind<'s>> {
        let after_dot = self.between(0, self.at).ends_with('.');
        let (kind, length) = literals::number(self.from(self.at), after_dot)?;
        self.at += length;
        Ok(kind)
    }

    fn string(&mut self, quote: char) -> Result<TokenKind<'s>> {
        let inside = self.from(self.at + 1);
        let mut end = 0;
        loop {
            let rest = inside.as_bytes().get(end..).unwrap_or_default();
            let Some(offset) = memchr2(quote as u8, b'\\', rest) else {
                return Err(Error::new(ErrorKind::Syntax, format!("a string without its closing {quote}")));
            };
            end += offset;
            if rest.get(offset) != Some(&b'\\') {
                break;
            }
            // The first byte of what is escaped, too: the others are not a quote or backslash.
            end += 2;
        }
        self.at += end + 2;
        literals::unescape(inside.get(..end).unwrap_or_default()).map(TokenKind::Str)
    }

    fn symbol(&mut self, char: char) -> Result<TokenKind<'s>> {
        let Some(symbol) = Symbol::at(self.from(self.at)) else {
            return Err(Error::new(ErrorKind::Syntax, format!("unexpected character {char:?}")));
        };
        self.balance(symbol)?;
        self.at += symbol.text().len();
        Ok(TokenKind::Symbol(symbol))
    }

    fn balance(&mut self, symbol: Symbol) -> Result<()> {
        match symbol {
            Symbol::LeftParen => self.due.push(Symbol::RightParen),
            Symbol::LeftBracket => self.due.push(Symbol::RightBracket),
            Symbol::LeftBrace => self.due.push(Symbol::RightBrace),
            Symbol::RightParen | Symbol::RightBracket | Symbol::RightBrace => {
                let due = self.due.pop();
                if due != Some(symbol) {
                    let expected = due.map_or(String::new(), |due| format!(", expected '{}'", due.text()));
                    let found = symbol.text();
                    return Err(Error::new(ErrorKind::Syntax, format!("unexpected '{found}'{expected}")));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn take_mark(rest: &str) -> (Option<Mark>, &str) {
    if let Some(rest) = rest.strip_prefix('-') {
        (Some(Mark::Strip), rest)
    } else if let Some(rest) = rest.strip_prefix('+') {
        (Some(Mark::Keep), rest)
    } else {
        (None, rest)
    }
}

/// What follows `word` and the white space around it.
fn strip_word<'s>(rest: &'s str, word: &str) -> Option<&'s str> {
    let after = rest.trim_start_matches(is_space).strip_prefix(word)?;
    Some(after.trim_start_matches(is_space))
}

/// What follows the rest of a `{% raw %}`. Unlike other tags it keeps the newline after it and has no `+%}`.
fn raw_start(rest: &str) -> Option<&str> {
    let rest = strip_word(rest, "raw")?;
    match rest.strip_prefix("-%}") {
        Some(after) => Some(after.trim_start_matches(is_space)),
        None => rest.strip_prefix("%}"),
    }
}

/// What follows the end of a tag or comment, without the white space that it strips.
fn strip_tag_end<'s>(rest: &'s str, end: &str) -> Option<&'s str> {
    let (mark, unmarked) = take_mark(rest);
    let after = unmarked.strip_prefix(end)?;
    Some(match mark {
        Some(Mark::Strip) => after.trim_start_matches(is_space),
        Some(Mark::Keep) => after,
        None => after.strip_prefix('\n').unwrap_or(after),
    })
}
