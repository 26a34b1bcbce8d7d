//! [`LineIndex`]: from bytes to lines and columns.

use std::ops::Range;

/// How far apart the places are whose column is remembered, so that a long line need not be counted each time.
const STRIDE_BYTES: usize = 1024;

/// Where the lines of an input start.
///
/// Lines end with `\n` or `\r\n`. Lines and columns count from 1, columns in characters; a byte that is no UTF-8 counts
/// as a character of its own.
#[derive(Clone, Debug)]
pub struct LineIndex<'text> {
    bytes: &'text [u8],
    /// The lines' first bytes.
    starts: Vec<usize>,
    /// Characters' first bytes, in their order, and how many characters stand before each.
    marks: Vec<(usize, usize)>,
}

impl<'text> LineIndex<'text> {
    /// Reads an input once.
    pub fn new(bytes: &'text [u8]) -> Self {
        let mut starts = vec![0];
        starts.extend(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1));
        let mut marks = vec![(0, 0)];
        let (mut at, mut count, mut next) = (0, 0, STRIDE_BYTES);
        walk(bytes, |length| {
            if at >= next {
                marks.push((at, count));
                next = at + STRIDE_BYTES;
            }
            at += length;
            count += 1;
            true
        });
        Self { bytes, starts, marks }
    }

    /// How many lines there are; what follows the last line break is one, even when it is empty.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether the input has no byte.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The line and the column of a byte. A byte inside a character is placed at that character, one of the line break
    /// after the line's last character, one past the end of the input at its end.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let byte = byte.min(self.bytes.len());
        let line = self.starts.partition_point(|start| *start <= byte);
        let range = self.line(line).unwrap_or_default();
        let byte = byte.min(range.end);
        let before = self.characters_before(byte) - self.characters_before(range.start);
        (line, before + 1)
    }

    /// The bytes of a line, without its line break; `None` where there is no such line.
    pub fn line(&self, line: usize) -> Option<Range<usize>> {
        let start = *self.starts.get(line.checked_sub(1)?)?;
        let end = self.starts.get(line).map_or(self.bytes.len(), |next| next - 1);
        let carriage_return = self.bytes.get(start..end)?.last() == Some(&b'\r') && end < self.bytes.len();
        Some(start..end - usize::from(carriage_return))
    }

    /// How many characters end at or before a byte.
    fn characters_before(&self, byte: usize) -> usize {
        let number = self.marks.partition_point(|(at, _)| *at <= byte);
        let mark = number.checked_sub(1).and_then(|number| self.marks.get(number));
        let (mut at, mut count) = mark.copied().unwrap_or_default();
        // A character is at most 4 bytes, so this much holds it whole.
        let end = byte.saturating_add(4).min(self.bytes.len());
        walk(self.bytes.get(at..end).unwrap_or_default(), |length| {
            if at + length > byte {
                return false;
            }
            at += length;
            count += 1;
            true
        });
        count
    }
}

/// Gives the length of each character in turn, 1 for each byte that is no UTF-8, until told to stop.
fn walk(bytes: &[u8], mut visit: impl FnMut(usize) -> bool) {
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().chars().all(|char| visit(char.len_utf8())) {
            return;
        }
        if !chunk.invalid().iter().all(|_| visit(1)) {
            return;
        }
    }
}

/// The end of the line that a byte is on, before its line break.
pub(crate) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.find('\n').map_or(text.len(), |end| at + end);
    if text.get(at..end).is_some_and(|line| line.ends_with('\r')) { end - 1 } else { end }
}

/// The start of the line that a byte is on.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().rfind('\n').map_or(0, |end| end + 1)
}

/// The byte after the line that a byte is on, past its line break.
pub(crate) fn next_line(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |end| at + end + 1)
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test that slices wrongly fails, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_count_characters_and_know_both_line_breaks() {
        let lines = LineIndex::new("ab\r\nçd\n\nx".as_bytes());
        let cases = [
            (0, (1, 1)),
            (1, (1, 2)),
            (2, (1, 3)),
            (3, (1, 3)),
            (4, (2, 1)),
            (5, (2, 1)),
            (6, (2, 2)),
            (7, (2, 3)),
        ];
        for (byte, position) in cases {
            assert_eq!(lines.position(byte), position, "byte {byte}");
        }
        assert_eq!((lines.position(8), lines.position(9), lines.position(99)), ((3, 1), (4, 1), (4, 2)));
        assert_eq!(
            (lines.line(1), lines.line(2), lines.line(3), lines.line(5)),
            (Some(0..2), Some(4..7), Some(8..8), None)
        );
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn bytes_that_are_no_text_count_one_each() {
        let lines = LineIndex::new(b"a\xff\xfeb\n\xe2\x82x");
        assert_eq!((lines.position(3), lines.position(7)), ((1, 4), (2, 3)));
    }

    proptest! {
        #[test]
        fn a_long_line_counts_as_a_short_one(text in "[aç€😀\n]{0,3000}", at in 0usize..12000) {
            let lines = LineIndex::new(text.as_bytes());
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            let before = &text[..at];
            let start = before.rfind('\n').map_or(0, |end| end + 1);
            let expected = (before.matches('\n').count() + 1, before[start..].chars().count() + 1);
            prop_assert_eq!(lines.position(at), expected);
        }

        #[test]
        fn no_bytes_and_no_place_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..400) {
            let lines = LineIndex::new(&bytes);
            let (line, column) = lines.position(at);
            prop_assert!(line >= 1 && line <= lines.len() && column >= 1);
        }
    }
}
