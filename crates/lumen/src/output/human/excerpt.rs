//! The few lines of a source that are shown, made harmless: control characters are replaced one for one, so that
//! columns stay.

use std::ops::Range;

use lumen_core::finding::Location;

use crate::output::escape::{line, stand_in};
use crate::output::text::{LINE_BYTES_MAX, is_utf16, line_end, line_start};
use crate::report::{Region, Report};

/// Most lines between two places that are shown in one piece.
const LINES_MAX: usize = 100;
/// Most bytes on either side of a place in a line that is too long to be shown.
const WORDS_BYTES_MAX: usize = 40;

/// Whether two places of one source are shown in one piece of it.
fn near(one: &Region, other: &Region) -> bool {
    one.line.abs_diff(other.line) <= LINES_MAX
}

/// Whole lines of a source.
pub(super) struct Excerpt {
    /// The number of the first line, from 1.
    line: usize,
    /// The text that is shown.
    text: String,
    /// The bytes of the source that it shows.
    bytes: Range<usize>,
    /// For each of those bytes, and for the end, the offset in `text` of its character.
    offsets: Vec<usize>,
}

impl Excerpt {
    /// The lines from the first region's first to the last region's first; `None` where there are no regions, or the
    /// source is such that its lines cannot be shown.
    pub(super) fn of(source: &[u8], regions: &[&Region]) -> Option<Self> {
        let first = regions.iter().min_by_key(|region| region.bytes.start)?;
        let last = regions.iter().max_by_key(|region| region.bytes.start)?;
        if is_utf16(source) || !near(first, last) {
            return None;
        }
        let start = line_start(source, first.bytes.start)?;
        let end = line_end(source, last.bytes.start)?;
        let bytes = start..end;
        if bytes.len() > LINE_BYTES_MAX.saturating_mul(LINES_MAX) {
            return None;
        }
        let (text, offsets) = shown(source.get(bytes.clone())?, start == 0);
        Some(Self { line: first.line, text, bytes, offsets })
    }

    /// The same for a source of the report.
    pub(super) fn of_report(report: &Report, location: &Location, regions: &[&Region]) -> Option<Self> {
        Self::of(report.sources.get(&location.source)?, regions)
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where the region's first line stands in the text.
    pub(super) fn span(&self, region: &Region) -> Range<usize> {
        let start = self.offset(region.bytes.start);
        let end = self.offset(region.bytes.end).max(start);
        let first_line = self.text.get(start..end).unwrap_or_default();
        let first_line = first_line.lines().next().unwrap_or_default().trim_end();
        if first_line.is_empty() {
            // A position between characters: the next one is marked, or the end of the line.
            let next = self.text.get(start..).and_then(|rest| rest.chars().next());
            let width = next.filter(|&character| character != '\n').map_or(0, char::len_utf8);
            return start..start + width;
        }
        start..start + first_line.len()
    }

    fn offset(&self, byte: usize) -> usize {
        let index = byte.saturating_sub(self.bytes.start);
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }
}

/// The characters around a place in a line that is too long to be shown, in backticks.
pub(super) fn words(source: &[u8], region: &Region) -> Option<String> {
    if is_utf16(source) {
        return None;
    }
    let before = region.bytes.start.saturating_sub(WORDS_BYTES_MAX);
    let after = region.bytes.start.saturating_add(WORDS_BYTES_MAX).min(source.len());
    let text = String::from_utf8_lossy(source.get(before..after)?);
    // The ends may have cut a character in two.
    let text = text.trim_matches(char::REPLACEMENT_CHARACTER).replace('`', "'");
    Some(format!("`… {} …`", line(&text)))
}

/// The text of whole lines as it is shown, and the offsets in it of each byte and of the end.
fn shown(bytes: &[u8], at_start: bool) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(bytes.len());
    let mut offsets = Vec::with_capacity(bytes.len() + 1);
    for chunk in bytes.utf8_chunks() {
        let mut characters = chunk.valid().chars().peekable();
        while let Some(character) = characters.next() {
            offsets.extend(std::iter::repeat_n(text.len(), character.len_utf8()));
            match character {
                '\n' => text.push('\n'),
                '\r' if matches!(characters.peek(), None | Some('\n')) => {}
                '\u{feff}' if at_start && text.is_empty() => {}
                _ => text.push(stand_in(character)),
            }
        }
        if !chunk.invalid().is_empty() {
            offsets.extend(std::iter::repeat_n(text.len(), chunk.invalid().len()));
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    offsets.push(text.len());
    (text, offsets)
}
