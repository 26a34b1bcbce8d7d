//! Runs suites, as `gator verify` does (`pkg/gator/verify/runner.go`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lumen_core::admission::matching::Source;
use lumen_core::admission::{GATOR, Inventory, PolicySet, Review, Verdict, rules};
use lumen_core::finding::{Finding, Location, Outcome, Place};
use lumen_core::object::ObjectRef;
use lumen_core::request::bare_request;
use lumen_core::snapshot::Entry;
use lumen_value::read::{Limits, read};
use lumen_value::{Pointer, Value};
use regex::Regex;

use super::filter::Filter;
use super::report::{Case as Ran, Ending, Suite as Report};
use super::suite::{self, Case, Suite, Test};

/// Largest file of a suite.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The documents of files that suites name: many cases share an object.
#[derive(Default)]
struct Files {
    read: BTreeMap<PathBuf, Result<Vec<Value>, String>>,
}

/// Runs the suite that a document of a file is.
pub fn run(file: &Arc<str>, path: &Path, document: &Value, filter: &Filter) -> Report {
    let mut report = Report { file: file.clone(), cases: Vec::new(), remarks: Vec::new() };
    let suite = match suite::read(document) {
        Ok(suite) => suite,
        Err(message) => {
            report.cases.push(ran("", "", Ending::Error, message));
            return report;
        }
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    remark_on(&suite, &mut report.remarks);
    let mut files = Files::default();
    for test in &suite.tests {
        let named = test.cases.iter().map(|case| case.name.as_str());
        if suite.skip || test.skip || !filter.takes_test(&test.name, named) {
            report.cases.push(ran(&test.name, "", Ending::Skip, String::new()));
            continue;
        }
        run_test(test, folder, &mut files, filter, &mut report);
    }
    report
}

fn ran(test: &str, name: &str, ending: Ending, message: String) -> Ran {
    Ran { test: test.to_owned(), name: name.to_owned(), ending, message, printed: Vec::new() }
}

/// What cannot fail tests nothing.
fn remark_on(suite: &Suite, remarks: &mut Vec<String>) {
    if suite.tests.is_empty() {
        remarks.push("it has no tests".to_owned());
    }
    if suite.skip {
        remarks.push("it is skipped as a whole".to_owned());
    }
    for test in &suite.tests {
        let name = &test.name;
        if test.skip {
            remarks.push(format!("test `{name}` is skipped"));
            continue;
        }
        if test.invalid {
            if !test.cases.is_empty() {
                remarks.push(format!("test `{name}`: its cases are never run, for `invalid` is set"));
            }
            continue;
        }
        if test.cases.is_empty() {
            remarks.push(format!("test `{name}` has no cases"));
            continue;
        }
        for case in test.cases.iter().filter(|case| case.skip) {
            remarks.push(format!("test `{name}`: case `{}` is skipped", case.name));
        }
        let wants = |case: &Case| case.assertions.iter().any(|assertion| assertion.violations.wants_any());
        let mut run = test.cases.iter().filter(|case| !case.skip);
        if !run.any(wants) {
            remarks.push(format!(
                "test `{name}` cannot fail while the policy finds nothing: no case wants a violation"
            ));
        }
    }
}

fn run_test(test: &Test, folder: &Path, files: &mut Files, filter: &Filter, report: &mut Report) {
    let error = |message: String| ran(&test.name, "", Ending::Error, message);
    let (set, findings) = match policies(test, folder, files) {
        Ok(compiled) => compiled,
        Err(message) => return report.cases.push(error(message)),
    };
    let errors: Vec<&Finding> = findings.iter().filter(|finding| finding.outcome == Outcome::Error).collect();
    if test.invalid {
        // As in gator, only a constraint that its template's schema refuses is invalid.
        let refused = errors.iter().any(|finding| {
            let said = finding.upstream_message.as_deref().unwrap_or(&finding.message);
            finding.rule == rules::INVALID_CONSTRAINT.id() && said.contains("schema validation failed")
        });
        report.cases.push(match (refused, errors.first()) {
            (true, _) => ran(&test.name, "", Ending::Pass, String::new()),
            (false, None) => {
                ran(&test.name, "", Ending::Fail, "the constraint is valid, and should not be".to_owned())
            }
            (false, Some(finding)) => error(finding.message.clone()),
        });
        return;
    }
    if !errors.is_empty() {
        let messages: Vec<_> = errors.iter().map(|finding| finding.message.as_str()).collect();
        return report.cases.push(error(messages.join("\n")));
    }
    let mut matched = false;
    let mut count = 0;
    for case in &test.cases {
        if case.skip || !filter.takes(&test.name, &case.name) {
            report.cases.push(ran(&test.name, &case.name, Ending::Skip, String::new()));
            continue;
        }
        count += 1;
        let (ending, message) = match run_case(case, &set, folder, files, &mut matched) {
            Err(message) => (Ending::Error, message),
            Ok(Err(message)) => (Ending::Fail, message),
            Ok(Ok(())) => (Ending::Pass, String::new()),
        };
        report.cases.push(ran(&test.name, &case.name, ending, message));
    }
    if count > 0 && !matched {
        report.remarks.push(format!("test `{}`: the constraint matches the object of no case", test.name));
    }
}

/// The template, the constraint and the expansions of a test, compiled.
fn policies(test: &Test, folder: &Path, files: &mut Files) -> Result<(PolicySet, Vec<Finding>), String> {
    let mut entries = Vec::new();
    for (path, what) in
        [(&test.template, "template"), (&test.constraint, "constraint"), (&test.expansion, "expansion")]
    {
        if path.is_empty() {
            if what == "expansion" {
                continue;
            }
            return Err(format!("the test has no `{what}`"));
        }
        let full = folder.join(path);
        for (index, value) in files.documents(&full)?.iter().enumerate() {
            entries.push(entry(&full, index, value.clone()));
        }
    }
    Ok(PolicySet::compile(&entries))
}

/// The inner result is the case's: what it should have been.
fn run_case(
    case: &Case,
    set: &PolicySet,
    folder: &Path,
    files: &mut Files,
    matched: &mut bool,
) -> Result<Result<(), String>, String> {
    if case.object.is_empty() {
        return Err("the case has no `object`".to_owned());
    }
    if case.assertions.is_empty() {
        return Err("the case has no `assertions`".to_owned());
    }
    let path = folder.join(&case.object);
    let object = match files.documents(&path)? {
        [one] => one.clone(),
        several => return Err(format!("`{}` has {} objects, one was expected", case.object, several.len())),
    };
    let mut inventory = Vec::new();
    for name in &case.inventory {
        inventory.extend(files.documents(&folder.join(name))?.iter().cloned());
    }
    let verdicts = review(&entry(&path, 0, object), set, &inventory, matched)?;
    let messages: Vec<&str> = verdicts.iter().map(|verdict| verdict.message.as_str()).collect();
    for assertion in &case.assertions {
        let pattern =
            assertion.message.as_deref().map(Regex::new).transpose().map_err(|error| error.to_string())?;
        let fits = |message: &&&str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(message));
        let count = messages.iter().filter(fits).count();
        if !assertion.violations.admits(count) {
            return Ok(Err(unmet(assertion, count, &messages)));
        }
    }
    Ok(Ok(()))
}

