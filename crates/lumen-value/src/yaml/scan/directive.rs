//! Directives, anchors, aliases and tags.

use super::super::token::{Fault, TokenKind};
use super::Scanner;

/// Most digits of a version's number.
const VERSION_DIGITS_MAX: usize = 2;

impl<'t> Scanner<'t> {
    /// `%YAML` or `%TAG`; the block context is left already.
    pub(super) fn scan_directive(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        let name = self.scan_word();
        if name.is_empty() || !self.is_blank_or_end(0) {
            return Err(Fault::syntax(start, "a directive needs a name of letters and digits"));
        }
        let kind = match name {
            "YAML" => {
                self.skip_blanks();
                let major = self.scan_version_number(start)?;
                if self.byte(0) != b'.' {
                    return Err(Fault::syntax(start, "`%YAML` needs a version like `1.1`"));
                }
                self.at += 1;
                TokenKind::Version(major, self.scan_version_number(start)?)
            }
            "TAG" => self.scan_tag_directive(start)?,
            _ => return Err(Fault::syntax(start, format!("`%{name}` is no known directive"))),
        };
        let end = self.at;
        self.skip_blanks();
        self.skip_comment();
        if !self.is_break_or_end(0) {
            return Err(Fault::syntax(self.at, "only a comment can follow a directive"));
        }
        self.read_break();
        self.push(kind, start);
        if let Some(token) = self.queue.back_mut() {
            token.end = end;
        }
        Ok(())
    }

    fn scan_version_number(&mut self, start: usize) -> Result<u32, Fault> {
        let digits = self.at;
        while self.byte(0).is_ascii_digit() && self.at - digits < VERSION_DIGITS_MAX {
            self.at += 1;
        }
        match self.slice(digits, self.at).parse() {
            Ok(number) if !self.byte(0).is_ascii_digit() => Ok(number),
            _ => Err(Fault::syntax(start, "`%YAML` needs a version like `1.1`")),
        }
    }

    fn scan_tag_directive(&mut self, start: usize) -> Result<TokenKind<'t>, Fault> {
        self.skip_blanks();
        let handle = self.scan_tag_handle(start)?;
        if !handle.ends_with('!') || !self.is_blank(0) {
            return Err(Fault::syntax(start, "`%TAG` needs a handle like `!name!`"));
        }
        self.skip_blanks();
        let mut prefix = String::new();
        if !self.scan_tag_uri(&mut prefix, start)? || !self.is_blank_or_end(0) {
            return Err(Fault::syntax(start, "`%TAG` needs a prefix behind its handle"));
        }
        Ok(TokenKind::TagDirective(Box::new((handle.to_owned(), prefix))))
    }

    /// `&name` or `*name`.
    pub(super) fn fetch_anchor(&mut self) -> Result<(), Fault> {
        let level = self.note_possible_key()?;
        self.key_allowed = false;
        let start = self.at;
        let is_alias = self.byte(0) == b'*';
        self.at += 1;
        let name = self.scan_word();
        let ends = matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`')
            || self.is_blank_or_end(0);
        if name.is_empty() || !ends {
            let what = if is_alias { "an alias" } else { "an anchor" };
            let message = format!("{what} needs a name of letters, digits, `_` and `-`");
            return Err(Fault::syntax(start, message));
        }
        let kind = if is_alias { TokenKind::Alias(name) } else { TokenKind::Anchor(name) };
        self.push_possible_key(kind, start, level);
        Ok(())
    }

    /// `!suffix`, `!handle!suffix`, `!<whole>` or `!`.
    pub(super) fn fetch_tag(&mut self) -> Result<(), Fault> {
        let level = self.note_possible_key()?;
        self.key_allowed = false;
        let start = self.at;
        let mut suffix = String::new();
        let mut handle = "";
        let mut is_whole = true;
        if self.byte(1) == b'<' {
            self.at += 2;
            is_whole = self.scan_tag_uri(&mut suffix, start)?;
            if self.byte(0) != b'>' {
                return Err(Fault::syntax(start, "a tag that starts with `!<` ends with `>`"));
            }
            self.at += 1;
        } else {
            handle = self.scan_tag_handle(start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                is_whole = self.scan_tag_uri(&mut suffix, start)?;
            } else {
                // It was no handle but the start of the suffix.
                suffix.push_str(handle.get(1..).unwrap_or_default());
                self.scan_tag_uri(&mut suffix, start)?;
                handle = "!";
                if suffix.is_empty() {
                    (handle, suffix) = ("", "!".to_owned());
                }
            }
        }
        if !is_whole {
            return Err(Fault::syntax(start, "a tag needs something behind its `!`"));
        }
        if !self.is_blank_or_end(0) {
            return Err(Fault::syntax(self.at, "white space must follow a tag"));
        }
        let kind = TokenKind::Tag(Box::new((handle.to_owned(), suffix)));
        self.push_possible_key(kind, start, level);
        Ok(())
    }

    /// `!`, `!name` or `!name!`.
    fn scan_tag_handle(&mut self, start: usize) -> Result<&'t str, Fault> {
        let from = self.at;
        if self.byte(0) != b'!' {
            return Err(Fault::syntax(start, "a tag's handle starts with `!`"));
        }
        self.at += 1;
        self.scan_word();
        if self.byte(0) == b'!' {
            self.at += 1;
        }
        Ok(self.slice(from, self.at))
    }

    /// Letters, digits, `_` and `-`.
    fn scan_word(&mut self) -> &'t str {
        let start = self.at;
        while is_word(self.byte(0)) {
            self.at += 1;
        }
        self.slice(start, self.at)
    }

    /// The characters of a URI, its escapes decoded; whether there are any.
    fn scan_tag_uri(&mut self, out: &mut String, start: usize) -> Result<bool, Fault> {
        let from = self.at;
        let mut bytes = Vec::new();
        loop {
            match self.byte(0) {
                b'%' => self.scan_uri_escape(&mut bytes, start)?,
                byte if is_word(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
                _ => break,
            }
        }
        out.push_str(&String::from_utf8_lossy(&bytes));
        Ok(self.at > from)
    }

    /// One character in UTF-8, each byte of it as `%XX`.
    fn scan_uri_escape(&mut self, bytes: &mut Vec<u8>, start: usize) -> Result<(), Fault> {
        let mut left = 1;
        let mut first = true;
        while left > 0 {
            let digits = self.slice(self.at + 1, self.at + 3);
            let octet = match u8::from_str_radix(digits, 16) {
                Ok(octet) if self.byte(0) == b'%' && digits.len() == 2 && !digits.starts_with('+') => octet,
                _ => {
                    return Err(Fault::syntax(start, "a `%` in a tag needs two hexadecimal digits"));
                }
            };
            if first {
                left = match octet {
                    0x00..=0x7F => 1,
                    0xC0..=0xDF => 2,
                    0xE0..=0xEF => 3,
                    0xF0..=0xF7 => 4,
                    _ => return Err(Fault::syntax(start, "an escape in a tag is not UTF-8")),
                };
                first = false;
            } else if octet & 0xC0 != 0x80 {
                return Err(Fault::syntax(start, "an escape in a tag is not UTF-8"));
            }
            bytes.push(octet);
            self.at += 3;
            left -= 1;
        }
        Ok(())
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
