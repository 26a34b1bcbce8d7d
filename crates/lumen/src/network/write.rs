//! Tables: cells, and what stands below them.

use std::io;

use super::actor::Actor;
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

/// Writes, below a Markdown table, who is meant by each name that stands for several.
///
/// # Errors
///
/// Where writing fails.
pub fn markdown_members(actors: &[Actor], names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    for actor in actors.iter().filter(|actor| actor.more() > 0) {
        let members: Vec<_> = actor
            .members
            .iter()
            .filter_map(|id| names.get(id.index()))
            .map(|name| markdown_cell(name))
            .collect();
        writeln!(out, "\n{} is {}.", markdown_cell(&actor.to_string()), members.join(", "))?;
    }
    Ok(())
}
