//! Runs suites, as `gator verify` does (`pkg/gator/verify/runner.go`).

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lumen_core::admission::matching::Source;
use lumen_core::admission::{
    Explanation, GATOR, Inventory, PolicyOptions, PolicySet, Review, Verdict, is_constraint, is_expansion,
    is_template, rules,
};
use lumen_core::finding::{Finding, Location, Outcome, Place};
use lumen_core::object::ObjectRef;
use lumen_core::request::bare_request;
use lumen_core::snapshot::Entry;
use lumen_value::fault::Fault;
use lumen_value::read::{Document as ReadDocument, Limits, read};
use lumen_value::{Pointer, Value};

use super::filter;
use super::kinds::{Choice, Document};
use super::report::{Case as RanCase, Coverage, Ending, Ran, Suite as Report};
use super::suite::{self, Case, Suite, Test};
use crate::locate::{DocumentPlace, Part, Text};
use crate::source;

/// The API group of suites.
pub const GROUP: &str = "test.gatekeeper.sh";

/// Largest file of a suite.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The documents of files that suites name: many cases share an object.
#[derive(Default)]
struct Files {
    known: BTreeMap<PathBuf, Result<FileText, String>>,
}

/// A file that was read: its text, and its documents.
type FileText = (Arc<[u8]>, Vec<ReadDocument>);

/// What a file is to a test.
struct Role {
    field: &'static str,
    file: fn(&Test) -> &str,
    is_optional: bool,
    /// All documents of the file, or the first alone, as gator reads it.
    takes_all: bool,
    called: &'static str,
    is: fn(&Entry) -> bool,
}

const ROLES: [Role; 3] = [
    Role {
        field: "template",
        file: |test| &test.template,
        is_optional: false,
        takes_all: false,
        called: "a ConstraintTemplate",
        is: is_template,
    },
    Role {
        field: "constraint",
        file: |test| &test.constraint,
        is_optional: false,
        takes_all: false,
        called: "a constraint",
        is: is_constraint,
    },
    Role {
        field: "expansion",
        file: |test| &test.expansion,
        is_optional: true,
        takes_all: true,
        called: "an ExpansionTemplate",
        is: is_expansion,
    },
];

/// One suite while it runs.
struct Runner<'a, 'd> {
    document: &'a Document<'d>,
    choice: &'a Choice<'a>,
    folder: &'a Path,
    files: Files,
    report: Report,
    coverage: Coverage,
}

/// Runs the suite that a document of a file is.
pub fn run(document: &Document<'_>, choice: &Choice<'_>) -> Ran {
    let suite = suite::read(document.value, &|field| document.written(field));
    let report = Report { file: document.file.clone(), cases: Vec::new(), remarks: Vec::new() };
    let mut runner = Runner {
        document,
        choice,
        folder: document.path.parent().unwrap_or(Path::new(".")),
        files: Files::default(),
        report,
        coverage: Coverage::default(),
    };
    if suite.faults.is_empty() {
        remark_on(&suite, &mut runner.report.remarks);
        for test in &suite.tests {
            runner.test(test, suite.skip);
        }
    } else {
        runner.faults("", "", &suite.faults);
    }
    Ran { suites: vec![runner.report], coverage: runner.coverage }
}

impl Runner<'_, '_> {
    /// Adds what became of a case, or of a test as a whole.
    fn add(&mut self, test: &str, name: &str, ending: Ending, message: String, at: &Pointer) {
        let at = if ending >= Ending::Fail { self.document.position(at) } else { None };
        let case =
            RanCase { test: test.to_owned(), name: name.to_owned(), message, at, ..RanCase::ended(ending) };
        self.report.cases.push(case);
    }

    fn faults(&mut self, test: &str, name: &str, faults: &[Fault]) {
        self.report.cases.push(self.document.faulty(test, name, faults));
    }

    fn test(&mut self, test: &Test, skip: bool) {
        let named = test.cases.iter().map(|case| case.name.as_str());
        if skip || test.skip || !self.choice.filter.takes_test(&test.name, named) {
            return self.add(&test.name, "", Ending::Skip, String::new(), &test.at);
        }
        if !test.faults.is_empty() {
            return self.faults(&test.name, "", &test.faults);
        }
        let entries = match self.policies(test) {
            Ok(entries) => entries,
            Err((field, message)) => {
                return self.add(&test.name, "", Ending::Error, message, &test.at.child(field));
            }
        };
        let options = PolicyOptions { observed: self.choice.coverage, ..PolicyOptions::default() };
        let (set, findings) = PolicySet::compile_with(&entries, options);
        let errors: Vec<&Finding> =
            findings.iter().filter(|finding| finding.outcome == Outcome::Error).collect();
        if test.invalid {
            let (ending, message) = refused(&errors);
            return self.add(&test.name, "", ending, message, &test.at);
        }
        if !errors.is_empty() {
            let messages: Vec<_> = errors.iter().map(|finding| self.told(finding)).collect();
            return self.add(&test.name, "", Ending::Error, messages.join("\n"), &test.at);
        }
        self.cases(test, &set);
        if self.choice.coverage {
            self.cover(&set);
        }
    }

