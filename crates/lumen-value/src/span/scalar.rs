//! [`ScalarMap`]: from a scalar's value back to the text it was read from.

use std::ops::Range;

use super::Style;
use super::gap::next_line;

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

/// The lines of a block scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// How many spaces stand before its content; `usize::MAX` where it has none.
    pub(super) indent: usize,
    /// The end of its lines, blank ones at the end included.
    pub(super) end: usize,
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
pub(super) fn map(text: &str, range: &Range<usize>, style: Style, block: Option<Block>) -> Option<ScalarMap> {
    let inside = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
    let mut writer = Writer::new(text, range.start);
    match style {
        Style::Empty => {}
        Style::Plain => writer.flow(range, style),
        Style::SingleQuoted | Style::DoubleQuoted => {
            writer.at = inside.start;
            writer.flow(&inside, style);
        }
        Style::Literal | Style::Folded => writer.block(range, style == Style::Folded, block?),
        _ => return None,
    }
    Some(writer.finish())
}

/// What a double quoted scalar says, its quotes included in the text.
pub(super) fn unquote(quoted: &str) -> String {
    map(quoted, &(0..quoted.len()), Style::DoubleQuoted, None).map_or_else(String::new, |map| map.value)
}

struct Writer<'text> {
    text: &'text str,
    value: String,
    pieces: Vec<Piece>,
    at: usize,
}

impl<'text> Writer<'text> {
    fn new(text: &'text str, at: usize) -> Self {
        Self { text, value: String::new(), pieces: Vec::new(), at }
    }

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

    /// A line break, whose first byte is given.
    fn line_break(&mut self, char: char, at: usize) {
        self.replaced(char, at..next_line(self.text, at));
    }

    fn block(&mut self, range: &Range<usize>, folded: bool, block: Block) {
        let header = self.text.get(range.start + 1..range.end).unwrap_or_default();
        let marks =
            header.split(|char: char| !matches!(char, '+' | '-' | '0'..='9')).next().unwrap_or_default();
        let (keep, strip) = (marks.contains('+'), marks.contains('-'));
        self.at = range.start + 1 + marks.len();
        let mut leading: Option<usize> = None;
        let mut trailing: Vec<usize> = Vec::new();
        let mut after_blank = false;
        let mut start = next_line(self.text, self.at);
        while start < block.end {
            let next = next_line(self.text, start).min(block.end);
            let line = self.text.get(start..next).unwrap_or_default();
            let bare = line.trim_end_matches('\n').trim_end_matches('\r');
            let line_break = (bare.len() < line.len()).then_some(start + bare.len());
            let indent = bare.bytes().take_while(|byte| *byte == b' ').count().min(block.indent);
            if indent == bare.len() {
                trailing.extend(line_break);
            } else {
                let blank = matches!(bare.as_bytes().get(indent), Some(b' ' | b'\t'));
                let folds = folded && !after_blank && !blank;
                if let Some(at) = leading.filter(|_| !folds || trailing.is_empty()) {
                    self.line_break(if folds { ' ' } else { '\n' }, at);
                }
                for at in trailing.drain(..) {
                    self.line_break('\n', at);
                }
                self.verbatim(start + indent..start + bare.len());
                (leading, after_blank) = (line_break, blank);
            }
            start = next;
        }
        if !strip {
            for at in leading.into_iter().chain(trailing.into_iter().take_while(|_| keep)) {
                self.line_break('\n', at);
            }
        }
    }

    /// A scalar in flow style, without its quotes.
    fn flow(&mut self, range: &Range<usize>, style: Style) {
        let mut at = range.start;
        while at < range.end {
            let rest = self.text.get(at..range.end).unwrap_or_default();
            let special = |char: char| match char {
                ' ' | '\t' | '\n' | '\r' => true,
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
        while let Some(byte) = self.text.as_bytes().get(at).filter(|_| at < end) {
            match byte {
                b' ' | b'\t' => at += 1,
                b'\n' => {
                    breaks.push(at);
                    at += 1;
                }
                b'\r' if self.text.as_bytes().get(at + 1) == Some(&b'\n') => {
                    breaks.push(at);
                    at += 2;
                }
                _ => break,
            }
        }
        match breaks.split_first() {
            None if !joined && at == start => {
                // A lone carriage return.
                self.verbatim(at..at + 1);
                return at + 1;
            }
            None if !joined => self.verbatim(start..at),
            None => {}
            Some((first, [])) if !joined => self.line_break(' ', *first),
            Some((first, further)) => {
                for at in joined.then_some(first).into_iter().chain(further) {
                    self.line_break('\n', *at);
                }
            }
        }
        at
    }

    /// An escape of a double quoted scalar; gives the byte after it.
    fn escape(&mut self, at: usize, end: usize) -> usize {
        let rest = self.text.get(at + 1..end).unwrap_or_default();
        let Some(kind) = rest.chars().next() else {
            return end;
        };
        let after = at + 1 + kind.len_utf8();
        let digits = match kind {
            '\n' => return self.blanks(after, end, true),
            '\r' => {
                let skipped = usize::from(rest.as_bytes().get(1) == Some(&b'\n'));
                return self.blanks(after + skipped, end, true);
            }
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
