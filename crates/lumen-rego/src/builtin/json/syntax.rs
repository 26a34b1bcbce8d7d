//! What is wrong with a text that is no JSON, in the words of Go's `encoding/json` (`scanner.go`).

use super::DEPTH_MAX;

/// What is wrong with a text that is not one JSON value.
pub(super) enum Fault {
    /// Go's message.
    Said(String),
    /// Nothing, to OPA's reader of JSON: a `null` follows the value that ends here, and it takes that for the end of the text.
    Ends(usize),
}

/// What is wrong with a text that is not one JSON value.
pub(super) fn fault(text: &[u8]) -> Fault {
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_space();
    if scanner.peek().is_none() {
        return Fault::Said("EOF".to_owned());
    }
    match scanner.value() {
        Err(fault) => Fault::Said(fault),
        Ok(()) => scanner.behind(),
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The next byte is not what should stand here.
    fn invalid<T>(&self, place: &str) -> Result<T, String> {
        match self.peek() {
            None => Err("unexpected EOF".to_owned()),
            Some(byte) => Err(format!("invalid character {} {place}", quoted_byte(byte))),
        }
    }

    /// What follows the first value: Go reads it as a token of its own.
    fn behind(&mut self) -> Fault {
        let end = self.at;
        self.skip_space();
        let from = self.at;
        let token = match self.peek() {
            Some(byte @ (b'{' | b'[')) => Ok(char::from(byte).to_string()),
            Some(b'"') => self.string().map(|()| self.decoded(from)),
            Some(b',' | b':' | b'}' | b']') | None => self.invalid("looking for beginning of value"),
            Some(_) => self.scalar().map(|()| {
                let shown = self.text.get(from..self.at).unwrap_or_default();
                String::from_utf8_lossy(shown).into_owned()
            }),
        };
        match token {
            Ok(token) if token == "null" && self.text.get(from) == Some(&b'n') => Fault::Ends(end),
            Ok(token) => {
                let is_word = matches!(self.text.get(from), Some(b't' | b'f'));
                let shown = if is_word { format!("%!s(bool={token})") } else { token };
                Fault::Said(format!("error: invalid character '{shown}' after top-level value"))
            }
            Err(fault) => Fault::Said(fault),
        }
    }

    /// The string that was just passed.
    fn decoded(&self, from: usize) -> String {
        let text = self.text.get(from..self.at).unwrap_or_default();
        let parsed = lumen_value::json::parse(text, &lumen_value::read::Limits::default());
        parsed.ok().and_then(|parsed| parsed.value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn value(&mut self) -> Result<(), String> {
        // Closing brackets of the collections that are open.
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(byte @ (b'[' | b'{')) => {
                    if open.len() >= DEPTH_MAX {
                        return self.invalid("exceeded max depth");
                    }
                    self.at += 1;
                    self.skip_space();
                    let end = if byte == b'[' { b']' } else { b'}' };
                    if self.peek() == Some(end) {
                        self.at += 1;
                    } else {
                        open.push(end);
                        if end == b'}' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => self.string()?,
                _ => self.scalar()?,
            }
            loop {
                let Some(end) = open.last().copied() else {
                    return Ok(());
                };
                self.skip_space();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if end == b'}' {
                            self.skip_space();
                            self.key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == end => {
                        self.at += 1;
                        open.pop();
                    }
                    _ if end == b']' => return self.invalid("after array element"),
                    _ => return self.invalid("after object key:value pair"),
                }
            }
        }
    }

    fn key(&mut self) -> Result<(), String> {
        if self.peek() != Some(b'"') {
            return self.invalid("looking for beginning of object key string");
        }
        self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.invalid("after object key");
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                    return self.invalid("in \\u hexadecimal character escape");
                                }
                                self.at += 1;
                            }
                        }
                        _ => return self.invalid("in string escape code"),
                    }
                }
                Some(0x20..) => self.at += 1,
                _ => return self.invalid("in string literal"),
            }
        }
    }

    fn scalar(&mut self) -> Result<(), String> {
        match self.peek() {
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.invalid("looking for beginning of value"),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        for byte in word.bytes() {
            if self.peek() != Some(byte) {
                return self.invalid(&format!("in literal {word} (expecting '{}')", char::from(byte)));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self, place: &str) -> Result<(), String> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.invalid(place);
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }
}

/// A byte as Go shows one: that of Latin-1, in single quotes.
fn quoted_byte(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let quoted = crate::term::quoted(char::from(byte).to_string().as_bytes());
            let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            format!("'{}'", inside.unwrap_or_default())
        }
    }
}