    /// The template, the constraint and the expansions of a test; else the field that names something else, and what.
    fn policies(&mut self, test: &Test) -> Result<Vec<Arc<Entry>>, (&'static str, String)> {
        let mut policies = Vec::new();
        for role in ROLES {
            let file = (role.file)(test);
            match (file, role.is_optional) {
                ("", true) => continue,
                ("", false) => return Err((role.field, format!("the test has no `{}`", role.field))),
                _ => {}
            }
            let path = self.folder.join(file);
            let documents = self.files.documents(&path).map_err(|message| (role.field, message))?;
            let taken = if role.takes_all { documents.len() } else { 1 };
            for document in documents.iter().take(taken) {
                let policy = entry(&path, document.index, document.value.clone());
                if !(role.is)(&policy) {
                    let message = format!("`{file}`: {} was expected, not {}", role.called, kind_of(&policy));
                    return Err((role.field, message));
                }
                policies.push(policy);
            }
            if documents.len() > taken {
                self.report.remarks.push(format!(
                    "test `{}`: `{file}` has {} documents, and the first alone is its {}",
                    test.name,
                    documents.len(),
                    role.field
                ));
            }
        }
        Ok(policies)
    }

    fn cases(&mut self, test: &Test, set: &PolicySet) {
        let mut matched = false;
        let mut count = 0;
        let mut all_judged = true;
        for case in &test.cases {
            if case.skip || !self.choice.filter.takes(&test.name, &case.name) {
                self.add(&test.name, &case.name, Ending::Skip, String::new(), &case.at);
                continue;
            }
            count += 1;
            if !case.faults.is_empty() {
                self.faults(&test.name, &case.name, &case.faults);
                all_judged = false;
                continue;
            }
            let judge = (set, self.choice.reading.settings.time_ns());
            let (ending, message, at) =
                match run_case(case, judge, self.folder, &mut self.files, &mut matched) {
                    Err(message) => {
                        all_judged = false;
                        (Ending::Error, message, case.at.clone())
                    }
                    Ok(Err((index, message))) => {
                        (Ending::Fail, message, case.at.child("assertions").child(index))
                    }
                    Ok(Ok(())) => (Ending::Pass, String::new(), Pointer::ROOT),
                };
            self.add(&test.name, &case.name, ending, message, &at);
        }
        // What `--run` leaves out might have matched, and what could not be judged.
        let all = count == test.cases.iter().filter(|case| !case.skip).count();
        if count > 0 && all && all_judged && !matched {
            self.report
                .remarks
                .push(format!("test `{}`: the constraint matches the object of no case", test.name));
        }
    }

    /// What a file below the suite's folder is called for people: from where the suite's own name starts.
    fn shown(&self, file: &str) -> Arc<str> {
        let below = Path::new(file).strip_prefix(self.folder).unwrap_or(Path::new(file));
        let folder = Path::new(&**self.document.file).parent().unwrap_or(Path::new(""));
        let mut path = PathBuf::new();
        for part in folder.join(below).components() {
            match (part, path.components().next_back()) {
                (Component::CurDir, _) => {}
                (Component::ParentDir, Some(Component::Normal(_))) => _ = path.pop(),
                _ => path.push(part),
            }
        }
        path.display().to_string().into()
    }

    /// What is wrong with a policy, behind its place in its own file.
    fn told(&mut self, finding: &Finding) -> String {
        let Some(location) = &finding.location else { return finding.message.clone() };
        let place = |bytes: &[u8], documents: &[ReadDocument]| {
            let places: Vec<DocumentPlace> = documents.iter().map(DocumentPlace::from).collect();
            let region = Text::new(bytes, &places).region(&location.place, Part::Shown)?;
            Some(format!(":{}:{}", region.line, region.column))
        };
        let read = self.files.read(Path::new(&*location.source)).ok();
        let place = read.and_then(|(bytes, documents)| place(bytes, documents)).unwrap_or_default();
        format!("{}{place}: {}", self.shown(&location.source), finding.message)
    }

    /// Notes the lines of the templates' files that were evaluated.
    fn cover(&mut self, set: &PolicySet) {
        for covered in set.coverage() {
            let Place::Field { document, .. } = covered.template.location.place else { continue };
            let file = covered.template.location.source.clone();
            let Ok((bytes, documents)) = self.files.read(Path::new(&*file)) else { continue };
            let places: Vec<DocumentPlace> = documents.iter().map(DocumentPlace::from).collect();
            let mut text = Text::new(bytes, &places);
            let mut line = |row| {
                let pointer = covered.field.clone();
                let region =
                    text.region(&Place::Inside { document, pointer, row, column: 1 }, Part::Shown)?;
                u32::try_from(region.line).ok()
            };
            let lines: Vec<_> =
                covered.rows.iter().filter_map(|(row, is)| Some((line(*row)?, *is))).collect();
            self.coverage.add(&self.shown(&file), lines);
        }
    }
}

