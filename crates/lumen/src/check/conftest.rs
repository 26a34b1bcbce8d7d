//! Policies for Conftest: rules `deny`, `violation` and `warn` of Rego packages, asked about every document. No cluster
//! enforces them: what they find is advice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lumen_core::admission;
use lumen_core::admission::rules::INVALID_POLICY;
use lumen_core::finding::{Action, Finding, Layer, Location, Outcome, Place, RuleId, Severity};
use lumen_core::snapshot::{Snapshot, SourceDocument};
use lumen_rego::ast::{Module, Node, Term};
use lumen_rego::builtin::Budget;
use lumen_rego::error::{Code, Error, Errors};
use lumen_rego::eval::{Data, Inputs, Scratch};
use lumen_rego::program::{CompileOptions, Entry, Program};
use lumen_value::{Object, Pointer, Value};

use super::{Input, Settings, each, place, whole};
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

/// The policies of a check, as they are given.
#[derive(Clone, Debug)]
pub struct Policies {
    /// The modules.
    pub modules: Vec<Input>,
    /// The packages among them whose rules are asked: names, in which `*` and `?` stand for any characters.
    pub namespaces: Vec<String>,
    /// The base documents: an object.
    pub data: Value,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            modules: Vec::new(),
            namespaces: vec![NAMESPACE.to_owned()],
            data: Value::Object(Object::default()),
        }
    }
}

/// Compiled policies.
pub(super) struct Conftest {
    program: Program,
    rules: Vec<Rule>,
    data: Value,
    /// Whether `data.conftest` is told of the file: not where it is a package.
    tells_file: bool,
    time_ns: i64,
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
    if settings.conftest.modules.is_empty() {
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
        settings.conftest.namespaces.join("`, `")
    );
    let location = settings.conftest.modules.first().map(|input| whole(&input.name));
    Finding { outcome: Outcome::Error, location, ..INVALID_POLICY.finding(message) }
}

fn compile_all(settings: &Settings) -> Result<Conftest, Errors> {
    let mut parsed = Vec::new();
    let mut errors = Vec::new();
    for (input, number) in settings.conftest.modules.iter().zip(0..) {
        let text = String::from_utf8_lossy(&input.bytes).into_owned();
        match modules::read(&Text { file: input.name.clone(), text }, number) {
            Ok(module) => {
                errors.extend(unasked_rules(&module));
                parsed.push(module);
            }
            Err(Errors(found)) => errors.extend(found),
        }
    }
    if !errors.is_empty() {
        return Err(Errors(errors));
    }
    let named: BTreeSet<(String, String)> = parsed.iter().flat_map(rules_of).collect();
    let options = CompileOptions { base: settings.conftest.data.clone(), ..CompileOptions::default() };
    let program = Program::of_modules(parsed, &options)?;
    let mut rules = Vec::new();
    for (package, name) in &named {
        if !settings.conftest.namespaces.iter().any(|pattern| is_like(package, pattern)) {
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
    let is_of_conftest = |package: &str| package.split('.').next() == Some("conftest");
    let tells_file = !named.iter().any(|(package, _)| is_of_conftest(package));
    Ok(Conftest {
        program,
        rules,
        data: settings.conftest.data.clone(),
        tells_file,
        time_ns: settings.time_ns(),
    })
}

/// The rules of a module that look as if they were asked, and are not: with Rego v1 `deny[x] if ..` makes an object.
/// Conftest refuses them.
fn unasked_rules(module: &Module) -> Vec<Error> {
    let is_true = |value: &Term| matches!(value.node, Node::Value(Value::Bool(true)));
    let mut found = Vec::new();
    for rule in &module.rules {
        let head = &rule.head;
        let ([Term { node: Node::Var(name), .. }, _, ..], None) = (head.reference.as_slice(), &head.key)
        else {
            continue;
        };
        if head.arguments.is_none()
            && head.value.as_ref().is_some_and(is_true)
            && meaning(&name.to_text()).is_some()
        {
            let message = format!(
                "Conftest does not ask this rule: it is no set of messages, as `{}` has to be",
                name.to_text()
            );
            let hint = format!("write `{} contains message if ..`", name.to_text());
            found.push(Error {
                code: Code::Compile,
                message,
                file: module.file.clone(),
                span: head.span,
                hint: Some(hint),
            });
        }
    }
    found
}

/// Whether a name is like a pattern, in which `*` stands for any characters and `?` for one.
fn is_like(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.as_bytes(), pattern.as_bytes());
    let (mut at, mut of) = (0, 0);
    // Where to go on when what follows the last `*` does not fit: it takes one character more.
    let mut star = None;
    while let Some(byte) = name.get(at) {
        match pattern.get(of) {
            Some(b'*') => {
                star = Some((at, of));
                of += 1;
            }
            Some(wanted) if wanted == byte || *wanted == b'?' => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((from, back)) = star else {
                    return false;
                };
                star = Some((from + 1, back));
                at = from + 1;
                of = back + 1;
            }
        }
    }
    pattern.get(of..).unwrap_or_default().iter().all(|byte| *byte == b'*')
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
    module.rules.iter().filter_map(move |rule| match rule.head.reference.as_slice() {
        [Term { node: Node::Var(name), .. }] if rule.head.arguments.is_none() => {
            Some((package.clone(), name.to_text().into_owned()))
        }
        _ => None,
    })
}

