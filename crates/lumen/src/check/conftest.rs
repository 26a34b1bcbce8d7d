//! Policies for Conftest: rules `deny`, `violation` and `warn` of Rego packages, asked about every document. No cluster
//! enforces them: what they find is advice.

use std::collections::BTreeSet;

use jiff::Timestamp;
use lumen_core::admission;
use lumen_core::admission::rules::INVALID_POLICY;
use lumen_core::finding::{Action, Finding, Layer, Location, Outcome, Place, RuleId, Severity};
use lumen_core::snapshot::{Snapshot, SourceDocument};
use lumen_rego::ast::{Module, Node, Term};
use lumen_rego::builtin::Budget;
use lumen_rego::error::Errors;
use lumen_rego::eval::{Data, Inputs, Scratch};
use lumen_rego::program::{CompileOptions, Entry, Program};
use lumen_value::{Pointer, Value};

use super::{Settings, each, place, whole};
use crate::test::modules::{self, Text};

/// What one rule may spend on one document: steps, and bytes of the values that it makes.
const BUDGET: (u64, u64) = (20_000_000, 256 << 20);
/// The namespace that Conftest asks where nobody names one.
pub const NAMESPACE: &str = "main";
/// What rules begin with that find something, and how bad that is.
const PREFIXES: [(&str, Severity, Outcome); 3] = [
    ("deny", Severity::High, Outcome::Fail),
    ("violation", Severity::High, Outcome::Fail),
    ("warn", Severity::Medium, Outcome::Warn),
];

/// Compiled policies.
pub(super) struct Conftest {
    program: Program,
    rules: Vec<Rule>,
    now: Timestamp,
}

struct Rule {
    id: RuleId,
    entry: Entry,
    /// The `exception` rule of its package, and what it calls this rule: the part behind the prefix.
    exception: Option<Entry>,
    name: String,
    severity: Severity,
    outcome: Outcome,
}

/// Compiles the policies of a check; `None` where there are none, or where they are broken, which findings tell.
pub(super) fn compile(settings: &Settings) -> (Option<Conftest>, Vec<Finding>) {
    if settings.conftest_inputs.is_empty() {
        return (None, Vec::new());
    }
    match compile_all(settings) {
        Ok(conftest) if conftest.rules.is_empty() => (None, vec![unasked(settings)]),
        Ok(conftest) => (Some(conftest), Vec::new()),
        Err(Errors(errors)) => {
            let finding = |error: &lumen_rego::error::Error| {
                let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
                let message = format!("{}: {}{hint}", error.code.as_str(), error.message.replace('\n', " "));
                let at = usize::try_from(error.span.start).unwrap_or_default();
                let location = Location { source: error.file.clone(), place: Place::Byte(at) };
                Finding {
                    outcome: Outcome::Error,
                    location: Some(location),
                    ..INVALID_POLICY.finding(message)
                }
            };
            (None, errors.iter().map(finding).collect())
        }
    }
}

/// Says so where none of the rules is asked.
fn unasked(settings: &Settings) -> Finding {
    let message = format!(
        "no rule `deny`, `violation` or `warn` is in the package `{}`: nothing was asked; `--conftest-namespace` names others",
        settings.conftest_namespaces.join("`, `")
    );
    let location = settings.conftest_inputs.first().map(|input| whole(&input.name));
    Finding { outcome: Outcome::Error, location, ..INVALID_POLICY.finding(message) }
}

fn compile_all(settings: &Settings) -> Result<Conftest, Errors> {
    let mut parsed = Vec::new();
    let mut errors = Vec::new();
    for (input, number) in settings.conftest_inputs.iter().zip(0..) {
        let text = String::from_utf8_lossy(&input.bytes).into_owned();
        match modules::read(&Text { file: input.name.clone(), text }, number) {
            Ok(module) => parsed.push(module),
            Err(Errors(found)) => errors.extend(found),
        }
    }
    if !errors.is_empty() {
        return Err(Errors(errors));
    }
    let named: BTreeSet<(String, String)> = parsed.iter().flat_map(rules_of).collect();
    let program = Program::of_modules(parsed, &CompileOptions::default())?;
    let mut rules = Vec::new();
    for (package, name) in &named {
        if !settings.conftest_namespaces.contains(package) {
            continue;
        }
        let Some((behind, severity, outcome)) = meaning(name) else {
            continue;
        };
        let entry = |rule: &str| {
            let path: Vec<&str> = package.split('.').chain([rule]).collect();
            program.entry(&path)
        };
        let has_exceptions = named.contains(&(package.clone(), "exception".to_owned()));
        rules.push(Rule {
            id: RuleId::new(Layer::Admission, &format!("conftest/{package}.{name}")),
            entry: entry(name)?,
            exception: has_exceptions.then(|| entry("exception")).transpose()?,
            name: behind.to_owned(),
            severity,
            outcome,
        });
    }
    Ok(Conftest { program, rules, now: settings.now })
}

