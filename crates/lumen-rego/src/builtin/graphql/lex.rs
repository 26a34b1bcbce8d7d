//! Tokens of GraphQL texts, with the places and messages of `gqlparser` (`lexer.go`): lines count from 1, columns in characters.

use super::tree::{Fault, Position};
use crate::term::quoted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Invalid,
    End,
    Bang,
    Dollar,
    Amp,
    ParenLeft,
    ParenRight,
    Spread,
    Colon,
    Equals,
    At,
    BracketLeft,
    BracketRight,
    BraceLeft,
    BraceRight,
    Pipe,
    Name,
    Int,
    Float,
    String,
    BlockString,
    Comment,
}

impl Kind {
    /// The kind as messages call it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "<Invalid>",
            Self::End => "<EOF>",
            Self::Bang => "!",
            Self::Dollar => "$",
            Self::Amp => "&",
            Self::ParenLeft => "(",
            Self::ParenRight => ")",
            Self::Spread => "...",
            Self::Colon => ":",
            Self::Equals => "=",
            Self::At => "@",
            Self::BracketLeft => "[",
            Self::BracketRight => "]",
            Self::BraceLeft => "{",
            Self::BraceRight => "}",
            Self::Pipe => "|",
            Self::Name => "Name",
            Self::Int => "Int",
            Self::Float => "Float",
            Self::String => "String",
            Self::BlockString => "BlockString",
            Self::Comment => "Comment",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Empty for punctuation.
    pub(super) value: String,
    pub(super) at: Position,
}

impl Token {
    /// The token as messages show it.
    pub(super) fn shown(&self) -> String {
        if self.value.is_empty() {
            return self.kind.as_str().to_owned();
        }
        format!("{} {}", self.kind.as_str(), quoted(self.value.as_bytes()))
    }
}

pub(super) struct Lexer<'t> {
    text: &'t [u8],
    /// Where the token starts and what comes next: in bytes, and in characters.
    end: usize,
    start_char: i64,
    end_char: i64,
    line: i64,
    line_start: i64,
    builtin: bool,
}

