//! Places in a source near a region whose place is known: no count from the start of a file for every finding.

use crate::report::{Region, Report, Reported};

/// Most bytes of a line that is looked through; longer ones (JSON on one line) are not shown.
pub(super) const LINE_BYTES_MAX: usize = 1_000;
/// Most bytes between the known region and another place.
const DISTANCE_MAX: usize = 100_000;

/// A source and a region in it.
pub(super) struct Text<'a> {
    source: &'a [u8],
    known: &'a Region,
}

impl<'a> Text<'a> {
    /// The source that a finding points into.
    pub(super) fn of(report: &'a Report, reported: &'a Reported) -> Option<Self> {
        let location = reported.finding.location.as_ref()?;
        let source = report.sources.get(&location.source)?;
        (!is_utf16(source)).then_some(Self { source, known: reported.region.as_ref()? })
    }

    pub(super) fn source(&self) -> &'a [u8] {
        self.source
    }

    /// The line of a byte, from 1; `None` where it is too far from what is known.
    pub(super) fn line(&self, at: usize) -> Option<usize> {
        let known = self.known.bytes.start;
        if known.abs_diff(at) > DISTANCE_MAX {
            return None;
        }
        let between = self.source.get(known.min(at)..known.max(at))?;
        let feeds = between.split(|&byte| byte == b'\n').skip(1).count();
        if at < known { self.known.line.checked_sub(feeds) } else { Some(self.known.line + feeds) }
    }

    /// The line and the column, in characters, of a byte, both from 1; `None` where the line is too long.
    pub(super) fn position(&self, at: usize) -> Option<(usize, usize)> {
        let before = self.source.get(line_start(self.source, at)?..at)?;
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        Some((self.line(at)?, column))
    }
}

/// Whether a source begins as UTF-16 does. Its lines cannot be shown as they are.
pub(super) fn is_utf16(source: &[u8]) -> bool {
    source.starts_with(b"\xff\xfe") || source.starts_with(b"\xfe\xff")
}

/// The offset of the first byte of the line; `None` where the line is too long.
pub(super) fn line_start(source: &[u8], at: usize) -> Option<usize> {
    let floor = at.saturating_sub(LINE_BYTES_MAX);
    match source.get(floor..at)?.iter().rposition(|&byte| byte == b'\n') {
        Some(before) => Some(floor + before + 1),
        None if floor == 0 => Some(0),
        None => None,
    }
}

/// The offset behind the last byte of the line, its line feed left out; `None` where the line is too long.
pub(super) fn line_end(source: &[u8], at: usize) -> Option<usize> {
    let ceiling = at.saturating_add(LINE_BYTES_MAX).min(source.len());
    match source.get(at..ceiling)?.iter().position(|&byte| byte == b'\n') {
        Some(length) => Some(at + length),
        None if ceiling == source.len() => Some(ceiling),
        None => None,
    }
}