/// As in gator, only a constraint that its template's schema refuses is invalid.
fn refused(errors: &[&Finding]) -> (Ending, String) {
    let by_schema = errors.iter().any(|finding| {
        let said = finding.upstream_message.as_deref().unwrap_or(&finding.message);
        finding.rule == rules::INVALID_CONSTRAINT.id() && said.contains("schema validation failed")
    });
    match (by_schema, errors.first()) {
        (true, _) => (Ending::Pass, String::new()),
        (false, None) => (Ending::Fail, "the constraint is valid, and should not be".to_owned()),
        (false, Some(finding)) => (Ending::Error, finding.message.clone()),
    }
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

/// The inner result is the case's: which assertion does not hold, and why.
fn run_case(
    case: &Case,
    (set, time_ns): (&PolicySet, i64),
    folder: &Path,
    files: &mut Files,
    matched: &mut bool,
) -> Result<Result<(), (usize, String)>, String> {
    if case.object.is_empty() {
        return Err("the case has no `object`".to_owned());
    }
    if case.assertions.is_empty() {
        return Err("the case has no `assertions`".to_owned());
    }
    let path = folder.join(&case.object);
    let object = match files.documents(&path)? {
        [one] => one.value.clone(),
        several => return Err(format!("`{}` has {} objects, one was expected", case.object, several.len())),
    };
    let mut inventory = Vec::new();
    for name in &case.inventory {
        let documents = files.documents(&folder.join(name))?;
        inventory.extend(documents.iter().map(|document| document.value.clone()));
    }
    let verdicts = review(&entry(&path, 0, object), (set, time_ns), &inventory, matched)?;
    let messages: Vec<&str> = verdicts.iter().map(|verdict| verdict.message.as_str()).collect();
    for (index, assertion) in case.assertions.iter().enumerate() {
        let pattern = assertion.message.as_deref().map(filter::pattern).transpose()?;
        let fits = |message: &&&str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(message));
        let count = messages.iter().filter(fits).count();
        if !assertion.violations.admits(count) {
            return Ok(Err((index, unmet(assertion, count, &messages))));
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
    (set, time_ns): (&PolicySet, i64),
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
        time_ns,
        explanation: Explanation::None,
    };
    *matched |= set.concerns(&review);
    let inventory = Inventory::of_manifests(inventory);
    let mut verdicts = set.review(&review, &inventory);
    verdicts.extend(set.review_made(object, &review, &inventory).map_err(|error| error.to_string())?);
    Ok(verdicts)
}

/// What an object is called where another kind was expected.
fn kind_of(entry: &Entry) -> String {
    match (&*entry.object.kind, &*entry.object.api_version) {
        ("", _) => "an object without a kind".to_owned(),
        (kind, "") => format!("{kind} without a version"),
        (kind, version) => format!("{kind} of {version}"),
    }
}

fn entry(path: &Path, index: usize, value: Value) -> Arc<Entry> {
    let source: Arc<str> = path.display().to_string().into();
    let object = Arc::new(ObjectRef::of(&value));
    let location = Location { source, place: Place::Field { document: index, pointer: Pointer::ROOT } };
    Arc::new(Entry { object, identity: None, namespace: None, value, location, malformed: false })
}

impl Files {
    fn read(&mut self, path: &Path) -> Result<&FileText, String> {
        let known = self.known.entry(path.to_owned()).or_insert_with(|| file_text(path));
        known.as_ref().map_err(Clone::clone)
    }

    fn documents(&mut self, path: &Path) -> Result<&[ReadDocument], String> {
        Ok(&self.read(path)?.1)
    }
}

fn file_text(path: &Path) -> Result<FileText, String> {
    let shown = path.display();
    let cannot = |error: std::io::Error| format!("cannot read `{shown}`: {error}");
    // A pipe or a device may never end, and opening it may wait for ever.
    let about = std::fs::metadata(path).map_err(cannot)?;
    if !about.is_file() {
        return Err(format!("`{shown}` is no file"));
    }
    let text = std::fs::File::open(path)
        .and_then(|file| source::read_bounded(file, about.len(), FILE_BYTES_MAX))
        .map_err(cannot)?
        .ok_or_else(|| format!("`{shown}` is larger than {FILE_BYTES_MAX} bytes"))?;
    let reading = read(&text, &Limits::default());
    if let Some(error) = reading.errors.first() {
        let (line, column) = lumen_value::span::LineIndex::new(&text).position(error.at);
        return Err(format!("{shown}:{line}:{column}: {}", error.message));
    }
    let said = reading.documents.into_iter().filter(|document| !document.value.is_null());
    let documents: Vec<ReadDocument> = said.collect();
    if documents.is_empty() { Err(format!("`{shown}` has no objects")) } else { Ok((text, documents)) }
}
