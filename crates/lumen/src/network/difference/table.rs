//! A difference as a table.

use std::io;

use super::{Difference, Presence};
use crate::network::actor::Party;
use crate::network::{csv_field, markdown_cell};
use crate::output::counted;
use crate::output::escape::line;

/// One line.
struct Row {
    /// `+` or `-`.
    sign: char,
    from: String,
    to: String,
    ports: String,
}

fn rows(difference: &Difference) -> Vec<Row> {
    let mut rows = Vec::new();
    for change in &difference.changes {
        let name = |party: &Party| party.name(&difference.actors);
        for (sign, ports) in [('+', &change.won), ('-', &change.lost)] {
            if !ports.is_empty() {
                let (from, to) = (name(&change.from), name(&change.to));
                rows.push(Row { sign, from, to, ports: ports.to_string() });
            }
        }
    }
    rows
}

/// Widest column, in characters.
const WIDTH_MAX: usize = 60;

/// Writes the difference for people: `+` is reached now, `-` was reached.
///
/// # Errors
///
/// Where writing fails.
pub fn text(difference: &Difference, color: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let rows = rows(difference);
    let width = |name: &dyn Fn(&Row) -> &String| {
        let names = rows.iter().map(|row| line(name(row)).chars().count());
        names.max().unwrap_or(0).min(WIDTH_MAX)
    };
    let (from_width, to_width) = (width(&|row| &row.from), width(&|row| &row.to));
    for Row { sign, from, to, ports } in &rows {
        let (start, end) = match (color, sign) {
            (false, _) => ("", ""),
            (true, '+') => ("\x1b[32m", "\x1b[0m"),
            (true, _) => ("\x1b[31m", "\x1b[0m"),
        };
        let (from, to) = (line(from), line(to));
        writeln!(out, "{start}{sign} {from:from_width$}  {to:to_width$}  {ports}{end}")?;
    }
    for (wanted, words) in [(Presence::Comes, "new"), (Presence::Goes, "gone")] {
        let found: Vec<_> = difference
            .actors
            .iter()
            .zip(&difference.presence)
            .filter(|(_, presence)| **presence == wanted)
            .map(|(actor, _)| line(&actor.name).into_owned())
            .collect();
        if !found.is_empty() {
            writeln!(out, "{words}: {}", found.join(", "))?;
        }
    }
    writeln!(out, "{}", sums(difference))
}

/// `2 connections won, 1 lost`.
fn sums(difference: &Difference) -> String {
    if difference.is_empty() {
        return "the same is reached".into();
    }
    let won = difference.changes.iter().filter(|change| !change.won.is_empty()).count();
    let lost = difference.changes.iter().filter(|change| !change.lost.is_empty()).count();
    format!("{} won, {lost} lost", counted(won, "connection"))
}

/// Writes a line a change: `change,source,destination,ports`; the change is `won` or `lost`.
///
/// # Errors
///
/// Where writing fails.
pub fn csv(difference: &Difference, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "change,source,destination,ports")?;
    for Row { sign, from, to, ports } in rows(difference) {
        let word = if sign == '+' { "won" } else { "lost" };
        writeln!(out, "{word},{},{},{}", csv_field(&from), csv_field(&to), csv_field(&ports))?;
    }
    Ok(())
}

/// Writes a Markdown table, for a comment on a pull request.
///
/// # Errors
///
/// Where writing fails.
pub fn markdown(difference: &Difference, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "### lumen: {}\n", sums(difference))?;
    let rows = rows(difference);
    if !rows.is_empty() {
        writeln!(out, "| change | from | to | ports |\n|---|---|---|---|")?;
    }
    for Row { sign, from, to, ports } in rows {
        let word = if sign == '+' { "won" } else { "lost" };
        writeln!(out, "| {word} | {} | {} | {ports} |", markdown_cell(&from), markdown_cell(&to))?;
    }
    Ok(())
}
