//! Results of tests as JSON, schema `lumen.test/v1`.

use schemars::JsonSchema;
use serde::Serialize;

use super::rules::{self, Rule};
use crate::test::report::{self, Covered, Ending, Report};

/// The name and version of the shape.
pub const TEST_SCHEMA: &str = "lumen.test/v1";

/// What tests came to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.test/v1", deny_unknown_fields)]
pub struct Tests<'a> {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = TEST_SCHEMA))]
    schema: &'static str,
    /// The files with tests, by name.
    suites: Vec<Suite<'a>>,
    /// How many cases ended in which way.
    summary: Summary,
    /// The lines of modules and templates that tests came to, with `--coverage`: files, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Coverage<'a>>")]
    coverage: Option<Vec<Coverage<'a>>>,
    /// What tests saw of the conditions of rules of the runtime layer, and of the macros in them, with `--coverage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Rule<'a>>")]
    rules: Option<Vec<Rule<'a>>>,
    /// What of rules can never be, or changes nothing, with `lumen rules coverage`: it needs no test.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Finding<'a>>")]
    findings: Option<Vec<Finding<'a>>>,
}

/// Something of a rule of the runtime layer that can never be, or that changes nothing.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Finding<'a> {
    /// The rule's name.
    rule: &'a str,
    /// The macro of the rule in which it is, where it is so there by itself.
    #[serde(rename = "macro", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'a str")]
    in_macro: Option<&'a str>,
    /// What it is: the rule looks at no type of events; it never matches; it does not until a list is filled, which needs
    /// nothing to be mended; a part of an `or` never holds; it says nothing that another does not say; an earlier rule matches
    /// whatever the rule matches.
    #[schemars(extend("enum" = ["no-events", "never", "empty", "dead-branch", "redundant", "shadowed"]))]
    kind: &'static str,
    /// The same, in a sentence.
    message: &'a str,
    /// The file of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&'a str")]
    file: Option<&'a str>,
    /// The line at which it stands there, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    line: Option<usize>,
}

/// A file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Suite<'a> {
    /// Its name.
    file: &'a str,
    /// Its cases, in their order.
    cases: Vec<Case<'a>>,
    /// What is odd about it, one sentence each: `--strict` fails for it.
    remarks: &'a [String],
}

/// A case.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Case<'a> {
    /// The test that it belongs to; empty where the file has no such level.
    test: &'a str,
    /// Its name; empty for what befell the test as a whole.
    name: &'a str,
    /// How it ended: as it should, left out, not as it should, or it could not be run.
    #[schemars(extend("enum" = ["pass", "skip", "fail", "error"]))]
    outcome: &'static str,
    /// Why, in lines; empty where it passed.
    message: &'a str,
    /// What the policy printed meanwhile, where the case did not pass.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    printed: &'a [String],
    /// The line in the file, from 1, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    line: Option<usize>,
    /// The column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    column: Option<usize>,
}

/// How many cases there are of each outcome, and how many remarks.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Summary {
    /// Passed.
    pass: usize,
    /// Failed.
    fail: usize,
    /// Could not be run.
    error: usize,
    /// Left out.
    skip: usize,
    /// Remarks.
    remarks: usize,
}

/// Lines of a file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Coverage<'a> {
    /// The file.
    file: &'a str,
    /// Covered of all, in per cent, rounded down.
    percent: usize,
    /// Lines that some test came to.
    covered: Vec<u32>,
    /// Lines that none did.
    missed: Vec<u32>,
}

/// The shape of a report.
pub(super) fn tests(report: &Report) -> Tests<'_> {
    Tests {
        schema: TEST_SCHEMA,
        suites: report.suites.iter().map(suite).collect(),
        summary: Summary {
            pass: report.count(Ending::Pass),
            fail: report.count(Ending::Fail),
            error: report.count(Ending::Error),
            skip: report.count(Ending::Skip),
            remarks: report.remarks(),
        },
        coverage: report.coverage.as_ref().map(|files| files.files().map(coverage).collect()),
        rules: report.coverage.as_ref().map(|seen| rules::json(seen.rules())),
        findings: report.findings.as_ref().map(|odd| odd.iter().map(finding).collect()),
    }
}

fn finding(odd: &report::Odd) -> Finding<'_> {
    Finding {
        rule: &odd.rule,
        in_macro: odd.in_macro.as_deref(),
        kind: odd.kind,
        message: &odd.message,
        file: odd.place.as_ref().map(|(file, _)| &**file),
        line: odd.place.as_ref().map(|(_, line)| *line),
    }
}

fn suite(suite: &report::Suite) -> Suite<'_> {
    Suite { file: &suite.file, cases: suite.cases.iter().map(case).collect(), remarks: &suite.remarks }
}

fn case(case: &report::Case) -> Case<'_> {
    Case {
        test: &case.test,
        name: &case.name,
        outcome: case.ending.as_str(),
        message: &case.message,
        printed: &case.printed,
        line: case.at.map(|at| at.line),
        column: case.at.map(|at| at.column),
    }
}

fn coverage(of: Covered<'_>) -> Coverage<'_> {
    Coverage { percent: of.percent(), file: of.file, covered: of.covered, missed: of.missed }
}
