//! How errors of modules and queries are told: with the column, the line, and what to do.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use lumen_rego::error::{Error, Errors};

use crate::test::modules::Text;

/// Longest line that is shown, in characters.
const LINE_MAX: usize = 160;

/// Errors with their columns, lines and hints.
pub(super) fn described(errors: &Errors, texts: &[Text]) -> String {
    let mut text = String::new();
    for error in &errors.0 {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&told(error, 0));
        if let Some(excerpt) = excerpt(error, texts) {
            text.push_str(&excerpt);
        }
        if let Some(hint) = &error.hint {
            text.push_str(&format!("\n  {hint}"));
        }
    }
    text
}

/// An error with its column; in a query, `before` of whose bytes nobody has written.
pub(super) fn told(error: &Error, before: usize) -> String {
    // As Go prints a key that is not there.
    let message = error.message.replace("[<nil>] = <VALUE>", "[KEY] := VALUE");
    let (row, column, code) = (error.span.row, error.span.column, error.code.as_str());
    match (row, error.file.is_empty()) {
        (0, true) => format!("{code}: {message}"),
        (0, false) => format!("{}: {code}: {message}", error.file),
        (_, false) => format!("{}:{row}:{}: {code}: {message}", error.file, column.max(1)),
        (_, true) => {
            let before = if row == 1 { u32::try_from(before).unwrap_or(0) } else { 0 };
            format!("{row}:{}: {code}: {message}", column.saturating_sub(before).max(1))
        }
    }
}

/// The line of an error, and a mark below its column; `None` where there is nothing to see.
fn excerpt(error: &Error, texts: &[Text]) -> Option<String> {
    let text = texts.iter().find(|text| text.file == error.file)?;
    let row = usize::try_from(error.span.row).ok()?.checked_sub(1)?;
    let column = usize::try_from(error.span.column).ok()?.checked_sub(1)?;
    let line = text.text.lines().nth(row)?;
    if line.trim().is_empty() || line.chars().nth(LINE_MAX).is_some() {
        return None;
    }
    // Tabs stay, so that the mark stands below its place.
    let margin: String =
        line.chars().take(column).map(|character| if character == '\t' { '\t' } else { ' ' }).collect();
    let number = (row + 1).to_string();
    Some(format!("\n  {number} | {line}\n  {:width$} | {margin}^", "", width = number.len()))
}
