//! `JUnit` XML: a suite an input, a case a finding, and one case that passes for an input without findings.
//!
//! What fails `lumen check` by default ([`Level::Error`]) is a failure, and an error where it could not be judged;
//! warnings and advice are skipped cases that say so, lest a server call a build broken that lumen does not.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use std::collections::BTreeMap;
use std::io;

use lumen_core::finding::{Finding, Outcome, Place};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::output::escape::{line, lines};
use crate::output::{Level, fix_title, place, remarks, speaker, stands};
use crate::report::{Report, Reported};

/// The suite of findings that stand in no input.
const NOWHERE: &str = "cluster";

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<&Reported>> = BTreeMap::new();
    for input in &report.inputs {
        suites.entry(input).or_default();
    }
    for reported in &report.findings {
        let location = reported.finding.location.as_ref();
        let name = location.map_or(NOWHERE, |location| &location.source);
        suites.entry(name).or_default().push(reported);
    }
    let mut junit = quick_junit::Report::new("lumen");
    for (name, findings) in suites {
        let mut suite = TestSuite::new(line(name));
        if findings.is_empty() {
            let mut case = TestCase::new("no findings", TestCaseStatus::success());
            case.set_classname(line(name));
            suite.add_test_case(case);
        }
        for reported in findings {
            suite.add_test_case(case(name, reported));
        }
        junit.add_test_suite(suite);
    }
    let text = junit.to_string().map_err(io::Error::other)?;
    // The root has no such attribute in the schema of those who read this; the suites have.
    let skipped = format!(" skipped=\"{}\"", junit.skipped);
    writeln!(out, "{}", text.replacen(&skipped, "", 1).trim_end())
}

fn case(suite: &str, reported: &Reported) -> TestCase {
    let finding = &reported.finding;
    let mut name = line(&finding.rule.to_string()).into_owned();
    if let Some(object) = &finding.object {
        name.push(' ');
        name.push_str(&line(&object.to_string()));
    }
    // The field stays when lines shift, and the case's history with it.
    match finding.location.as_ref().map(|location| &location.place) {
        Some(Place::Field { pointer, .. } | Place::Inside { pointer, .. }) => {
            name.push_str(&format!(" {}", line(&pointer.to_string())));
        }
        Some(Place::Byte(_) | Place::Whole) | None => {}
    }
    let mut case = TestCase::new(name, status(reported));
    case.set_classname(line(suite));
    case
}

fn status(reported: &Reported) -> TestCaseStatus {
    let finding = &reported.finding;
    let mut status = match (finding.outcome, Level::of(finding)) {
        (Outcome::Pass, _) => return TestCaseStatus::success(),
        (Outcome::Error, _) => TestCaseStatus::non_success(NonSuccessKind::Error),
        (_, Level::Error) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (_, Level::Warning | Level::Info) => TestCaseStatus::skipped(),
    };
    status.set_message(line(&finding.message)).set_type(kind(finding)).set_description(description(reported));
    status
}

fn kind(finding: &Finding) -> String {
    match finding.outcome {
        Outcome::Skip => "not judged".into(),
        _ => format!("{}, {}", finding.severity, finding.action),
    }
}

fn description(reported: &Reported) -> String {
    let finding = &reported.finding;
    let mut text = String::new();
    if let Some(place) = stands(reported) {
        text.push_str(&place);
        text.push_str(": ");
    }
    text.push_str(&line(&finding.message));
    for said in remarks(reported) {
        text.push_str(&format!("\n{said}"));
    }
    for (related, region) in reported.places() {
        let place = place(&related.location, region);
        text.push_str(&format!("\n{place}: {}", line(&related.label)));
    }
    if let Some(upstream) = &finding.upstream_message {
        text.push_str(&format!("\n{} says: {}", speaker(finding), lines(upstream)));
    }
    if let Some(fix) = &finding.fix {
        text.push_str(&format!("\nhelp: {}", line(&fix_title(fix))));
    }
    text
}
