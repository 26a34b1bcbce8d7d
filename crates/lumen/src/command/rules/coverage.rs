//! `lumen rules coverage`: what tests come to of rules, and what of the rules can never be.

use std::path::Path;

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
use crate::test::report::{Coverage, Ending, Odd, Report, RuleSeen};

pub(super) fn run(arguments: &RulesCoverage, context: &Context) -> Result<Exit> {
    let reading = Reading::default();
    let choice = Choice { filter: &Filter::All, coverage: true, reading: &reading };
    let mut report = Report { coverage: Some(Coverage::default()), ..Report::default() };
    for path in &arguments.paths {
        of_path(path, &choice, context, &mut report)?;
    }
    // Tests may stand elsewhere than the rules that they are about.
    let mut files = RulesFiles::default();
    files.add_without_tests(&arguments.paths)?;
    let loaded = files.load();
    let places = files.places();
    let errors = || loaded.problems.iter().filter(|problem| problem.code.is_error());
    for text in places.told(errors()) {
        context.console.warning(format!("left out: {text}"));
    }
    let rules = report.coverage.as_ref().map(Coverage::rules).unwrap_or_default();
    if rules.is_empty() && loaded.rules.is_empty() {
        bail!("there are no rules and no tests of rules there");
    }
    let failed = report.count(Ending::Fail) + report.count(Ending::Error);
    let is_untested = rules.is_empty() && failed == 0;
    if is_untested {
        context.console.warning(without_tests(arguments, &report));
    }
    let findings = analyse(&loaded.rules);
    let odd = |finding: &Finding| {
        let rule = loaded.rules.get(finding.rule)?;
        Some(Odd {
            rule: rule.name.clone(),
            in_macro: finding.in_macro.clone(),
            kind: word(&finding.oddity),
            message: said(finding, &loaded.rules),
            place: places.line(rule.place.0, rule.place.1.start),
        })
    };
    let odd: Vec<Odd> = findings.iter().filter_map(odd).collect();
    match arguments.output {
        ListFormat::Json => {
            report.findings = Some(odd);
            console::print(output::json(&report)?.as_bytes())?;
        }
        ListFormat::Human => console::print_with(|out| {
            write!(out, "{}", output::rules::human(rules))?;
            for odd in &odd {
                let place = odd.place.as_ref();
                let place = place.map_or(String::new(), |(file, row)| format!("  {}:{row}", line(file)));
                writeln!(out, "       {}{place}", line(&odd.message))?;
            }
            Ok(())
        })?,
    }
    if failed > 0 {
        context.console.note(format!("{} did not pass: see `lumen test`", counted(failed, "case")));
    }
    let is_wrong = |finding: &Finding| !matches!(finding.oddity, Oddity::Empty { .. });
    let is_odd = is_untested
        || findings.iter().any(is_wrong)
        || rules.iter().any(RuleSeen::never_fires)
        || errors().next().is_some();
    Ok(if arguments.strict && is_odd || failed > 0 { Exit::Found } else { Exit::Clean })
}

/// What is said where no rule is tested.
fn without_tests(arguments: &RulesCoverage, report: &Report) -> String {
    let paths: Vec<_> = arguments.paths.iter().map(|path| format!("`{}`", path.to_string_lossy())).collect();
    // Tests of policies may be among them, and tests of rules that are switched off.
    let which = if report.suites.is_empty() { "" } else { " of rules that are switched on" };
    let is_file = arguments.paths.iter().any(|path| Path::new(path).is_file());
    let hint =
        if is_file { "; only tests in the paths are used: name their folder or files, too" } else { "" };
    format!("no tests{which} were found in {}: nothing is counted{hint}", paths.join(", "))
}

/// What is odd about a rule, in a word.
fn word(oddity: &Oddity) -> &'static str {
    match oddity {
        Oddity::NoEvents => "no-events",
        Oddity::Never { .. } => "never",
        Oddity::Empty { .. } => "empty",
        Oddity::DeadBranch { .. } => "dead-branch",
        Oddity::Redundant { .. } => "redundant",
        Oddity::Shadowed { .. } => "shadowed",
    }
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
