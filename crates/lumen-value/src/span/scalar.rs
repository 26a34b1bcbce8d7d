//! [`ScalarMap`]: from a scalar's value back to the text it was read from.

use std::ops::Range;

use super::Style;
use crate::read::Syntax;
use crate::yaml::{BlockLines, break_len, kept_break};

/// Which byte of the text each byte of a scalar's value was read from.
///
/// Escapes, folded line breaks and indentation make the two differ. A value's byte that was read from several bytes
/// of the text (an escape, a folded break) is placed at the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalarMap {
    value: String,
    pieces: Vec<Piece>,
    /// Where the value's rows start.
    rows: Vec<usize>,
    /// The byte after the last one that was read.
    end: usize,
}

/// A part of the value that was read in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    value: usize,
    source: usize,
    /// Whether value and text are the same here, byte for byte.
    verbatim: bool,
}

impl ScalarMap {
    /// The same, for a text that ends earlier.
    pub(super) fn within(mut self, length: usize) -> Self {
        self.end = self.end.min(length);
        self
    }

    /// The scalar's value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The byte of the text where a byte of the value was read; for an offset at or past the value's end, the byte
    /// after the last one that was read.
    pub fn byte_of(&self, offset: usize) -> usize {
        if offset >= self.value.len() {
            return self.end;
        }
        let number = self.pieces.partition_point(|piece| piece.value <= offset);
        let piece = number.checked_sub(1).and_then(|number| self.pieces.get(number));
        piece.map_or(self.end, |piece| {
            if piece.verbatim { piece.source + (offset - piece.value) } else { piece.source }
        })
    }

    /// The byte of the text where a character of the value was read. Row and column count from 1, the column in
    /// characters; one past the end of its row is the row's end, a row past the last is the value's end.
    pub fn byte_at(&self, row: usize, column: usize) -> usize {
        let Some(start) = row.checked_sub(1).and_then(|row| self.rows.get(row)).copied() else {
            return self.byte_of(self.value.len());
        };
        let line = self.value.get(start..).unwrap_or_default();
        let line = line.split('\n').next().unwrap_or_default();
        let within = line.char_indices().nth(column.saturating_sub(1));
        self.byte_of(start + within.map_or(line.len(), |(at, _)| at))
    }
}

/// Makes the map of a scalar that stands at `range`; `None` for what is no scalar.
pub(super) fn map(
    text: &str,
    range: &Range<usize>,
    style: Style,
    block: Option<BlockLines>,
    syntax: Syntax,
) -> Option<ScalarMap> {
    let inside = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
    let mut writer = Writer { text, syntax, value: String::new(), pieces: Vec::new(), at: range.start };
    match style {
        Style::Empty => {}
        Style::Plain => writer.flow(range, style),
        Style::SingleQuoted | Style::DoubleQuoted => {
            writer.at = inside.start;
            writer.flow(&inside, style);
        }
        Style::Literal | Style::Folded => writer.block(range, style == Style::Folded, &block?),
        _ => return None,
    }
    Some(writer.finish())
}

/// What a string of JSON says, its quotes included in the text.
pub(super) fn unquote(quoted: &str) -> String {
    let map = map(quoted, &(0..quoted.len()), Style::DoubleQuoted, None, Syntax::Json);
    map.map_or_else(String::new, |map| map.value)
}

/// The lines of a part of YAML: what each holds, and its line break.
pub(super) fn lines(text: &str, part: Range<usize>) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let bytes = text.as_bytes();
    let Range { start: mut at, end: part_end } = part;
    std::iter::from_fn(move || {
        if at >= part_end {
            return None;
        }
        let start = at;
        let len = bytes.get(start..part_end)?.iter().enumerate().find_map(|(offset, byte)| {
            let len =
                if matches!(byte, b'\n' | b'\r' | 0xC2 | 0xE2) { break_of(text, start + offset) } else { 0 };
            (len > 0).then_some((offset, len))
        });
        let (content, line_break) = len.unwrap_or((part_end - start, 0));
        at = start + content + line_break;
        Some((start..start + content, start + content..at))
    })
}

/// The length of the line break at a place, in a text whose lines are as its file has them.
fn break_of(text: &str, at: usize) -> usize {
    break_len(text.as_bytes(), at, true)
}

struct Writer<'text> {
    text: &'text str,
    syntax: Syntax,
    value: String,
    pieces: Vec<Piece>,
    at: usize,
}

