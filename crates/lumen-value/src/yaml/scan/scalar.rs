//! Scalars: plain, quoted and block.

use std::borrow::Cow;

use super::super::token::{BlockLines, Fault, ScalarStyle, TokenKind};
use super::Scanner;

/// The line breaks between two lines of a scalar.
#[derive(Default)]
struct Breaks<'t> {
    first: &'t str,
    rest: String,
}

impl Breaks<'_> {
    /// Appends what the breaks fold to: a space for one, all but the first for more; those of Unicode stay.
    fn fold_into(&mut self, out: &mut String) {
        if self.first == "\n" {
            out.push_str(if self.rest.is_empty() { " " } else { &self.rest });
        } else {
            out.push_str(self.first);
            out.push_str(&self.rest);
        }
        *self = Self::default();
    }
}

/// Whether a byte may end a run of characters of a plain scalar: what may be white space or a line break, `:`, and
/// the indicators of flow collections.
static ENDS_PLAIN: [bool; 256] = table(b" \t\n\r\xC2\xE2:,?[]{}");
/// The same for a double-quoted scalar on one line.
static ENDS_DOUBLE: [bool; 256] = table(b"\n\r\xC2\xE2\"\\");
/// The same for a single-quoted scalar on one line.
static ENDS_SINGLE: [bool; 256] = table(b"\n\r\xC2\xE2'");
/// The same for a line of a block scalar.
static ENDS_LINE: [bool; 256] = table(b"\n\r\xC2\xE2");

#[expect(clippy::indexing_slicing, reason = "evaluated when the program is compiled")]
const fn table(members: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut index = 0;
    while index < members.len() {
        table[members[index] as usize] = true;
        index += 1;
    }
    table
}

