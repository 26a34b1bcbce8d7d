//! JSON as Go's `encoding/json` reads it: RFC 8259, with U+FFFD for what is not UTF-8 and for lone surrogates.

use crate::build::{Builder, Duplicate};
use crate::read::{Limits, Parsed, ReadError, ReadErrorKind};
use crate::string::lossy_as_go;
use crate::{Number, Str, Value};

/// The one value that a text is.
pub fn parse(input: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    let prefix = parse_prefix(input, 0, limits)?;
    let mut reader = Reader::new(input, prefix.end, limits);
    reader.skip_space();
    if reader.at < input.len() {
        return Err(reader.syntax(reader.at, "something follows the value"));
    }
    Ok(prefix.parsed)
}

/// A value, and where it starts and ends.
pub(crate) struct Prefix {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) parsed: Parsed,
}

/// Where the next value starts, or the end.
pub(crate) fn next_start(input: &[u8], from: usize) -> usize {
    let rest = input.get(from..).unwrap_or_default();
    let space = rest.iter().take_while(|byte| is_space(**byte)).count();
    from + space
}

/// The value that a text has at a place, after white space; something else may follow it.
pub(crate) fn parse_prefix(input: &[u8], from: usize, limits: &Limits) -> Result<Prefix, ReadError> {
    let mut reader = Reader::new(input, from, limits);
    reader.skip_space();
    let start = reader.at;
    let value = reader.read()?;
    let end = reader.at;
    let duplicates = reader.builder.into_duplicates().into_iter();
    let duplicates =
        duplicates.map(|Duplicate { at, pointer }| ReadError::duplicate_key(at, pointer, "last")).collect();
    Ok(Prefix { start, end, parsed: Parsed { value, duplicates } })
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    builder: Builder,
    depth_max: usize,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expects {
    Value,
    /// The first item of an array, or its end.
    FirstItem,
    /// The first key of an object, or its end.
    FirstKey,
    Key,
    /// A comma or an end.
    Comma,
}

impl<'a> Reader<'a> {
    fn new(input: &'a [u8], at: usize, limits: &Limits) -> Self {
        Self { input, at, builder: Builder::default(), depth_max: limits.depth_max }
    }

    fn syntax(&self, at: usize, message: &str) -> ReadError {
        let at_end = at >= self.input.len();
        self.error(ReadErrorKind::Syntax, at, if at_end { "the JSON text ends too soon" } else { message })
    }

    #[expect(clippy::unused_self, reason = "reads as the others do")]
    fn error(&self, kind: ReadErrorKind, at: usize, message: &str) -> ReadError {
        ReadError { kind, document: 0, at, pointer: None, message: message.to_owned() }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn read(&mut self) -> Result<Value, ReadError> {
        let mut expects = Expects::Value;
        loop {
            self.skip_space();
            let start = self.at;
            let byte = self.peek();
            let added = match (expects, byte) {
                (Expects::FirstItem, Some(b']')) | (Expects::FirstKey, Some(b'}')) => self.close(),
                (Expects::Value | Expects::FirstItem, Some(b'[' | b'{')) => {
                    expects = self.open(byte == Some(b'['))?;
                    continue;
                }
                (Expects::Value | Expects::FirstItem, _) => {
                    let value = self.scalar()?;
                    self.builder.add(value)
                }
                (Expects::FirstKey | Expects::Key, Some(b'"')) => {
                    let key = self.string()?;
                    self.builder.key(key, start);
                    self.skip_space();
                    if self.peek() != Some(b':') {
                        return Err(self.syntax(self.at, "a `:` must follow the key"));
                    }
                    self.at += 1;
                    expects = Expects::Value;
                    continue;
                }
                (Expects::FirstKey | Expects::Key, _) => {
                    return Err(self.syntax(start, "a key in double quotes must stand here"));
                }
                (Expects::Comma, Some(b',')) => {
                    self.at += 1;
                    expects = if self.builder.is_in_object() { Expects::Key } else { Expects::Value };
                    continue;
                }
                (Expects::Comma, Some(b'}')) if self.builder.is_in_object() => self.close(),
                (Expects::Comma, Some(b']')) if !self.builder.is_in_object() => self.close(),
                (Expects::Comma, _) => {
                    let message = if self.builder.is_in_object() {
                        "a `,` or `}` must follow the value"
                    } else {
                        "a `,` or `]` must follow the value"
                    };
                    return Err(self.syntax(start, message));
                }
            };
            if let Some(root) = added {
                return Ok(root);
            }
            expects = Expects::Comma;
        }
    }

    fn open(&mut self, is_array: bool) -> Result<Expects, ReadError> {
        if self.builder.open_len() >= self.depth_max {
            let message = format!("collections nest deeper than {} levels", self.depth_max);
            return Err(self.error(ReadErrorKind::TooDeep, self.at, &message));
        }
        self.at += 1;
        Ok(if is_array {
            self.builder.open_array();
            Expects::FirstItem
        } else {
            self.builder.open_object();
            Expects::FirstKey
        })
    }

    fn close(&mut self) -> Option<Value> {
        self.at += 1;
        let value = self.builder.close();
        self.builder.add(value)
    }

    fn scalar(&mut self) -> Result<Value, ReadError> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.syntax(self.at, "a JSON value must stand here")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ReadError> {
        for (index, byte) in word.bytes().enumerate() {
            if self.input.get(self.at + index) != Some(&byte) {
                return Err(self.syntax(self.at + index, "a JSON value must stand here"));
            }
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, ReadError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
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
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.input.get(start..self.at).unwrap_or_default();
        let number = std::str::from_utf8(text).ok().and_then(Number::parse);
        number.map(Value::Number).ok_or_else(|| self.syntax(start, "this is no number"))
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.syntax(start, "a number needs a digit here"));
        }
        Ok(())
    }

    /// Moves to the quote, backslash or control character that comes next; whether all before it is ASCII.
    fn skip_plain(&mut self) -> bool {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let mut high = 0;
        let len = rest.iter().position(|byte| {
            high |= *byte;
            matches!(byte, b'"' | b'\\' | 0..0x20)
        });
        self.at += len.unwrap_or(rest.len());
        high < 0x80
    }

    fn string(&mut self) -> Result<Str, ReadError> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        let plain = self.input.get(start..self.at).unwrap_or_default();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(match std::str::from_utf8(plain) {
                Ok(text) => text.into(),
                Err(_) => lossy_as_go(plain).as_ref().into(),
            });
        }
        let mut out = plain.to_vec();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(lossy_as_go(&out).as_ref().into());
                }
                Some(b'\\') => {
                    let char = self.escape()?;
                    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(_) => {
                    return Err(self.syntax(self.at, "a control character in a string must be escaped"));
                }
                None => return Err(self.syntax(self.at, "")),
            }
            let from = self.at;
            self.skip_plain();
            out.extend_from_slice(self.input.get(from..self.at).unwrap_or_default());
        }
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        self.at += 1;
        let char = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0C',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.syntax(self.at, "there is no such escape")),
        };
        self.at += 1;
        Ok(char)
    }

    /// `uXXXX`, and a second escape where the two are a pair of surrogates.
    fn unicode_escape(&mut self) -> Result<char, ReadError> {
        for index in 1..=4 {
            if !self.input.get(self.at + index).is_some_and(u8::is_ascii_hexdigit) {
                return Err(self.syntax(self.at + index, "`\\u` needs four hexadecimal digits"));
            }
        }
        let first = self.hex(self.at + 1).unwrap_or_default();
        self.at += 5;
        if let Some(char) = char::from_u32(u32::from(first)) {
            return Ok(char);
        }
        if self.input.get(self.at..self.at + 2) == Some(b"\\u")
            && let Some(second) = self.hex(self.at + 2)
            && let Some(Ok(char)) = char::decode_utf16([first, second]).next()
        {
            self.at += 6;
            return Ok(char);
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&self, at: usize) -> Option<u16> {
        let digits = self.input.get(at..at + 4)?;
        digits.iter().try_fold(0, |value, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some((value << 4) | u16::try_from(digit).ok()?)
        })
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &[u8]) -> Result<String, usize> {
        let parsed = parse(text, &Limits::default());
        parsed.map(|parsed| parsed.value.to_json()).map_err(|error| error.at)
    }

    #[test]
    fn what_is_json_is_read() {
        for (text, json) in [
            (" [ ] ", "[]"),
            ("{\n}", "{}"),
            ("[1, -0, 1.50, 2E+3, 12345678901234567890]", "[1,-0,1.50,2E+3,12345678901234567890]"),
            (r#"{"b": {"c": [true, false, null]}, "a": "x"}"#, r#"{"a":"x","b":{"c":[true,false,null]}}"#),
            (r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, "\"\\\"\\\\/\\b\\f\\n\\r\\té😀\""),
            ("\"\u{7f}\"", "\"\u{7f}\""),
        ] {
            assert_eq!(parsed(text.as_bytes()), Ok(json.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_unicode_becomes_a_replacement_character() {
        for text in [&br#""\ud800""#[..], br#""\udc00""#, b"\"\xff\""] {
            assert_eq!(parsed(text), Ok("\"\u{fffd}\"".to_owned()));
        }
        assert_eq!(parsed(br#""\ud800\u0041""#), Ok("\"\u{fffd}A\"".to_owned()));
        // One for each byte, as Go has it.
        assert_eq!(parsed(b"\"\xe2\x80x\\n\""), Ok("\"\u{fffd}\u{fffd}x\\n\"".to_owned()));
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_goes_wrong() {
        for (text, at) in [
            ("", 0),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("{a: 1}", 1),
            ("{\"a\":1,}", 7),
            ("[1}", 2),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("1e+", 3),
            ("+1", 0),
            ("tru", 3),
            ("nul!", 3),
            ("\"a\nb\"", 2),
            ("\"\\x\"", 2),
            ("\"\\u12g4\"", 5),
            ("\"a", 2),
            ("{} {}", 3),
            ("'a'", 0),
            ("\u{feff}{}", 0),
        ] {
            assert_eq!(parsed(text.as_bytes()), Err(at), "{text}");
        }
    }

    #[test]
    fn of_duplicate_keys_the_last_counts_and_each_is_told() {
        let parsed = parse(br#"{"a": [{"b": 1, "c": 2, "b": 3}], "a": 4}"#, &Limits::default());
        let Ok(Parsed { value, duplicates }) = parsed else { panic!("{parsed:?}") };
        assert_eq!(value.to_json(), r#"{"a":4}"#);
        let told: Vec<_> = duplicates
            .iter()
            .map(|error| (error.at, error.pointer.clone().unwrap_or_default().to_string()))
            .collect();
        assert_eq!(told, [(24, "/a/0/b".to_owned()), (34, "/a".to_owned())]);
    }
}