impl Writer<'_> {
    fn finish(self) -> ScalarMap {
        let breaks = self.value.match_indices('\n').map(|(at, _)| at + 1);
        ScalarMap {
            rows: std::iter::once(0).chain(breaks).collect(),
            value: self.value,
            pieces: self.pieces,
            end: self.at,
        }
    }

    fn verbatim(&mut self, source: Range<usize>) {
        let text = self.text.get(source.clone()).unwrap_or_default();
        if !text.is_empty() {
            self.pieces.push(Piece { value: self.value.len(), source: source.start, verbatim: true });
            self.value.push_str(text);
            self.at = source.end;
        }
    }

    fn replaced(&mut self, char: char, source: Range<usize>) {
        self.pieces.push(Piece { value: self.value.len(), source: source.start, verbatim: false });
        self.value.push(char);
        self.at = source.end;
    }

    /// What a scalar keeps of a line break.
    fn line_break(&mut self, at: Range<usize>) {
        let kept = kept_break(self.text.get(at.clone()).unwrap_or_default());
        self.replaced(kept.chars().next().unwrap_or('\n'), at);
    }

    /// Whether a line break between two lines with text folds.
    fn folds(&self, at: &Range<usize>) -> bool {
        kept_break(self.text.get(at.clone()).unwrap_or_default()) == "\n"
    }

    fn block(&mut self, range: &Range<usize>, folded: bool, block: &BlockLines) {
        let header = self.text.get(range.start + 1..block.start).unwrap_or_default();
        let marks =
            header.split(|char: char| !matches!(char, '+' | '-' | '0'..='9')).next().unwrap_or_default();
        let (keep, strip) = (marks.contains('+'), marks.contains('-'));
        self.at = range.start + 1 + marks.len();
        let mut leading: Option<Range<usize>> = None;
        let mut trailing: Vec<Range<usize>> = Vec::new();
        let mut after_blank = false;
        for (line, line_break) in lines(self.text, block.start..block.end) {
            let bare = self.text.as_bytes().get(line.clone()).unwrap_or_default();
            let indent = bare.iter().take_while(|byte| **byte == b' ').count().min(block.indent);
            let line_break = Some(line_break).filter(|line_break| !line_break.is_empty());
            if indent == bare.len() {
                trailing.extend(line_break);
                continue;
            }
            let blank = matches!(bare.get(indent), Some(b' ' | b'\t'));
            if let Some(at) = leading {
                let folds = folded && !after_blank && !blank && self.folds(&at);
                if !folds {
                    self.line_break(at);
                } else if trailing.is_empty() {
                    self.replaced(' ', at);
                }
            }
            for at in trailing.drain(..) {
                self.line_break(at);
            }
            self.verbatim(line.start + indent..line.end);
            (leading, after_blank) = (line_break, blank);
        }
        if !strip {
            for at in leading.into_iter().chain(trailing.into_iter().take_while(|_| keep)) {
                self.line_break(at);
            }
        }
    }

    /// A scalar in flow style, without its quotes.
    fn flow(&mut self, range: &Range<usize>, style: Style) {
        let mut at = range.start;
        while at < range.end {
            let rest = self.text.get(at..range.end).unwrap_or_default();
            let special = |char: char| match char {
                ' ' | '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => self.syntax == Syntax::Yaml,
                '\\' => style == Style::DoubleQuoted,
                '\'' => style == Style::SingleQuoted,
                _ => false,
            };
            let length = rest.find(special).unwrap_or(rest.len());
            self.verbatim(at..at + length);
            at += length;
            at = match rest.as_bytes().get(length) {
                None => break,
                Some(b'\\') => self.escape(at, range.end),
                Some(b'\'') => {
                    self.replaced('\'', at..(at + 2).min(range.end));
                    at + 2
                }
                Some(_) => self.blanks(at, range.end, false),
            };
        }
    }

    /// Blanks, and line breaks that fold; `joined` after an escaped line break. Gives the byte after them.
    fn blanks(&mut self, start: usize, end: usize, joined: bool) -> usize {
        let mut at = start;
        let mut breaks = Vec::new();
        while at < end {
            if matches!(self.text.as_bytes().get(at), Some(b' ' | b'\t')) {
                at += 1;
                continue;
            }
            let length = break_of(self.text, at);
            if length == 0 {
                break;
            }
            breaks.push(at..at + length);
            at += length;
        }
        let mut kept = breaks.iter();
        match breaks.as_slice() {
            [] if !joined => self.verbatim(start..at),
            [only] if !joined && self.folds(only) => {
                kept.next();
                self.replaced(' ', only.clone());
            }
            // Of several the first goes.
            [first, ..] if !joined && self.folds(first) => {
                kept.next();
            }
            _ => {}
        }
        for at in kept {
            self.line_break(at.clone());
        }
        at
    }

    /// An escape of a double quoted scalar; gives the byte after it.
    fn escape(&mut self, at: usize, end: usize) -> usize {
        let rest = self.text.get(at + 1..end).unwrap_or_default();
        let Some(kind) = rest.chars().next() else {
            return end;
        };
        let length = break_of(self.text, at + 1);
        if length > 0 {
            return self.blanks(at + 1 + length, end, true);
        }
        let after = at + 1 + kind.len_utf8();
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits == 0 {
            self.replaced(simple_escape(kind), at..after);
            return after;
        }
        let mut past = after + digits;
        let mut code = self.hex(after, digits);
        if let Some(high @ 0xd800..0xdc00) = code
            && self.text.get(past..past + 2) == Some("\\u")
            && let Some(low @ 0xdc00..0xe000) = self.hex(past + 2, 4)
        {
            code = Some(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            past += 6;
        }
        let char = code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.replaced(char, at..past.min(end));
        past
    }

    fn hex(&self, at: usize, digits: usize) -> Option<u32> {
        u32::from_str_radix(self.text.get(at..at + digits)?, 16).ok()
    }
}

fn simple_escape(kind: char) -> char {
    match kind {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        other => other,
    }
}