impl<'t> Scanner<'t> {
    /// Moves to the next byte that is in a table, or to the end.
    fn skip_until(&mut self, table: &[bool; 256]) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|byte| table.get(usize::from(*byte)).copied().unwrap_or(true));
        self.at += len.unwrap_or(rest.len());
    }

    /// Pushes a scalar that ended before the place at hand.
    fn push_scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        start: usize,
        end: usize,
        level: Option<usize>,
    ) {
        self.push_possible_key(TokenKind::Scalar { text, style }, start, level);
        if let Some(token) = self.queue.back_mut() {
            token.end = end;
        }
    }

    pub(super) fn scan_plain_scalar(&mut self, level: Option<usize>) -> Result<(), Fault> {
        let start = self.at;
        let indent = self.indent.map_or(0, |indent| indent + 1);
        let mut out = String::new();
        // The part of the text that is not in `out` yet: on one line, without the white space behind it.
        let (mut piece, mut end) = (start, start);
        let mut breaks = Breaks::default();
        let mut behind_break = false;
        loop {
            self.look_ahead();
            if self.is_document_indicator() || self.byte(0) == b'#' {
                break;
            }
            let from = self.at;
            self.skip_plain_run();
            if self.at > from {
                if behind_break {
                    out.push_str(self.slice(piece, end));
                    breaks.fold_into(&mut out);
                    behind_break = false;
                    piece = from;
                }
                end = self.at;
            }
            if !self.is_blank(0) && !self.is_break(0) {
                break;
            }
            loop {
                if self.is_blank(0) {
                    if behind_break && self.byte(0) == b'\t' && self.column() < indent {
                        return Err(Fault::syntax(self.at, "a tab cannot indent a line of a plain scalar"));
                    }
                    self.at += 1;
                } else if self.is_break(0) {
                    let kept = self.read_break();
                    if behind_break {
                        breaks.rest.push_str(kept);
                    } else {
                        breaks.first = kept;
                        behind_break = true;
                    }
                } else {
                    break;
                }
            }
            if self.flow_level == 0 && self.column() < indent {
                break;
            }
        }
        let text = self.slice(piece, end);
        let text = if piece == start {
            Cow::Borrowed(text)
        } else {
            out.push_str(text);
            Cow::Owned(out)
        };
        self.push_scalar(text, ScalarStyle::Plain, start, end, level);
        if behind_break {
            self.key_allowed = true;
        }
        Ok(())
    }

    /// Moves behind the characters that are sure to belong to a plain scalar.
    fn skip_plain_run(&mut self) {
        loop {
            self.skip_until(&ENDS_PLAIN);
            let ends = match self.byte(0) {
                b':' => self.is_blank_or_end(1),
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.flow_level > 0,
                0xC2 | 0xE2 => self.is_break(0),
                _ => true,
            };
            if ends {
                return;
            }
            self.at += 1;
        }
    }

    pub(super) fn scan_quoted_scalar(
        &mut self,
        style: ScalarStyle,
        level: Option<usize>,
    ) -> Result<(), Fault> {
        let single = style == ScalarStyle::SingleQuoted;
        let start = self.at;
        let quote = self.byte(0);
        self.at += 1;
        let content = self.at;
        // Nearly always the scalar is on one line and holds no escape.
        self.skip_until(if single { &ENDS_SINGLE } else { &ENDS_DOUBLE });
        let text = if self.byte(0) == quote && !(single && self.byte(1) == quote) {
            let text = self.slice(content, self.at);
            self.at += 1;
            Cow::Borrowed(text)
        } else {
            self.at = content;
            Cow::Owned(self.scan_quoted_lines(single, quote, start)?)
        };
        self.push_scalar(text, style, start, self.at, level);
        Ok(())
    }

    fn scan_quoted_lines(&mut self, single: bool, quote: u8, start: usize) -> Result<String, Fault> {
        let mut out = String::new();
        loop {
            self.look_ahead();
            if self.is_document_indicator() {
                return Err(Fault::syntax(self.at, "a document ends inside a quoted scalar"));
            }
            if self.is_end(0) {
                return Err(Fault::syntax(start, "the quote is never closed"));
            }
            let mut breaks = Breaks::default();
            let (piece, mut behind_break) = self.scan_quoted_run(single, quote, &mut out)?;
            let blanks = self.at;
            if self.byte(0) == quote {
                out.push_str(self.slice(piece, blanks));
                self.at += 1;
                return Ok(out);
            }
            let mut kept_to = None;
            while self.is_blank(0) || self.is_break(0) {
                if self.is_blank(0) {
                    self.at += 1;
                    continue;
                }
                let kept = self.read_break();
                kept_to = Some(blanks);
                if behind_break {
                    breaks.rest.push_str(kept);
                } else {
                    breaks.first = kept;
                    behind_break = true;
                }
            }
            // White space at a line's ends is dropped, also behind an escaped line break.
            let end = if behind_break { kept_to.unwrap_or(blanks) } else { self.at };
            out.push_str(self.slice(piece, end));
            if behind_break {
                breaks.fold_into(&mut out);
            }
        }
    }

    /// Scans up to white space, a line break, the quote or an escaped line break. Where the part that is not in `out`
    /// yet starts, and whether a line break was escaped.
    fn scan_quoted_run(&mut self, single: bool, quote: u8, out: &mut String) -> Result<(usize, bool), Fault> {
        let mut piece = self.at;
        while !self.is_blank_or_end(0) {
            match self.byte(0) {
                b'\'' if single && self.byte(1) == b'\'' => {
                    self.at += 1;
                    out.push_str(self.slice(piece, self.at));
                    self.at += 1;
                    piece = self.at;
                }
                byte if byte == quote => break,
                b'\\' if !single => {
                    out.push_str(self.slice(piece, self.at));
                    self.at += 1;
                    if self.is_break(0) {
                        self.read_break();
                        return Ok((self.at, true));
                    }
                    self.scan_escape(out)?;
                    piece = self.at;
                }
                _ => self.at += 1,
            }
        }
        Ok((piece, false))
    }

    /// What follows a `\` in double quotes.
    fn scan_escape(&mut self, out: &mut String) -> Result<(), Fault> {
        let start = self.at - 1;
        let byte = self.byte(0);
        let char = match byte {
            b'0' => '\0',
            b'a' => '\x07',
            b'b' => '\x08',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\x0B',
            b'f' => '\x0C',
            b'r' => '\r',
            b'e' => '\x1B',
            b' ' | b'"' | b'\'' | b'\\' => char::from(byte),
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' => return self.scan_hex_escape(2, start, out),
            b'u' => return self.scan_hex_escape(4, start, out),
            b'U' => return self.scan_hex_escape(8, start, out),
            _ => {
                return Err(Fault::syntax(start, "there is no such escape; a backslash is written `\\\\`"));
            }
        };
        self.at += 1;
        out.push(char);
        Ok(())
    }

    fn scan_hex_escape(&mut self, digits: usize, start: usize, out: &mut String) -> Result<(), Fault> {
        self.at += 1;
        let text = self.slice(self.at, self.at + digits);
        if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let message = format!("this escape needs {digits} hexadecimal digits");
            return Err(Fault::syntax(start, message));
        }
        let char = u32::from_str_radix(text, 16).ok().and_then(char::from_u32);
        out.push(char.ok_or_else(|| Fault::syntax(start, "the escape is no Unicode character"))?);
        self.at += digits;
        Ok(())
    }

    pub(super) fn scan_block_scalar(&mut self, style: ScalarStyle) -> Result<(), Fault> {
        let literal = style == ScalarStyle::Literal;
        let start = self.at;
        self.at += 1;
        let (chomping, increment) = self.scan_block_header(start)?;
        let mut indent = increment.map(|increment| self.indent.unwrap_or(0) + increment);
        let mut out = String::new();
        let mut leading_break = "";
        let mut breaks = String::new();
        let mut after_blank = false;
        let first_line = self.at;
        let mut end = self.at;
        while self.scan_block_breaks(&mut indent, &mut breaks, start)? && !self.is_end(0) {
            let at_blank = self.is_blank(0);
            if literal || leading_break != "\n" || after_blank || at_blank {
                out.push_str(leading_break);
            } else if breaks.is_empty() {
                out.push(' ');
            }
            out.push_str(&breaks);
            breaks.clear();
            after_blank = at_blank;
            let line = self.at;
            loop {
                self.skip_until(&ENDS_LINE);
                if self.is_break_or_end(0) {
                    break;
                }
                self.at += 1;
            }
            out.push_str(self.slice(line, self.at));
            leading_break = self.read_break();
            end = self.at;
        }
        if chomping != Chomping::Strip {
            out.push_str(leading_break);
        }
        if chomping == Chomping::Keep {
            out.push_str(&breaks);
        }
        self.block_lines = BlockLines {
            indent: indent.unwrap_or_default(),
            start: first_line,
            end: self.line_start.max(first_line),
        };
        self.push_scalar(Cow::Owned(out), style, start, end, None);
        Ok(())
    }

    /// What stands on the line of the `|` or `>`: how to end the text, and how far it is indented.
    fn scan_block_header(&mut self, start: usize) -> Result<(Chomping, Option<usize>), Fault> {
        let mut chomping = Chomping::Clip;
        let mut increment = None;
        for _ in 0..2 {
            match self.byte(0) {
                b'+' if chomping == Chomping::Clip => chomping = Chomping::Keep,
                b'-' if chomping == Chomping::Clip => chomping = Chomping::Strip,
                b'0' if increment.is_none() => {
                    return Err(Fault::syntax(start, "a block scalar cannot be indented by 0"));
                }
                digit @ b'1'..=b'9' if increment.is_none() => increment = Some(usize::from(digit - b'0')),
                _ => break,
            }
            self.at += 1;
        }
        self.skip_blanks();
        self.skip_comment();
        if !self.is_break_or_end(0) {
            let message = "only a comment can follow the `|` or `>` of a block scalar";
            return Err(Fault::syntax(self.at, message));
        }
        self.read_break();
        Ok((chomping, increment))
    }

    /// Skips indentation and empty lines before a line of a block scalar, and finds out the indentation at the first.
    /// Whether a line of the scalar comes next.
    fn scan_block_breaks(
        &mut self,
        indent: &mut Option<usize>,
        breaks: &mut String,
        start: usize,
    ) -> Result<bool, Fault> {
        let mut widest = 0;
        let mut column;
        loop {
            column = self.column();
            while indent.is_none_or(|indent| column < indent) && self.byte(0) == b' ' {
                self.at += 1;
                column += 1;
            }
            widest = widest.max(column);
            if indent.is_none_or(|indent| column < indent) && self.byte(0) == b'\t' {
                let message = "a tab stands where a block scalar needs an indentation of spaces";
                return Err(Fault::syntax(start, message));
            }
            if !self.is_break(0) {
                break;
            }
            breaks.push_str(self.read_break());
        }
        let indent = *indent.get_or_insert_with(|| {
            let least = self.indent.map_or(0, |indent| indent + 1);
            widest.max(least).max(1)
        });
        Ok(column == indent)
    }
}

/// What becomes of the line breaks at a block scalar's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// One stays.
    Clip,
    /// None stays.
    Strip,
    /// All stay.
    Keep,
}
