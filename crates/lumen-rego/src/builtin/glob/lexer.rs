//! Reads globs and writes them as regular expressions.

use std::fmt::Write;

use super::syntax_error;
use crate::builtin::Failure;
use crate::unicode;

/// Most bytes of a translated glob.
const PATTERN_BYTES_MAX: usize = 4 << 20;

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    pattern: String,
    /// What `*` and `?` match.
    part: String,
    level: usize,
}

/// The regular expression for a glob.
pub(super) fn translate(text: &[u8], delimiters: &str) -> Result<String, Failure> {
    let mut part = String::new();
    if delimiters.is_empty() {
        part.push_str("(?s:.)");
    } else {
        part.push_str("[^");
        for char in delimiters.chars() {
            write!(part, "\\x{{{:x}}}", u32::from(char)).unwrap_or_default();
        }
        part.push(']');
    }
    let mut lexer = Lexer { text, at: 0, pattern: "\\A(?:".to_owned(), part, level: 0 };
    while let Some(char) = lexer.read()? {
        lexer.item(char)?;
        if lexer.pattern.len() > PATTERN_BYTES_MAX {
            return Err(Failure::Budget);
        }
    }
    if lexer.level > 0 {
        return Err(lexer.refused("unclosed `{`"));
    }
    lexer.pattern.push_str(")\\z");
    Ok(lexer.pattern)
}

impl Lexer<'_> {
    fn refused(&self, why: &str) -> Failure {
        syntax_error(self.at, why)
    }

    fn peek(&self) -> Result<Option<char>, Failure> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(rune) = unicode::runes(rest.get(..rest.len().min(4)).unwrap_or_default()).next() else {
            return Ok(None);
        };
        rune.char.map(Some).ok_or_else(|| self.refused("invalid UTF-8 sequence"))
    }

    fn read(&mut self) -> Result<Option<char>, Failure> {
        let next = self.peek()?;
        self.at += next.map_or(0, char::len_utf8);
        Ok(next)
    }

    fn literal(&mut self, char: char) {
        write!(self.pattern, "\\x{{{:x}}}", u32::from(char)).unwrap_or_default();
    }

    fn item(&mut self, char: char) -> Result<(), Failure> {
        match char {
            '{' => {
                self.level += 1;
                self.pattern.push_str("(?:");
            }
            ',' if self.level > 0 => self.pattern.push('|'),
            '}' if self.level > 0 => {
                self.level -= 1;
                self.pattern.push(')');
            }
            '[' => self.range()?,
            '?' => self.pattern.push_str(&self.part),
            '*' => {
                if self.peek()? == Some('*') {
                    self.at += 1;
                    self.pattern.push_str("(?s:.)*");
                } else {
                    self.pattern.push_str(&self.part);
                    self.pattern.push('*');
                }
            }
            '\\' => {
                let Ok(Some(escaped)) = self.read() else { return Err(self.refused("trailing backslash")) };
                self.literal(escaped);
            }
            _ => self.literal(char),
        }
        Ok(())
    }

    /// A character of a range; what is no UTF-8 counts as the end there.
    fn in_range(&mut self) -> Result<char, Failure> {
        match self.read() {
            Ok(Some(char)) => Ok(char),
            _ => Err(self.refused("unexpected end of input")),
        }
    }

    /// `[a-c]` or `[abc]`, the one or the other, negated with `!`.
    fn range(&mut self) -> Result<(), Failure> {
        let mut first = self.in_range()?;
        let is_negated = first == '!';
        if is_negated {
            first = self.in_range()?;
        }
        let mut ranges = Vec::new();
        if first == ']' {
            // It ends at once, but what follows has been looked at.
            self.peek()?;
        }
        if self.peek() == Ok(Some('-')) {
            self.at += 1;
            let last = self.in_range()?;
            let close = self.in_range()?;
            if close != ']' {
                return Err(self.refused("expected close range character"));
            }
            if last < first {
                return Err(self.refused("range hi character is less than lo"));
            }
            ranges.push((first, last));
        } else {
            let mut next = first;
            loop {
                match next {
                    ']' => break,
                    '\\' => {
                        let escaped = self.in_range()?;
                        ranges.push((escaped, escaped));
                    }
                    char => ranges.push((char, char)),
                }
                next = self.in_range()?;
            }
            if ranges.is_empty() {
                return Err(self.refused("could not parse range"));
            }
        }
        self.pattern.push_str(if is_negated { "[^" } else { "[" });
        for (first, last) in ranges {
            let (first, last) = (u32::from(first), u32::from(last));
            write!(self.pattern, "\\x{{{first:x}}}-\\x{{{last:x}}}").unwrap_or_default();
        }
        self.pattern.push(']');
        Ok(())
    }
}