/// What a rule's name means: the part that exceptions call it by, and how bad what it finds is.
fn meaning(name: &str) -> Option<(&str, Severity, Outcome)> {
    PREFIXES.iter().find_map(|(prefix, severity, outcome)| {
        let rest = name.strip_prefix(prefix)?;
        let behind = if rest.is_empty() { rest } else { rest.strip_prefix('_')? };
        let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (rest.is_empty() || behind.split('_').all(is_word)).then_some((behind, *severity, *outcome))
    })
}

/// The rules of a module: its package, below `data`, and the rule's name.
fn rules_of(module: &Module) -> impl Iterator<Item = (String, String)> {
    let key = |term: &Term| match &term.node {
        Node::Value(value) => value.as_str().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let package: Vec<String> = module.package.iter().skip(1).map(key).collect();
    let package = package.join(".");
    module.rules.iter().filter_map(move |rule| match rule.head.reference.first().map(|term| &term.node) {
        Some(Node::Var(name)) if rule.head.arguments.is_none() => {
            Some((package.clone(), name.to_text().into_owned()))
        }
        _ => None,
    })
}

impl Conftest {
    /// What the policies say of documents, whatever these are.
    pub(super) fn judge(&self, documents: &[SourceDocument], snapshot: &Snapshot) -> Vec<Finding> {
        let name = |document: &SourceDocument| document.source.clone();
        let (judged, failed) = each(documents, name, |document| self.of_document(document));
        let mut findings: Vec<Finding> = judged.into_iter().flatten().collect();
        for finding in &mut findings {
            finding.object = place::object_of(finding, snapshot).map(|entry| entry.object.clone());
        }
        findings.extend(failed);
        findings
    }

    fn of_document(&self, document: &SourceDocument) -> Vec<Finding> {
        // Conftest does not ask about what is empty.
        if matches!(document.value, Value::Null) {
            return Vec::new();
        }
        let mut scratch = Scratch::default();
        let mut findings = Vec::new();
        for rule in &self.rules {
            match self.of_rule(rule, &document.value, &mut scratch) {
                Ok(said) => findings.extend(said.into_iter().map(|(message, details)| {
                    let at = admission::place_of(&details, &message, &document.value);
                    rule.finding(rule.outcome, &message, document, at)
                })),
                Err(message) => {
                    findings.push(rule.finding(Outcome::Error, &message, document, Pointer::ROOT));
                }
            }
        }
        findings
    }

    /// Messages, each with the member that says it.
    fn of_rule(
        &self,
        rule: &Rule,
        input: &Value,
        scratch: &mut Scratch,
    ) -> Result<Vec<(String, Value)>, String> {
        let data = Data::default();
        let mut ask = |entry: &Entry| {
            let inputs = Inputs {
                input: Some(input.clone()),
                time_ns: i64::try_from(self.now.as_nanosecond()).unwrap_or_default(),
                ..Inputs::new(&data, Budget::new(BUDGET.0, BUDGET.1))
            };
            let outcome = self.program.evaluate(entry, inputs, scratch).map_err(|error| error.to_string())?;
            Ok::<_, String>(outcome.value().map(members).unwrap_or_default())
        };
        let found = ask(&rule.entry)?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(exception) = &rule.exception {
            let excepted = ask(exception)?;
            let names = excepted.iter().flat_map(members);
            if names.into_iter().any(|name| name.as_str() == Some(&rule.name)) {
                return Ok(Vec::new());
            }
        }
        let said = |member: Value| match &member {
            Value::String(text) => Ok((text.to_text().into_owned(), Value::Null)),
            object @ Value::Object(_) => match object.get("msg").and_then(Value::as_str) {
                Some(message) => Ok((message.to_owned(), member.clone())),
                None => Err("the rule gives an object without a text `msg`".to_owned()),
            },
            // As Conftest has it, anything else says nothing.
            _ => Ok((String::new(), Value::Null)),
        };
        let said: Vec<_> = found.into_iter().map(said).collect::<Result<_, _>>()?;
        Ok(said.into_iter().filter(|(message, _)| !message.is_empty()).collect())
    }
}

impl Rule {
    fn finding(&self, outcome: Outcome, message: &str, document: &SourceDocument, at: Pointer) -> Finding {
        let pointer =
            if document.value.find(&at).is_some() || at.steps().len() > 1 { at } else { Pointer::ROOT };
        let place = Place::Field { document: document.index, pointer };
        Finding {
            rule: self.id.clone(),
            outcome,
            action: Action::None,
            severity: self.severity,
            location: Some(Location { source: document.source.clone(), place }),
            ..INVALID_POLICY.finding(message.trim().to_owned())
        }
    }
}

/// The members of a set or an array.
fn members(value: &Value) -> Vec<Value> {
    match value {
        Value::Set(set) => set.iter().cloned().collect(),
        Value::Array(items) => items.iter().cloned().collect(),
        _ => Vec::new(),
    }
}
