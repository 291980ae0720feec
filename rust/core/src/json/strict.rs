//! The slow and obvious JSON reader: the arbiter of what is accepted, and the one that says what is wrong and where.

use std::fmt::Write;
use std::sync::Arc;

use super::{MAX_DEPTH, Number, Object, Value};
use crate::error::{Error, ErrorKind, Result, excerpt};

/// What JSON has between values.
pub const WHITE_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Reads one JSON text.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    parse_noting(bytes, &mut Vec::new())
}

/// The same; adds the keys that an object has twice to `repeated`.
pub(super) fn parse_noting(bytes: &[u8], repeated: &mut Vec<Arc<str>>) -> Result<Value> {
    read(Reader::of(utf8(bytes)?, false), repeated)
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| invalid_utf8(bytes, error.valid_up_to()))
}

/// Reads one JSON text in which `NaN`, `Infinity`, `-Infinity` and floats beyond 64 bits are numbers, as Python's
/// `json` reads them.
pub fn parse_with_constants(text: &str) -> Result<Value> {
    parse_with_constants_noting(text, &mut Vec::new())
}

/// The same; adds the keys that an object has twice to `repeated`.
pub fn parse_with_constants_noting(text: &str, repeated: &mut Vec<Arc<str>>) -> Result<Value> {
    read(Reader::of(text, true), repeated)
}

/// What a text begins with.
#[derive(Debug)]
pub enum Prefix {
    /// A JSON value, the place after it, and the keys that an object has twice.
    Value { value: Value, end: usize, repeated: Vec<Arc<str>> },
    /// A value that the end of the text cuts off.
    Open,
    /// No value: the place of the first byte that fits none.
    Broken { at: usize },
}

/// Reads the value that a text begins with, as [`parse_with_constants`] does.
pub fn parse_prefix(text: &str) -> Prefix {
    let mut reader = Reader::of(text, true);
    match reader.value(0) {
        Ok(value) => Prefix::Value { value, end: reader.at, repeated: reader.repeated },
        Err(_) if reader.at >= text.len() => Prefix::Open,
        Err(_) => Prefix::Broken { at: reader.at },
    }
}

fn read(mut reader: Reader<'_>, repeated: &mut Vec<Arc<str>>) -> Result<Value> {
    reader.skip_space();
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < reader.text.len() {
        return Err(reader.unexpected("the end of the line"));
    }
    repeated.append(&mut reader.repeated);
    Ok(value)
}

fn invalid_utf8(bytes: &[u8], at: usize) -> Error {
    let utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    let text = if utf16 {
        "the bytes are not UTF-8, they look like UTF-16: convert the file (iconv -f UTF-16 -t UTF-8)"
            .to_owned()
    } else {
        format!("byte 0x{:02X} is not valid UTF-8", bytes.get(at).copied().unwrap_or(0))
    };
    Error::new(ErrorKind::JsonUtf8, text).at_byte(at)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// `NaN` and `Infinity` are numbers, as Python's `json` reads them.
    has_constants: bool,
    /// Where the value is that is being read.
    path: Vec<Step>,
    /// Keys that an object has twice.
    repeated: Vec<Arc<str>>,
}

/// A step from a value to one in it.
enum Step {
    Key(Arc<str>),
    Index(usize),
}