type Lexed = Result<Token, (Token, Fault)>;

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t [u8], builtin: bool) -> Self {
        Self { text, end: 0, start_char: 0, end_char: 0, line: 1, line_start: 0, builtin }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.end).copied()
    }

    fn skip(&mut self, bytes: usize, chars: i64) {
        self.end += bytes;
        self.end_char += chars;
    }

    fn position(&self, char: i64) -> Position {
        Position { line: self.line, column: char - self.line_start + 1, builtin: self.builtin }
    }

    fn token(&self, kind: Kind, value: String) -> Token {
        Token { kind, value, at: self.position(self.start_char) }
    }

    fn fail(&self, message: String) -> Lexed {
        let at = self.position(self.end_char);
        Err((Token { kind: Kind::Invalid, value: String::new(), at }, Fault { at: Some(at), message }))
    }

    fn between(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(self.text.get(from..to).unwrap_or_default()).into_owned()
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\t' | b' ' | b',' => self.skip(1, 1),
                b'\n' | b'\r' => {
                    self.skip(1, 1);
                    self.line += 1;
                    self.line_start = self.end_char;
                    if byte == b'\r' && self.peek() == Some(b'\n') {
                        self.skip(1, 1);
                    }
                }
                0xef if self.text.get(self.end + 1..self.end + 3) == Some(&[0xbb, 0xbf]) => self.skip(3, 1),
                _ => return,
            }
        }
    }

    /// The next token; comments are tokens.
    pub(super) fn next(&mut self) -> Lexed {
        self.skip_space();
        self.start_char = self.end_char;
        let start = self.end;
        let Some(byte) = self.peek() else {
            return Ok(self.token(Kind::End, String::new()));
        };
        self.skip(1, 1);
        let kind = match byte {
            b'!' => Kind::Bang,
            b'$' => Kind::Dollar,
            b'&' => Kind::Amp,
            b'(' => Kind::ParenLeft,
            b')' => Kind::ParenRight,
            b'.' if self.text.get(start..start + 3) == Some(b"...") => {
                self.skip(2, 2);
                Kind::Spread
            }
            b':' => Kind::Colon,
            b'=' => Kind::Equals,
            b'@' => Kind::At,
            b'[' => Kind::BracketLeft,
            b']' => Kind::BracketRight,
            b'{' => Kind::BraceLeft,
            b'}' => Kind::BraceRight,
            b'|' => Kind::Pipe,
            b'#' => return Ok(self.comment(start)),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                while self.peek().is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
                    self.skip(1, 1);
                }
                return Ok(self.token(Kind::Name, self.between(start, self.end)));
            }
            b'-' | b'0'..=b'9' => return self.number(start),
            b'"' if self.text.get(start..start + 3) == Some(b"\"\"\"") => return self.block_string(),
            b'"' => return self.string(),
            _ => {
                self.end -= 1;
                self.end_char -= 1;
                return self.fail(match byte {
                    0..0x20 => format!("Cannot contain the invalid character \"\\u{byte:04x}\""),
                    b'\'' => {
                        "Unexpected single quote character ('), did you mean to use a double quote (\")?"
                            .to_owned()
                    }
                    _ => format!("Cannot parse the unexpected character \"{}\".", char::from(byte)),
                });
            }
        };
        Ok(self.token(kind, String::new()))
    }

    fn comment(&mut self, start: usize) -> Token {
        while let Some(byte) = self.peek() {
            if byte < 0x20 && byte != b'\t' {
                break;
            }
            let (_, len) = self.char();
            self.skip(len, 1);
        }
        self.token(Kind::Comment, self.between(start, self.end))
    }

    /// The character at hand and how many bytes it has; U+FFFD for a byte that is no UTF-8.
    fn char(&self) -> (char, usize) {
        let rest = self.text.get(self.end..).unwrap_or_default();
        let rest = rest.get(..rest.len().min(4)).unwrap_or_default();
        let chunk = rest.utf8_chunks().next();
        match chunk.and_then(|chunk| chunk.valid().chars().next()) {
            Some(char) => (char, char.len_utf8()),
            None => (char::REPLACEMENT_CHARACTER, 1),
        }
    }

    fn accept(&mut self, bytes: &[u8]) -> bool {
        let accepted = self.peek().is_some_and(|byte| bytes.contains(&byte));
        if accepted {
            self.skip(1, 1);
        }
        accepted
    }

    fn digits(&mut self) -> usize {
        let from = self.end;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.skip(1, 1);
        }
        self.end - from
    }

    /// What comes next, for messages.
    fn next_shown(&self) -> String {
        self.peek().map_or_else(|| "<EOF>".to_owned(), |byte| format!("\"{}\"", char::from(byte)))
    }

    fn number(&mut self, start: usize) -> Lexed {
        self.end -= 1;
        self.end_char -= 1;
        let needs_digit = |lexer: &Self| {
            lexer.fail(format!("Invalid number, expected digit but got: {}.", lexer.next_shown()))
        };
        self.accept(b"-");
        if self.accept(b"0") {
            let count = self.digits();
            if count > 0 {
                self.end -= count;
                self.end_char -= i64::try_from(count).unwrap_or(0);
                let shown = self.next_shown();
                return self.fail(format!("Invalid number, unexpected digit after 0: {shown}."));
            }
        } else if self.digits() == 0 {
            return needs_digit(self);
        }
        let mut kind = Kind::Int;
        if self.accept(b".") {
            kind = Kind::Float;
            if self.digits() == 0 {
                return needs_digit(self);
            }
        }
        if self.accept(b"eE") {
            kind = Kind::Float;
            self.accept(b"-+");
            if self.digits() == 0 {
                return needs_digit(self);
            }
        }
        Ok(self.token(kind, self.between(start, self.end)))
    }

    fn string(&mut self) -> Lexed {
        self.start_char += 1;
        let mut value = String::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'\r' => break,
                b'\t' | 0x20.. if byte != b'"' && byte != b'\\' => {
                    let (char, len) = self.char();
                    value.push(char);
                    self.skip(len, 1);
                }
                b'"' => {
                    let token = self.token(Kind::String, value);
                    self.skip(1, 1);
                    return Ok(token);
                }
                b'\\' => match self.escape() {
                    Ok(char) => value.push(char),
                    Err(message) => {
                        self.skip(1, 1);
                        return self.fail(message);
                    }
                },
                _ => return self.fail(format!("Invalid character within String: \"\\u{byte:04x}\".")),
            }
        }
        self.fail("Unterminated string.".to_owned())
    }

    fn escape(&mut self) -> Result<char, String> {
        let char = match self.text.get(self.end + 1) {
            None => return Err("Invalid character escape sequence.".to_owned()),
            Some(byte @ (b'"' | b'/' | b'\\')) => char::from(*byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                if self.end + 6 >= self.text.len() {
                    let shown = self.between(self.end + 1, self.text.len());
                    return Err(format!("Invalid character escape sequence: \\{shown}."));
                }
                let digits = self.between(self.end + 2, self.end + 6);
                let is_hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let Some(code) = u32::from_str_radix(&digits, 16).ok().filter(|_| is_hex) else {
                    let shown = self.between(self.end + 1, self.end + 6);
                    return Err(format!("Invalid character escape sequence: \\{shown}."));
                };
                self.skip(6, 6);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(byte) => return Err(format!("Invalid character escape sequence: \\{}.", char::from(*byte))),
        };
        self.skip(2, 2);
        Ok(char)
    }

    fn block_string(&mut self) -> Lexed {
        self.start_char += 3;
        self.skip(2, 2);
        let mut value = String::new();
        while let Some(byte) = self.peek() {
            let rest = self.text.get(self.end..).unwrap_or_default();
            match byte {
                b'"' if rest.starts_with(b"\"\"\"") => {
                    let count = rest.iter().take_while(|byte| **byte == b'"').count();
                    value.extend(std::iter::repeat_n('"', count - 3));
                    let token = self.token(Kind::BlockString, unindented(&value));
                    self.skip(count, i64::try_from(count).unwrap_or(0));
                    return Ok(token);
                }
                b'\\' if rest.starts_with(b"\\\"\"\"") => {
                    value.push_str("\"\"\"");
                    self.skip(4, 4);
                }
                b'\r' => {
                    if rest.get(1) == Some(&b'\n') {
                        self.skip(1, 1);
                    }
                    value.push('\n');
                    self.skip(1, 1);
                    self.line += 1;
                    self.line_start = self.end_char;
                }
                b'\t' | b'\n' | 0x20.. => {
                    let (char, len) = self.char();
                    value.push(char);
                    self.skip(len, 1);
                    if char == '\n' {
                        self.line += 1;
                        self.line_start = self.end_char;
                    }
                }
                _ => return self.fail(format!("Invalid character within String: \"\\u{byte:04x}\".")),
            }
        }
        self.fail("Unterminated string.".to_owned())
    }
}

/// A block string without the indentation that all its lines have, and without blank lines at its ends.
fn unindented(raw: &str) -> String {
    let indent = |line: &str| line.find(|char| char != ' ' && char != '\t');
    let mut lines: Vec<&str> = raw.split('\n').collect();
    if let Some(common) = lines.iter().filter_map(|line| indent(line)).min() {
        for line in lines.iter_mut().skip(1) {
            *line = line.get(common..).unwrap_or_default();
        }
    }
    let start = lines.iter().take_while(|line| indent(line).is_none()).count();
    let end = lines.len() - lines.iter().rev().take_while(|line| indent(line).is_none()).count();
    lines.get(start..end).unwrap_or_default().join("\n")
}
