//! Workflow commands of GitHub Actions: annotations at the lines of a pull request. GitHub shows the first ten of each
//! level of a step; all stand in the log.
//!
//! Escapes: <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>.

use std::io;

use lumen_core::finding::{Finding, Outcome};

use crate::output::escape::{line, lines};
use crate::output::{Level, effect, remarks, speaker, stands};
use crate::report::{Report, Reported};

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    for reported in &report.findings {
        writeln!(out, "{}", command(reported))?;
    }
    Ok(())
}

fn command(reported: &Reported) -> String {
    let finding = &reported.finding;
    let mut properties = Vec::new();
    if let Some(location) = reported.in_text() {
        properties.push(("file", property(&location.source)));
        if let Some(region) = &reported.region {
            properties.push(("line", region.line.to_string()));
            // Columns are heeded only where the first line is the last.
            if region.end_line == region.line {
                properties.push(("col", region.column.to_string()));
                properties.push(("endColumn", region.end_column.to_string()));
            }
            properties.push(("endLine", region.end_line.to_string()));
        }
    }
    properties.push(("title", property(&format!("{} ({})", finding.rule, effect(finding)))));
    let properties =
        properties.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
    format!("::{} {properties}::{}", level(finding), data(&text(reported)))
}

fn level(finding: &Finding) -> &'static str {
    match Level::of(finding) {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "notice",
    }
}

fn text(reported: &Reported) -> String {
    let finding = &reported.finding;
    let mut text = match finding.outcome {
        Outcome::Pass | Outcome::Skip => format!("{}: {}", finding.outcome, line(&finding.message)),
        Outcome::Fail | Outcome::Warn | Outcome::Error => {
            format!("{} (severity {}, action {})", line(&finding.message), finding.severity, finding.action)
        }
    };
    if reported.live.is_some() && reported.in_text().is_none() {
        text = format!("{}: {text}", stands(reported).unwrap_or_default());
    }
    for said in remarks(reported) {
        text.push_str(&["\n", &said].concat());
    }
    if let Some(upstream) = &finding.upstream_message {
        text.push_str(&["\n", speaker(finding), " says: ", &*lines(upstream)].concat());
    }
    text
}

/// The text behind `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(&line(text)).replace(':', "%3A").replace(',', "%2C")
}
