//! `kind: RuleTest` of `lumensec.io`: what events come to under rules of the runtime layer.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lumen_runtime::coverage::Watch;
use lumen_runtime::explain::Told;
use lumen_runtime::load::Loaded;
use lumen_runtime::rule_test::{Case as Wanted, Difference, Outcome, RuleTest, Rules};
use lumen_runtime::ruleset::Matching;
use lumen_value::{Pointer, pointer};

use super::kinds::{Choice, Document};
use super::report::{Case, Coverage, Ending, Ran, RuleSeen, Suite};
use crate::rules::RulesFiles;

pub use lumen_runtime::rule_test::{GROUP, KIND};

/// Runs the test that a document of a file is.
pub fn run(document: &Document<'_>, choice: &Choice<'_>) -> Ran {
    let test = RuleTest::read(document.value);
    let mut suite = Suite { file: document.file.clone(), cases: Vec::new(), remarks: Vec::new() };
    let mut coverage = Coverage::default();
    let names = test.cases.iter().map(|case| case.name.as_str());
    if !choice.filter.takes_test(&test.name, names) {
        suite.cases.push(Case { test: test.name.clone(), ..Case::ended(Ending::Skip) });
    } else if !test.faults.is_empty() {
        suite.cases.push(document.faulty(&test.name, "", &test.faults));
    } else {
        match rules_of(document, &test) {
            Err((message, at)) => {
                let at = document.position(&at);
                suite.cases.push(Case { test: test.name.clone(), message, at, ..Case::ended(Ending::Error) });
            }
            Ok((files, loaded)) => {
                remark_on(&test, &mut suite.remarks);
                let rules = Rules::new(&loaded.rules, test.matching.unwrap_or(Matching::All));
                let mut watch = choice.coverage.then(|| Watch::new(&loaded.rules));
                for case in &test.cases {
                    suite.cases.push(one(document, choice, &test, case, (&rules, watch.as_mut())));
                }
                if let Some(watch) = watch {
                    coverage = covered(watch, &loaded, &files);
                }
            }
        }
    }
    Ran { suites: vec![suite], coverage }
}

/// What was seen of each rule, and of each macro that rules name.
fn covered(watch: Watch, loaded: &Loaded, files: &RulesFiles) -> Coverage {
    let mut coverage = Coverage::default();
    let places = files.places();
    for (number, body) in watch.into_bodies().into_iter().enumerate() {
        let rule = if body.is_macro { None } else { loaded.rules.get(number) };
        if rule.is_some_and(|rule| !rule.is_enabled) {
            continue;
        }
        let place = rule.and_then(|rule| places.line(rule.place.0, rule.place.1.start));
        let place = place.map(|(file, row)| (clean(&file), row));
        coverage.add_rule(RuleSeen { body, place });
    }
    coverage
}

/// A path without the folders that `..` leads out of again.
fn clean(path: &str) -> Arc<str> {
    let mut clean = PathBuf::new();
    for part in Path::new(path).components() {
        match (part, clean.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => _ = clean.pop(),
            (Component::CurDir, _) => {}
            _ => clean.push(part),
        }
    }
    clean.display().to_string().into()
}

fn one(
    document: &Document<'_>,
    choice: &Choice<'_>,
    test: &RuleTest,
    case: &Wanted,
    (rules, watch): (&Rules<'_>, Option<&mut Watch>),
) -> Case {
    let named = Case { test: test.name.clone(), name: case.name.clone(), ..Case::ended(Ending::Skip) };
    if !choice.filter.takes(&test.name, &case.name) {
        return named;
    }
    if !case.faults.is_empty() {
        return document.faulty(&test.name, &case.name, &case.faults);
    }
    let outcome = match watch {
        Some(watch) => rules.run_watched(case, |event| watch.event(event)),
        None => rules.run(case),
    };
    let (ending, message) = match outcome {
        Err(message) => (Ending::Error, message),
        Ok(outcome) => judged(&outcome, rules),
    };
    let at = if ending >= Ending::Fail { document.position(&case.at) } else { None };
    Case { ending, message, at, ..named }
}

fn judged(outcome: &Outcome, rules: &Rules<'_>) -> (Ending, String) {
    if outcome.differences.is_empty() {
        return (Ending::Pass, String::new());
    }
    let messages: Vec<String> =
        outcome.differences.iter().map(|difference| told(difference, rules)).collect();
    (Ending::Fail, messages.join("\n"))
}

/// What is not as it should be, and why.
fn told(difference: &Difference, rules: &Rules<'_>) -> String {
    let Some((event, rule, why)) = &difference.why else { return difference.message.clone() };
    let name = rules.rules().get(*rule).map_or("", |rule| rule.name.as_str());
    let word = if why.holds { "matches" } else { "does not match" };
    let mut lines = vec![difference.message.clone(), format!("why `{name}` {word} event {event}:")];
    lines.extend(Told::of(why).into_iter().map(|line| format!("  {line}")));
    lines.join("\n")
}

/// The rules of a test; else what is wrong, and the place in the test.
fn rules_of(document: &Document<'_>, test: &RuleTest) -> Result<(RulesFiles, Loaded), (String, Pointer)> {
    let folder =
        document.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let at = pointer!["spec", "rules"];
    let mut files = RulesFiles::default();
    let mut add = |path: &Path, at: &Pointer| {
        files.add(&[OsString::from(path)]).map_err(|error| (format!("{error:#}"), at.clone()))
    };
    for (at, path) in &test.rules {
        add(&folder.join(path), at)?;
    }
    if test.rules.is_empty() {
        add(folder, &at)?;
    }
    if files.is_empty() {
        return Err(("there are no rules: `spec.rules` names no file with any".to_owned(), at));
    }
    let loaded = files.load();
    let errors = files.places().told(loaded.problems.iter().filter(|problem| problem.code.is_error()));
    if errors.is_empty() { Ok((files, loaded)) } else { Err((errors.join("\n"), at)) }
}

/// What has no cases tests nothing.
fn remark_on(test: &RuleTest, remarks: &mut Vec<String>) {
    if test.cases.is_empty() {
        remarks.push("it has no cases".to_owned());
    }
}
