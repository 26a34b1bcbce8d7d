//! `lumen rules coverage`: what tests come to of rules, and what of the rules can never be.

use anyhow::{Result, bail};
use lumen_runtime::analysis::{Finding, Oddity, analyse};
use lumen_runtime::load::Rule;

use crate::cli::rules::{ListFormat, RulesCoverage};
use crate::command::Context;
use crate::command::test::of_path;
use crate::console;
use crate::exit::Exit;
use crate::output::counted;
use crate::output::escape::line;
use crate::rules::RulesFiles;
use crate::test::filter::Filter;
use crate::test::kinds::{Choice, Reading};
use crate::test::output;
use crate::test::report::{Coverage, Ending, Report, RuleSeen};

/// Most problems of rules that are told.
const PROBLEMS_MAX: usize = 20;

pub(super) fn run(arguments: &RulesCoverage, context: &Context) -> Result<Exit> {
    let reading = Reading::default();
    let choice = Choice { filter: &Filter::All, coverage: true, reading: &reading };
    let mut report = Report { coverage: Some(Coverage::default()), ..Report::default() };
    for path in &arguments.paths {
        of_path(path, &choice, context, &mut report)?;
    }
    // Tests may stand elsewhere than the rules that they are about.
    let mut files = RulesFiles::default();
    files.add(&arguments.paths)?;
    let loaded = files.load();
    let rules = report.coverage.as_ref().map(Coverage::rules).unwrap_or_default();
    if rules.is_empty() && loaded.rules.is_empty() {
        bail!("there are no rules and no tests of rules there");
    }
    let findings = analyse(&loaded.rules);
    let places = files.places();
    let errors = || loaded.problems.iter().filter(|problem| problem.code.is_error());
    for problem in errors().take(PROBLEMS_MAX) {
        context.console.warning(format!("left out: {}", places.concise(problem)));
    }
    let more = errors().count().saturating_sub(PROBLEMS_MAX);
    if more > 0 {
        context.console.warning(format!("left out: and {more} more"));
    }
    match arguments.output {
        ListFormat::Json => console::print(output::json(&report)?.as_bytes())?,
        ListFormat::Human => console::print_with(|out| {
            write!(out, "{}", output::rules::human(rules))?;
            for finding in &findings {
                let Some(rule) = loaded.rules.get(finding.rule) else { continue };
                let place = places.line(rule.place.0, rule.place.1.start);
                let place = place.map_or(String::new(), |(file, row)| format!("  {}:{row}", line(&file)));
                writeln!(out, "       {}{place}", line(&said(finding, &loaded.rules)))?;
            }
            Ok(())
        })?,
    }
    let failed = report.count(Ending::Fail) + report.count(Ending::Error);
    if failed > 0 {
        context.console.note(format!("{} did not pass: see `lumen test`", counted(failed, "case")));
    }
    let is_wrong = |finding: &Finding| !matches!(finding.oddity, Oddity::Empty { .. });
    let is_odd =
        findings.iter().any(is_wrong) || rules.iter().any(RuleSeen::never_fires) || errors().next().is_some();
    Ok(if arguments.strict && is_odd || failed > 0 { Exit::Found } else { Exit::Clean })
}

/// What is odd about a rule, in a sentence.
pub(super) fn said(finding: &Finding, rules: &[Rule]) -> String {
    let name = |place: usize| rules.get(place).map_or("", |rule| rule.name.as_str());
    let rule = name(finding.rule);
    let subject = match &finding.in_macro {
        Some(named) => format!("macro `{named}` of rule `{rule}`"),
        None => format!("rule `{rule}`"),
    };
    match &finding.oddity {
        Oddity::NoEvents => format!("{subject} looks at no type of events: it never matches"),
        Oddity::Never { because } => format!("{subject} never matches: {because}"),
        Oddity::Empty { question } => {
            format!("{subject} matches nothing until the list of `{question}` is filled")
        }
        Oddity::DeadBranch { branch, because } => {
            format!("{subject}: `{branch}` never holds there: {because}")
        }
        Oddity::Redundant { branch, within } => {
            format!("{subject}: `{branch}` changes nothing: `{within}` holds wherever it does")
        }
        Oddity::Shadowed { by } => {
            format!(
                "{subject} is shadowed by `{}`, which stands before it and matches whatever it matches",
                name(*by)
            )
        }
    }
}
