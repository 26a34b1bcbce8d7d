//! The words of conditions, taken one after the other as the parser asks for them: there are no tokens, since `in`
//! may be an operator, the name of a macro, or a text.

use super::SyntaxError;
use super::text::unescape;

/// A place in a condition.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// What was taken last, but for blanks: errors tell it.
    last: String,
}

/// What may stand between words. `\u{8}` is the reference's.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x08 | b'\r' | b'\n')
}

/// What POSIX calls space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// What may stand in a text without quotes.
fn is_bare(byte: u8) -> bool {
    !is_space(byte) && !matches!(byte, b'(' | b')' | b'"' | b'\'' | b'=' | b',')
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, last: String::new() }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Goes back to a place; what was taken last is what was then.
    pub(super) fn back_to(&mut self, at: usize, last: String) {
        self.at = at;
        self.last = last;
    }

    pub(super) fn last(&self) -> &str {
        &self.last
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { at: self.at, message: message.into() }
    }

    /// What was not taken yet.
    pub(super) fn rest_text(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn rest(&self) -> &'t [u8] {
        self.rest_text().as_bytes()
    }

    /// Whether a text follows.
    pub(super) fn is_next(&self, text: &str) -> bool {
        self.rest().starts_with(text.as_bytes())
    }

    /// The byte that follows.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Takes so many bytes.
    fn take(&mut self, length: usize) -> &'t str {
        let taken = self.text.get(self.at..self.at + length).unwrap_or_default();
        self.at += taken.len();
        taken.clone_into(&mut self.last);
        taken
    }

    /// Skips blanks; whether there were any.
    pub(super) fn blank(&mut self) -> bool {
        let length = self.rest().iter().take_while(|byte| is_blank(**byte)).count();
        self.at += length;
        length > 0
    }

    /// Takes a text, if it follows.
    pub(super) fn literal(&mut self, text: &str) -> bool {
        let follows = self.is_next(text);
        if follows {
            self.take(text.len());
        }
        follows
    }

    /// Takes a word and the blanks behind it, if both follow.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let (at, last) = (self.at, self.last.clone());
        if self.literal(word) && self.blank() {
            return true;
        }
        self.back_to(at, last);
        false
    }

    /// Takes `not` and the space behind it.
    pub(super) fn not(&mut self) -> bool {
        let Some(behind) = self.rest().strip_prefix(b"not") else { return false };
        let spaces = behind.iter().take_while(|byte| is_space(**byte)).count();
        if spaces > 0 {
            self.take(3 + spaces);
        }
        spaces > 0
    }

    /// The length of an identifier at a place behind this one.
    fn identifier_length(&self, from: usize) -> usize {
        let rest = self.rest().get(from..).unwrap_or_default();
        if !rest.first().is_some_and(u8::is_ascii_alphabetic) {
            return 0;
        }
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
    }

    /// Takes a name without dots.
    pub(super) fn identifier(&mut self) -> Option<&'t str> {
        match self.identifier_length(0) {
            0 => None,
            length => Some(self.take(length)),
        }
    }

    /// Takes the name of a field, which has a dot.
    pub(super) fn field_name(&mut self) -> Option<&'t str> {
        let first = self.identifier_length(0);
        let mut length = first;
        while self.rest().get(length) == Some(&b'.') {
            match self.identifier_length(length + 1) {
                0 => break,
                more => length += 1 + more,
            }
        }
        (first > 0 && length > first).then(|| self.take(length))
    }

    /// Takes what stands in brackets without quotes.
    pub(super) fn bare_argument(&mut self) -> Option<&'t str> {
        let is_argument = |byte: u8| !is_space(byte) && !matches!(byte, b'[' | b']' | b'"' | b'\'');
        self.take_while(is_argument)
    }

    /// Takes a text without quotes.
    pub(super) fn bare(&mut self) -> Option<&'t str> {
        self.take_while(is_bare)
    }

    fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> Option<&'t str> {
        match self.rest().iter().take_while(|byte| fits(**byte)).count() {
            0 => None,
            length => Some(self.take(length)),
        }
    }

    /// Takes a number as it is written: hexadecimal, whole, or with a fraction and an exponent that has a sign.
    pub(super) fn number(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let digits = |from: usize| {
            rest.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        if rest.starts_with(b"0x") || rest.starts_with(b"0X") {
            let length = rest.iter().skip(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
            if length > 0 {
                return Some(self.take(2 + length));
            }
        }
        let mut length = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
        let whole = digits(length);
        if whole == 0 {
            return None;
        }
        length += whole;
        if rest.get(length) == Some(&b'.') {
            length += 1;
            length += digits(length);
        }
        if matches!(rest.get(length), Some(b'e' | b'E')) && matches!(rest.get(length + 1), Some(b'+' | b'-'))
        {
            match digits(length + 2) {
                0 => {}
                exponent => length += 2 + exponent,
            }
        }
        Some(self.take(length))
    }

    /// Takes a text in quotes; what it says. A quote behind a backslash never ends it.
    pub(super) fn quoted(&mut self) -> Result<Option<Vec<u8>>, SyntaxError> {
        let rest = self.rest();
        let Some(quote) = rest.first().copied().filter(|byte| matches!(byte, b'"' | b'\'')) else {
            return Ok(None);
        };
        let end =
            rest.windows(2).position(|pair| matches!(pair, [before, at] if *before != b'\\' && *at == quote));
        let Some(end) = end else { return Ok(None) };
        // The quote that opens it counts as one behind a backslash, so that two of them are an empty text.
        let Some(quoted) = rest.get(..end + 2) else { return Ok(None) };
        self.take(quoted.len());
        let text = unescape(quoted).map_err(|message| self.error(message))?;
        self.last = String::from_utf8_lossy(&text).into_owned();
        Ok(Some(text))
    }
}
