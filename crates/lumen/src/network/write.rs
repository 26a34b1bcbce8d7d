//! Cells of tables.

use crate::output::escape::line;

/// A field of comma-separated values. On one line, whatever is in it; a program that takes fields for formulas gets none.
pub fn csv_field(text: &str) -> String {
    let text = line(text);
    let formula = text.starts_with(['=', '+', '-', '@']);
    if !formula && !text.contains([',', '"', ' ']) {
        return text.into_owned();
    }
    let quote = if formula { "\"'" } else { "\"" };
    format!("{quote}{}\"", text.replace('"', "\"\""))
}

/// A cell of a Markdown table: literal text.
pub fn markdown_cell(text: &str) -> String {
    let mut out = String::new();
    crate::output::markdown_escaped(&line(text), &mut out);
    out
}
