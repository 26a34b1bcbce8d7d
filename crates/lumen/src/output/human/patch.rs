//! What a fix changes: lines taken away and lines added, with their numbers.

use similar::{ChangeTag, TextDiff};

use crate::output::Style;
use crate::output::escape::stand_in;
use crate::output::text::{Text, line_end, line_start};
use crate::report::{Report, Reported};

/// Most lines that are compared; the changes of a larger part of a file are not shown.
const LINES_MAX: usize = 200;

/// A line that is shown.
struct Row {
    sign: Sign,
    number: usize,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Kept,
    Removed,
    Added,
}

/// Adds the changed lines to the text; nothing where they cannot be told.
pub(super) fn write(report: &Report, reported: &Reported, style: &Style, text: &mut String) {
    let Some(rows) = rows(report, reported) else {
        return;
    };
    let digits = |number: usize| number.to_string().len();
    let known = reported.region.as_ref().map_or(1, |region| digits(region.line));
    let width = rows.iter().map(|row| digits(row.number)).max().unwrap_or(1).max(known);
    for row in rows {
        let (sign, colour) = match row.sign {
            Sign::Kept => ('|', "\x1b[1;94m"),
            Sign::Removed => ('-', "\x1b[91m"),
            Sign::Added => ('+', "\x1b[92m"),
        };
        let (number, line) = (row.number, cut(&row.text, style.width.saturating_sub(width + 3)));
        match (style.color, row.sign) {
            (false, _) => text.push_str(&format!("{number:>width$} {sign} {line}\n")),
            (true, Sign::Kept) => text.push_str(&format!("{colour}{number:>width$} {sign}\x1b[0m {line}\n")),
            (true, _) => {
                text.push_str(&format!("\x1b[1;94m{number:>width$}\x1b[0m {colour}{sign} {line}\x1b[0m\n"));
            }
        }
    }
}

/// The lines around the changes before and after them, compared.
fn rows(report: &Report, reported: &Reported) -> Option<Vec<Row>> {
    let (first, last) = (reported.changes.first()?, reported.changes.last()?);
    let text = Text::of(report, reported)?;
    let source = text.source();
    // The line before shows where an addition belongs.
    let first_line = line_start(source, first.bytes.start)?;
    let start = first_line.checked_sub(1).and_then(|feed| line_start(source, feed)).unwrap_or(first_line);
    let end = match last.bytes.end {
        0 => 0,
        end if end > first.bytes.start && source.get(end - 1) == Some(&b'\n') => end,
        end => (line_end(source, end)? + 1).min(source.len()),
    };
    let old = std::str::from_utf8(source.get(start..end)?).ok()?;
    let mut new = String::with_capacity(old.len());
    let mut at = start;
    for change in &reported.changes {
        new.push_str(old.get(at - start..change.bytes.start.checked_sub(start)?)?);
        new.push_str(&change.text);
        at = change.bytes.end;
    }
    new.push_str(old.get(at.checked_sub(start)?..)?);
    if old.lines().count().max(new.lines().count()) > LINES_MAX {
        return None;
    }
    compared(old, &new, text.line(start)?)
}

/// The rows of two texts whose first line has a number; of what both hold, only the line before an addition.
fn compared(old: &str, new: &str, number: usize) -> Option<Vec<Row>> {
    let diff = TextDiff::from_lines(old, new);
    let mut rows: Vec<Row> = Vec::new();
    let mut kept: Option<Row> = None;
    for change in diff.iter_all_changes() {
        let (sign, index) = match change.tag() {
            ChangeTag::Equal => (Sign::Kept, change.old_index()?),
            ChangeTag::Delete => (Sign::Removed, change.old_index()?),
            ChangeTag::Insert => (Sign::Added, change.new_index()?),
        };
        let row = Row {
            sign,
            number: number + index,
            text: change.value().trim_end_matches(['\r', '\n']).chars().map(stand_in).collect(),
        };
        match sign {
            Sign::Kept => kept = Some(row),
            Sign::Removed => {
                kept = None;
                rows.push(row);
            }
            Sign::Added => {
                rows.extend(kept.take());
                rows.push(row);
            }
        }
    }
    Some(rows)
}

/// The first characters of a line, and a sign where there are more. A tab is as wide as in the quoted lines.
fn cut(line: &str, width: usize) -> String {
    let line = line.replace('\t', "    ");
    match line.char_indices().nth(width.max(20)) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
