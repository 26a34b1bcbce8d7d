//! A report as one HTML file: no script, nothing that is fetched, light and dark, fit to be printed.

use std::io;

use super::{Block, Report, Table, Tone};
use crate::output::escape::markup;

const STYLE: &str = include_str!("report.css");

/// Writes it.
///
/// # Errors
///
/// Where writing fails.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let title = markup(&report.title);
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>"
    )?;
    let headings = || {
        let of_sections = report.blocks.iter().filter_map(|block| match block {
            Block::Heading(text) => Some(text),
            _ => None,
        });
        of_sections.enumerate()
    };
    writeln!(out, "<nav><ol>")?;
    for (number, text) in headings() {
        writeln!(out, "<li><a href=\"#s{}\">{}</a></li>", number + 1, prose(text))?;
    }
    writeln!(out, "</ol></nav>")?;
    let mut section = 0;
    for block in &report.blocks {
        match block {
            Block::Heading(text) => {
                section += 1;
                writeln!(out, "<h2 id=\"s{section}\">{}</h2>", prose(text))?;
            }
            Block::Heading2(text) => writeln!(out, "<h3>{}</h3>", prose(text))?,
            Block::Text(text) => writeln!(out, "<p>{}</p>", prose(text))?,
            Block::Figures(figures) => {
                writeln!(out, "<dl class=\"figures\">")?;
                for (number, what) in figures {
                    writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", prose(number), prose(what))?;
                }
                writeln!(out, "</dl>")?;
            }
            Block::Table(table) => write_table(table, out)?,
        }
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

fn write_table(table: &Table, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<div class=\"wide\"><table>\n<thead><tr>")?;
    for head in &table.head {
        writeln!(out, "<th scope=\"col\">{}</th>", prose(head))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in &table.rows {
        write!(out, "<tr>")?;
        for (number, cell) in row.iter().enumerate() {
            let text = prose(&cell.text);
            let class = class(cell.tone);
            if number == 0 {
                write!(out, "<th scope=\"row\"{class}>{text}</th>")?;
            } else {
                write!(out, "<td{class}>{text}</td>")?;
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table></div>")
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Good => " class=\"good\"",
        Tone::Conditional => " class=\"conditional\"",
        Tone::Bad => " class=\"bad\"",
        Tone::Unknown => " class=\"unknown\"",
        Tone::Quiet => " class=\"quiet\"",
    }
}

/// Text in which backticks mark code. An odd backtick opens nothing.
fn prose(text: &str) -> String {
    let parts: Vec<_> = text.split('`').collect();
    let closed = parts.len() - usize::from(parts.len() % 2 == 0);
    let mut out = String::with_capacity(text.len() + 16);
    for (index, part) in parts.iter().enumerate() {
        match (index >= closed, index % 2 == 1) {
            (true, _) => out.extend(["`", &markup(part)]),
            (false, true) => out.extend(["<code>", &markup(part), "</code>"]),
            (false, false) => out.push_str(&markup(part)),
        }
    }
    out
}