impl Conftest {
    /// What the policies say of documents, whatever these are.
    pub(super) fn judge(&self, documents: &[SourceDocument], snapshot: &Snapshot) -> Vec<Finding> {
        let name = |document: &SourceDocument| document.source.clone();
        let mut counts: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for document in documents {
            *counts.entry(&document.source).or_default() += 1;
        }
        let is_alone = |document: &SourceDocument| counts.get(&document.source) == Some(&1);
        let (judged, failed) =
            each(documents, name, |document| self.of_document(document, is_alone(document)));
        let mut findings: Vec<Finding> = judged.into_iter().flatten().collect();
        for finding in &mut findings {
            finding.object = place::object_of(finding, snapshot).map(|entry| entry.object.clone());
        }
        findings.extend(failed);
        findings
    }

    /// Of a file that holds a list alone, each element is asked about, as Conftest does.
    fn of_document(&self, document: &SourceDocument, is_alone: bool) -> Vec<Finding> {
        let asked: Vec<(Pointer, &Value)> = match &document.value {
            Value::Array(items) if is_alone => {
                items.iter().enumerate().map(|(index, item)| (Pointer::ROOT.child(index), item)).collect()
            }
            value => vec![(Pointer::ROOT, value)],
        };
        let data = Data::new(self.data_for(&document.source));
        let mut scratch = Scratch::default();
        let mut findings = Vec::new();
        for (root, value) in asked {
            for rule in &self.rules {
                match self.of_rule(rule, value, &data, &mut scratch) {
                    Ok(said) => findings.extend(said.into_iter().map(|(message, details)| {
                        let at = admission::place_of(&details, &message, value);
                        rule.finding(rule.outcome, &message, document, root.join(&at))
                    })),
                    Err(message) => {
                        findings.push(rule.finding(Outcome::Error, &message, document, root.clone()));
                    }
                }
            }
        }
        findings
    }

    /// The base documents, with the file that is asked about. Its folder is that of the path as it is given.
    fn data_for(&self, source: &str) -> Value {
        let Value::Object(data) = &self.data else { return self.data.clone() };
        if !self.tells_file {
            return self.data.clone();
        }
        let path = Path::new(source);
        let text =
            |part: Option<&Path>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = Some(text(path.parent())).filter(|folder| !folder.is_empty());
        let file = Object::default()
            .with("name", text(path.file_name().map(Path::new)))
            .with("dir", folder.unwrap_or_else(|| ".".to_owned()));
        let conftest = match data.get("conftest") {
            Some(Value::Object(conftest)) => conftest.clone(),
            _ => Object::default(),
        };
        Value::Object(data.with("conftest", Value::Object(conftest.with("file", Value::Object(file)))))
    }

    /// Messages, each with the member that says it.
    fn of_rule(
        &self,
        rule: &Rule,
        input: &Value,
        data: &Data,
        scratch: &mut Scratch,
    ) -> Result<Vec<(String, Value)>, String> {
        let mut ask = |entry: &Entry| {
            let inputs = Inputs {
                input: Some(input.clone()),
                time_ns: self.time_ns,
                ..Inputs::new(data, Budget::new(BUDGET.0, BUDGET.1))
            };
            let outcome = self.program.evaluate(entry, inputs, scratch).map_err(|error| error.to_string())?;
            Ok::<_, String>(outcome.value().cloned().unwrap_or(Value::Null))
        };
        let found = members(&ask(&rule.entry)?);
        if found.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(exception) = &rule.exception {
            let excepted = ask(exception)?;
            let lists = values(&excepted);
            if lists.iter().flat_map(values).any(|name| name.as_str() == Some(&rule.name)) {
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

/// What `[_]` gives of a value.
fn values(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(object) => object.iter().map(|(_, value)| value.clone()).collect(),
        other => members(other),
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