fn unmet(assertion: &suite::Assertion, count: usize, messages: &[&str]) -> String {
    let wanted = match assertion.violations {
        suite::Violations::Some => "at least one".to_owned(),
        suite::Violations::None => "none".to_owned(),
        suite::Violations::Exactly(wanted) => format!("exactly {wanted}"),
    };
    let of = assertion.message.as_deref().map_or(String::new(), |message| format!(" that match `{message}`"));
    let word = if count == 1 { "violation" } else { "violations" };
    let mut text = format!("{count} {word}{of}, wanted {wanted}");
    if messages.is_empty() {
        text.push_str("; there were none at all");
    }
    for message in messages {
        text.push_str("\nviolation: ");
        text.push_str(message);
    }
    text
}

fn review(
    entry: &Entry,
    set: &PolicySet,
    inventory: &[Value],
    matched: &mut bool,
) -> Result<Vec<Verdict>, String> {
    let object = &entry.value;
    let field =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_review = field(object, "kind") == "AdmissionReview"
        && field(object, "apiVersion").starts_with("admission.k8s.io/");
    let request = if is_review {
        let request = object.get("request").filter(|request| request.as_object().is_some());
        let request = request.ok_or("the AdmissionReview has no `request`")?;
        let has = |name: &str| request.get(name).is_some_and(|part| !part.is_null());
        if !has("object") && !has("oldObject") {
            return Err("the request has neither `object` nor `oldObject`".to_owned());
        }
        request.clone()
    } else {
        bare_request(entry)
    };
    let namespace = field(&request, "namespace");
    let is_namespace = |value: &&Value| {
        field(value, "kind") == "Namespace"
            && field(value, "apiVersion") == "v1"
            && value.get("metadata").is_some_and(|metadata| field(metadata, "name") == namespace)
    };
    let review = Review {
        request: &request,
        namespace: inventory.iter().find(is_namespace),
        namespace_object: None,
        source: Source::Original,
        point: GATOR,
    };
    *matched |= set.concerns(&review);
    let inventory = Inventory::of_manifests(inventory);
    let mut verdicts = set.review(&review, &inventory);
    verdicts.extend(set.review_made(object, &review, &inventory).map_err(|error| error.to_string())?);
    Ok(verdicts)
}

fn entry(path: &Path, index: usize, value: Value) -> Arc<Entry> {
    let source: Arc<str> = path.display().to_string().into();
    let object = Arc::new(ObjectRef::of(&value));
    let location = Location { source, place: Place::Field { document: index, pointer: Pointer::ROOT } };
    Arc::new(Entry { object, identity: None, namespace: None, value, location, malformed: false })
}

impl Files {
    fn documents(&mut self, path: &Path) -> Result<&[Value], String> {
        let documents = self.read.entry(path.to_owned()).or_insert_with(|| documents(path));
        documents.as_deref().map_err(Clone::clone)
    }
}

fn documents(path: &Path) -> Result<Vec<Value>, String> {
    let shown = path.display();
    let cannot = |error: std::io::Error| format!("cannot read `{shown}`: {error}");
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("`{shown}` is larger than {FILE_BYTES_MAX} bytes"));
    }
    let text = std::fs::read(path).map_err(cannot)?;
    let reading = read(&text, &Limits::default());
    if let Some(error) = reading.errors.first() {
        return Err(format!("`{shown}`: {}", error.message));
    }
    let values: Vec<Value> = reading
        .documents
        .into_iter()
        .map(|document| document.value)
        .filter(|value| !value.is_null())
        .collect();
    if values.is_empty() { Err(format!("`{shown}` has no objects")) } else { Ok(values) }
}
