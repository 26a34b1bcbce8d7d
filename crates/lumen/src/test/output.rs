//! Reports about tests, for people and for machines.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use std::io;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

mod json;
pub mod rules;

pub use json::{TEST_SCHEMA, Tests};

use super::report::{Case, Coverage, Ending, Report};
use crate::output::Style;
use crate::output::escape::{line, lines};

/// A text for people: what did not pass, then the sums. Each case where `verbose`.
pub fn human(report: &Report, style: &Style, verbose: bool) -> String {
    let (good, bad, bold, plain) =
        if style.color { ("\x1b[32m", "\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "", "") };
    let mut text = String::new();
    for suite in &report.suites {
        let worst = suite.cases.iter().map(|case| case.ending).max().unwrap_or(Ending::Pass);
        let (paint, word) = match worst {
            _ if suite.cases.is_empty() => ("", "none"),
            Ending::Fail | Ending::Error => (bad, "FAIL"),
            Ending::Pass | Ending::Skip => (good, "ok"),
        };
        let passed = suite.cases.iter().filter(|case| case.ending == Ending::Pass).count();
        text.push_str(&format!(
            "{paint}{word:4}{plain}  {bold}{}{plain}  {passed}/{}\n",
            line(&suite.file),
            suite.cases.len()
        ));
        for case in suite.cases.iter().filter(|case| verbose || case.ending >= Ending::Fail) {
            let paint = if case.ending >= Ending::Fail { bad } else { "" };
            text.push_str(&format!("  {paint}{:5}{plain} {}", case.ending.as_str(), title(case)));
            if let Some(at) = case.at.filter(|_| case.ending >= Ending::Fail) {
                text.push_str(&format!("  {}:{}:{}", line(&suite.file), at.line, at.column));
            }
            text.push('\n');
            for row in case.message.lines().chain(case.printed.iter().flat_map(|text| text.lines())) {
                text.push_str(&format!("        {}\n", line(row)));
            }
        }
        for remark in &suite.remarks {
            text.push_str(&format!("  note  {}\n", line(remark)));
        }
    }
    for covered in report.coverage.iter().flat_map(Coverage::files) {
        let file = line(covered.file);
        text.push_str(&format!("{:3} %  {file}\n", covered.percent()));
        for rows in spans(&covered.missed) {
            text.push_str(&format!("       not covered: {file}:{rows}\n"));
        }
    }
    if let Some(coverage) = &report.coverage {
        text.push_str(&rules::human(coverage.rules()));
    }
    text.push_str(&sums(report));
    text
}

fn sums(report: &Report) -> String {
    let mut text = format!("{} passed", report.count(Ending::Pass));
    for (ending, word) in
        [(Ending::Fail, "failed"), (Ending::Error, "could not be run"), (Ending::Skip, "skipped")]
    {
        match report.count(ending) {
            0 => {}
            count => text.push_str(&format!(", {count} {word}")),
        }
    }
    let files = report.suites.len();
    text.push_str(&format!(" in {files} {}", if files == 1 { "file" } else { "files" }));
    match report.remarks() {
        0 => {}
        1 => text.push_str("; 1 remark"),
        count => text.push_str(&format!("; {count} remarks")),
    }
    text.push('\n');
    text
}

fn title(case: &Case) -> String {
    let parts: Vec<_> =
        [&case.test, &case.name].into_iter().filter(|part| !part.is_empty()).map(|part| line(part)).collect();
    parts.join(" / ")
}

/// Rows with neighbours joined: `3-5`, `9`.
fn spans(rows: &[u32]) -> Vec<String> {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for &row in rows {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == row => *last = row,
            _ => spans.push((row, row)),
        }
    }
    let text =
        |(first, last): (u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    spans.into_iter().map(text).collect()
}

/// One JSON document, with a line feed at its end.
///
/// # Errors
///
/// Where it cannot be written.
pub fn json(report: &Report) -> io::Result<String> {
    let text = serde_json::to_string_pretty(&json::tests(report))?;
    Ok(format!("{text}\n"))
}

/// `JUnit` XML: a suite a file.
pub fn junit(report: &Report) -> io::Result<String> {
    let mut junit = quick_junit::Report::new("lumen test");
    for suite in &report.suites {
        let mut out = TestSuite::new(line(&suite.file));
        for case in &suite.cases {
            let mut status = match case.ending {
                Ending::Pass => TestCaseStatus::success(),
                Ending::Skip => TestCaseStatus::skipped(),
                Ending::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
                Ending::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
            };
            if case.ending != Ending::Pass {
                let first = case.message.lines().next().unwrap_or_default();
                let at = case.at.map(|at| format!("{}:{}:{}: ", suite.file, at.line, at.column));
                let text = format!("{}{}", at.unwrap_or_default(), case.message);
                status.set_message(line(first)).set_description(lines(text.trim_end()));
            }
            let mut one = TestCase::new(title(case), status);
            one.set_classname(line(&suite.file));
            out.add_test_case(one);
        }
        junit.add_test_suite(out);
    }
    let text = junit.to_string().map_err(io::Error::other)?;
    let skipped = format!(" skipped=\"{}\"", junit.skipped);
    Ok(format!("{}\n", text.replacen(&skipped, "", 1).trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_rows_are_one_span() {
        assert_eq!(spans(&[3, 4, 5, 9, 11, 12]), ["3-5", "9", "11-12"]);
    }
}