impl<'a> Reader<'a> {
    fn of(text: &'a str, has_constants: bool) -> Self {
        Self { text, at: 0, has_constants, path: Vec::new(), repeated: Vec::new() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn error(&self, kind: ErrorKind, text: impl Into<String>) -> Error {
        Error::new(kind, text).at_byte(self.at)
    }

    /// The error for a value that is meant as a number, with the key that holds it.
    fn not_a_number(&self, at: usize, why: &str) -> Error {
        let mut place = String::new();
        for step in &self.path {
            // Writing to a String cannot fail.
            let _ = match step {
                Step::Key(key) if place.is_empty() => write!(place, "{key}"),
                Step::Key(key) => write!(place, ".{key}"),
                Step::Index(index) => write!(place, "[{index}]"),
            };
        }
        let place = if place.is_empty() { place } else { format!("the value of {}: ", excerpt(&place)) };
        Error::new(ErrorKind::JsonNumber, format!("{place}{why}")).at_byte(at)
    }

    fn unexpected(&self, expected: &str) -> Error {
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(char) => format!("found {char:?}"),
            None => "the line ends".to_owned(),
        };
        self.error(ErrorKind::Json, format!("{found}, expected {expected}"))
    }

    fn take(&mut self, byte: u8, expected: &str) -> Result<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    /// `depth`: how many arrays and objects are open around this value.
    fn value(&mut self, depth: usize) -> Result<Value> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => Err(self.unexpected("a value")),
        }
    }

    fn word(&mut self) -> Result<Value> {
        let rest = &self.text[self.at..];
        for (word, value) in
            [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        for (word, value) in [("NaN", f64::NAN), ("Infinity", f64::INFINITY)] {
            if self.has_constants && rest.starts_with(word) {
                self.at += word.len();
                return Ok(Value::Number(Number::Float(value)));
            }
        }
        if rest.starts_with("NaN") || rest.starts_with("Infinity") {
            return Err(self.not_a_number(self.at, "NaN and Infinity are not JSON"));
        }
        Err(self.unexpected("a value"))
    }

    fn check_depth(&self, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(self.error(
                ErrorKind::JsonDepth,
                format!("arrays and objects are nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<Value> {
        self.check_depth(depth)?;
        self.at += 1;
        let mut pairs: Vec<(Arc<str>, Value)> = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(Object::default()));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            self.take(b':', "':'")?;
            self.skip_space();
            self.path.push(Step::Key(key.clone()));
            pairs.push((key, self.value(depth)?));
            self.path.pop();
            self.skip_space();
            if self.peek() == Some(b',') {
                self.at += 1;
                continue;
            }
            self.take(b'}', "',' or '}'")?;
            return Ok(Value::Object(Object::from_pairs_noting(pairs, &mut self.repeated)));
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value> {
        self.check_depth(depth)?;
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_space();
            self.path.push(Step::Index(items.len()));
            items.push(self.value(depth)?);
            self.path.pop();
            self.skip_space();
            if self.peek() == Some(b',') {
                self.at += 1;
                continue;
            }
            self.take(b']', "',' or ']'")?;
            return Ok(Value::Array(items));
        }
    }

    fn digits(&mut self) -> Result<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit"));
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            if self.has_constants && self.text[self.at..].starts_with("Infinity") {
                self.at += "Infinity".len();
                return Ok(Value::Number(Number::Float(f64::NEG_INFINITY)));
            }
            if self.text[self.at..].starts_with("Infinity") {
                return Err(self.not_a_number(self.at, "NaN and Infinity are not JSON"));
            }
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        let number = match Number::from_json_text(text) {
            None if self.has_constants => text.parse().ok().map(Number::Float),
            number => number,
        };
        number
            .map(Value::Number)
            .ok_or_else(|| self.not_a_number(start, "the number does not fit a 64-bit float"))
    }

    fn string(&mut self) -> Result<Arc<str>> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1F)) {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out.into());
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(byte) => {
                    return Err(self.error(
                        ErrorKind::Json,
                        format!("control character 0x{byte:02X} must be escaped in a string"),
                    ));
                }
                None => return Err(self.unexpected("the closing '\"' of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let start = self.at;
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(start);
            }
            _ => return Err(self.unexpected("an escape character")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char> {
        let lone = || {
            Error::new(
                ErrorKind::JsonSurrogate,
                "the escape is half of a surrogate pair, which is not a character",
            )
            .at_byte(start)
        };
        let first = self.hex4()?;
        if let Some(char) = char::from_u32(first) {
            return Ok(char);
        }
        if !(0xD800..0xDC00).contains(&first) || !self.text[self.at..].starts_with("\\u") {
            return Err(lone());
        }
        self.at += 2;
        let second = self.hex4()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(lone());
        }
        char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).ok_or_else(lone)
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + 4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(code) = digits else {
            return Err(self.unexpected("four hexadecimal digits"));
        };
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> ErrorKind {
        parse(text.as_bytes()).unwrap_err().kind
    }

    #[test]
    fn each_laxity_of_cpython_has_its_own_kind() {
        assert_eq!(kind("NaN"), ErrorKind::JsonNumber);
        assert_eq!(kind("[-Infinity]"), ErrorKind::JsonNumber);
        assert_eq!(kind("1e999"), ErrorKind::JsonNumber);
        assert_eq!(kind(r#""\ud83d""#), ErrorKind::JsonSurrogate);
        assert_eq!(kind(r#""\ud83d\ue000""#), ErrorKind::JsonSurrogate);
        assert_eq!(kind(r#""\udc00""#), ErrorKind::JsonSurrogate);
        assert_eq!(kind("{} {}"), ErrorKind::Json);
        assert_eq!(kind("01"), ErrorKind::Json);
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(kind(&nested(MAX_DEPTH + 1)), ErrorKind::JsonDepth);
        assert_eq!(kind(&nested(1_000_000)), ErrorKind::JsonDepth);
    }

    #[test]
    fn an_error_names_its_byte() {
        let error = parse(br#"{"a": 1,, "b": 2}"#).unwrap_err();
        assert_eq!(error.to_string(), "byte 8: found ',', expected a key in double quotes");
    }

    #[test]
    fn what_is_no_number_is_named_by_its_key() {
        for (text, place) in [
            (r#"{"messages": [], "score": NaN}"#, "byte 26: the value of \"score\": NaN"),
            (r#"{"a": [1, {"b": -Infinity}]}"#, "byte 17: the value of \"a[1].b\": NaN"),
            ("1e999", "byte 0: the number"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(place), "{error}");
        }
    }

    #[test]
    fn the_last_duplicate_wins_in_the_first_place() {
        let value = parse(br#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
        let keys: Vec<_> = value.as_object().unwrap().iter().map(|(k, v)| format!("{k}{v:?}")).collect();
        assert_eq!(keys, ["aNumber(Int(3))", "bNumber(Int(2))"]);
    }
}
