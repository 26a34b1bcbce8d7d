//! A comment on a pull request: the sums, what admission would refuse, and the rest folded.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use lumen_core::finding::{Finding, Outcome};

use crate::output::escape::{line, lines};
use crate::output::sums::Sums;
use crate::output::{Level, effect, stands};
use crate::report::{Report, Reported};

/// Rows that stand open; more of a table are folded.
const ROWS_OPEN_MAX: usize = 20;

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let sums = Sums::of(report);
    writeln!(out, "### lumen: {}\n", sums.findings())?;
    if !sums.kinds().is_empty() {
        writeln!(out, "**{}**\n", sums.kinds())?;
    }
    writeln!(out, "{}\n", sums.work(report))?;
    let (errors, others): (Vec<_>, Vec<_>) =
        report.findings.iter().partition(|reported| Level::of(&reported.finding) == Level::Error);
    if errors.len() <= ROWS_OPEN_MAX {
        table(&errors, out)?;
    } else {
        let (open, folded) = errors.split_at(ROWS_OPEN_MAX);
        table(open, out)?;
        details(&format!("{} more that fail", folded.len()), folded, out)?;
    }
    let title = match errors.len() {
        0 => format!("{} that only warn or advise", others.len()),
        _ => format!("{} more that only warn or advise", others.len()),
    };
    details(&title, &others, out)?;
    remedies(report, out)?;
    upstream(report, out)
}

fn details(title: &str, rows: &[&Reported], out: &mut dyn io::Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "<details><summary>{title}</summary>\n")?;
    table(rows, out)?;
    writeln!(out, "</details>\n")
}

fn table(rows: &[&Reported], out: &mut dyn io::Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "| severity | effect | where | what | rule |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    for reported in rows {
        let finding = &reported.finding;
        let severity = match finding.outcome {
            Outcome::Pass | Outcome::Skip => finding.outcome.as_str(),
            Outcome::Fail | Outcome::Warn | Outcome::Error => finding.severity.as_str(),
        };
        writeln!(
            out,
            "| {severity} | {} | {} | {} | {} |",
            effect(finding),
            wherever(reported),
            prose(&finding.message),
            code(&finding.rule.to_string())
        )?;
    }
    writeln!(out)
}

/// The place, and the object.
fn wherever(reported: &Reported) -> String {
    let finding = &reported.finding;
    let location = stands(reported).map(|place| code(&place));
    let object = finding.object.as_ref().map(|object| prose(&object.to_string()));
    let parts: Vec<_> = location.into_iter().chain(object).collect();
    parts.join("<br>")
}

/// How to mend what policies found, where they say so, each once.
fn remedies(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let found: BTreeSet<_> = report.findings.iter().map(|reported| &reported.finding.rule).collect();
    let mut remedies =
        found.into_iter().filter_map(|rule| Some((rule, report.remedies.get(rule)?))).peekable();
    if remedies.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "<details><summary>How to mend it</summary>\n")?;
    for (rule, remedy) in remedies {
        writeln!(out, "- {}: {}", code(&rule.to_string()), prose(remedy))?;
    }
    writeln!(out, "\n</details>\n")
}

/// What the API server would say, each text once.
fn upstream(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let said = |reported: &'_ Reported| -> Option<(String, Arc<str>)> {
        let Finding { object, upstream_message, .. } = &reported.finding;
        let object = object.as_ref().map(ToString::to_string).unwrap_or_default();
        Some((object, upstream_message.clone()?))
    };
    let mut texts = BTreeSet::new();
    texts.extend(report.findings.iter().filter_map(said));
    if texts.is_empty() {
        return Ok(());
    }
    writeln!(out, "<details><summary>What the API server would say</summary>\n")?;
    for (object, text) in &texts {
        let text = lines(text).replace('\n', "\n  ");
        let fence = fence(&text);
        writeln!(out, "- {}\n\n  {fence}text\n  {text}\n  {fence}", prose(object))?;
    }
    writeln!(out, "\n</details>")
}

/// A fence longer than any row of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// A message: what stands in backticks is code, all else is literal text.
pub(crate) fn prose(text: &str) -> String {
    let text = line(text);
    let parts: Vec<_> = text.split('`').collect();
    // An odd backtick opens nothing.
    let closed = parts.len() - usize::from(parts.len() % 2 == 0);
    let mut out = String::with_capacity(text.len() + 16);
    for (index, part) in parts.iter().enumerate() {
        if index >= closed {
            out.push_str("\\`");
            escaped(part, &mut out);
        } else if index % 2 == 1 {
            out.push_str(&code(part));
        } else {
            escaped(part, &mut out);
        }
    }
    out
}

/// Literal text in a cell of a table.
pub(crate) fn escaped(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Else a name in a manifest could call people.
            '@' => out.push_str("<code>@</code>"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
}

/// Code in a cell of a table.
fn code(text: &str) -> String {
    let text = line(text);
    if text.is_empty() || text.contains('`') {
        let mut out = String::from("<code>");
        escaped(&text, &mut out);
        out.push_str("</code>");
        return out;
    }
    // In a table a bar ends the cell, in code too.
    format!("`{}`", text.replace('|', "\\|"))
}
