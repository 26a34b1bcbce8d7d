//! A report as Markdown.

use std::io;

use super::{Block, Report, Table};
use crate::output::markdown_prose as prose;

/// Writes it.
///
/// # Errors
///
/// Where writing fails.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "# {}", prose(&report.title))?;
    for block in &report.blocks {
        writeln!(out)?;
        match block {
            Block::Heading(text) => writeln!(out, "## {}", prose(text))?,
            Block::Heading2(text) => writeln!(out, "### {}", prose(text))?,
            Block::Text(text) => writeln!(out, "{}", prose(text))?,
            Block::Figures(figures) => {
                for (number, what) in figures {
                    writeln!(out, "- **{}** {}", prose(number), prose(what))?;
                }
            }
            Block::Table(table) => write_table(table, out)?,
        }
    }
    Ok(())
}

fn write_table(table: &Table, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "| {} |", table.head.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(table.head.len()))?;
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|cell| prose(&cell.text)).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}
