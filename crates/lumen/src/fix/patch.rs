//! A change of a file as a patch. What was replaced is known, so only the lines around it are compared: the work grows
//! with the text and not with its square, and the same change gives the same patch on any machine.

use std::ops::Range;

use similar::udiff::UnifiedHunkHeader;
use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use crate::report::Change;

/// Most lines of one piece that are compared; a larger piece is shown as taken away and added in full.
const COMPARED_LINES_MAX: usize = 500;

/// Lines shown before and behind what differs.
const CONTEXT_LINES: usize = 3;

/// The patch that makes one text of another, given what is replaced, in the order of the text and without overlap.
pub(super) fn unified(name: &str, old: &[u8], new: &[u8], changes: &[Change]) -> String {
    let (old_lines, new_lines) = (lines(old), lines(new));
    let mut patch = format!("--- {name}\n+++ {name}\n");
    for hunk in group_diff_ops(operations(old, new, changes), CONTEXT_LINES) {
        patch.push_str(&UnifiedHunkHeader::new(&hunk).to_string());
        patch.push('\n');
        for operation in hunk {
            let taken = old_lines.get(operation.old_range()).unwrap_or_default();
            if matches!(operation, DiffOp::Equal { .. }) {
                push_lines(&mut patch, ' ', taken);
            } else {
                push_lines(&mut patch, '-', taken);
                push_lines(&mut patch, '+', new_lines.get(operation.new_range()).unwrap_or_default());
            }
        }
    }
    patch
}

fn push_lines(patch: &mut String, sign: char, lines: &[&[u8]]) {
    for line in lines {
        patch.push(sign);
        patch.push_str(&String::from_utf8_lossy(line));
        if !line.ends_with(b"\n") {
            patch.push_str("\n\\ No newline at end of file\n");
        }
    }
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// How the lines of both texts stand to each other.
fn operations(old: &[u8], new: &[u8], changes: &[Change]) -> Vec<DiffOp> {
    let mut operations = Operations::default();
    let mut at = 0;
    for piece in pieces(old, changes) {
        operations.keep(lines(old.get(at..piece.old.start).unwrap_or_default()).len());
        let before = lines(old.get(piece.old.clone()).unwrap_or_default());
        let after = lines(new.get(piece.new).unwrap_or_default());
        operations.compare(&before, &after);
        at = piece.old.end;
    }
    operations.keep(lines(old.get(at..).unwrap_or_default()).len());
    operations.done
}

/// Whole lines that hold changes, by their bytes in both texts.
struct Piece {
    old: Range<usize>,
    new: Range<usize>,
}

fn pieces(old: &[u8], changes: &[Change]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut added, mut removed) = (0, 0);
    for change in changes {
        let end_before = pieces.last().map_or(0, |piece| piece.old.end);
        if pieces.is_empty() || change.bytes.start >= end_before {
            let before = old.get(end_before..change.bytes.start).unwrap_or_default();
            let start =
                before.iter().rposition(|byte| *byte == b'\n').map_or(end_before, |at| end_before + at + 1);
            let start_new = start + added - removed;
            pieces.push(Piece { old: start..start, new: start_new..start_new });
        }
        added += change.text.len();
        removed += change.bytes.len();
        if let Some(piece) = pieces.last_mut() {
            if change.bytes.end >= piece.old.end {
                let behind = old.get(change.bytes.end..).unwrap_or_default();
                let feed = behind.iter().position(|byte| *byte == b'\n');
                piece.old.end = feed.map_or(old.len(), |at| change.bytes.end + at + 1);
            }
            piece.new.end = piece.old.end + added - removed;
        }
    }
    pieces
}

/// Operations on lines, one behind the other.
#[derive(Default)]
struct Operations {
    done: Vec<DiffOp>,
    old_index: usize,
    new_index: usize,
}

impl Operations {
    fn keep(&mut self, more: usize) {
        // One run of kept lines is one operation, or the context of two changes would not be cut.
        if let Some(DiffOp::Equal { len, .. }) = self.done.last_mut() {
            *len += more;
        } else if more > 0 {
            self.done.push(DiffOp::Equal { old_index: self.old_index, new_index: self.new_index, len: more });
        }
        self.old_index += more;
        self.new_index += more;
    }

    fn replace(&mut self, old_len: usize, new_len: usize) {
        let (old_index, new_index) = (self.old_index, self.new_index);
        self.done.push(DiffOp::Replace { old_index, old_len, new_index, new_len });
        self.old_index += old_len;
        self.new_index += new_len;
    }

    fn compare(&mut self, before: &[&[u8]], after: &[&[u8]]) {
        if before.len().max(after.len()) > COMPARED_LINES_MAX {
            self.replace(before.len(), after.len());
            return;
        }
        for operation in capture_diff_slices(Algorithm::Myers, before, after) {
            match operation {
                DiffOp::Equal { len, .. } => self.keep(len),
                _ => self.replace(operation.old_range().len(), operation.new_range().len()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(old: &str, replaced: &[(Range<usize>, &str)]) -> String {
        let changes: Vec<_> = replaced
            .iter()
            .map(|(bytes, text)| Change { bytes: bytes.clone(), text: (*text).into() })
            .collect();
        let new = crate::fix::replaced(old.as_bytes(), &changes);
        unified("a", old.as_bytes(), &new, &changes)
    }

    #[test]
    fn lines_that_stay_are_context_and_distant_changes_are_hunks_of_their_own() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(
            patch(old, &[(1..1, "\nx"), (16..17, "y")]),
            "--- a\n+++ a\n@@ -1,4 +1,5 @@\n 1\n+x\n 2\n 3\n 4\n@@ -6,4 +7,4 @@\n 6\n 7\n 8\n-9\n+y\n"
        );
        assert_eq!(
            patch(old, &[(2..4, ""), (6..7, "x")]),
            "--- a\n+++ a\n@@ -1,7 +1,6 @@\n 1\n-2\n 3\n-4\n+x\n 5\n 6\n 7\n"
        );
    }

    #[test]
    fn several_changes_of_one_line_are_one_and_a_missing_line_feed_is_said() {
        assert_eq!(
            patch("{a: 1, b: 2}", &[(4..5, "3"), (10..11, "4")]),
            "--- a\n+++ a\n@@ -1 +1 @@\n-{a: 1, b: 2}\n\\ No newline at end of file\n\
             +{a: 3, b: 4}\n\\ No newline at end of file\n"
        );
        assert_eq!(patch("a\n", &[(2..2, "b\n")]), "--- a\n+++ a\n@@ -1 +1,2 @@\n a\n+b\n");
    }

    #[test]
    fn many_changes_of_a_long_line_take_no_time() {
        let old = "1,".repeat(100_000);
        let changes: Vec<_> = (0..100_000).map(|number| (2 * number..2 * number + 1, "2")).collect();
        assert_eq!(patch(&old, &changes).lines().count(), 3 + 4);
    }

    #[test]
    fn a_large_piece_is_shown_in_full() {
        let old = "a\nb\n".repeat(COMPARED_LINES_MAX);
        let new = "b\nc\n".repeat(COMPARED_LINES_MAX);
        let patch = patch(&old, &[(0..old.len(), &new)]);
        assert_eq!(patch.lines().count(), 3 + 4 * COMPARED_LINES_MAX);
    }
}
